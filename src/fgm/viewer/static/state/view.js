// What hands do to the view: its range, its cursor, and who is on the lanes.

import { batch } from "../vendor/signals.js";
import { workload } from "../lib/series.js";
import { byId, cursor_ms, end_ms, health, hover_ms, interval_ms, newest_ms, picked, pinned_ms, range, rangeChosen, shown, view } from "./store.js";
import { ALL, END_OF_TIME_MS, PRESETS } from "../lib/time-format.js";

const LEAST_SAMPLES = 5;
const LONGEST_MS = 3650 * 86_400_000; // longer is as good as all

const listeners = [];
/** Call `listener(push)` after a person changed the view; `push`: "back" should return to the view before, "turn": once for many. */
export function onChange(listener) {
  listeners.push(listener);
}
/** Tell that a person changed what the address says. */
export const changed = (push) => listeners.forEach((listener) => listener(push));

// Ranges -------------------------------------------------------------------------------------------------------

let lastSpan_ms = PRESETS[2][1];

function setRange(next, push = true) {
  batch(() => {
    range.value = next;
    rangeChosen.value = true;
    if (push !== "turn") hover_ms.value = null; // while a wheel turns, the pointer stays where it is
    if (next.live) pinned_ms.value = null;
  });
  changed(push);
}

export function follow(span_ms = range.peek().span_ms ?? lastSpan_ms) {
  lastSpan_ms = span_ms > LONGEST_MS ? ALL : Math.max(LEAST_SAMPLES * interval_ms.peek(), span_ms);
  setRange({ live: true, span_ms: lastSpan_ms });
}

/** Hold the view still, where it is. */
export function pause() {
  if (range.peek().live) lastSpan_ms = range.peek().span_ms;
  setRange({ live: false, ...view.peek() });
}

/** Show [from_ms, to_ms), at least five samples wide. */
export function zoom(from_ms, to_ms, push = true) {
  const step = interval_ms.peek();
  const missing = Math.max(0, LEAST_SAMPLES * step - (to_ms - from_ms)) / 2;
  const from = Math.floor((from_ms - missing) / step) * step, to = Math.ceil((to_ms + missing) / step) * step;
  if (range.peek().live) lastSpan_ms = range.peek().span_ms;
  setRange({ live: false, from_ms: Math.max(0, from), to_ms: Math.min(to, END_OF_TIME_MS) }, push);
}

/** Make the view `factor` times as long, around an instant that stays where it is. */
export function zoomAround(factor, around_ms = cursor_ms.peek()) {
  const { from_ms, to_ms } = view.peek();
  const at = Math.max(from_ms, Math.min(to_ms, around_ms));
  if (factor < 1 && to_ms - from_ms <= LEAST_SAMPLES * interval_ms.peek()) return;
  zoom(at - (at - from_ms) * factor, at + (to_ms - at) * factor, "turn");
}

/** Move the view by a share of its length; never beyond the present. */
export function pan(share) {
  const { from_ms, to_ms } = view.peek();
  const step = interval_ms.peek();
  const most_ms = Math.max(0, (newest_ms.peek() ?? to_ms) + step - to_ms);
  const by_ms = Math.round(Math.min(share * (to_ms - from_ms), Math.max(most_ms, 0)) / step) * step;
  if (by_ms !== 0) zoom(from_ms + by_ms, to_ms + by_ms, "turn");
}

/** A preset keeps the right edge of a view that stands still, and the present of one that follows. */
export function preset(span_ms) {
  if (range.peek().live) follow(span_ms);
  else zoom(view.peek().to_ms - span_ms, view.peek().to_ms);
}

/** Everything: a view that follows goes on following. */
export function showAll() {
  const { oldest_ms } = health.peek();
  if (range.peek().live) follow(ALL);
  else if (oldest_ms !== null) zoom(oldest_ms, newest_ms.peek() + interval_ms.peek());
}

/** From the first to the last sample of what is on the lanes. */
export function fitShown() {
  const lives = shown.peek().flatMap(({ ids }) => ids.map((id) => byId.peek().get(id))).filter((series) => series?.scope !== "node");
  if (lives.length === 0) return showAll();
  const from_ms = Math.min(...lives.map((series) => series.first_seen_ms));
  const to_ms = Math.max(...lives.map((series) => series.last_seen_ms));
  zoom(from_ms, to_ms + interval_ms.peek());
}

// Cursor -------------------------------------------------------------------------------------------------------

/** Pin an instant; one out of view takes the nearest that is in it. */
export function pin(ms) {
  const step = interval_ms.peek();
  pinned_ms.value = Math.max(view.peek().from_ms, Math.min(Math.floor(ms / step) * step, end_ms.peek() - step));
  changed(false);
}

export function unpin() {
  pinned_ms.value = null;
  changed(false);
}

export function togglePin() {
  if (pinned_ms.peek() === null) pin(cursor_ms.peek());
  else unpin();
}

/** Move the cursor by some samples; the view goes with it at its edges, and stands still from then on. */
export function stepCursor(samples) {
  const at = cursor_ms.peek() + samples * interval_ms.peek();
  const { from_ms, to_ms } = view.peek();
  if (range.peek().live) pause();
  if (at < from_ms || at >= end_ms.peek()) pan((at < from_ms ? at - from_ms : at - to_ms + interval_ms.peek()) / (to_ms - from_ms));
  pin(at);
}

/** Pin an instant and see to it that it is in view. */
export function goTo(ms) {
  const { from_ms, to_ms } = view.peek();
  if (ms < from_ms || ms >= to_ms) {
    const half = (to_ms - from_ms) / 2;
    zoom(ms - half, ms + half);
  } else if (range.peek().live) pause();
  pin(ms);
}

// Selection ----------------------------------------------------------------------------------------------------

export function showOnly(id) {
  picked.value = [id];
  changed(false);
}

/** Put all of these on the lanes. */
export function showThese(ids) {
  picked.value = ids;
  changed(false);
}

export function toggle(id) {
  const key = workload(byId.peek().get(id));
  const now = shown.peek();
  const ids = now.filter((entry) => entry.key !== key).map((entry) => entry.series.id);
  picked.value = now.some((entry) => entry.key === key) ? ids : [...ids, id];
  changed(false);
}

export function showTop() {
  picked.value = null;
  changed(false);
}
