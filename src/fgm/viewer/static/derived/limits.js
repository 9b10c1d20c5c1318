// The limits that are drawn on the lanes.

import { computed } from "../vendor/signals.js";
import { highestIn, linesOf } from "../lib/lines.js";
import { lanes } from "../state/lanes.js";
import { shown } from "../state/shown.js";
import { laneSamples, end_ms, explainingSamples, view } from "../state/store.js";

const MIN_USED = 0.4; // a limit is drawn if at least this share of it is used

/** The limits to draw, of which a workload used at least MIN_USED in view: Map(lane key → [{entry, line}]). */
export const laneLimits = computed(() => {
  const from_ms = view.value.from_ms, to_ms = end_ms.value;
  const limitsOf = ({ metric, limit }) => shown.value.filter(({ slot }) => slot !== null).flatMap((entry) => {
    const highest = Math.max(0, ...linesOf(laneSamples.value, metric, entry.ids).map((line) => highestIn(line, from_ms, to_ms) ?? 0));
    const isNear = (line) => limitSteps(line, from_ms, to_ms).some(({ value }) => highest >= MIN_USED * value);
    return linesOf(explainingSamples.value, limit, entry.ids).filter(isNear).map((line) => ({ entry, line }));
  });
  return new Map(lanes.value.map((lane) => [lane.key, lane.limit ? limitsOf(lane) : []]));
});

/** The highest limit in view that is close enough to `top` (40 % used) to make the axis reach it, or 0. */
export function highestNearLimit(limits, top, from_ms, to_ms) {
  const values = limits.flatMap(({ line }) => limitSteps(line, from_ms, to_ms).map(({ value }) => value));
  return Math.max(0, ...values.filter((value) => value * MIN_USED <= top));
}

/** The line of a limit as steps in a range: [{from_ms, to_ms, value}]. There is no step while there is no limit (null). */
export function limitSteps({ t, v }, from_ms, to_ms) {
  const steps = [];
  let last = null;
  for (let i = 0; i < t.length; i += 1) {
    if (t[i] >= to_ms || (t[i + 1] ?? t[i]) < from_ms) continue;
    if (last) last.to_ms = t[i];
    if (v[i] === null) last = null;
    else if (last?.value !== v[i]) steps.push((last = { from_ms: t[i], to_ms: t[i], value: v[i] }));
  }
  return steps;
}
