// What the overview shows, asked for last of all: the node's CPU and memory and what happened, over the last day of data and
// the view. The grid of its pixel columns stands still, so that only what is new has to be asked for.

import { computed, signal } from "../vendor/signals.js";
import * as api from "./api.js";
import { lineOf, mergeLine } from "../lib/lines.js";
import { health, interval_ms, loading, newest_ms, node, offered, view } from "../state/store.js";
import { widened } from "../lib/time-format.js";

const DAY_MS = 86_400_000;
const COLUMNS = 600;
const LIVE_BEATS = 15; // between two looks at what is new
const KINDS = ["oom_kill", "restart", "throttling_began", "throttling_ended", "gap"];
const MOST_EVENTS = 500;
const CPU = "total_cpu_usage_millicores", MEMORY = "memory.current";

/** The range of the strip, in steps, so that it stands still: all data up to a day, and the view. */
export const grid = computed(() => {
  const oldest = health.value?.oldest_ms ?? null, newest = newest_ms.value;
  if (oldest === null || newest === null) return null;
  const span_ms = widened(Math.min(DAY_MS, newest - oldest));
  const step = span_ms / 60;
  const to_ms = Math.ceil((newest + 1) / step) * step;
  const from_ms = Math.min(to_ms - span_ms, Math.floor(Math.max(view.value.from_ms, oldest) / step) * step);
  return { from_ms, to_ms, column_ms: (to_ms - from_ms) / COLUMNS };
});

/** What is known of [from_ms, until_ms): {cpu, memory: line or null, events, column_ms}; null until the first answer. */
export const nodeHistory = signal(null);

/** How much of the strip's data was lost to gaps: {missing_s, share complete}, null while it is not known. */
export const completeness = computed(() => {
  if (nodeHistory.value === null || nodeHistory.value.events.length >= MOST_EVENTS || !grid.value) return null;
  const { events, until_ms } = nodeHistory.value;
  const from_ms = Math.max(health.value.oldest_ms, grid.value.from_ms);
  let missing_ms = 0;
  for (const { kind, time_ms, before } of events) {
    if (kind === "gap" && before.tick_ms != null) missing_ms += Math.max(0, time_ms - Math.max(from_ms, before.tick_ms) - interval_ms.value);
  }
  const span_ms = until_ms - from_ms;
  return span_ms > 0 ? { missing_s: Math.round(missing_ms / 1000), complete: Math.max(0, 1 - missing_ms / span_ms), from_ms } : null;
});

let beats = 0;
let asking = false;

/** Ask for what the strip lacks, once a beat; the lanes go first. Throws Problem, Unreachable. */
export async function fillOverview() {
  beats += 1;
  if (asking) return;
  asking = true;
  try {
    await fill();
  } finally {
    asking = false;
  }
}

async function fill() {
  const offers = (name) => offered.peek()?.some((one) => one.name === name);
  const [cpu, memory] = [CPU, MEMORY].map((name) => (offers(name) ? name : null));
  if (loading.peek() || !grid.peek() || !node.peek() || !(cpu || memory)) return;
  const wanted = grid.peek(), { from_ms, to_ms, column_ms } = wanted;
  const had = nodeHistory.peek();
  const end = Math.min(to_ms, newest_ms.peek() + interval_ms.peek());
  const goesOn = had !== null && had.column_ms === column_ms && had.from_ms <= from_ms && had.until_ms > from_ms;
  if (goesOn && (end <= had.until_ms || beats % LIVE_BEATS > 0)) return;
  const begin = goesOn ? had.until_ms - 2 * column_ms : from_ms;
  const { events } = await api.events({ from_ms, to_ms: end, kinds: KINDS, limit: MOST_EVENTS });
  let next = { ...(goesOn ? had : { from_ms, cpu: null, memory: null }), column_ms, events, until_ms: end };
  for (let until = end; until > begin;) {
    const points = (until - begin) / interval_ms.peek() > api.RAW_TICKS ? Math.max(10, Math.ceil((until - begin) / column_ms)) : undefined;
    const asked = { metrics: [cpu, memory].filter(Boolean), ids: [node.peek().id], from_ms: begin, to_ms: until, points, within_ms: points && api.PART_MS };
    const answer = await api.timeseries(asked);
    if (grid.peek() !== wanted && !goesOn && grid.peek()?.column_ms !== column_ms) return; // another strip is wanted by now
    const of = (metric, line) => answer.series.filter((one) => one.metric === metric).map(lineOf).reduce(merged, line);
    next = { ...next, cpu: of(cpu, next.cpu), memory: of(memory, next.memory) };
    nodeHistory.value = next;
    until = answer.complete_from_ms > Math.ceil(begin) ? answer.complete_from_ms : begin;
    while (loading.peek()) await new Promise((done) => setTimeout(done, 100));
  }
}

function merged(line, newer) {
  if (line === null) return newer;
  const copy = { ...line };
  mergeLine(copy, newer);
  return copy;
}
