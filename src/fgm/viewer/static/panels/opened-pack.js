// What a reader has to know of an open pack: when it was saved, what it contains, and what is left out or damaged. Opens other packs.

import { html } from "../browser/html.js";
import { date, datedRange, shortClock } from "../lib/time-format.js";
import { missingPack, stopComparing } from "../state/compare/other-range.js";
import { isDropping, missingFile, openedPack, ownName, packDamage, packRefusal } from "../state/pack.js";
import { compareWithFile } from "../requests/compare/other-pack.js";
import { closeFile, openFile } from "../requests/pack/opening.js";
import { chooseFile } from "../widgets/file-chooser.js";

const savedAt = (ms) => `${date(ms)} ${new Date(ms).getFullYear()}, ${shortClock(ms)}`;

/** The parts of the header that say when the pack was saved, and what it contains. */
export function PackFacts() {
  const { made_at_ms, made_by, from_ms, to_ms } = openedPack.value.manifest;
  return html`<div class="fresh"><i></i><span>saved ${savedAt(made_at_ms)}, by ${made_by}</span></div>
    <div class="data mut">contains ${datedRange(from_ms, to_ms)}</div>`;
}

/** Files that the address of the page names, but cannot contain. */
function MissingFiles() {
  const { fileName } = missingPack.value ?? {};
  return html`
    ${missingFile.value !== null && html`<div class="banner" role="status"><b>${missingFile.value} is not open any more.</b>
      <span>This view was of that file, and now has the data of ${ownName.value}: after a reload, a page cannot read a file by itself.</span>
      <button class="link" onClick=${() => chooseFile(openFile)}>Open ${missingFile.value} again</button></div>`}
    ${missingPack.value !== null && html`<div class="banner" role="status"><b>This view was compared with ${fileName ?? "a saved file"}.</b>
      <span>An address contains the name of a file, not the file.</span>
      <button class="link" onClick=${() => chooseFile(compareWithFile)}>Open ${fileName ?? "the file"} again</button>
      <button class="link" onClick=${stopComparing}>Show this view alone</button></div>`}`;
}

/** Messages about the pack, or about a file that is none or is missing. */
export function PackBanners() {
  const { manifest, fileName } = openedPack.value ?? {};
  return html`<${MissingFiles} />
    ${packRefusal.value !== null && html`<div class="banner" role="alert"><b>The file was not opened.</b> <span>${packRefusal.value}</span>
      <button class="link" onClick=${() => (packRefusal.value = null)}>Close</button></div>`}
    ${fileName && html`<div class="banner" role="status"><b>Saved file: ${fileName}.</b> <span>The data is from this file, not from ${ownName.value ?? "the file of this page"}.</span>
      ${ownName.value && html`<button class="link" onClick=${closeFile}>Back to ${ownName.value}</button>`}</div>`}
    ${packDamage.value.map((sentence) => html`<div class="banner" role="alert">${sentence}</div>`)}
    ${manifest?.redacted.length > 0 && html`<div class="banner quiet" role="status">Names were replaced when this file was saved (${manifest.redacted.join(", ")}).</div>`}`;
}

/** The page in place of a pack that cannot be shown. */
export function UnusableFile() {
  return html`<h2>This file cannot be shown</h2><p role="alert">${packRefusal.value}</p>
    <p><button class="link" onClick=${() => chooseFile(openFile)}>Open another file</button></p>`;
}

/** What lies over the page while a file is dragged over it. */
export const DropTarget = () => isDropping.value && html`<div class="drop" aria-hidden="true"><p>Drop the file to open it</p></div>`;

/** From now on, open a file that is dropped on the page. */
export function startDropping() {
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    isDropping.value = true;
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && (isDropping.value = false));
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    isDropping.value = false;
    if (event.dataTransfer.files.length > 0) openFile(event.dataTransfer.files[0]);
  });
}
