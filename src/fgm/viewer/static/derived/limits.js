// The limits that are worth a line on a lane.

import { computed } from "../vendor/signals.js";
import { lanes } from "../state/lanes.js";
import { linesOf, valueIn } from "../lib/lines.js";
import { answer, end_ms, explained, shown, view } from "../state/store.js";

const NEAR = 0.4; // who used so much of its limit has it drawn

/** The limits that matter: of who came near them in view: Map(lane key → [{entry, line}]). */
export const laneLimits = computed(() => {
  const from_ms = view.value.from_ms, to_ms = end_ms.value;
  const of = ({ metric, limit }) => shown.value.filter(({ slot }) => slot !== null).flatMap((entry) => {
    const most = Math.max(0, ...linesOf(answer.value, metric, entry.ids).map((one) => valueIn(one, from_ms, to_ms) ?? 0));
    const isNear = (line) => steps(line, from_ms, to_ms).some(({ value }) => most >= NEAR * value);
    return linesOf(explained.value, limit, entry.ids).filter(isNear).map((line) => ({ entry, line }));
  });
  return new Map(lanes.value.map((lane) => [lane.key, lane.limit ? of(lane) : []]));
});

/** The highest of some limits in view that an axis up to `top` has a place for, or 0. */
export function limitNear(limits, top, from_ms, to_ms) {
  const values = limits.flatMap(({ line }) => steps(line, from_ms, to_ms).map(({ value }) => value));
  return Math.max(0, ...values.filter((value) => value * NEAR <= top));
}

/** A limit as steps within a range: [{from_ms, to_ms, value}]; while there is none (null), there is no step. */
export function steps({ t, v }, from_ms, to_ms) {
  const found = [];
  let last = null;
  for (let i = 0; i < t.length; i += 1) {
    if (t[i] >= to_ms || (t[i + 1] ?? t[i]) < from_ms) continue;
    if (last) last.to_ms = t[i];
    if (v[i] === null) last = null;
    else if (last?.value !== v[i]) found.push((last = { from_ms: t[i], to_ms: t[i], value: v[i] }));
  }
  return found;
}
