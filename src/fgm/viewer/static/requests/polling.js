// Keeps the state up to date: requests the viewer's health every 2 s, whole views when they change, and only new samples while
// live. One request loads the metrics of all lanes, another one the metrics that explain them, and a small one the throttling of pods.

import { batch, effect, untracked } from "../vendor/signals.js";
import { sameValue } from "../lib/same-value.js";
import { ALL } from "../lib/time-format.js";
import { dependsOn } from "../state/depends-on.js";
import { shift_ms } from "../state/compare/other-range.js";
import { otherIds } from "../state/compare/other-series.js";
import { allLabelled } from "../state/labelled.js";
import { explanations, laneMetrics, valueLanes } from "../state/lanes.js";
import { podIds, shown } from "../state/shown.js";
import { openedPack, showable } from "../state/pack.js";
import * as store from "../state/store.js";
import { loadingWalls } from "../state/wall/wall-data.js";
import { areLinesHidden } from "../state/wall/walls.js";
import { updateFindings } from "./analysis/findings.js";
import * as api from "./api.js";
import { loadOther } from "./compare/other-loader.js";
import { updateOverview } from "./overview-loader.js";
import { updateMemoryShare, updateRanking } from "./ranking.js";
import { SampleLoader } from "./samples/sample-loader.js";
import { edgeOf, wantedExplanations, wantedLines, wantedMeans, wantedOfPods } from "./samples/wanted-samples.js";
import { loadSeries } from "./series-list.js";
import { onSourceChange } from "./source.js";
import { yielding } from "./yielding.js";

const POLL_MS = 2000;
const MAX_POLL_MS = 6000; // while drawing takes so long that the page would be busy for more than BUSY_SHARE of the time
const BUSY_SHARE = 0.06; // the rest of what a live page may take is for requests
const FAST_POLL_MS = 1000; // while there is no data or no response
const DERIVED_EVENTS_POLLS = 15; // polls between two requests for events that the viewer has to derive
const SETTLED_MS = 120_000; // maximum time between an event and its recording
const MAX_EVENTS = 500; // maximum number of events in a response
const LATE_MS = 20_000; // usual maximum time between an event and its recording
const LATE_EVENTS_POLLS = 8; // polls between two requests for events that are recorded later than that
const WHOLE_EVENTS_POLLS = 150; // polls between two requests for all events in a live view, not only for new ones
const MAX_WAIT_MS = 1000; // maximum time for which the present waits for its samples
const WALL_PAUSE_MS = 50; // between two looks at whether the walls still load
const PATIENCE_POLLS = 5; // maximum number of polls that the first view waits for the ranking

const laneLoader = new SampleLoader({ samples: store.laneSamples, loading: store.loading, refusal: store.refusals.lines });
const explanationLoader = new SampleLoader({ samples: store.explainingSamples, loading: store.loadingExplanations, refusal: store.refusals.explained });
const meanLoader = new SampleLoader({ samples: store.meanSamples, loading: store.loadingMeans, refusal: store.refusals.means });
const podLoader = new SampleLoader({ samples: store.podSamples, loading: store.loadingPods, refusal: store.refusals.pods });
const NO_EVENTS = { key: "", token: null, to_ms: 0, settled: false, derived: false, polls: 0, loading: false };
let polls = 0;
let pollTimer = 0, currentPoll = null;
let isWorking = false;
let events = NO_EVENTS; // the last request for events
let latest = null; // the last response of /api/health; it is in the store as soon as it is shown
let waitTimer = 0;
let beat_ms = 0; // from the arrival of the last samples until they were painted
const changes = []; // functions that show what has been loaded

/** From now on, poll the viewer, and load each view that is shown. */
export function startPolling() {
  effect(() => {
    const { live } = store.range.value;
    dependsOn(shown, areLinesHidden, podIds, shift_ms, otherIds, explanations, store.nodeId, live ? store.range : store.view);
    if (laneMetrics.value.size > 0) queueMicrotask(() => untracked(() => settle(loadView().then(() => live || store.laneSamples.peek() === null || loadEvents().then((change) => change?.())).then(updateFindings))));
  });
  poll();
}

onSourceChange(() => {
  polls = 0;
  isWorking = false;
  events = NO_EVENTS;
  latest = null;
  changes.length = 0;
  clearTimeout(waitTimer);
  for (const loader of [laneLoader, explanationLoader, meanLoader, podLoader]) loader.forget();
});

