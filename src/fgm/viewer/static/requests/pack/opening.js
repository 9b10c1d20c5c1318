// Opens packs: the one that this page is inside of, or a file that a person has chosen, and goes back to the viewer.

import { batch } from "../../vendor/signals.js";
import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { ALL } from "../../lib/time-format.js";
import { canClose, openedPack, packDamage, packRefusal, showable } from "../../state/pack.js";
import { defaultRange, range, resetLoaded } from "../../state/store.js";
import { showFragment } from "../../state/url.js";
import { viewer } from "../http-source.js";
import { poll } from "../polling.js";
import { setSource } from "../source.js";
import { packOfFile, packOfThisFile } from "./pack-file.js";
import { PackSource } from "./pack-source.js";

const NO_ANSWERS = { get: () => new Promise(() => {}), lines: () => new Promise(() => {}) }; // of a file that cannot be read
let wantedFile = null; // the file that a person has chosen last
let viewerFragment = ""; // that of the view of the viewer before a file was opened

/** Show the pack that this page is inside of, if it is; else the data of the viewer. Call it before anything else is started. */
export function openSource() {
  setSource(viewer);
  try {
    const file = packOfThisFile();
    if (file === null) return;
    canClose.value = false;
    setSource(NO_ANSWERS);
    const source = sourceOf(file);
    if (location.hash === "") history.replaceState(null, "", `#${file.manifest.view}`);
    show(source, null);
    source.series().catch(refuse);
  } catch (error) {
    refuse(error);
  }
}

/** Open a file that a person has chosen. If it is no pack that can be shown, the page stays as it is, and says why. */
export async function openFile(file) {
  wantedFile = file;
  try {
    const source = sourceOf(await packOfFile(file));
    await source.series();
    if (wantedFile !== file) return; // another one was chosen meanwhile
    if (openedPack.peek() === null) viewerFragment = location.hash.slice(1);
    batch(() => {
      show(source, file);
      showFragment(source.manifest.view);
    });
    poll();
  } catch (error) {
    if (wantedFile === file) refuse(error);
  }
}

/** Show the data of the viewer again. */
export function closePack() {
  wantedFile = null;
  batch(() => {
    openedPack.value = packRefusal.value = null;
    packDamage.value = [];
    resetLoaded();
    setSource(viewer);
    showFragment(viewerFragment);
  });
  poll();
}

function sourceOf(file) {
  const source = new PackSource(file, (sentence) => openedPack.peek()?.manifest === source.manifest && (packDamage.value = [...packDamage.peek(), sentence]));
  return source;
}

function show(source, file) {
  packRefusal.value = null;
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
