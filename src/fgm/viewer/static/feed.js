// Keeps the store filled: a heartbeat every 2 s, whole views when they change, and only the new tail while live.
// All lanes share one request; a view that is superseded is aborted.

import { batch, effect, untracked } from "./vendor/signals.js";
import * as api from "./api.js";
import { lineOf, mergeLine, trimLine } from "./samples.js";
import * as store from "./store.js";
import { chooseTop } from "./top.js";

const BEAT_MS = 2000;
const HURRY_MS = 1000; // while there is nothing to show yet, or nobody answers
const RAW_TICKS = 3600; // beyond that the server reduces, and a tail would not fit its pixel columns
const POINTS = 1200; // pixel columns at most
const OVERLAP_MS = 5000; // rows may land late; the tail asks for the last seconds again
const PART_MS = 700; // so long a long range is read before what there is of it is shown
const LEAST_POINTS = 10; // that the server takes
const TRIM_VIEWS = 2;
const DERIVED_BEATS = 15; // between two questions for events that the viewer has to derive
const OLD_MS = 120_000; // what is told of a time may be told so much later
const PATIENT_BEATS = 5; // the first view waits that long for its lines

let loaded = null; // what store.answer holds: {from_ms, to_ms, ids, metrics, raw, isWhole}
let superseded = new AbortController();
let pending = ""; // what the running question for a view is about
let refused = ""; // and what one was about that will never be answered
let asking = false;
let beats = 0;
let events = { about: "", settled: false, asking: false };

