// Which samples the present view needs: of its lanes, their means, what explains them, and of the pods. `latest` is the last response
// of /api/health, or null.

import { wasSeenSince } from "../../lib/series.js";
import { explanations, laneMetrics } from "../../state/lanes.js";
import { podIds, shown } from "../../state/shown.js";
import * as store from "../../state/store.js";
import { areLinesHidden } from "../../state/wall/walls.js";
import * as api from "../api.js";

const THROTTLING = "throttle_ratio";
const MAX_POINTS = 1200; // maximum number of pixel columns
const MAX_EXPLAINED = 24; // maximum number of workloads with explaining metrics
const MAX_SERIES = 500; // maximum number of series that the viewer returns samples of

/** The present at a response of /api/health, rounded down to the sampling interval. */
export const edgeOf = ({ now_ms, interval_ms }) => Math.floor(now_ms / interval_ms) * interval_ms;

/** The samples of these metrics and workloads that the present view needs, as an argument for a SampleLoader. */
function wantedSamples(latest, metrics, entries) {
  const { live, span_ms } = store.range.peek();
  const ahead_ms = live && latest ? edgeOf(latest) - store.edge_ms.peek() : 0; // of what is shown so far
  const from_ms = store.view.peek().from_ms + ahead_ms, to_ms = store.view.peek().to_ms + ahead_ms;
  const interval_ms = store.interval_ms.peek();
  const raw = (to_ms - from_ms) / interval_ms <= api.RAW_TICKS;
  const points = Math.max(100, Math.min(MAX_POINTS, Math.round(store.plot.peek().width) || MAX_POINTS));
  // Columns on a fixed grid keep their samples while a live view moves, so that its peaks do not flicker.
  const column_ms = raw ? 0 : (to_ms - from_ms) / points;
  const rawEnd_ms = to_ms + interval_ms;
  const start_ms = raw ? Math.max(from_ms, rawEnd_ms - api.RAW_TICKS * interval_ms) : Math.floor(from_ms / column_ms) * column_ms;
  const until_ms = raw ? rawEnd_ms : start_ms + (points + 1) * column_ms;
  // Samples arrive some seconds late.
  const newest_ms = latest?.newest_ms;
  const node = store.nodeId.peek();
  return {
    from_ms: start_ms,
    to_ms: until_ms,
    end_ms: newest_ms == null ? until_ms : Math.min(until_ms, newest_ms + interval_ms),
    live: live && span_ms,
    points: raw ? undefined : points + 1,
    column_ms, raw, metrics,
    ids: new Set([...(node ? [node] : []), ...idsOf(entries, from_ms, to_ms)].slice(0, MAX_SERIES)),
  };
}

/** The ids of all lives of these workloads. If they are too many: only of those in view, and the newest life of each first. */
function idsOf(entries, from_ms, to_ms) {
  const all = entries.flatMap(({ ids }) => ids);
  if (all.length < MAX_SERIES) return all;
  const series = store.byId.peek();
  const isInView = (life) => life && wasSeenSince(life, from_ms) && life.first_seen_ms < to_ms;
  const livesOf = ({ ids }) => ids.map((id) => series.get(id)).filter(isInView).sort((a, b) => b.first_seen_ms - a.first_seen_ms);
  const lives = entries.flatMap((entry) => livesOf(entry).map(({ id }, rank) => ({ id, rank })));
  return lives.sort((a, b) => a.rank - b.rank).map(({ id }) => id);
}

/** Without lines on any lane, only the node's row and one workload are needed. */
export const wantedLines = (latest) => wantedSamples(latest, [...new Set(laneMetrics.peek().values())], areLinesHidden.peek() ? shown.peek().slice(0, 1) : shown.peek());

/** The means of the pixel columns of the lanes, if a view is reduced to such. */
export function wantedMeans(latest) {
  const wanted = wantedLines(latest);
  return { ...wanted, metrics: wanted.raw ? [] : wanted.metrics, reduce: "mean" };
}

/** The workloads for which explaining metrics are loaded: all that are shown, or the 24 busiest of more. */
function explained() {
  if (areLinesHidden.peek()) return [];
  const use = ({ series }) => store.cpuUse.peek()?.of.get(series.id)?.mean ?? 0;
  const entries = shown.peek();
  return entries.length > MAX_EXPLAINED ? [...entries].sort((a, b) => use(b) - use(a)).slice(0, MAX_EXPLAINED) : entries;
}

/** The explaining metrics to load: limits, throttling, pressure. */
export const wantedExplanations = (latest) => wantedSamples(latest, explanations.peek(), explained());

/** Of the pods, only throttling is loaded: their quotas hold the containers, too. */
export function wantedOfPods(latest) {
  const ids = new Set(explained().flatMap(({ key }) => podIds.peek().get(key)));
  return { ...wantedSamples(latest, [THROTTLING].filter((name) => explanations.peek().includes(name)), []), ids };
}
