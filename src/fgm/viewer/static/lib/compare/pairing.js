// Decides which series of the other range lie under those of a shown workload: those with the same names; else, after a new version was
// rolled out, those that the same workload made then. The viewer pairs them in the same way (query/comparing/pairing.py).

import { workload } from "../series.js";

// As Kubernetes generates names: no vowels, and no 0, 1 and 3; see query/wall/grouping.py.
const GENERATED = "[bcdfghjklmnpqrstvwxz2456789]";
const SUFFIX = new RegExp(`^(?:-${GENERATED}{6,10}-${GENERATED}{5}|-\\d{8,10}(?:-\\d+)?-${GENERATED}{5}|-${GENERATED}{5}|-\\d+)$`);

/** The name of the workload that made a pod; the name of the pod if that does not show it. */
export function workloadName(podName) {
  for (let i = podName.indexOf("-"); i >= 0; i = podName.indexOf("-", i + 1)) if (i > 0 && SUFFIX.test(podName.slice(i))) return podName.slice(0, i);
  return podName;
}

/** What successive pods of one workload have in common; null for a series without these names. */
function groupOf({ scope, namespace, pod_name, container_name }) {
  return ["container", "pod"].includes(scope) && namespace && pod_name ? JSON.stringify([namespace, workloadName(pod_name), container_name ?? ""]) : null;
}

/**
 * A function from a side (0: the other range, 1: the view) and a series to the key of its row in a comparison, as the viewer's: containers
 * with the same names share one, and so do those that are in one range only and were made by the same workload. `then`, `now`: the series
 * of both ranges. `pair`: the two workloads that a person has paired, or null; their counterparts with the same names have no row (null).
 */
export function rowKeys(then, now, pair = null) {
  const sides = [then, now].map((side) => new Map(side.map((series) => [workload(series), series])));
  const common = new Set([...sides[0].keys()].filter((key) => sides[1].has(key)));
  const groups = sides.map((side) => new Set([...side].filter(([key]) => !common.has(key)).map(([, series]) => groupOf(series))));
  return (side, series) => {
    const key = workload(series);
    if (key === pair?.[side]) return "pair";
    if (key === pair?.[1 - side]) return null;
    const group = common.has(key) ? null : groupOf(series);
    return group !== null && groups.every((ofSide) => ofSide.has(group)) ? group : key;
  };
}

/** A map from the value of `keyOf` to the items that have it, in the order of their names; items without a key are left out. */
function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (key !== null) groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/**
 * The ids of the series under each shown workload: Map(key of the workload → ids).
 *
 * `entries`: [{key, series}]; `then`, `now`: the series that were there in the other range, and in the view. Successors of pods are
 * paired in the order of their names; those that are too many have nothing under them.
 */
export function pairs(entries, then, now) {
  const byWorkload = grouped(then, workload), inView = grouped(now, workload);
  const gone = grouped([...byWorkload].filter(([key]) => !inView.has(key)).map(([, [series]]) => series).sort(byName), groupOf);
  const fresh = grouped([...inView].filter(([key]) => !byWorkload.has(key)).map(([, [series]]) => series).sort(byName), groupOf);
  const result = new Map();
  for (const { key, series } of entries) {
    const same = series.scope === "node" ? then.filter(({ scope }) => scope === "node") : byWorkload.get(key) ?? [];
    const group = groupOf(series);
    const place = (fresh.get(group) ?? []).findIndex((each) => workload(each) === key);
    const before = same.length > 0 || place < 0 ? undefined : gone.get(group)?.[place];
    result.set(key, (before ? byWorkload.get(workload(before)) : same).map(({ id }) => id));
  }
  return result;
}

/**
 * The rows of a wall in view and those of the other range that share a place: Map(key of the row in view → key of the other). Rows that are
 * in the other range only come last, under their own keys.
 *
 * `rows`: in view; `others`: Map(key → row); `nowById`: Map(id → series) of those in view; `then`, `now`: as in `pairs`; `pair`: {id, other}
 * of two series that a person has paired, or null.
 */
export function rowPairs(rows, others, nowById, then, now, pair) {
  const keyOfId = new Map([...others].flatMap(([key, { ids }]) => ids.map((id) => [id, key])));
  const isPaired = ({ ids }) => pair !== null && ids.includes(pair.id);
  const lone = rows.filter((row) => !others.has(row.key) && nowById.has(row.id)).map(({ id }) => ({ key: workload(nowById.get(id)), series: nowById.get(id) }));
  const successors = pairs(lone, then, now);
  const otherOf = (row) => (isPaired(row) ? keyOfId.get(pair.other) : others.has(row.key) ? row.key : keyOfId.get(successors.get(nowById.has(row.id) && workload(nowById.get(row.id)))?.[0]));
  const result = new Map(rows.map((row) => [row.key, otherOf(row)]));
  const taken = new Set(result.values());
  for (const key of others.keys()) if (!taken.has(key) && !result.has(key)) result.set(key, key);
  return result;
}

const byName = (a, b) => (a.pod_name < b.pod_name ? -1 : 1);