/** Poll now, and from then on. */
export async function poll() {
  clearTimeout(pollTimer);
  const self = (currentPoll = Symbol("poll"));
  // A hidden page asks for nothing, so that the viewer may sleep. When it is shown again, it requests what it has missed.
  if (document.hidden && store.laneSamples.peek() !== null) return void document.addEventListener("visibilitychange", poll, { once: true });
  const began = performance.now();
  polls += 1;
  const isUp = await settle(updateHealth());
  const { state, containers_token } = latest ?? {};
  if (isUp && state === "ready") {
    if (store.instance.peek() === null) settle(api.instance().then((response) => (store.instance.value = response)));
    const series = settle(loadSeries(containers_token, polls).then((change) => (mayWait() ? changes.push(change) : apply(change))));
    await Promise.all([series, needsMetrics() ? settle(updateMetrics()) : undefined]);
    if (!isWorking) loadAll();
  }
  const pause_ms = isUp && store.ready.peek() && laneMetrics.peek().size > 0 ? Math.max(POLL_MS, Math.min(MAX_POLL_MS, beat_ms / BUSY_SHARE)) : FAST_POLL_MS;
  if (self === currentPoll) pollTimer = setTimeout(poll, Math.max(200, pause_ms - (performance.now() - began)));
}

/**
 * Request the samples of the lanes first; if they have been loaded, then events, ranking and overview. So a slow viewer gets no
 * other requests while it still reads the samples.
 */
async function loadAll() {
  isWorking = true;
  if (isRankingMissing()) {
    // A wall in view needs no ranking, and on a viewer with one processor a ranking would delay it.
    for (let waited_ms = 0; loadingWalls.peek() && waited_ms < MAX_WAIT_MS; waited_ms += WALL_PAUSE_MS) await new Promise((done) => setTimeout(done, WALL_PAUSE_MS));
    await settle(updateRanking());
  }
  await settle(store.range.peek().live ? follow() : loadView().then(() => (store.loading.peek() ? null : loadEvents())).then((change) => change?.()));
  apply();
  if (!store.loading.peek()) {
    await settle(updateRanking());
    await settle(updateMemoryShare());
    settle(updateOverview()); // not awaited: it may take long, and itself waits for the lanes
    settle(updateFindings()); // the same
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
  latest = health;
  const clockOffset_ms = health.now_ms - (sent_ms + Date.now()) / 2;
  changes.push(() => {
    store.clockOffset_ms.value = clockOffset_ms;
    store.edge_ms.value = edgeOf(health);
    store.health.value = health;
    if (health.state === "ready") updateDefaultRange(health);
  });
  store.connected.value = true;
  if (mayWait()) waitTimer = setTimeout(apply, MAX_WAIT_MS);
  else apply();
}

/** Whether the changes of a live view may wait for its new samples, so that everything is drawn once, and not before they are there. */
const mayWait = () => !isWorking && store.ready.peek() && latest.state === "ready" && store.range.peek().live && laneLoader.isFollowing(wantedLines(latest));

/** Show what has been loaded and waits for the samples. */
function apply(...more) {
  clearTimeout(waitTimer);
  const all = [...changes.splice(0), ...more].filter(Boolean);
  if (all.length === 0) return;
  const began = performance.now();
  try {
    batch(() => all.forEach(attempt));
  } catch (error) {
    reportError(error); // of an effect
  }
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (beat_ms = performance.now() - began);
    port2.postMessage(null); // it arrives after the frame
  });
}

/** Call a function. If it fails, the error is reported, and other changes are shown nevertheless. */
function attempt(change) {
  try {
    change();
  } catch (error) {
    reportError(error);
  }
}

