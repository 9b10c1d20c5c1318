// Decompresses the parts of a pack: base64 of a gzip stream, whose checksum the browser checks.

import { UnusablePack } from "./unusable-pack.js";

const bytesOf = (base64) => Uint8Array.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** The content of a part, which must have `size` bytes: no more than that is decompressed. Throws UnusablePack. */
export async function unpacked(base64, size) {
  let stream;
  try {
    stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  } catch {
    throw new UnusablePack("it is not base64");
  }
  const chunks = [];
  let length = 0;
  try {
    for (let next = await stream.read(); !next.done && length <= size; next = await stream.read()) {
      chunks.push(next.value);
      length += next.value.length;
    }
  } catch {
    throw new UnusablePack("it cannot be decompressed");
  }
  if (length !== size) {
    stream.cancel().catch(() => {}); // the rest is not wanted
    throw new UnusablePack(`it does not have ${size} bytes`);
  }
  const content = new Uint8Array(size);
  for (let at = 0, i = 0; i < chunks.length; at += chunks[i].length, i += 1) content.set(chunks[i], at);
  return content;
}
