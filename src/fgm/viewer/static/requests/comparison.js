// Compares the view with the same length of time before it: the viewer ranks what changed, over all containers and metrics.

import { effect } from "../vendor/signals.js";
import { comparison } from "../state/page.js";
import { range, view } from "../state/store.js";
import * as api from "./api.js";

const LONGEST_MS = 3_600_000; // the viewer reads every sample of both ranges
const MAX_CONTAINERS = 12;

let running = new AbortController();

/** Whether the view is paused and short enough to be compared. */
export const canCompare = () => !range.value.live && view.value.to_ms - view.value.from_ms <= LONGEST_MS;

/** Request what changed in view; progress, answer or refusal appear in `comparison`. */
export async function compare() {
  if (!canCompare()) return;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const { from_ms, to_ms } = view.peek();
  comparison.value = { from_ms, to_ms, progress: 0, answer: null, refusal: null };
  const update = (news) => !signal.aborted && (comparison.value = { ...comparison.peek(), ...news });
  try {
    update({ answer: await api.changes({ from_ms, to_ms, limit: MAX_CONTAINERS }, (progress) => update({ progress }), signal) });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    update({ refusal: error instanceof api.Problem ? error.message : "The viewer does not answer." });
  }
}

/** Stop comparing and forget the answer. */
export function closeComparison() {
  running.abort();
  comparison.value = null;
}

/** Close the comparison from now on when another range comes into view. */
export function startClosingComparison() {
  effect(() => {
    const { from_ms, to_ms } = view.value;
    const compared = comparison.peek();
    if (compared !== null && (compared.from_ms !== from_ms || compared.to_ms !== to_ms)) closeComparison();
  });
}
