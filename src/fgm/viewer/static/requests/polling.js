// Keeps the state up to date: requests the viewer's health every 2 s, whole views when they change, and only new samples while
// live. One request loads the metrics of all lanes, another one the metrics that explain them, and a small one the throttling of pods.

import { batch, effect, untracked } from "../vendor/signals.js";
import { sameValue } from "../lib/same-value.js";
import { dependsOn } from "../state/depends-on.js";
import { allLabelled } from "../state/labelled.js";
import { explanations, laneMetrics, valueLanes } from "../state/lanes.js";
import { podIds, shown } from "../state/shown.js";
import * as store from "../state/store.js";
import * as api from "./api.js";
import { updateOverview } from "./overview-loader.js";
import { updateMemoryShare, updateRanking } from "./ranking.js";
import { SampleLoader } from "./sample-loader.js";
import { updateSeries } from "./series-list.js";

const THROTTLING = "throttle_ratio";
const POLL_MS = 2000;
const FAST_POLL_MS = 1000; // while there is no data or no response
const MAX_POINTS = 1200; // maximum number of pixel columns
const DERIVED_EVENTS_POLLS = 15; // polls between two requests for events that the viewer has to derive
const SETTLED_MS = 120_000; // maximum time between an event and its recording
const MAX_EXPLAINED = 24; // maximum number of workloads with explaining metrics
const PATIENCE_POLLS = 5; // maximum number of polls that the first view waits for the ranking

const laneLoader = new SampleLoader({ samples: store.laneSamples, loading: store.loading, refusal: store.refusals.lines });
const explanationLoader = new SampleLoader({ samples: store.explainingSamples, loading: store.loadingExplanations, refusal: store.refusals.explained });
const podLoader = new SampleLoader({ samples: store.podSamples, loading: store.loadingPods, refusal: store.refusals.pods });
let polls = 0;
let isWorking = false;
let events = { key: "", settled: false, loading: false }; // the last request for events

/** From now on, poll the viewer, and load each view that is shown. */
export function startPolling() {
  effect(() => {
    const { live } = store.range.value;
    dependsOn(shown, podIds, explanations, store.nodeId, live ? store.range : store.view);
    if (laneMetrics.value.size > 0) queueMicrotask(() => untracked(() => settle(loadView().then(() => live || store.laneSamples.peek() === null || updateEvents()))));
  });
  poll();
}

async function poll() {
  const began = performance.now();
  polls += 1;
  const isUp = await settle(updateHealth());
  if (isUp && store.ready.peek()) {
    if (store.instance.peek() === null) settle(api.instance().then((response) => (store.instance.value = response)));
    await Promise.all([settle(updateSeries(store.health.peek().containers_token, polls)), needsMetrics() ? settle(updateMetrics()) : undefined]);
    if (!isWorking) loadAll();
  }
  const pause_ms = isUp && store.ready.peek() && laneMetrics.peek().size > 0 ? POLL_MS : FAST_POLL_MS;
  setTimeout(poll, Math.max(200, pause_ms - (performance.now() - began)));
}

/**
 * Request the samples of the lanes first; if they have been loaded, then events, ranking and overview. So a slow viewer gets no
 * other requests while it still reads the samples.
 */
async function loadAll() {
  isWorking = true;
  if (isRankingMissing()) await settle(updateRanking());
  await settle(store.range.peek().live ? loadTail() : loadView());
  if (!store.loading.peek()) {
    await settle(updateEvents());
    await settle(updateRanking());
    await settle(updateMemoryShare());
    settle(updateOverview()); // not awaited: it may take long, and itself waits for the lanes
  }
  isWorking = false;
}

const isRankingMissing = () => store.picked.peek() === null && store.topSix.peek().length === 0;

/** Whether to request the list of metrics with this poll: often while a lane's metric is missing, else every 30th time. */
const needsMetrics = () => (laneMetrics.peek().size < valueLanes.peek().length ? polls < 60 || polls % 10 === 0 : polls % 30 === 1);

/** Wait for a request, and return whether it succeeded. A later poll repeats a failed request. */
async function settle(request) {
  try {
    await request;
    return true;
  } catch (error) {
    if (!(error instanceof api.Problem || error instanceof api.Unreachable) && error.name !== "AbortError") console.error(error);
    return false;
  }
}

async function updateHealth() {
  const sent_ms = Date.now();
  const health = await api.health().catch((error) => {
    store.connected.value = !(error instanceof api.Unreachable); // only this request decides whether there is a viewer
    throw error;
  });
  batch(() => {
    store.connected.value = true;
    store.clockOffset_ms.value = health.now_ms - (sent_ms + Date.now()) / 2;
    store.edge_ms.value = Math.floor(health.now_ms / health.interval_ms) * health.interval_ms;
    store.health.value = health;
    if (health.state === "ready") updateDefaultRange(health);
  });
}

