// Requests processes: at the cursor, for the open row of the cursor table, and over the view, for the lanes "processes of …".

import { effect, untracked } from "../vendor/signals.js";
import { sameValue } from "../lib/same-value.js";
import { focused, laneNames } from "../state/lanes.js";
import { livesWithin, processLane, processLines, processesAtCursor, wantedAtCursor } from "../state/processes.js";
import { end_ms, plot, range, ready, view } from "../state/store.js";
import * as api from "./api.js";
import { onSourceChange } from "./source.js";

const PAUSE_MS = 120; // so that a moving pointer does not send a request for each pixel
const MAX_AT_CURSOR = 20;
const MAX_LINES = 12;
const MAX_LIVES = 4; // further lives of a restarted container are not on its lane
const LIVE_SHARE = 0.01; // a live view is requested again after this share of its length, within these limits
const MIN_LIVE_MS = 5000, MAX_LIVE_MS = 60_000;
const BY_LANE = { memory: "memory" };

const isExpected = (error) => error instanceof api.Problem || error instanceof api.Unreachable || error.name === "AbortError";

let cursorRequest = new AbortController(), cursorTimer = 0;

/** The order of the processes of the open row: that of the focused lane if it shows memory, else by CPU. */
const orderAtCursor = () => BY_LANE[focused.value?.kind] ?? "cpu";

async function loadAtCursor({ id, at_ms }, by) {
  cursorRequest.abort();
  cursorRequest = new AbortController();
  const { signal } = cursorRequest;
  try {
    const answer = await api.processes({ id, at_ms, by, limit: MAX_AT_CURSOR }, { signal });
    if (!signal.aborted) processesAtCursor.value = { id, by, at_ms, answer };
  } catch (error) {
    if (!isExpected(error)) throw error;
    if (!signal.aborted) processesAtCursor.value = { id, by, refusal: error instanceof api.Problem ? error.message : "The viewer does not respond." };
  }
}

/** A line and the entry of its process, in the form of the lines of other lanes. */
function processLine(process, slot, by) {
  const { pid, start_ms, comm, t_ms, value } = process;
  const id = `${process.id} ${pid} ${start_ms}`;
  const series = { id, name: `${comm} ${pid}`, scope: "process", container_name: process.name };
  return {
    line: { id, metric: by, unit: by === "memory" ? "bytes" : "millicores", life: 1, t: t_ms, v: value },
    entry: { key: id, ids: [id], slot, series },
  };
}

const slots = new Map(); // id of a process → slot, so that a process keeps its colour
const MAX_SLOTS = 1000;

function slotOf(id, taken) {
  let slot = slots.get(id) ?? 0;
  while (taken.has(slot)) slot += 1;
  taken.add(slot);
  if (slots.size >= MAX_SLOTS) slots.delete(slots.keys().next().value);
  slots.set(id, slot);
  return slot;
}

const rank = (process, by) => (by === "memory" ? process.rss_bytes_max : process.cpu_millicores_mean * process.readings) ?? 0;

let lineKey = "", lineTime_ms = -Infinity, isLoading = false;

onSourceChange(() => {
  lineKey = "";
  processLines.value = new Map();
  processesAtCursor.value = null;
});

async function loadLines() {
  const names = laneNames.peek().filter(processLane);
  if (names.length === 0 || !ready.peek() || isLoading) return;
  const { live, span_ms } = range.peek();
  const { from_ms } = view.peek();
  const key = JSON.stringify([names, live ? span_ms : view.peek()]);
  const pause_ms = Math.min(MAX_LIVE_MS, Math.max(MIN_LIVE_MS, LIVE_SHARE * (end_ms.peek() - from_ms)));
  if (key === lineKey && (!live || performance.now() - lineTime_ms < pause_ms)) return;
  isLoading = true;
  const points = Math.max(100, Math.min(1200, Math.round(plot.peek().width) || 600));
  const loaded = new Map();
  try {
    for (const name of names) {
      const { id, by } = processLane(name);
      const answers = [];
      for (const life of livesWithin(id, from_ms, end_ms.peek()).slice(-MAX_LIVES)) {
        answers.push(await api.processes({ id: life, from_ms, to_ms: end_ms.peek(), by, limit: MAX_LINES, points }));
      }
      const processes = answers.flatMap((answer) => answer.processes).sort((a, b) => rank(b, by) - rank(a, by)).slice(0, MAX_LINES);
      const taken = new Set();
      loaded.set(name, { lines: processes.map((process) => processLine(process, slotOf(`${process.pid} ${process.start_ms}`, taken), by)).reverse() });
    }
    lineKey = key;
    lineTime_ms = performance.now();
  } catch (error) {
    if (!isExpected(error)) throw error;
    for (const name of names) if (!loaded.has(name)) loaded.set(name, { lines: [], refusal: error.message });
  } finally {
    isLoading = false;
  }
  if (!sameValue([...loaded.keys()], laneNames.peek().filter(processLane))) queueMicrotask(loadLines);
  processLines.value = loaded;
}

/** From now on, load the processes that are shown. */
export function startProcesses() {
  effect(() => {
    const wanted = wantedAtCursor.value, by = orderAtCursor();
    clearTimeout(cursorTimer);
    if (wanted === null) {
      cursorRequest.abort();
      untracked(() => (processesAtCursor.value = null));
    } else cursorTimer = setTimeout(() => loadAtCursor(wanted, by), PAUSE_MS);
  });
  effect(() => {
    if (view.value && laneNames.value.some(processLane) && ready.value) queueMicrotask(() => untracked(loadLines));
  });
}
