// Requests the values of the lanes with a line for each label, such as "I/O by disk of payments".

import { effect, untracked } from "../vendor/signals.js";
import { sameValue } from "../lib/same-value.js";
import { labelledLane, labelledLines } from "../state/labelled.js";
import { laneNames } from "../state/lanes.js";
import { livesWithin } from "../state/processes.js";
import { end_ms, plot, range, ready, view } from "../state/store.js";
import * as api from "./api.js";
import { onSourceChange } from "./source.js";

const LIVE_MS = 5000; // a live view is requested again after this time
const MAX_LINES = 16;
const MAX_LIVES = 100; // earlier lives of a container that restarts all the time are not on its lane

const isExpected = (error) => error instanceof api.Problem || error instanceof api.Unreachable || error.name === "AbortError";

/** The lines of a response, one for each label and life of the series, in the form of the lines of other lanes. */
function linesOf({ series, unit, name }) {
  const labels = [...new Set(series.map(({ label }) => label))].slice(0, MAX_LINES);
  const drawn = series.filter(({ label }) => labels.includes(label));
  return drawn.map(({ id, name: of, label, t_ms, value }) => {
    const entry = { key: label, ids: [label], slot: labels.indexOf(label), series: { id: label, name: label, scope: "process", container_name: of } };
    return { line: { id: `${label} ${id}`, metric: name, unit, life: 1, t: t_ms, v: value }, entry };
  }).reverse();
}

let lastKey = "", lastTime_ms = -Infinity, isLoading = false;

onSourceChange(() => {
  lastKey = "";
  isLoading = false;
  labelledLines.value = new Map();
});

async function loadLines() {
  const names = laneNames.peek().filter(labelledLane);
  if (names.length === 0 || !ready.peek() || isLoading) return;
  const { live, span_ms } = range.peek();
  const { from_ms } = view.peek();
  const key = JSON.stringify([names, live ? span_ms : view.peek()]);
  if (key === lastKey && (!live || performance.now() - lastTime_ms < LIVE_MS)) return;
  isLoading = true;
  const points = Math.max(100, Math.min(1200, Math.round(plot.peek().width) || 600));
  const loaded = new Map();
  for (const name of names) {
    const { metric, id } = labelledLane(name);
    try {
      const ids = livesWithin(id, from_ms, end_ms.peek()).slice(-MAX_LIVES);
      loaded.set(name, { lines: linesOf(await api.labelled({ metric, ids, from_ms, to_ms: end_ms.peek(), points })) });
    } catch (error) {
      if (!isExpected(error)) throw error;
      loaded.set(name, { lines: [], refusal: error.message });
    }
  }
  isLoading = false;
  lastKey = key;
  lastTime_ms = performance.now();
  labelledLines.value = loaded;
  if (!sameValue(names, laneNames.peek().filter(labelledLane))) queueMicrotask(loadLines);
}

/** From now on, load the labels that are shown. */
export function startLabelled() {
  effect(() => {
    if (view.value && laneNames.value.some(labelledLane) && ready.value) queueMicrotask(() => untracked(loadLines));
  });
}
