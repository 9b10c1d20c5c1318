// Compares the view with the other range, or with the range of the same length before it. The viewer ranks what differs, of all
// containers and metrics.

import { effect } from "../../vendor/signals.js";
import { otherPack, otherRange, pairedIds } from "../../state/compare/other-range.js";
import { openedPack } from "../../state/pack.js";
import { comparison } from "../../state/page.js";
import { range, view } from "../../state/store.js";
import * as api from "../api.js";
import { differences } from "../compare/differences.js";
import { onSourceChange } from "../source.js";
import { whenIdle } from "../yielding.js";

const LONGEST_MS = 3_600_000; // the viewer reads every sample of both ranges
const MAX_CONTAINERS = 12;
const PAUSE_MS = 400; // a view that moves is not compared with the other range

let running = new AbortController();

/** Whether the view is paused and short enough to be compared. */
export const canCompare = () => !range.value.live && view.value.to_ms - view.value.from_ms <= LONGEST_MS;

/** Request the differences of the view. The progress, and then the result or the refusal, are written to `comparison`. */
export async function compare() {
  if (!canCompare()) return;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const { from_ms, to_ms } = view.peek();
  const other = otherRange.peek(), against_ms = other?.from_ms;
  comparison.value = { from_ms, to_ms, against_ms, pack: otherPack.peek(), pair: pairedIds.peek(), progress: 0, result: null, refusal: null };
  const update = (news) => !signal.aborted && (comparison.value = { ...comparison.peek(), ...news });
  try {
    const onProgress = (progress) => update({ progress });
    const isOfPack = other !== null && (openedPack.peek() !== null || otherPack.peek() !== null);
    const result = isOfPack
      ? await differences(other, { from_ms, to_ms }, MAX_CONTAINERS, onProgress, signal)
      : await api.changes({ from_ms, to_ms, against_ms, pair: pairedIds.peek(), limit: MAX_CONTAINERS }, onProgress, signal);
    update({ result });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    update({ refusal: error instanceof api.Problem ? error.message : "The viewer does not respond." });
  }
}

/** Stop comparing and discard the result. */
export function closeComparison() {
  running.abort();
  comparison.value = null;
}

onSourceChange(closeComparison);

/** From now on, close the comparison when another range comes into view, and compare the view with the other range if there is one. */
export function startComparing() {
  let timer = 0;
  effect(() => {
    const { from_ms, to_ms } = view.value;
    const against_ms = otherRange.value?.from_ms, pack = otherPack.value, pair = pairedIds.value;
    const isPossible = canCompare();
    const compared = comparison.peek();
    const isSame = compared !== null && compared.from_ms === from_ms && compared.to_ms === to_ms && compared.against_ms === against_ms && compared.pack === pack && (against_ms === undefined || compared.pair === pair);
    if (compared !== null && !isSame) closeComparison();
    clearTimeout(timer);
    if (against_ms === undefined || !isPossible || isSame) return;
    timer = setTimeout(() => whenIdle(() => comparison.peek() === null && compare()), PAUSE_MS);
  });
}
