// The line style of each colour slot.

import { cssToken, isDark } from "./theme-colours.js";

const COLOURS = 6;
const DASHES = [undefined, [6, 3], [2, 2], [8, 3, 2, 3]];

/** The line style of a slot: {css, colour, dash, width}. Slot null is the whole node. */
export function lineStyle(slot) {
  if (slot === null) return { css: "var(--fnt)", colour: cssToken("fnt"), dash: [5, 2], width: 1 };
  const name = `c${(slot % COLOURS) + 1}`;
  const dash = DASHES[Math.floor(slot / COLOURS) % DASHES.length];
  return { css: `var(--${name})`, colour: cssToken(name), dash, width: slot === 0 ? 1.5 : isDark() ? 1.25 : 1 };
}
