// The other range: a second range of the same length whose lines lie under those in view, on relative time.

import { batch, computed, signal } from "../../vendor/signals.js";
import { keepWhileSame } from "../../lib/same-value.js";
import { end_ms, range, view } from "../store.js";
import { pause, viewChanged } from "../view.js";

/** How much later than the other range the view is; null if there is no other range. It stays while the view moves. */
export const shift_ms = signal(null);
/** The pack that has the other range: {source, series, from_ms, to_ms, fileName}; null: it is of the same source as the view. */
export const otherPack = signal(null);
/** The pack that a link compares with, which an address cannot contain: {fileName: or null, shift_ms}; null if none is missing. */
export const missingPack = signal(null);
/** The series that a person has paired: {id, other}, of the view and of the other range; null: series with the same names. */
export const pairedIds = signal(null);
/** Samples of the other range, as `laneSamples`, with the times of the other range; null without them. */
export const otherSamples = signal(null);
/** Whether samples of the other range are being loaded. */
export const loadingOther = signal(false);
/** Why samples of the other range were refused: a text, or null. */
export const otherRefusal = signal(null);

const keep = keepWhileSame();
let lastPack = null; // stays in memory, so that "back" shows it again

/** The other range: {from_ms, to_ms, end_ms, shift_ms}; null if there is none. */
export const otherRange = computed(() => keep(shift_ms.value === null ? null : {
  from_ms: view.value.from_ms - shift_ms.value, to_ms: view.value.to_ms - shift_ms.value, end_ms: end_ms.value - shift_ms.value, shift_ms: shift_ms.value,
}));

/** Lay the range that begins at `from_ms` under the view. A view that is live is paused if the other range would be in it. */
export function compareWith(from_ms) {
  const shift = view.peek().from_ms - from_ms;
  if (shift === 0 || !(from_ms >= 0)) return;
  batch(() => {
    if (range.peek().live && shift < 0) pause();
    otherPack.value = missingPack.value = pairedIds.value = null;
    shift_ms.value = shift;
  });
  viewChanged("push");
}

/** Lay another series, at the same time, under one in view. */
export function compareSeries(id, other) {
  batch(() => {
    if (range.peek().live) pause();
    otherPack.value = missingPack.value = null;
    shift_ms.value = 0;
    pairedIds.value = { id, other };
  });
  viewChanged("push");
}

/** Lay the range that is so much earlier under the view. */
export const compareWithEarlier = (by_ms) => compareWith(view.peek().from_ms - by_ms);

/** Lay a pack under the view: as far from its begin as the view is from `begin_ms`, or as a link says that it is missing from. */
export function compareWithPack(pack, begin_ms) {
  const missing = missingPack.peek(), linked_ms = view.peek().from_ms - (missing?.shift_ms ?? NaN);
  const isLinked = linked_ms >= pack.from_ms && linked_ms < pack.to_ms;
  batch(() => {
    if (range.peek().live) pause();
    otherPack.value = lastPack = pack;
    pairedIds.value = missingPack.value = null;
    shift_ms.value = isLinked ? missing.shift_ms : begin_ms - pack.from_ms;
  });
  viewChanged(missing ? "replace" : "push");
}

/** Lay the pack under the view whose name a link has, if it is in memory; else say that it is missing. `begin_ms`: of the other range, or NaN. */
export function compareWithNamedPack(fileName, begin_ms) {
  const pack = otherPack.peek() ?? lastPack;
  const shift = Number.isFinite(begin_ms) ? view.peek().from_ms - begin_ms : otherPack.peek() && shift_ms.peek();
  const isThere = pack !== null && Number.isFinite(shift) && [undefined, pack.fileName].includes(fileName);
  otherPack.value = isThere ? pack : null;
  shift_ms.value = isThere ? shift : null;
  missingPack.value = isThere ? null : { fileName: fileName ?? null, shift_ms: shift };
}

/** Show the view alone again. */
export function stopComparing() {
  if (shift_ms.peek() === null && missingPack.peek() === null) return;
  batch(() => {
    shift_ms.value = null;
    otherPack.value = missingPack.value = pairedIds.value = null;
  });
  viewChanged("push");
}
