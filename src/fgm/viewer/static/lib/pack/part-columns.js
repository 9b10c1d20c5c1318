// Reads a part of a pack with columns of numbers: the length of a JSON header, the header, then the columns in planes of bytes.

import { UnusablePack } from "./unusable-pack.js";

const ALIGNMENT = 8;
const KINDS = { f4: Float32Array, f8: Float64Array, i4: Int32Array };

/** The header of a part, and a function that returns `count` numbers of a kind ("f4", "f8", "i4") at an offset. Throws UnusablePack. */
export function openedPart(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const size = content.length < 4 ? Infinity : view.getUint32(0, true);
  if (size > content.length - 4) throw new UnusablePack("its header is too long");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(content.subarray(4, 4 + size)));
  } catch {
    throw new UnusablePack("its header is not JSON");
  }
  const begin = Math.ceil((4 + size) / ALIGNMENT) * ALIGNMENT;
  return { header, column: (kind, at, count) => columnIn(content, kind, begin + at, count) };
}

/** Numbers from planes: first the lowest byte of each number, then the next of each, and so on. */
function columnIn(content, kind, at, count) {
  if (!Object.hasOwn(KINDS, kind)) throw new UnusablePack("a column has an unknown kind");
  const Numbers = KINDS[kind], size = Numbers.BYTES_PER_ELEMENT;
  if (!Number.isInteger(at) || at < 0 || at + size * count > content.length) throw new UnusablePack("a column is outside of it");
  const bytes = new Uint8Array(size * count);
  for (let plane = 0; plane < size; plane += 1) {
    const from = at + plane * count;
    for (let i = 0; i < count; i += 1) bytes[size * i + plane] = content[from + i];
  }
  return new Numbers(bytes.buffer);
}
