// Opens packs: the one that this page is inside of, or a file that a person has chosen, and goes back to the viewer.

import { batch } from "../../vendor/signals.js";
import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { ALL } from "../../lib/time-format.js";
import { missingFile, openedPack, ownName, packDamage, packRefusal, showable } from "../../state/pack.js";
import { defaultRange, range, resetLoaded } from "../../state/store.js";
import { onOtherOrigin, showView } from "../../state/url.js";
import { viewer } from "../http-source.js";
import { poll } from "../polling.js";
import { setSource } from "../source.js";
import { packOfFile, packOfThisFile } from "./pack-file.js";
import { PackSource } from "./pack-source.js";

const NO_ANSWERS = { get: () => new Promise(() => {}), lines: () => new Promise(() => {}) }; // of a file that cannot be read
let wantedFile = null; // the file that a person has chosen last
let own = null; // the source of the pack that this page is inside of, if it can be shown
let ownRefusal = null; // why it cannot
let ownFragment = ""; // that of the view before a file was opened
const files = new Map(); // id in the browser's history → file that a person has opened

/** Show the pack that this page is inside of, if it is; else the data of the viewer. Call it before anything else is started. */
export function openSource() {
  setSource(viewer);
  onOtherOrigin((origin) => (origin === null ? showOwn(null) : void reopen(origin)));
  try {
    const file = packOfThisFile();
    if (file === null) return;
    ownName.value = null;
    setSource(NO_ANSWERS);
    const source = (own = sourceOf(file));
    if (location.hash === "") history.replaceState(null, "", `#${file.manifest.view}`);
    show(source, null);
    ownName.value = "the file of this page";
    source.series().catch(refuseOwn);
  } catch (error) {
    setSource(NO_ANSWERS); // there is no viewer either
    refuseOwn(error);
  }
}

function refuseOwn(error) {
  refuse(error);
  own = ownName.value = null;
  ownRefusal = error.message;
}

/** Open a file that a person has chosen. If it is no pack that can be shown, the page stays as it is, and says why. */
export function openFile(file) {
  const origin = { id: `${Date.now()} ${files.size}`, fileName: file.name }; // not the id of an entry from before a reload
  files.set(origin.id, file);
  return showFile(file, origin, ({ view }) => (missingFile.peek() === file.name ? null : view));
}

/** Show a file that an entry of the browser's history is of; after a reload, say that it is not open. */
async function reopen(origin) {
  if (files.has(origin.id)) return showFile(files.get(origin.id), origin, () => null);
  if (openedPack.peek()?.fileName) showOwn(origin);
  else showView(origin);
  missingFile.value = origin.fileName;
}

/** `fragmentOf`: from the manifest to the fragment of a new view; null: the view of the present entry of the browser's history. */
async function showFile(file, origin, fragmentOf) {
  wantedFile = file;
  try {
    const source = sourceOf(await packOfFile(file));
    await source.series();
    if (wantedFile !== file) return; // another one was chosen meanwhile
    const fragment = fragmentOf(source.manifest);
    if (fragment !== null && !openedPack.peek()?.fileName && missingFile.peek() === null) ownFragment = location.hash.slice(1);
    batch(() => {
      show(source, file);
      showView(origin, fragment);
    });
    poll();
  } catch (error) {
    if (wantedFile === file) refuse(error);
  }
}

/** Close the file that a person has opened: show the data of the viewer again, or of the file that this page is inside of. */
export const closeFile = () => showOwn(null, ownFragment);

/** `origin`: of the view; `fragment`: of a new view; null: the view of the present entry of the browser's history. */
function showOwn(origin, fragment = null) {
  wantedFile = null;
  batch(() => {
    if (own) show(own, null);
    else {
      openedPack.value = missingFile.value = null;
      packRefusal.value = ownRefusal;
      packDamage.value = [];
      resetLoaded();
      setSource(ownRefusal === null ? viewer : NO_ANSWERS);
    }
    showView(origin, fragment);
  });
  poll();
}

function sourceOf(file) {
  const source = new PackSource(file, (sentence) => openedPack.peek()?.manifest === source.manifest && (packDamage.value = [...packDamage.peek(), sentence]));
  return source;
}

function show(source, file) {
  packRefusal.value = missingFile.value = null;
  packDamage.value = [];
  openedPack.value = { manifest: source.manifest, fileName: file?.name ?? null, file };
  resetLoaded();
  setSource(source);
  range.value = defaultRange.value = showable({ live: true, span_ms: ALL }); // what a fragment without a range shows, and its instants are in
}

function refuse(error) {
  if (!(error instanceof UnusablePack)) throw error;
  packRefusal.value = error.message;
}
