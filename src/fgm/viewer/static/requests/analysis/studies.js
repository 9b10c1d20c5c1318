// Requests the studies of the lanes that have one, over the range in view, after its samples are loaded.

import { effect, untracked } from "../../vendor/signals.js";
import { keepWhileSame, sameValue } from "../../lib/same-value.js";
import { laneStudies, studyAnswers } from "../../state/analysis/studies.js";
import { laneMetrics } from "../../state/lanes.js";
import { shown } from "../../state/shown.js";
import { end_ms, range, ready, view } from "../../state/store.js";
import * as api from "../api.js";
import { onSourceChange } from "../source.js";
import { whenIdle } from "../yielding.js";

const LONGEST_MS = 3_600_000; // of a longer view, the last hour is studied
const LIVE_MS = 15_000; // a live view is studied again after this time
const MAX_SERIES = 60;

/** What is studied: [{name: lane name, study, metric, ids}]. */
const wantedStudies = () => [...laneStudies.value].filter(([name]) => laneMetrics.value.has(name)).map(([name, study]) => ({
  name, study, metric: laneMetrics.value.get(name), ids: shown.value.filter(({ slot }) => slot !== null).flatMap(({ ids }) => ids).slice(0, MAX_SERIES),
}));

let last = { key: null, time_ms: -Infinity };
let isLoading = false;

onSourceChange(() => {
  last = { key: null, time_ms: -Infinity };
  studyAnswers.value = new Map();
});

async function load() {
  const wanted = untracked(wantedStudies);
  const { live, span_ms } = range.peek();
  const key = [wanted, live ? span_ms : view.peek()];
  const isSame = sameValue(key, last.key);
  if (isLoading || !ready.peek() || (isSame && (!live || performance.now() - last.time_ms < LIVE_MS))) return;
  isLoading = true;
  const to_ms = end_ms.peek(), from_ms = Math.max(view.peek().from_ms, to_ms - LONGEST_MS);
  const answers = new Map();
  try {
    for (const { name, study, metric, ids } of wanted) {
      if (ids.length > 0) answers.set(name, await ask({ study, metric, ids, from_ms, to_ms }));
    }
    last = { key, time_ms: performance.now() };
    studyAnswers.value = answers;
  } finally {
    isLoading = false;
  }
  if (!sameValue(wanted, untracked(wantedStudies))) queueMicrotask(load);
}

async function ask(question) {
  try {
    return { series: [], ...(await whenIdle((signal) => api.studies(question, { signal }))) };
  } catch (error) {
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    return { study: question.study, series: [], refusal: error instanceof api.Problem ? error.message : "The viewer does not respond." };
  }
}

/** From now on, request the studies that the lanes have. */
export function startStudies() {
  const keep = keepWhileSame();
  effect(() => {
    const wanted = keep(wantedStudies());
    if (wanted.length === 0) return void untracked(() => studyAnswers.peek().size > 0 && (studyAnswers.value = new Map()));
    if (view.value && ready.value) queueMicrotask(load);
  });
}
