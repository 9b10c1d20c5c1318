// Opens a pack whose range lies under the view.

import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { compareWithPack } from "../../state/compare/other-range.js";
import { openedPack, packRefusal } from "../../state/pack.js";
import { view } from "../../state/store.js";
import { packOfFile } from "../pack/pack-file.js";
import { PackSource } from "../pack/pack-source.js";

let wantedFile = null; // the file that a person has chosen last

/** Lay the pack in a file that a person has chosen under the view. If it cannot be used, the page stays as it is, and says why. */
export async function compareWithFile(file) {
  wantedFile = file;
  try {
    const source = new PackSource(await packOfFile(file), (sentence) => (packRefusal.value = sentence));
    const series = [...(await source.series()).values()];
    if (wantedFile !== file) return; // another one was chosen meanwhile
    const { from_ms, to_ms } = source.manifest;
    packRefusal.value = null;
    compareWithPack({ source, series, from_ms, to_ms, fileName: file.name }, openedPack.peek()?.manifest.from_ms ?? view.peek().from_ms);
  } catch (error) {
    if (!(error instanceof UnusablePack)) throw error;
    if (wantedFile === file) packRefusal.value = error.message;
  }
}