/** Load the events in view. Events that cannot change, or that the viewer must derive (expensive), are requested less often. */
async function loadEvents() {
  if (!store.ready.peek() || events.loading) return null;
  const { live, span_ms } = store.range.peek();
  const ahead_ms = live ? edgeOf(latest) - store.edge_ms.peek() : 0;
  const from_ms = store.view.peek().from_ms + ahead_ms;
  const to_ms = store.end_ms.peek() + ahead_ms;
  const key = live ? `live ${span_ms}` : `${from_ms} ${to_ms}`;
  const token = latest.events_token ? `${latest.events_token} ${latest.containers_token}` : null; // names come with the containers
  const isSame = token !== null && token === events.token;
  const isLater = key === events.key && to_ms >= events.to_ms; // not after the clock of the node was set back
  if (isLater && (isSame || (events.settled && polls % DERIVED_EVENTS_POLLS > 0))) return null;
  // Most events are recorded within seconds, the reasons of exits within SETTLED_MS. What is recorded of earlier times hardly changes.
  const continues = live && isLater && token !== null && !events.derived && polls - events.polls < WHOLE_EVENTS_POLLS;
  const since_ms = continues ? Math.max(from_ms, events.to_ms - (polls % LATE_EVENTS_POLLS > 0 ? LATE_MS : SETTLED_MS)) : from_ms;
  events = { ...events, loading: true };
  try {
    const response = await yielding((signal) => api.events({ from_ms: since_ms, to_ms }, { signal, timeout_ms: live ? undefined : api.BACKGROUND_TIMEOUT_MS }));
    return () => {
      const earlier = continues ? store.events.peek().filter(({ time_ms }) => time_ms < since_ms && time_ms >= from_ms) : [];
      const next = [...response.events, ...earlier].slice(0, MAX_EVENTS);
      if (!sameValue(next, store.events.peek())) store.events.value = next;
      const settled = response.derived || (!live && to_ms < store.edge_ms.peek() - SETTLED_MS);
      events = { key, token, to_ms, settled, derived: response.derived, polls: continues ? events.polls : polls, loading: false };
    };
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

/** Set the range that is shown until one is chosen: the newest data, up to 15 minutes, live unless it is old; of a pack, all of it. */
function updateDefaultRange({ oldest_ms, newest_ms, now_ms, interval_ms }) {
  if (newest_ms === null) return;
  const spans = [60_000, 300_000, 900_000];
  const span_ms = spans.find((candidate_ms) => candidate_ms >= newest_ms - oldest_ms) ?? spans.at(-1);
  const live = now_ms - newest_ms < 60_000;
  const to_ms = newest_ms + interval_ms;
  const last = live ? { live, span_ms } : { live, from_ms: Math.max(oldest_ms, to_ms - span_ms), to_ms };
  const next = openedPack.peek() === null ? last : showable({ live: true, span_ms: ALL });
  store.defaultRange.value = next;
  if (!store.rangeChosen.peek() && !sameValue(next, store.range.peek())) store.range.value = next;
}

const mayExplain = () => !store.loading.peek() && store.refusals.lines.peek() === null;

/** Request the samples that the present view lacks: first of the lanes, after they are drawn their means, then what explains them. */
async function loadView() {
  if (isRankingMissing() && polls < PATIENCE_POLLS) return;
  await laneLoader.load(wantedLines(latest));
  await new Promise((done) => setTimeout(done, 50)); // enough for two frames
  if (!mayExplain()) return;
  await meanLoader.load(wantedMeans(latest));
  await loadOther(wantedLines(latest));
  await explanationLoader.load(wantedExplanations(latest));
  await podLoader.load(wantedOfPods(latest));
}

/**
 * Request the new samples of all loaders at the same time, and the new events. They are shown together, so that the page is drawn
 * once; what takes longer than a second is shown later. What a loader lacks beyond that is requested one after the other.
 */
async function follow() {
  if (!laneLoader.isFollowing(wantedLines(latest))) apply();
  const loaders = [[laneLoader, wantedLines], [meanLoader, wantedMeans], [explanationLoader, wantedExplanations], [podLoader, wantedOfPods]];
  const following = loaders.filter(([loader, wanted], i) => (i === 0 || mayExplain()) && loader.isFollowing(wanted(latest)));
  const isLaneFollowing = following[0]?.[0] === laneLoader;
  const requests = [...following.map(([loader, wanted]) => loader.tail(wanted(latest))), isLaneFollowing ? loadEvents() : Promise.resolve(null)];
  let isLate = false;
  const all = Promise.all(requests.map((request) => settle(request.then((change) => (isLate ? apply(change) : changes.push(change))))));
  await Promise.race([all, new Promise((done) => setTimeout(done, MAX_WAIT_MS))]);
  isLate = true;
  apply();
  if (!(await all).every(Boolean)) return;
  if (!isLaneFollowing) await laneLoader.load(wantedLines(latest));
  if (mayExplain() && !following.some(([loader]) => loader === meanLoader)) await meanLoader.load(wantedMeans(latest));
  if (mayExplain()) await loadOther(wantedLines(latest));
  if (mayExplain() && !following.some(([loader]) => loader === explanationLoader)) await explanationLoader.load(wantedExplanations(latest));
  if (mayExplain() && !following.some(([loader]) => loader === podLoader)) await podLoader.load(wantedOfPods(latest));
  if (!isLaneFollowing && !store.loading.peek()) apply(await loadEvents());
}