/** Start and never stop. */
export function startFeed() {
  effect(() => {
    const { live } = store.range.value;
    const wanted = [store.shown.value, store.laneMetrics.value, store.node.value, live ? store.range.value.span_ms : store.view.value];
    if (wanted[1].size > 0) queueMicrotask(() => untracked(loadView));
    if (!live) queueMicrotask(() => untracked(() => settle(askEvents())));
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
    await settle(chooseTop());
    settle(store.range.peek().live ? loadTail() : loadView());
    settle(askEvents());
  }
  const pause = up && store.ready.peek() && store.laneMetrics.peek().size > 0 ? BEAT_MS : HURRY_MS;
  setTimeout(beat, Math.max(200, pause - (performance.now() - began)));
}

const lanesWait = () => store.laneMetrics.peek().size < store.LANES.length && (beats < 60 || beats % 10 === 0);

/** Wait for a question; tell the store whether somebody answered. True when it went well. */
async function settle(question) {
  try {
    await question;
    store.connected.value = true;
    return true;
  } catch (error) {
    if (error instanceof api.Unreachable) store.connected.value = false;
    else if (!(error instanceof api.Problem) && error.name !== "AbortError") console.error(error);
    return false;
  }
}

async function askHealth() {
  const asked = Date.now();
  const answer = await api.health();
  batch(() => {
    store.clockOffset_ms.value = answer.now_ms - (asked + Date.now()) / 2;
    store.edge_ms.value = Math.floor(answer.now_ms / answer.interval_ms) * answer.interval_ms;
    store.health.value = answer;
    if (answer.state === "ready" && !store.rangeChosen.peek()) widen(answer);
  });
}

async function askListed() {
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
  const names = (await api.metrics()).map((metric) => metric.name);
  if (names.join() !== store.offered.peek()?.join()) store.offered.value = names;
}

/** Until a range is chosen: live over the data there is, up to 15 minutes; the end of the data when it is old. */
function widen({ oldest_ms, newest_ms, now_ms, interval_ms }) {
  if (newest_ms === null) return;
  const spans = [60_000, 300_000, 900_000];
  const span_ms = spans.find((size) => size >= newest_ms - oldest_ms) ?? spans.at(-1);
  const live = now_ms - newest_ms < 60_000;
  const to_ms = newest_ms + interval_ms;
  const next = live ? { live, span_ms } : { live, from_ms: to_ms - span_ms, to_ms };
  if (JSON.stringify(next) !== JSON.stringify(store.range.peek())) store.range.value = next;
}

function wantedNow() {
  const { from_ms, to_ms } = store.view.peek();
  const interval = store.interval_ms.peek();
  const raw = (to_ms - from_ms) / interval <= RAW_TICKS;
  const points = Math.max(100, Math.min(POINTS, Math.round(store.plot.peek().width) || POINTS));
  // Columns on a fixed grid keep their samples while a live view moves, so that its peaks do not flicker.
  const column_ms = raw ? 0 : (to_ms - from_ms) / points;
  const end = raw ? to_ms + interval : to_ms;
  const start = raw ? Math.max(from_ms, end - RAW_TICKS * interval) : Math.floor(from_ms / column_ms) * column_ms;
  const node = store.node.peek();
  const ids = new Set([...(node ? [node.id] : []), ...store.shown.peek().flatMap((entry) => entry.ids)]);
  return {
    from_ms: start,
    to_ms: raw ? end : start + (points + 1) * column_ms,
    points: raw ? undefined : points + 1,
    column_ms, ids, raw,
    metrics: [...new Set(store.laneMetrics.peek().values())],
  };
}

/** Whether what is loaded can be gone on with, so that only series which are missing need to be asked for. */
function goesOn(wanted) {
  if (!loaded?.isWhole || loaded.raw !== wanted.raw || loaded.metrics.join() !== wanted.metrics.join()) return false;
  if (!wanted.raw) return loaded.from_ms === wanted.from_ms && loaded.column_ms === wanted.column_ms;
  // While live the tail brings the rest.
  const enough_ms = store.range.peek().live ? wanted.from_ms : known(wanted.to_ms);
  return loaded.from_ms <= wanted.from_ms && loaded.to_ms >= enough_ms;
}

/** The end of what an answer up to `to_ms` can hold now: samples arrive some seconds late. */
function known(to_ms) {
  const newest_ms = store.health.peek()?.newest_ms;
  return newest_ms == null ? to_ms : Math.min(to_ms, newest_ms + store.interval_ms.peek());
}

/** Ask for whatever the present view lacks. */
async function loadView() {
  if (store.picked.peek() === null && store.topSix.peek().length === 0 && beats < PATIENT_BEATS) return;
  const wanted = wantedNow();
  const more = goesOn(wanted);
  if (more) forget((id) => !wanted.ids.has(id));
  const missing = [...wanted.ids].filter((id) => !more || !loaded.ids.has(id));
  const { live, span_ms } = store.range.peek();
  const range = live ? span_ms : [wanted.from_ms, wanted.to_ms];
  const about = missing.length > 0 ? JSON.stringify([range, wanted.points, wanted.metrics, missing, more]) : "";
  if (about !== "" && (about === refused || (store.loading.peek() && about === pending))) return;
  superseded.abort();
  superseded = new AbortController();
  pending = about;
  refused = "";
  store.loading.value = missing.length > 0;
  if (missing.length === 0) {
    store.refusal.value = null;
    return;
  }
  const { signal } = superseded;
  const end_ms = known(wanted.to_ms);
  try {
    const inParts = !more && shownShare(wanted) < 0.5; // else what is shown stays until its better is whole
    const parts = [];
    let isNew = !more;
    for (let rest = { ...wanted, ids: missing, within_ms: wanted.raw ? undefined : PART_MS }; rest;) {
      const answer = await api.timeseries(rest, { signal });
      if (signal.aborted) return;
      parts.push(answer);
      rest = remaining(rest, answer);
      if (rest && !inParts) continue;
      batch(() => {
        for (const part of parts.splice(0)) {
          if (isNew) replace(part, { ...wanted, to_ms: end_ms });
          else add(part, {});
          isNew = false;
        }
        if (!rest) loaded = { ...loaded, ...(more && common(wanted, end_ms)), ids: new Set([...(more ? loaded.ids : []), ...missing]), isWhole: true };
        store.connected.value = true;
        store.refusal.value = null;
      });
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof api.Problem) {
      store.refusal.value = error.message;
      if (error.isFinal) refused = about;
    } else if (error instanceof api.Unreachable) store.connected.value = false;
    else throw error;
  } finally {
    if (!signal.aborted) store.loading.value = false;
  }
}

/** How much of a wanted range is shown already, however coarsely. */
function shownShare({ from_ms, to_ms }) {
  if (!loaded) return 0;
  return Math.max(0, Math.min(to_ms, loaded.to_ms) - Math.max(from_ms, loaded.from_ms)) / (to_ms - from_ms);
}

/** What is left to ask after an answer that holds only the newest part of its range; null when nothing is. */
function remaining(asked, { complete_from_ms }) {
  if (!(complete_from_ms > Math.ceil(asked.from_ms))) return null;
  const share = (complete_from_ms - asked.from_ms) / (asked.to_ms - asked.from_ms);
  return { ...asked, to_ms: complete_from_ms, points: Math.max(LEAST_POINTS, Math.round(asked.points * share)) };
}

/** While live: the samples since the last answer, or the whole view where the server reduces or they do not meet. */
async function loadTail() {
  const wanted = wantedNow();
  if (asking || store.loading.peek() || wanted.metrics.length === 0) return;
  if (!wanted.raw || !goesOn(wanted)) return loadView();
  asking = true;
  const before = loaded;
  const end_ms = known(wanted.to_ms);
  try {
    const tail = { metrics: before.metrics, ids: [...before.ids], from_ms: before.to_ms - OVERLAP_MS, to_ms: wanted.to_ms };
    const answer = await api.timeseries(tail);
    if (loaded !== before) return; // another view came meanwhile; its own tail follows
    batch(() => add(answer, { to_ms: Math.max(before.to_ms, end_ms) }));
    if (loaded.to_ms - loaded.from_ms > TRIM_VIEWS * (wanted.to_ms - wanted.from_ms)) forgetBefore(wanted.from_ms);
  } finally {
    asking = false;
  }
}

/** The range that all lines cover after some were added. */
function common({ from_ms }, end_ms) {
  return { from_ms: Math.max(loaded.from_ms, from_ms), to_ms: Math.min(loaded.to_ms, end_ms) };
}

function replace(answer, { from_ms, to_ms, ids, metrics, raw, column_ms }) {
  const lines = new Map(metrics.map((name) => [name, []]));
  for (const series of answer.series) lines.get(series.metric)?.push(lineOf(series));
  loaded = { from_ms, to_ms, ids, metrics, raw, column_ms, isWhole: false };
  // A long range with little data in it comes whole, though columns were asked for.
  const reduced = answer.resolution !== "raw";
  store.answer.value = { lines, interval_ms: answer.interval_ms, column_ms: reduced ? column_ms : 0, origin_ms: from_ms };
}

function add(answer, changes) {
  const { lines } = store.answer.peek();
  for (const series of answer.series) {
    const of = lines.get(series.metric);
    const line = of?.find((old) => old.id === series.id && old.life === series.life);
    if (line) mergeLine(line, lineOf(series));
    else of?.push(lineOf(series));
  }
  loaded = { ...loaded, ...changes };
  store.answer.value = { ...store.answer.peek() };
}

function forget(unwanted) {
  const { lines } = store.answer.peek();
  const gone = [...loaded.ids].filter(unwanted);
  if (gone.length === 0) return;
  for (const [name, of] of lines) lines.set(name, of.filter((line) => !unwanted(line.id)));
  gone.forEach((id) => loaded.ids.delete(id));
}

function forgetBefore(from_ms) {
  for (const of of store.answer.peek().lines.values()) of.forEach((line) => trimLine(line, from_ms));
  loaded = { ...loaded, from_ms };
}
