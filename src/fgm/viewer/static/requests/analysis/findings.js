// Asks what stood out: in the range in view after its samples are loaded, and in a live view once a minute.

import { effect } from "../../vendor/signals.js";
import { findingsAnswer, findingsRefusal, isAbout, keyOf, showsAllFindings, wantedRange } from "../../state/analysis/findings.js";
import { edge_ms, interval_ms, laneSamples, loadingExplanations } from "../../state/store.js";
import * as api from "../api.js";
import { onSourceChange } from "../source.js";
import { whenIdle } from "../yielding.js";

const PAUSE_MS = 300; // a view that moves is not looked at
const LIVE_MS = 60_000; // time between two requests in a live view, and until a failed one is repeated
const MAX_FINDINGS = 20;
const MAX_KEPT = 12;

const earlier = new Map(); // key of a fixed range → answer, so that going back shows it at once
let running = new AbortController();
let isRunning = false;
const NO_FAILURE = { key: "", time_ms: -Infinity, isFinal: false };
let failed = NO_FAILURE; // the last request that was refused or got no response

onSourceChange(() => {
  running.abort();
  earlier.clear();
  failed = NO_FAILURE;
  findingsAnswer.value = findingsRefusal.value = null;
});

function isDue(wanted) {
  const answer = findingsAnswer.peek();
  if (isAbout(answer, wanted)) return Boolean(wanted.span_ms) && performance.now() - Math.max(answer.time_ms, failed.time_ms) >= LIVE_MS;
  return failed.key !== keyOf(wanted) || (!failed.isFinal && performance.now() - failed.time_ms >= LIVE_MS);
}

/** Ask what stood out in the wanted range, if that is not known. Call it once per poll, and when the samples of a view are loaded. */
export async function updateFindings() {
  if (isRunning || laneSamples.peek() === null || wantedRange.peek() === null || !isDue(wantedRange.peek())) return;
  isRunning = true;
  running = new AbortController();
  const { signal } = running;
  try {
    await new Promise((done) => setTimeout(done, PAUSE_MS));
    if (!signal.aborted) await look(wantedRange.peek(), signal);
  } finally {
    isRunning = false;
  }
  if (signal.aborted) await updateFindings();
}

async function look(wanted, signal) {
  const key = keyOf(wanted);
  const to_ms = wanted.to_ms ?? edge_ms.peek() + interval_ms.peek();
  const range = { from_ms: wanted.from_ms ?? to_ms - wanted.span_ms, to_ms };
  try {
    const answer = await whenIdle((giveWay) => {
      if (signal.aborted || loadingExplanations.peek()) return null; // a later poll asks
      return api.findings({ ...range, limit: MAX_FINDINGS }, { signal: AbortSignal.any([signal, giveWay]) });
    });
    if (signal.aborted || answer === null) return;
    show({ ...answer, ...range, key, time_ms: performance.now() });
  } catch (error) {
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    // A banner says that there is no viewer; as soon as there is one, a poll asks again.
    if (signal.aborted || (error instanceof api.Unreachable && !error.isLate)) return;
    failed = { key, time_ms: performance.now(), isFinal: Boolean(error.isFinal) };
    // A live view keeps its last answer.
    findingsRefusal.value = { key, text: error instanceof api.Problem ? error.message : "The viewer does not respond." };
  }
}

function show(answer) {
  if (findingsAnswer.peek()?.key !== answer.key) showsAllFindings.value = false;
  findingsRefusal.value = null;
  findingsAnswer.value = answer;
  if (answer.key.startsWith("live")) return;
  earlier.delete(answer.key);
  earlier.set(answer.key, answer);
  if (earlier.size > MAX_KEPT) earlier.delete(earlier.keys().next().value);
}

/** From now on, stop looking at a range when another one is wanted, and show the answer about that one if it is known. */
export function startFindings() {
  effect(() => {
    const wanted = wantedRange.value;
    running.abort();
    const answer = wanted && earlier.get(keyOf(wanted));
    if (answer && !isAbout(findingsAnswer.peek(), wanted)) queueMicrotask(() => wantedRange.peek() === wanted && show(answer));
  });
}
