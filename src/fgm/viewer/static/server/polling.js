// Keeps the store filled: a heartbeat every 2 s, whole views when they change, and only the new tail while live.
// All lanes share one request, what explains them another; a view that is superseded is aborted.

import { batch, effect, signal, untracked } from "../vendor/signals.js";
import * as api from "./api.js";
import { explanations, laneMetrics, lanes } from "../state/lanes.js";
import { fillOverview } from "./node-history.js";
import { Sheet } from "./sample-loader.js";
import * as store from "../state/store.js";
import { chooseTop } from "./ranking.js";

const BEAT_MS = 2000;
const HURRY_MS = 1000; // while there is nothing to show yet, or nobody answers
const POINTS = 1200; // pixel columns at most
const DERIVED_BEATS = 15; // between two questions for events that the viewer has to derive
const OLD_MS = 120_000; // what is told of a time may be told so much later
const EXPLAINED = 24; // workloads
const EVERY_BEAT = 500; // series that are listed anew with each beat
const PATIENT_BEATS = 5; // the first view waits that long for its lines

const lines = new Sheet({ answer: store.answer, loading: store.loading, refusal: store.refusals.lines });
const explained = new Sheet({ answer: store.explained, loading: signal(false), refusal: store.refusals.explained });
let beats = 0;
let working = false;
let events = { about: "", settled: false, asking: false };

/** Start and never stop. */
export function startFeed() {
  effect(() => {
    const { live } = store.range.value;
    store.shown.value, explanations.value, store.nodeId.value, live ? store.range.value.span_ms : store.view.value;
    if (laneMetrics.value.size > 0) queueMicrotask(() => untracked(() => settle(loadView().then(() => live || store.answer.peek() === null || askEvents()))));
  });
  beat();
}

async function beat() {
  const began = performance.now();
  beats += 1;
  const up = await settle(askHealth());
  if (up && store.ready.peek()) {
    if (store.instance.peek() === null) settle(api.instance().then((answer) => (store.instance.value = answer)));
    await Promise.all([settle(askListed()), lanesWait() ? settle(askMetrics()) : undefined]);
    if (!working) work();
  }
  const pause = up && store.ready.peek() && laneMetrics.peek().size > 0 ? BEAT_MS : HURRY_MS;
  setTimeout(beat, Math.max(200, pause - (performance.now() - began)));
}

/** Ask for all that a beat asks for, the lanes first: while these are on their way a slow viewer is asked for nothing else. */
async function work() {
  working = true;
  if (store.picked.peek() === null && store.topSix.peek().length === 0) await settle(chooseTop());
  await settle(store.range.peek().live ? loadTail() : loadView());
  if (!store.loading.peek()) {
    await settle(askEvents());
    await settle(chooseTop());
    settle(fillOverview()); // may take long, and steps aside for the lanes by itself
  }
  working = false;
}

/** Whether a metric may yet turn up that a lane waits for. */
const lanesWait = () => (laneMetrics.peek().size < lanes.peek().length ? beats < 60 || beats % 10 === 0 : beats % 30 === 1);

/** Wait for a question; true when it went well. What got lost on the way is asked again with a later beat. */
async function settle(question) {
  try {
    await question;
    return true;
  } catch (error) {
    if (!(error instanceof api.Problem || error instanceof api.Unreachable) && error.name !== "AbortError") console.error(error);
    return false;
  }
}

async function askHealth() {
  const asked = Date.now();
  const answer = await api.health().catch((error) => {
    store.connected.value = !(error instanceof api.Unreachable); // the one question that says whether there is a viewer
    throw error;
  });
  batch(() => {
    store.connected.value = true;
    store.clockOffset_ms.value = answer.now_ms - (asked + Date.now()) / 2;
    store.edge_ms.value = Math.floor(answer.now_ms / answer.interval_ms) * answer.interval_ms;
    store.health.value = answer;
    if (answer.state === "ready") widen(answer);
  });
}

/** A long list is asked for less often. */
async function askListed() {
  if (beats % Math.ceil((store.listed.peek()?.length ?? 1) / EVERY_BEAT) > 0) return;
  store.listed.value = await api.containers();
}

