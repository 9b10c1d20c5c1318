// Computes how two ranges differ from their samples: for packs in memory, where no viewer does it. The answer is that of /api/changes.

import { rankedRows } from "../../lib/compare/ranking.js";
import { rowKeys } from "../../lib/compare/pairing.js";
import { addValues, emptySums } from "../../lib/compare/sums.js";
import { leaves, workload } from "../../lib/series.js";
import { pairedIds } from "../../state/compare/other-range.js";
import { otherSeries, seriesInView } from "../../state/compare/other-series.js";
import { byId, interval_ms } from "../../state/store.js";
import * as api from "../api.js";

const MAX_FINDINGS = 200;
const AT_2 = 4.1, AT_3 = 6.7, MAX_STRENGTH = 9; // the scale of strength; see query/comparing/change_strength.py
const PRESENCE = 0.5, PRESENCE_STRENGTH = 2; // as in query/comparing/difference_query.py

/** How the view differs from the other range; see api.changes. `other`, `view`: {from_ms, to_ms} of both. */
export async function differences(other, view, limit, onProgress, signal) {
  const listed = [otherSeries.peek(), seriesInView.peek()];
  const isLeaf = new Set(leaves(listed.flat())); // a pod is none if its container is in the other range
  const [then, now] = listed.map((all) => all.filter((series) => isLeaf.has(series)));
  const sides = [{ ...other, isOther: true, all: then }, { ...view, isOther: false, all: now }];
  const keyOf = rowKeys(sides[0].all, sides[1].all, workloadsOf(pairedIds.peek())), rows = new Map(); // key → {series, ids: [Set, Set], workloads: [Set, Set]}
  sides.forEach(({ all }, side) => all.forEach((series) => {
    const key = keyOf(side, series);
    if (key === null) return;
    const row = rows.get(key) ?? { ids: [new Set(), new Set()], workloads: [new Set(), new Set()] };
    row.ids[side].add(series.id);
    row.workloads[side].add(workload(series));
    rows.set(key, { ...row, series });
  }));
  const list = [...rows].map(([key, row]) => ({ key, ...row }));
  const metrics = await commonMetrics(signal);
  const sums = list.map(() => []);
  for (const [m, metric] of metrics.entries()) {
    list.forEach((_, row) => (sums[row][m] = [emptySums(), emptySums()]));
    await Promise.all(sides.map((side, number) => addUp(side, metric, (id, values) => list.forEach((row, i) => row.ids[number].has(id) && addValues(sums[i][m][number], values)), signal)));
    onProgress((m + 1) / metrics.length);
  }
  return answerOf(sides, list, rankedRows(sums, metrics, limit), sums, await findingsOnOneSide(sides, keyOf, signal), { metrics: metrics.length, limit });
}

/** The workloads of a pair: [in the other range, in view]; null without one. */
function workloadsOf(pair) {
  if (pair === null) return null;
  const [then, now] = [pair.other, pair.id].map((id) => byId.peek().get(id));
  return then && now ? [workload(then), workload(now)] : null;
}

/** The metrics that both sources have, as the viewer lists them. */
async function commonMetrics(signal) {
  const [then, now] = await Promise.all([true, false].map((isOther) => api.metrics({ signal, isOther })));
  const names = new Set(then.metrics.map(({ name }) => name));
  return now.metrics.filter(({ name, needs, floor }) => names.has(name) && Array.isArray(needs) && Number.isFinite(floor) && !name.endsWith("_depth"));
}

/** Request the samples of a metric of all series of a side, and call `add(id, values)` with each line. */
async function addUp({ from_ms, to_ms, isOther, all }, metric, add, signal) {
  if (all.length === 0) return;
  const { series } = await api.timeseries({ metrics: [metric.name], ids: all.map(({ id }) => id), from_ms, to_ms }, { signal, isOther });
  for (const { id, value } of series) add(id, value);
}

/** The findings of a kind that the same row does not have on the other side: [{key, side, finding}]. */
async function findingsOnOneSide(sides, keyOf, signal) {
  const found = await Promise.all(sides.map(async ({ from_ms, to_ms, isOther, all }, side) => {
    const byId = new Map(all.map((series) => [series.id, series]));
    const answer = await api.findings({ from_ms, to_ms, limit: MAX_FINDINGS }, { signal, isOther }).catch(ifNotSaved);
    return answer.findings.map((finding) => ({ key: byId.has(finding.id) ? keyOf(side, byId.get(finding.id)) : finding.id, side, finding }));
  }));
  const nameOf = ({ key, finding }) => `${finding.kind} ${key}`;
  const seen = found.map((ofSide) => new Set(ofSide.map(nameOf)));
  return found.flat().filter((each) => !seen[1 - each.side].has(nameOf(each)));
}

function ifNotSaved(error) {
  if (error instanceof api.Problem) return { findings: [] }; // a pack can be saved without findings
  throw error;
}

function answerOf(sides, list, changed, sums, findings, { metrics, limit }) {
  const byKey = new Map(list.map((row, i) => [row.key, i])), changes = new Map(changed.map((each) => [each.row, each]));
  const shares = list.map(({ workloads }, row) => sides.map(({ from_ms, to_ms }, side) => {
    const ticks = Math.max(0, ...sums[row].map((pair) => pair[side].count));
    return Math.min(1, ticks / Math.max(1, Math.floor((to_ms - from_ms) / interval_ms.peek())) / Math.max(1, workloads[side].size));
  }));
  const present = new Set(shares.flatMap(([before, during], row) => (Math.abs(during - before) >= PRESENCE ? [row] : [])));
  const rows = new Set([...findings.map(({ key }) => byKey.get(key)).filter((row) => row !== undefined), ...changes.keys(), ...present]);
  const series = [...rows].map((row) => {
    const { series: { id, name, scope, namespace, pod_name, container_name }, workloads, key } = list[row];
    const of = findings.filter((each) => each.key === key), score = changes.get(row)?.score ?? 0;
    const strengths = [present.has(row) ? PRESENCE_STRENGTH : 0, strengthOf(score), ...of.map(strengthOfFinding)];
    return {
      id, name, scope, namespace, pod_name, container_name, score, strength: Math.max(...strengths), foundStrength: Math.max(0, ...of.map(strengthOfFinding)),
      series_before: workloads[0].size, series_during: workloads[1].size, share_before: shares[row][0], share_during: shares[row][1],
      findings_before: of.filter(({ side }) => side === 0).map(({ finding }) => finding.text), findings: of.filter(({ side }) => side === 1).map(({ finding }) => finding.text),
      changes: (changes.get(row)?.changes ?? []).map(({ metric: { name: metric, title, unit }, ...change }) => ({ metric, title, unit, limit_of: null, ...change })),
    };
  });
  series.sort((a, b) => b.foundStrength - a.foundStrength || b.strength - a.strength);
  const has = (side) => sums.some((ofRow) => ofRow.some((pair) => pair[side].count > 0));
  const [{ from_ms: against_ms, to_ms: against_to_ms }, { from_ms, to_ms }] = sides;
  return { against_ms, against_to_ms, from_ms, to_ms, partial: false, skipped_files: 0, has_before: has(0), has_during: has(1), compared: { series: list.length, metrics }, series: series.slice(0, limit) };
}

const strengthOfFinding = ({ finding: { strength } }) => (Number.isFinite(strength) ? strength : 0);
const strengthOf = (score) => Math.min(MAX_STRENGTH, Math.max(0, 2 + (score - AT_2) / (AT_3 - AT_2)));
