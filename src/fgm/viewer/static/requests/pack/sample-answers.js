// Answers of a pack that are computed from its samples: lines, rankings and walls.

import { extremes, firstAt, means, totalOf } from "../../lib/pack/reduction.js";
import { wallRows } from "../../lib/pack/wall-cells.js";
import { leaves } from "../../lib/series.js";
import { Problem } from "../source.js";

const RAW_TICKS = 3600; // as for the viewer
const DEFAULT_POINTS = 1200;
const DEFAULT_LIMIT = 20;
const LEAF_SCOPES = ["container", "cgroup", "pod", "outside"];
const NODE = "node";
const GONE = 410;

const orNull = (value) => (value === value ? value : null);
const list = (value) => (value === undefined ? [] : [value].flat());

/** Samples of some metrics and series: every one, or the extremes or means of pixel columns. */
async function timeseries(pack, { metric, containers, from, to, points = DEFAULT_POINTS, reduce }) {
  const { from_ms: oldest_ms, to_ms: end_ms, interval_ms } = pack.manifest;
  const isMean = reduce === "mean", isReduced = isMean || (Math.min(to, end_ms) - Math.max(from, oldest_ms)) / interval_ms > RAW_TICKS;
  const ids = new Set(list(containers)), names = list(metric);
  const linesOf = await Promise.all(names.map((name) => pack.samples.lines(name)));
  const shared = new Map(); // times of a part → times in the range, so that lines with the same times share one array
  const cut = ({ t, v }) => {
    if (isMean) return means(t, v, from, to, points);
    if (isReduced) {
      const kept = extremes(t, v, from, to, points);
      return { t_ms: kept.map((i) => t[i]), value: kept.map((i) => orNull(v[i])) };
    }
    const begin = firstAt(t, from), end = firstAt(t, to);
    if (!shared.has(t)) shared.set(t, Array.from(t.subarray(begin, end)));
    const value = new Array(end - begin);
    for (let i = begin; i < end; i += 1) value[i - begin] = orNull(v[i]);
    return { t_ms: shared.get(t), value };
  };
  const series = linesOf.flatMap((lines) => lines.filter(({ id }) => ids.has(id)).map((line) => ({ id: line.id, metric: line.metric, unit: line.unit, life: line.life, ...cut(line) })));
  const known = await pack.series();
  if (ids.size > 0 && ![...ids].some((id) => known.has(id))) throw new Problem(GONE, { detail: "This file has none of these series." });
  return {
    from_ms: from, to_ms: to, interval_ms, resolution: isMean ? "mean" : isReduced ? "m4" : "raw", partial: false, complete_from_ms: from, skipped_files: 0,
    unknown: [...ids].filter((id) => !known.has(id)), series: series.filter(({ t_ms }) => t_ms.length > 0),
  };
}

/** The series with the highest means of a metric, and how nearly the leaves add up to the node. */
async function top(pack, { metric, from, to, parts = 0, scope, limit = DEFAULT_LIMIT }) {
  const known = await pack.series(), scopes = scope === undefined ? LEAF_SCOPES : list(scope);
  const totals = (await pack.samples.lines(metric)).flatMap((line) => {
    const series = known.get(line.id), total = series && totalOf(line, from, to, parts);
    return total && (scopes.includes(series.scope) || series.scope === NODE) ? [{ series, ...total }] : [];
  });
  const whole = totals.find(({ series }) => series.scope === NODE)?.sum ?? 0;
  const leafIds = new Set(leaves(totals.map(({ series }) => series)).map(({ id }) => id));
  const ofLeaves = totals.reduce((sum, { series, sum: ofSeries }) => (leafIds.has(series.id) ? sum + ofSeries : sum), 0);
  const hasAll = whole > 0 && LEAF_SCOPES.every((name) => scopes.includes(name)) && totals.some(({ series }) => series.scope === "outside");
  const ranked = totals.filter(({ series }) => scope !== undefined || leafIds.has(series.id)).sort((a, b) => b.mean - a.mean || (a.series.id < b.series.id ? -1 : 1));
  return {
    from_ms: from, to_ms: to, metric, resolution: "raw", partial: false, skipped_files: 0, leaves_share_of_node: hasAll ? ofLeaves / whole : null, total: ranked.length,
    series: ranked.slice(0, limit).map(({ series: { id, scope: of, name }, count, mean, max, max_ms, last_ms, peaks }) => ({ id, scope: of, name, samples: count, mean, max, max_ms, last_ms, peaks })),
  };
}

/** The wall of a metric, or of several: {walls}. */
async function walls(pack, { metric, ...query }) {
  const answers = await Promise.all(list(metric).map((name) => wall(pack, { ...query, metric: name })));
  return answers.length === 1 ? answers[0] : { walls: answers };
}

/** The rows of a wall. */
async function wall(pack, { metric, by, containers, from, to, columns, limit = Infinity, until = to }) {
  const known = await pack.series(), { interval_ms } = pack.manifest;
  const lines = (await pack.samples.lines(metric)).flatMap((line) => (known.has(line.id) ? [{ ...line, series: known.get(line.id) }] : []));
  const chosen = containers === undefined ? rowsOfAll([...known.values()], by, from, to) : new Set(list(containers));
  const until_ms = Math.min(until, to);
  const rows = wallRows(lines.filter(({ id }) => chosen.has(id)), { from_ms: from, to_ms: to, columns }, until_ms, by, interval_ms);
  const end = Math.floor(((until_ms - 1 - from) * columns) / (to - from)) + 1;
  return {
    from_ms: from, to_ms: to, metric, unit: lines[0]?.unit ?? "", by, interval_ms, resolution: "raw", partial: false, complete_from_ms: from, skipped_files: 0,
    columns, first_column: 0, end_column: end, total: rows.length, rows: rows.slice(0, limit).map((row) => ({ ...row, values: row.values.subarray(0, end) })),
  };
}

/** The ids of all series that have a row: leaves, or (`by` pod) pods and the leaves that are in none. */
function rowsOfAll(all, by, from_ms, to_ms) {
  const within = all.filter(({ first_seen_ms, last_seen_ms }) => first_seen_ms < to_ms && last_seen_ms >= from_ms);
  const isInPod = ({ scope, pod_uid }) => scope === "container" && pod_uid;
  const rows = leaves(within).filter((series) => by !== "pod" || !isInPod(series));
  return new Set([...rows, ...(by === "pod" ? within.filter(({ scope }) => scope === "pod") : [])].map(({ id }) => id));
}

/** The functions that answer, by path: (pack, query) → answer. */
export const SAMPLE_ANSWERS = { "api/timeseries": timeseries, "api/top": top, "api/wall": walls };