/** What happened in view. What is derived from samples costs the viewer much: it is asked once for a range that stands still. */
async function askEvents() {
  if (!store.ready.peek() || events.asking) return;
  const { live, span_ms } = store.range.peek();
  const { from_ms } = store.view.peek();
  const to_ms = store.end_ms.peek();
  const about = live ? `live ${span_ms}` : `${from_ms} ${to_ms}`;
  if (about === events.about && events.settled && beats % DERIVED_BEATS > 0) return;
  events = { ...events, asking: true };
  try {
    const answer = await api.events({ from_ms, to_ms });
    store.events.value = answer.events;
    events = { about, settled: answer.derived || (!live && to_ms < store.edge_ms.peek() - OLD_MS), asking: false };
  } finally {
    events.asking = false;
  }
}

async function askMetrics() {
  const metrics = await api.metrics();
  const names = (some) => some?.map(({ name }) => name).join();
  if (names(metrics) !== names(store.offered.peek())) store.offered.value = metrics;
}

/** Until a range is chosen: live over the data there is, up to 15 minutes; the end of the data when it is old. */
function widen({ oldest_ms, newest_ms, now_ms, interval_ms }) {
  if (newest_ms === null) return;
  const spans = [60_000, 300_000, 900_000];
  const span_ms = spans.find((size) => size >= newest_ms - oldest_ms) ?? spans.at(-1);
  const live = now_ms - newest_ms < 60_000;
  const to_ms = newest_ms + interval_ms;
  const next = live ? { live, span_ms } : { live, from_ms: Math.max(oldest_ms, to_ms - span_ms), to_ms };
  store.usualRange.value = next;
  if (!store.rangeChosen.peek() && JSON.stringify(next) !== JSON.stringify(store.range.peek())) store.range.value = next;
}

/** What the lanes need of some metrics of some shown workloads, as a Sheet wants it. */
function wantedOf(metrics, entries) {
  const { from_ms, to_ms } = store.view.peek();
  const { live, span_ms } = store.range.peek();
  const interval = store.interval_ms.peek();
  const raw = (to_ms - from_ms) / interval <= api.RAW_TICKS;
  const points = Math.max(100, Math.min(POINTS, Math.round(store.plot.peek().width) || POINTS));
  // Columns on a fixed grid keep their samples while a live view moves, so that its peaks do not flicker.
  const column_ms = raw ? 0 : (to_ms - from_ms) / points;
  const end = raw ? to_ms + interval : to_ms;
  const start = raw ? Math.max(from_ms, end - api.RAW_TICKS * interval) : Math.floor(from_ms / column_ms) * column_ms;
  const until_ms = raw ? end : start + (points + 1) * column_ms;
  // Samples arrive some seconds late.
  const newest_ms = store.health.peek()?.newest_ms;
  const node = store.nodeId.peek();
  return {
    from_ms: start,
    to_ms: until_ms,
    end_ms: newest_ms == null ? until_ms : Math.min(until_ms, newest_ms + interval),
    live: live && span_ms,
    points: raw ? undefined : points + 1,
    column_ms, raw, metrics,
    ids: new Set([...(node ? [node] : []), ...entries.flatMap((entry) => entry.ids)]),
  };
}

const wantedLines = () => wantedOf([...new Set(laneMetrics.peek().values())], store.shown.peek());

/** Of very many lines only those that use most are explained: they are in the ledger, too. */
function wantedExplanations() {
  const use = ({ series }) => store.uses.peek()?.of.get(series.id)?.mean ?? 0;
  const entries = store.shown.peek();
  return wantedOf(explanations.peek(), entries.length > EXPLAINED ? [...entries].sort((a, b) => use(b) - use(a)).slice(0, EXPLAINED) : entries);
}

const mayExplain = () => !store.loading.peek() && store.refusals.lines.peek() === null;

/** Ask for whatever the present view lacks: the lines first, and when these are drawn what explains them. */
async function loadView() {
  if (store.picked.peek() === null && store.topSix.peek().length === 0 && beats < PATIENT_BEATS) return;
  await lines.load(wantedLines());
  await new Promise((done) => setTimeout(done, 50)); // two frames
  if (mayExplain()) await explained.load(wantedExplanations());
}

async function loadTail() {
  await lines.tail(wantedLines());
  if (mayExplain()) await explained.tail(wantedExplanations());
}
