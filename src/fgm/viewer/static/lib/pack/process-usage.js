// What each process used in a range, from its readings, as the viewer computes it.

import { extremes, firstAt } from "./reduction.js";

const LEAD_MS = 60_000; // readings before the range from which the first CPU value in it is computed
const YOUNG_MS = 10_000; // maximum age at the first reading for its CPU to be the mean since the start of the process

const orNull = (value) => (Number.isFinite(value) ? value : null);

/** What a process used in [from_ms, to_ms), with the points of its line (`by`: cpu or memory); null without a reading in it. */
export function usageOf(process, from_ms, to_ms, by, columns) {
  const { time_ms, read_at_ms, cpu_usec, children_cpu_usec, rss_bytes, threads, fds } = process;
  const begin = firstAt(time_ms, from_ms - LEAD_MS), end = firstAt(time_ms, to_ms), first = firstAt(time_ms, from_ms);
  if (first >= end) return null;
  // If the process is older than the range, its mean since its start says nothing about the range.
  const isYoung = read_at_ms[begin] - process.start_ms <= Math.max(YOUNG_MS, read_at_ms[begin] - from_ms);
  let before_ms = isYoung ? process.start_ms : NaN, beforeCpu = 0, beforeChildren = 0;
  let used = 0, covered_ms = 0, cpuMax = -1, rssMax = 0, millicores = NaN, children = NaN;
  const t = [], v = [];
  for (let i = begin; i < end; i += 1) {
    const passed_ms = read_at_ms[i] - before_ms, growth = cpu_usec[i] - beforeCpu;
    millicores = passed_ms > 0 && growth >= 0 ? growth / passed_ms : NaN;
    children = passed_ms > 0 ? (children_cpu_usec[i] - beforeChildren) / passed_ms : NaN;
    if (i >= first) {
      rssMax = Math.max(rssMax, rss_bytes[i]);
      if (millicores === millicores) {
        const inRange_ms = read_at_ms[i] - Math.max(before_ms, from_ms);
        used += millicores * inRange_ms;
        covered_ms += inRange_ms;
        cpuMax = Math.max(cpuMax, millicores);
      }
      t.push(time_ms[i]);
      v.push(by === "cpu" ? millicores : rss_bytes[i]);
    }
    [before_ms, beforeCpu, beforeChildren] = [read_at_ms[i], cpu_usec[i], children_cpu_usec[i]];
  }
  const last = end - 1, kept = columns > 0 ? extremes(t, v, from_ms, to_ms, columns) : [];
  return {
    id: process.series, name: process.name, pid: process.pid, start_ms: process.start_ms, comm: process.comm,
    cpu_millicores: orNull(millicores), cpu_millicores_mean: covered_ms > 0 ? used / covered_ms : null, cpu_millicores_max: cpuMax >= 0 ? cpuMax : null,
    children_millicores: orNull(children), rss_bytes: orNull(rss_bytes[last]), rss_bytes_first: orNull(rss_bytes[first]), rss_bytes_max: rssMax,
    threads: orNull(threads[last]), fds: orNull(fds[last]), readings: end - first, first_ms: time_ms[first], last_ms: time_ms[last],
    t_ms: kept.map((i) => t[i]), value: kept.map((i) => orNull(v[i])), used,
  };
}

/** The order of processes: most first. `isInstant`: by their last values, else by what they used in the range. */
export function rankProcesses(usages, by, isInstant) {
  const byRss = (a, b) => b.rss_bytes_max - a.rss_bytes_max || a.pid - b.pid, byLastRss = (a, b) => b.rss_bytes - a.rss_bytes || a.pid - b.pid;
  if (isInstant) return usages.sort(by === "cpu" ? (a, b) => (b.cpu_millicores ?? 0) - (a.cpu_millicores ?? 0) || byLastRss(a, b) : byLastRss);
  return usages.sort(by === "cpu" ? (a, b) => b.used - a.used || byRss(a, b) : byRss);
}

/** The most frequent names: [{comm, processes, started}], the number of processes and of those that started in the range. */
export function crowdsOf(usages, from_ms, limit) {
  const crowds = new Map();
  for (const { comm, start_ms } of usages) {
    const { processes = 0, started = 0 } = crowds.get(comm) ?? {};
    crowds.set(comm, { comm, processes: processes + 1, started: started + (start_ms >= from_ms) });
  }
  return [...crowds.values()].sort((a, b) => b.processes - a.processes).slice(0, limit);
}
