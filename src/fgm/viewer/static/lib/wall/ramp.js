// The colours of a wall: a ramp of lightness between a few colours, from a value of 0 to the highest.

/** Number of colours of a ramp. The first is that of 0. */
export const SHADES = 256;

/** The colours between these, "#rrggbb" from the lowest to the highest, as a Uint32Array for the pixels of a canvas (RGBA in memory). */
export function rampOf(colours) {
  const stops = colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: SHADES }, (_, i) => {
    const position = (i / (SHADES - 1)) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(position));
    return pixelOf(stops[k].map((low, part) => Math.round(low + (stops[k + 1][part] - low) * (position - k))));
  });
}

/** One colour, "#rrggbb", in the same form. */
export const pixelOfColour = (text) => pixelOf([1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));

const bytes = new Uint8ClampedArray(4), word = new Uint32Array(bytes.buffer);

function pixelOf([red, green, blue]) {
  bytes.set([red, green, blue, 255]);
  return word[0];
}

/**
 * The shade of a value. `top`: the value of the last shade. Unless `isLinear`, shades follow the square root, so that small values
 * next to a large one are not all the same; what is above 0 never looks like 0.
 */
export function shadeOf(value, top, isLinear) {
  if (!(value > 0)) return 0;
  const share = Math.min(1, value / top);
  return Math.max(8, Math.round((isLinear ? share : Math.sqrt(share)) * (SHADES - 1)));
}