/** Load the events in view. Events that cannot change, or that the viewer must derive (expensive), are requested less often. */
async function updateEvents() {
  if (!store.ready.peek() || events.loading) return;
  const { live, span_ms } = store.range.peek();
  const { from_ms } = store.view.peek();
  const to_ms = store.end_ms.peek();
  const key = live ? `live ${span_ms}` : `${from_ms} ${to_ms}`;
  if (key === events.key && events.settled && polls % DERIVED_EVENTS_POLLS > 0) return;
  events = { ...events, loading: true };
  try {
    const response = await api.events({ from_ms, to_ms });
    store.events.value = response.events;
    events = { key, settled: response.derived || (!live && to_ms < store.edge_ms.peek() - SETTLED_MS), loading: false };
  } finally {
    events.loading = false;
  }
}

async function updateMetrics() {
  const { metrics, labelled } = await api.metrics();
  const names = (list) => list?.map(({ name }) => name);
  if (!sameValue(names(metrics), names(store.allMetrics.peek()))) store.allMetrics.value = metrics;
  if (!sameValue(names(labelled), names(allLabelled.peek()))) allLabelled.value = labelled;
}

/** Set the range that is shown until one is chosen: the newest data, up to 15 minutes. It is live unless the data is old. */
function updateDefaultRange({ oldest_ms, newest_ms, now_ms, interval_ms }) {
  if (newest_ms === null) return;
  const spans = [60_000, 300_000, 900_000];
  const span_ms = spans.find((candidate_ms) => candidate_ms >= newest_ms - oldest_ms) ?? spans.at(-1);
  const live = now_ms - newest_ms < 60_000;
  const to_ms = newest_ms + interval_ms;
  const next = live ? { live, span_ms } : { live, from_ms: Math.max(oldest_ms, to_ms - span_ms), to_ms };
  store.defaultRange.value = next;
  if (!store.rangeChosen.peek() && !sameValue(next, store.range.peek())) store.range.value = next;
}

/** The samples of these metrics and workloads that the present view needs, as an argument for a SampleLoader. */
function wantedSamples(metrics, entries) {
  const { from_ms, to_ms } = store.view.peek();
  const { live, span_ms } = store.range.peek();
  const interval_ms = store.interval_ms.peek();
  const raw = (to_ms - from_ms) / interval_ms <= api.RAW_TICKS;
  const points = Math.max(100, Math.min(MAX_POINTS, Math.round(store.plot.peek().width) || MAX_POINTS));
  // Columns on a fixed grid keep their samples while a live view moves, so that its peaks do not flicker.
  const column_ms = raw ? 0 : (to_ms - from_ms) / points;
  const rawEnd_ms = to_ms + interval_ms;
  const start_ms = raw ? Math.max(from_ms, rawEnd_ms - api.RAW_TICKS * interval_ms) : Math.floor(from_ms / column_ms) * column_ms;
  const until_ms = raw ? rawEnd_ms : start_ms + (points + 1) * column_ms;
  // Samples arrive some seconds late.
  const newest_ms = store.health.peek()?.newest_ms;
  const node = store.nodeId.peek();
  return {
    from_ms: start_ms,
    to_ms: until_ms,
    end_ms: newest_ms == null ? until_ms : Math.min(until_ms, newest_ms + interval_ms),
    live: live && span_ms,
    points: raw ? undefined : points + 1,
    column_ms, raw, metrics,
    ids: new Set([...(node ? [node] : []), ...entries.flatMap((entry) => entry.ids)]),
  };
}

const wantedLines = () => wantedSamples([...new Set(laneMetrics.peek().values())], shown.peek());

/** The workloads for which explaining metrics are loaded: all that are shown, or the 24 busiest of more. */
function explained() {
  const use = ({ series }) => store.cpuUse.peek()?.of.get(series.id)?.mean ?? 0;
  const entries = shown.peek();
  return entries.length > MAX_EXPLAINED ? [...entries].sort((a, b) => use(b) - use(a)).slice(0, MAX_EXPLAINED) : entries;
}

/** The explaining metrics to load: limits, throttling, pressure. */
const wantedExplanations = () => wantedSamples(explanations.peek(), explained());

/** Of the pods, only throttling is loaded: their quotas hold the containers, too. */
function wantedOfPods() {
  const ids = new Set(explained().flatMap(({ key }) => podIds.peek().get(key)));
  return { ...wantedSamples([THROTTLING].filter((name) => explanations.peek().includes(name)), []), ids };
}

const mayExplain = () => !store.loading.peek() && store.refusals.lines.peek() === null;

/** Request the samples that the present view lacks: first of the lanes, and after they are drawn, of the explaining metrics. */
async function loadView() {
  if (isRankingMissing() && polls < PATIENCE_POLLS) return;
  await laneLoader.load(wantedLines());
  await new Promise((done) => setTimeout(done, 50)); // enough for two frames
  if (!mayExplain()) return;
  await explanationLoader.load(wantedExplanations());
  await podLoader.load(wantedOfPods());
}

async function loadTail() {
  await laneLoader.loadTail(wantedLines());
  if (!mayExplain()) return;
  await explanationLoader.loadTail(wantedExplanations());
  await podLoader.loadTail(wantedOfPods());
}
