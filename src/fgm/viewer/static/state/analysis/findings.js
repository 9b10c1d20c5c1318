// The findings: what stood out in a range, as sentences. While one of them is shown, the list stays, so that the next one can be.

import { batch, computed, effect, signal } from "../../vendor/signals.js";
import { keepWhileSame } from "../../lib/same-value.js";
import { showMetric } from "../lanes.js";
import { edge_ms, interval_ms, newest_ms, range, view } from "../store.js";
import { pin, showThese, viewChanged, zoom } from "../view.js";

/** Maximum length of the range in which findings are looked for. Of a longer view, it is the last hour. */
export const LONGEST_MS = 3_600_000;
const STALE_MS = 60_000; // in a live view whose data ends earlier, the last data is looked at
const GROWTH_MS = 60_000;
const MARGIN_SHARE = 0.5; // of the length of a finding: how much is shown before and after it
const MIN_MARGIN_MS = 30_000, MAX_MARGIN_MS = 300_000;
const MAX_SHOWN = 12; // further victims are not on the lanes

/** The last answer: {key, from_ms, to_ms, findings, looked_at, partial, skipped_files}; null at first. */
export const findingsAnswer = signal(null);
/** Why there is no answer about a range: {key, text}, or null. */
export const findingsRefusal = signal(null);
/** The finding that is shown: {kind, id, from_ms, within: the range in which it was found}; null if none is. */
export const shownFinding = signal(null);
/** Whether the list shows all findings, and not only the first ones. */
export const showsAllFindings = signal(false);

/** The process behind a finding: Map(key of the finding → {amount, process, total}, or null if there is none). */
export const findingProcesses = signal(new Map());

/** Number of findings that are shown at first. */
export const FIRST_FINDINGS = 3;
/** The findings that are shown at first. */
export const firstFindings = computed(() => findingsAnswer.value?.findings.slice(0, FIRST_FINDINGS) ?? []);
/** The key of a finding, which is the same in each answer that has it. */
export const findingKey = ({ kind, id, from_ms }) => `${kind} ${id} ${from_ms}`;

const keepRange = keepWhileSame();

/** The range to look at: {from_ms, to_ms}, or {span_ms} until now; null without data. */
export const wantedRange = computed(() => keepRange(rangeToLookAt()));

function rangeToLookAt() {
  if (newest_ms.value === null) return null;
  if (shownFinding.value) return shownFinding.value.within;
  const { live, span_ms } = range.value;
  const isRecording = edge_ms.value - newest_ms.value < STALE_MS;
  const last_ms = newest_ms.value + interval_ms.value;
  if (live) return isRecording ? { span_ms: Math.min(span_ms, LONGEST_MS) } : { from_ms: last_ms - Math.min(span_ms, LONGEST_MS), to_ms: last_ms };
  const { from_ms, to_ms } = view.value;
  // The recorded part of a range that goes on into the future grows: it is looked at again once a minute.
  const recorded_ms = isRecording && last_ms < to_ms ? last_ms - ((last_ms - from_ms) % GROWTH_MS) : last_ms;
  const end_ms = Math.max(from_ms + interval_ms.value, Math.min(to_ms, recorded_ms));
  return { from_ms: Math.max(from_ms, end_ms - LONGEST_MS), to_ms: end_ms };
}

/** The key of a range to look at. */
export const keyOf = ({ from_ms, to_ms, span_ms }) => (span_ms ? `live ${span_ms}` : `${from_ms} ${to_ms}`);

/** Whether an answer is about a range. */
export const isAbout = (answer, wanted) => answer !== null && (answer.key === keyOf(wanted) || (answer.from_ms === wanted.from_ms && answer.to_ms === wanted.to_ms));

/** The state of the findings in view: "looking", "refused", or "done". */
export const findingsState = computed(() => {
  const wanted = wantedRange.value;
  if (wanted === null) return "looking";
  if (isAbout(findingsAnswer.value, wanted)) return "done";
  return findingsRefusal.value?.key === keyOf(wanted) ? "refused" : "looking";
});

/** Whether a finding is the one that is shown. */
export function isShown({ kind, id, from_ms }) {
  const shown = shownFinding.value;
  return shown !== null && shown.kind === kind && shown.id === id && shown.from_ms === from_ms;
}

/** Show a finding: the range around it, its series and their victims, the lane of its metric, and the cursor at its beginning. */
export function showFinding({ kind, id, from_ms, to_ms, metric, others }) {
  const answer = findingsAnswer.peek();
  const within = shownFinding.peek()?.within ?? { from_ms: answer.from_ms, to_ms: answer.to_ms };
  const margin_ms = Math.max(MIN_MARGIN_MS, Math.min(MAX_MARGIN_MS, MARGIN_SHARE * (to_ms - from_ms)));
  batch(() => {
    shownFinding.value = { kind, id, from_ms, within };
    zoom(Math.max(0, from_ms - margin_ms), Math.min(to_ms + margin_ms, newest_ms.peek() + interval_ms.peek()));
    showThese([id, ...others.map((other) => other.id)].slice(0, MAX_SHOWN));
    showMetric(metric);
    pin(from_ms);
  });
}

/** Show the finding that is `step` after the one that is shown; without one, the first or the last. */
export function showNextFinding(step) {
  const list = findingsAnswer.peek()?.findings ?? [];
  if (findingsState.peek() !== "done" || list.length === 0) return;
  const current = list.findIndex(isShown);
  const first = step > 0 ? 0 : list.length - 1;
  showFinding(list[current < 0 ? first : (current + step + list.length) % list.length]);
}

/** From now on, look at the range in view, and not at the one in which the finding that is shown was found. */
export function releaseFinding() {
  shownFinding.value = null;
  viewChanged("replace");
}

/** From now on, release the finding that is shown when the view leaves the range in which it was found. */
export function startReleasing() {
  effect(() => {
    const { live } = range.value;
    const { from_ms, to_ms } = view.value;
    const shown = shownFinding.peek();
    if (shown === null) return;
    const isInside = from_ms >= Math.min(shown.within.from_ms, shown.from_ms) - MAX_MARGIN_MS && to_ms <= shown.within.to_ms + MAX_MARGIN_MS;
    if (live || !isInside) shownFinding.value = null;
  });
}
