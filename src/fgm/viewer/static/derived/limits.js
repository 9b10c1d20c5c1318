// The limits and requests that are drawn on the lanes, and whose they are.

import { computed } from "../vendor/signals.js";
import { highestIn, linesOf, valueAt } from "../lib/lines.js";
import { keepWhileSame } from "../lib/same-value.js";
import { groupAt } from "../lib/series.js";
import { lanes } from "../state/lanes.js";
import { shown } from "../state/shown.js";
import { allSeries, byId, laneSamples, end_ms, explainingSamples, interval_ms, view } from "../state/store.js";

const MIN_USED = 0.4; // a limit is drawn if at least this share of it is used

// The list of series is loaded with every poll, but lanes are drawn again only if one of these has changed.
const keepPods = keepWhileSame(([...names]) => names);
const keepRequests = keepWhileSame(([...requests]) => requests);

/** Names of the pods: Map(path of the cgroup → name). */
const podNames = computed(() => keepPods(new Map((allSeries.value ?? []).filter(({ scope }) => scope === "pod").map(({ cgroup, name }) => [cgroup, name]))));

/** Requests of the shown workloads that run, or of their last lives: Map(key of the workload → {cpu_millicores, memory_bytes}). */
const requests = computed(() => {
  return keepRequests(new Map(shown.value.map(({ key, ids }) => {
    const lives = ids.map((id) => byId.value.get(id)).filter((series) => series?.requests);
    return [key, (lives.find(({ alive }) => alive) ?? lives[0])?.requests ?? {}];
  })));
});

/** The group that has the limit of a workload at a time: {kind, name, path}; see groupAt. `depth`: metric of its depth. */
export function limitOwner(entry, depth, from_ms, to_ms) {
  const values = linesOf(explainingSamples.value, depth, entry.ids).map((line) => valueAt(line, from_ms, to_ms, interval_ms.value));
  return groupAt(entry.series, values.find((value) => value !== null) ?? null, podNames.value);
}

/** The request of a workload in the unit of a lane; null if there is none. */
export const requestAt = (lane, entry) => requests.value.get(entry.key)?.[lane?.request] ?? null;

/**
 * The limits to draw, of which at least MIN_USED was used in view, by a workload or by all shown ones that share it:
 * Map(lane key → [{entry, line, kind: "limit" or "memory.high", owner}]).
 */
export const laneLimits = computed(() => {
  const from_ms = view.value.from_ms, to_ms = end_ms.value;
  const entries = shown.value.filter(({ slot }) => slot !== null);
  const limitsOf = (lane, kind, metric, depth) => {
    if (!metric) return [];
    const highest = new Map(entries.map((entry) => [entry, Math.max(0, ...linesOf(laneSamples.value, lane.metric, entry.ids).map((line) => highestIn(line, from_ms, to_ms) ?? 0))]));
    const owners = new Map(entries.map((entry) => [entry, limitOwner(entry, depth, from_ms, to_ms)]));
    const usedBy = new Map(); // path of a group → used by all shown workloads in it
    for (const [entry, { path }] of owners) usedBy.set(path, (usedBy.get(path) ?? 0) + highest.get(entry));
    const isNear = (line, used) => limitSteps(line, from_ms, to_ms).some(({ value }) => used >= MIN_USED * value);
    return entries.flatMap((entry) => {
      const owner = owners.get(entry);
      const used = owner.kind === "own" ? highest.get(entry) : usedBy.get(owner.path);
      return linesOf(explainingSamples.value, metric, entry.ids).filter((line) => isNear(line, used)).map((line) => ({ entry, line, kind, owner }));
    });
  };
  return new Map(lanes.value.map((lane) => [lane.key, [
    ...limitsOf(lane, "limit", lane.limit, lane.depth), ...limitsOf(lane, "memory.high", lane.high, lane.highDepth),
  ]]));
});

/** The requests to draw: Map(lane key → [{entry, value}]). They are drawn if the axis reaches them, and never stretch it. */
export const laneRequests = computed(() => new Map(lanes.value.map((lane) => [lane.key, shown.value
  .filter(({ slot }) => slot !== null)
  .map((entry) => ({ entry, value: requestAt(lane, entry) }))
  .filter(({ value }) => value > 0)])));

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
