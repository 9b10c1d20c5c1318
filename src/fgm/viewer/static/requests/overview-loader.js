// Loads the data of the overview, after everything else and only while no samples of the lanes are being loaded.

import { dropUntil, lineFromSeries, mergeLine } from "../lib/lines.js";
import { MAX_OVERVIEW_EVENTS, overviewData, overviewRange } from "../state/overview-data.js";
import { allMetrics, interval_ms, loading, newest_ms, node } from "../state/store.js";
import * as api from "./api.js";
import { onSourceChange } from "./source.js";
import { whenIdle } from "./yielding.js";

const LIVE_POLLS = 15; // polls between two requests for new data
const KINDS = ["oom_kill", "restart", "throttling_began", "throttling_ended", "memory_high_began", "memory_high_ended", "gap"];
const CPU = "total_cpu_usage_millicores", MEMORY = "memory.current";

let polls = 0;
let isRunning = false;

onSourceChange(() => {
  isRunning = false;
  overviewData.value = null;
});

/** Request the data that the overview lacks. Call it once per poll. Throws Problem, Unreachable. */
export async function updateOverview() {
  polls += 1;
  if (isRunning) return;
  isRunning = true;
  try {
    await update();
  } finally {
    isRunning = false;
  }
}

async function update() {
  const [cpu, memory] = [CPU, MEMORY].map((name) => (allMetrics.peek()?.some((metric) => metric.name === name) ? name : null));
  if (loading.peek() || !overviewRange.peek() || !node.peek() || !(cpu || memory)) return;
  const wanted = overviewRange.peek(), { from_ms, to_ms, column_ms } = wanted;
  const loaded = overviewData.peek();
  const end_ms = Math.min(to_ms, newest_ms.peek() + interval_ms.peek());
  const continues = loaded !== null && loaded.column_ms === column_ms && loaded.from_ms <= from_ms && loaded.until_ms > from_ms;
  if (continues && (end_ms <= loaded.until_ms || polls % LIVE_POLLS > 0)) return;
  const begin_ms = continues ? loaded.until_ms - 2 * column_ms : from_ms;
  const { events } = await whenIdle((signal) => api.events({ from_ms, to_ms: end_ms, kinds: KINDS, limit: MAX_OVERVIEW_EVENTS }, { signal, timeout_ms: api.BACKGROUND_TIMEOUT_MS }));
  const kept = continues ? { cpu: since(loaded.cpu, from_ms), memory: since(loaded.memory, from_ms) } : { cpu: null, memory: null };
  let next = { ...kept, from_ms, column_ms, events, until_ms: end_ms };
  for (let until_ms = end_ms; until_ms > begin_ms;) {
    const length_ms = until_ms - begin_ms;
    const points = length_ms / interval_ms.peek() > api.RAW_TICKS ? Math.max(10, Math.ceil(length_ms / column_ms)) : undefined;
    const metrics = [cpu, memory].filter(Boolean);
    const query = { metrics, ids: [node.peek().id], from_ms: begin_ms, to_ms: until_ms, points, within_ms: points && api.PART_MS };
    const response = await whenIdle((signal) => api.timeseries(query, { signal }));
    if (overviewRange.peek() !== wanted && !continues && overviewRange.peek()?.column_ms !== column_ms) return; // the range has changed meanwhile
    const add = (metric, line) => response.series.filter((series) => series.metric === metric).map(lineFromSeries).reduce(merged, line);
    next = { ...next, cpu: add(cpu, next.cpu), memory: add(memory, next.memory) };
    overviewData.value = next;
    until_ms = response.complete_from_ms > Math.ceil(begin_ms) ? response.complete_from_ms : begin_ms;
  }
}

/** A line without its samples before `from_ms`. */
function since(line, from_ms) {
  if (line === null) return null;
  const copy = { ...line };
  dropUntil(copy, from_ms);
  return copy;
}

function merged(line, newer) {
  if (line === null) return newer;
  const copy = { ...line };
  mergeLine(copy, newer);
  return copy;
}
