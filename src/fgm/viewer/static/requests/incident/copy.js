// Saves a copy of the open pack with the present view and notes: a page can write nothing into the file that it is from.

import { handOver } from "../../browser/download.js";
import { checksum } from "../../lib/pack/crc32.js";
import { readPackText, withManifest } from "../../lib/pack/pack-text.js";
import { notesWithin } from "../../state/incident/notes.js";
import { openSaving } from "../../state/incident/saving.js";
import { openedPack } from "../../state/pack.js";
import { showToast } from "../../state/page.js";
import { savedFragment } from "../../state/url.js";

const MAX_VIEW = 30_000; // as in a request to a viewer
const opening = document.getElementById("page")?.innerHTML; // what the file shows before the page is drawn, which begins after this

/** Save the incident: open the dialog, or save a copy of the open pack. */
export function saveIncident() {
  if (openedPack.peek() === null) openSaving();
  else void saveCopy();
}

async function saveCopy() {
  const { manifest, fileName, file } = openedPack.peek();
  const view = savedFragment(manifest, true);
  if (view.length > MAX_VIEW) return showToast("The notes are too long for a file: shorten or delete some.");
  const text = await (file === null ? textOfThisFile() : file.text()).catch(() => null);
  if (!text) return showToast("The file cannot be read any more: open it again.");
  const facts = { ...JSON.parse(readPackText(text).manifest), view, notes: notesWithin(manifest) };
  const json = JSON.stringify(facts).replace(/[<\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const name = fileName ?? (decodeURIComponent(location.pathname.split("/").at(-1)) || "fgm-incident.html");
  handOver(new Blob([withManifest(text, json, checksum(json))], { type: "text/html" }), name);
  showToast(`Saved a copy as ${name}`);
}

/** The text of the file that this page is inside of, as it was before the page was drawn. */
async function textOfThisFile() {
  const root = document.documentElement.cloneNode(true);
  root.querySelector("#page").innerHTML = opening;
  delete root.dataset.theme;
  const comments = [...document.childNodes].filter(({ nodeType }) => nodeType === Node.COMMENT_NODE).map(({ data }) => `<!--${data}-->`);
  return ["<!doctype html>", ...comments, root.outerHTML, ""].join("\n");
}
