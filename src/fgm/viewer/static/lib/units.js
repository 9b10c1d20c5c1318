// Formats numbers and units for axes, tables and titles. The highest value of a lane decides the unit of all its values.

/** Units of values that can be added up. For others, a share of the node has no meaning. */
export const ADDITIVE_UNITS = new Set(["millicores", "bytes", "bytes/s", "1", "1/s", "us/s"]);

const KIB = 1024;
const LADDERS = {
  millicores: [
    ["millicores", "m", 1, 10_000],
    ["cores", "cores", 1000, Infinity],
  ],
  bytes: [
    ["KiB", "KiB", KIB, KIB ** 2],
    ["MiB", "MiB", KIB ** 2, 10 * KIB ** 3],
    ["GiB", "GiB", KIB ** 3, Infinity],
  ],
  "bytes/s": [
    ["KiB/s", "KiB/s", KIB, KIB ** 2],
    ["MiB/s", "MiB/s", KIB ** 2, 10 * KIB ** 3],
    ["GiB/s", "GiB/s", KIB ** 3, Infinity],
  ],
  ratio: [["%", "%", 0.01, Infinity]],
};

/**
 * The best unit for values up to `max`, which are in the API's unit `unit`: {label, short, size, digits, binary}. size: how many
 * API units make one of this unit.
 */
export function unitFor(unit, max) {
  const ladder = LADDERS[unit] ?? [[unit === "1" ? "" : unit, unit === "1" ? "" : unit, 1, Infinity]];
  const [label, short, size] = ladder.find(([, , , limit]) => max < limit);
  const top = max / size;
  return { label, short, size, digits: digitsFor(top, label), binary: unit.startsWith("bytes") };
}

function digitsFor(top, label) {
  if (top >= 1000 || (label === "millicores" && top >= 10)) return 0;
  if (top >= 100) return label.endsWith("/s") ? 1 : 0;
  return top >= 10 ? 1 : 2;
}

const formats = new Map();
function fixed(digits) {
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits);
}

/** Format a value of the API as a number in `unit` (from unitFor), without the name of the unit. */
export function formatNumber(value, unit) {
  const size = value / unit.size;
  return fixed(Math.abs(size) >= 1000 ? 0 : unit.digits).format(size);
}

/** Ticks from 0 to `max` or just above: {top, splits: all ticks, digits}, in API units. `count`: maximum number of steps. */
export function axisTicks(max, unit, count) {
  if (!(max > 0)) return { top: unit.size, splits: [0], digits: 0 };
  const top = max / unit.size;
  const minStep = top / Math.max(1, count);
  let step;
  if (unit.binary && minStep >= 1) step = 2 ** Math.ceil(Math.log2(minStep));
  else {
    const power = 10 ** Math.floor(Math.log10(minStep));
    step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= minStep * 0.9999) * power;
  }
  const steps = Math.max(1, Math.ceil((top / step) * 1.0001));
  const splits = Array.from({ length: steps + 1 }, (_, i) => i * step * unit.size);
  let digits = 0;
  while (digits < 4 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
  return { top: splits.at(-1), splits, digits };
}

/** The label of a tick. `value`: in API units. */
export function tickLabel(value, unit, digits) {
  return fixed(digits).format(value / unit.size);
}
