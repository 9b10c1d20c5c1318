// Decodes the readings of processes in a pack. docs/pack.md describes the part.

import { openedPart } from "./part-columns.js";
import { UnusablePack } from "./unusable-pack.js";

const COLUMNS = ["time_ms", "late_ms", "cpu_usec", "children_cpu_usec", "rss_bytes", "threads", "fds"];
const GROWING = new Set(["cpu_usec", "children_cpu_usec", "rss_bytes"]); // stored as the growth since the last known value
const MAX_PROCESSES = 100_000, MAX_ROWS = 2_000_000;

const isNamed = (process) => typeof process?.series === "string" && typeof process.name === "string" && typeof process.comm === "string" && Number.isInteger(process.pid)
  && Number.isFinite(process.start_ms) && Number.isInteger(process.count) && process.count > 0;

/**
 * The processes of a pack, each with its readings in ascending time: [{series, name, pid, start_ms, comm, time_ms, read_at_ms,
 * cpu_usec, children_cpu_usec, rss_bytes, threads, fds}], the last ones as arrays with NaN for null. Throws UnusablePack.
 */
export function decodeProcesses(content) {
  const { header, column } = openedPart(content);
  const { from_ms, columns, processes } = header ?? {};
  if (!Number.isSafeInteger(from_ms) || !Array.isArray(processes) || processes.length > MAX_PROCESSES || !processes.every(isNamed)) throw new UnusablePack("its header has another form");
  const rows = processes.reduce((sum, { count }) => sum + count, 0);
  if (rows > MAX_ROWS) throw new UnusablePack("it has too many readings");
  const values = new Map(COLUMNS.map((name) => [name, column(columns?.[name]?.as, columns?.[name]?.at, rows)]));
  let begin = 0;
  return processes.map(({ series, name, pid, start_ms, comm, count }) => {
    const of = (field) => values.get(field).subarray(begin, begin + count);
    const time_ms = summed(of("time_ms"), from_ms);
    const process = { series, name, pid, start_ms, comm, time_ms, read_at_ms: time_ms.map((ms, i) => ms + of("late_ms")[i]) };
    for (const field of COLUMNS.slice(2)) process[field] = GROWING.has(field) ? summed(of(field), 0) : Float64Array.from(of(field));
    begin += count;
    return process;
  });
}

/** Values from their growths. NaN stays, and counts as no growth. */
function summed(growths, first) {
  let sum = first;
  return Float64Array.from(growths, (growth) => (growth === growth ? (sum += growth) : NaN));
}
