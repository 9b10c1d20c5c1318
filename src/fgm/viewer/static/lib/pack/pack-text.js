// Finds the manifest and the parts in the text of a pack. Everything else in the file is ignored, and nothing of it is run.

import { MAX_BYTES, UnusablePack } from "./unusable-pack.js";

const COMMENT = "<!-- fgm-pack:", HEAD_LENGTH = 1024;
const PART_BEGIN = '\n<script type="text/plain" class="fgm-part" data-name="';
const MANIFEST_BEGIN = '\n<script type="application/json" id="fgm-pack">';
const NAME_END = '">', SCRIPT_END = "</script>";
const MAX_COMMENT_LENGTH = 100;
const MAX_MANIFEST_LENGTH = 4 * 2 ** 20;

/** {manifest: its text, comment: what follows it, parts: Map(name → base64)} of a file. Throws UnusablePack. */
export function readPackText(text) {
  if (text.length > MAX_BYTES) throw new UnusablePack(`This file is larger than a pack can be (${MAX_BYTES / 2 ** 20} MiB).`);
  if (!text.slice(0, HEAD_LENGTH).includes(COMMENT)) throw new UnusablePack("This file is not an incident pack of fgm.");
  const begin = text.lastIndexOf(MANIFEST_BEGIN), end = text.indexOf(SCRIPT_END, begin);
  if (begin < 0 || end < 0) throw new UnusablePack("This file is not complete: its end is missing. Get it again.");
  if (end - begin > MAX_MANIFEST_LENGTH) throw new UnusablePack("This file is damaged: its manifest is too long.");
  const comment = text.slice(end + SCRIPT_END.length, end + SCRIPT_END.length + MAX_COMMENT_LENGTH).match(/^<!--([^>]*)-->/)?.[1];
  return { manifest: text.slice(begin + MANIFEST_BEGIN.length, end), comment, parts: partsIn(text, begin) };
}

/** The text of a pack with another manifest. `manifest`: JSON in ASCII without "<"; `comment`: its checksum. */
export function withManifest(text, manifest, comment) {
  const begin = text.lastIndexOf(MANIFEST_BEGIN), end = text.indexOf(SCRIPT_END, begin) + SCRIPT_END.length;
  const rest = text.slice(end).replace(/^<!--[^>]*-->/, "");
  return `${text.slice(0, begin)}${MANIFEST_BEGIN}${manifest}${SCRIPT_END}<!--${comment}-->${rest}`;
}

function partsIn(text, end) {
  const parts = new Map();
  for (let at = text.indexOf(PART_BEGIN); at >= 0 && at < end; at = text.indexOf(PART_BEGIN, at + 1)) {
    const nameAt = at + PART_BEGIN.length, nameEnd = text.indexOf(NAME_END, nameAt), last = text.indexOf(SCRIPT_END, nameAt);
    if (nameEnd < 0 || nameEnd > last || last > end) throw new UnusablePack("This file is damaged: a part of it has no end.");
    const name = text.slice(nameAt, nameEnd);
    if (parts.has(name)) throw new UnusablePack("This file is damaged: it has a part twice.");
    parts.set(name, text.slice(nameEnd + NAME_END.length, last));
  }
  return parts;
}
