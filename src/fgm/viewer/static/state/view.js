// Actions that change the view: its range, its cursor, and the series on the lanes.

import { batch, effect } from "../vendor/signals.js";
import { workload } from "../lib/series.js";
import { ALL, END_OF_TIME_MS, PRESETS } from "../lib/time-format.js";
import { showable } from "./pack.js";
import { shown } from "./shown.js";
import { byId, cursor_ms, end_ms, health, hover_ms, interval_ms, newest_ms, picked, pinned_ms, range, rangeChosen, view } from "./store.js";

const MIN_SAMPLES = 5;
const LONGEST_MS = 3650 * 86_400_000; // a longer live view shows all data

const listeners = [];
/**
 * Call `listener(history)` after each change of the view by a person. `history` is the effect on the browser's history: "push"
 * adds an entry, "turn" adds one entry for many changes in a row, "replace" adds none.
 */
export function onViewChange(listener) {
  listeners.push(listener);
}
/** Call the listeners, after a person has changed something that the URL contains. */
export const viewChanged = (history) => listeners.forEach((listener) => listener(history));

// Ranges -------------------------------------------------------------------------------------------------------

let lastSpan_ms = PRESETS[2][1];

function setRange(next, history = "push") {
  batch(() => {
    range.value = showable(next);
    rangeChosen.value = true;
    if (history !== "turn") hover_ms.value = null; // while a wheel turns, the pointer stays where it is
    if (range.value.live) pinned_ms.value = null;
  });
  viewChanged(history);
}

/** Show the newest data of a length, and follow it: new data comes into view. */
export function follow(span_ms = range.peek().span_ms ?? lastSpan_ms) {
  lastSpan_ms = span_ms > LONGEST_MS ? ALL : Math.max(MIN_SAMPLES * interval_ms.peek(), span_ms);
  setRange({ live: true, span_ms: lastSpan_ms });
}

/** Stop following new data, and keep the range that is in view now. */
export function pause() {
  if (range.peek().live) lastSpan_ms = range.peek().span_ms;
  setRange({ live: false, ...view.peek() });
}

/** Show [from_ms, to_ms), widened to at least five samples. */
export function zoom(from_ms, to_ms, history = "push") {
  const step = interval_ms.peek();
  const margin = Math.max(0, MIN_SAMPLES * step - (to_ms - from_ms)) / 2;
  const from = Math.floor((from_ms - margin) / step) * step, to = Math.ceil((to_ms + margin) / step) * step;
  if (range.peek().live) lastSpan_ms = range.peek().span_ms;
  setRange({ live: false, from_ms: Math.max(0, from), to_ms: Math.min(to, END_OF_TIME_MS) }, history);
}

/** Multiply the length of the view by `factor`. The instant `around_ms` keeps its position. */
export function zoomAround(factor, around_ms = cursor_ms.peek()) {
  const { from_ms, to_ms } = view.peek();
  const center_ms = Math.max(from_ms, Math.min(to_ms, around_ms));
  if (factor < 1 && to_ms - from_ms <= MIN_SAMPLES * interval_ms.peek()) return;
  zoom(center_ms - (center_ms - from_ms) * factor, center_ms + (to_ms - center_ms) * factor, "turn");
}

/** Move the view by a share of its length, but never beyond the newest data. */
export function pan(share) {
  const { from_ms, to_ms } = view.peek();
  const step = interval_ms.peek();
  const max_ms = Math.max(0, (newest_ms.peek() ?? to_ms) + step - to_ms);
  const by_ms = Math.round(Math.min(share * (to_ms - from_ms), max_ms) / step) * step;
  if (by_ms !== 0) zoom(from_ms + by_ms, to_ms + by_ms, "turn");
}

/** Show a range of this length. A paused view keeps its right edge; a live view stays live. */
export function preset(span_ms) {
  if (range.peek().live) follow(span_ms);
  else zoom(view.peek().to_ms - span_ms, view.peek().to_ms);
}

/** Show all data; a live view stays live. */
export function showAll() {
  const { oldest_ms } = health.peek();
  if (range.peek().live) follow(ALL);
  else if (oldest_ms !== null) zoom(oldest_ms, newest_ms.peek() + interval_ms.peek());
}

/** Show the range from the first to the last sample of the series on the lanes. */
export function fitShown() {
  const series = shown.peek().flatMap(({ ids }) => ids.map((id) => byId.peek().get(id))).filter((item) => item?.scope !== "node");
  if (series.length === 0) return showAll();
  const from_ms = Math.min(...series.map(({ first_seen_ms }) => first_seen_ms));
  const to_ms = Math.max(...series.map(({ alive, last_seen_ms }) => (alive ? newest_ms.peek() : last_seen_ms)));
  zoom(from_ms, to_ms + interval_ms.peek());
}

// Cursor -------------------------------------------------------------------------------------------------------

/** Pin the cursor at an instant, or at the nearest instant in view. */
export function pin(ms) {
  const step = interval_ms.peek();
  pinned_ms.value = Math.max(view.peek().from_ms, Math.min(Math.floor(ms / step) * step, end_ms.peek() - step));
  viewChanged("replace");
}

/** Let the cursor follow the pointer again. */
export function unpin() {
  pinned_ms.value = null;
  viewChanged("replace");
}

/** Pin the cursor where it is, or unpin it. */
export function togglePin() {
  if (pinned_ms.peek() === null) pin(cursor_ms.peek());
  else unpin();
}

/** From now on, unpin the cursor when its instant leaves the view. */
export function startUnpinning() {
  effect(() => {
    const ms = pinned_ms.value;
    if (ms !== null && (ms < view.value.from_ms || ms >= end_ms.value)) pinned_ms.value = null;
  });
}

/** Move the cursor by some samples and pin it. A live view is paused. If the cursor leaves the view, the view moves with it. */
export function stepCursor(samples) {
  const ms = cursor_ms.peek() + samples * interval_ms.peek();
  const { from_ms, to_ms } = view.peek();
  if (range.peek().live) pause();
  if (ms < from_ms || ms >= end_ms.peek()) pan((ms < from_ms ? ms - from_ms : ms - to_ms + interval_ms.peek()) / (to_ms - from_ms));
  pin(ms);
}

/** Pin the cursor at an instant, and move the view to it if it is outside. */
export function goTo(ms) {
  const { from_ms, to_ms } = view.peek();
  if (ms < from_ms || ms >= to_ms) {
    const half = (to_ms - from_ms) / 2;
    zoom(ms - half, ms + half);
  } else if (range.peek().live) pause();
  pin(ms);
}

// Selection ----------------------------------------------------------------------------------------------------

/** Show only this series on the lanes. */
export function showOnly(id) {
  picked.value = [id];
  viewChanged("replace");
}

/** Show these series on the lanes. */
export function showThese(ids) {
  picked.value = ids;
  viewChanged("replace");
}

/** Add a series to the lanes, or remove its workload from them. */
export function toggle(id) {
  const key = workload(byId.peek().get(id));
  const entries = shown.peek();
  const ids = entries.filter((entry) => entry.key !== key).map((entry) => entry.series.id);
  picked.value = entries.some((entry) => entry.key === key) ? ids : [...ids, id];
  viewChanged("replace");
}

/** Show the busiest series on the lanes. */
export function showTop() {
  picked.value = null;
  viewChanged("replace");
}
