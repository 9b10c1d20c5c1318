// Asks which process is behind each of the first findings: the one that grew most, or used most CPU, while it lasted.

import { effect } from "../../vendor/signals.js";
import { findingKey, findingProcesses, findingsAnswer, firstFindings } from "../../state/analysis/findings.js";
import { kindOf } from "../../state/lanes.js";
import * as api from "../api.js";
import { onSourceChange } from "../source.js";
import { whenIdle } from "../yielding.js";

const AROUND_MS = 15_000; // processes are read every 10 s, or more often
const MAX_PROCESSES = 20;
const MAX_KEPT = 100;
const OF_ONE_PROCESS = new Set(["leak", "oom_kill", "limit", "burst", "step", "paging"]);

/** How much a process has of what a finding is about: growth of memory, CPU, threads or open files. */
const AMOUNTS = {
  memory: ({ rss_bytes, rss_bytes_first, readings }) => (readings > 1 ? rss_bytes - rss_bytes_first : rss_bytes),
  cpu: ({ cpu_millicores_mean, readings }) => cpu_millicores_mean * readings,
  threads: ({ threads }) => threads,
  files: ({ fds }) => fds,
};

/** What a finding is about, a key of AMOUNTS; null if processes do not explain it. */
function amountOf({ kind, metric }) {
  if (!OF_ONE_PROCESS.has(kind)) return null;
  if (/thread|pids/.test(metric)) return "threads";
  if (/fd_count/.test(metric)) return "files";
  const about = kindOf(metric);
  return about === "memory" || about === "cpu" ? about : null;
}

async function processOf(finding, amount) {
  const { id, from_ms, to_ms } = finding;
  const range = { from_ms: from_ms - AROUND_MS, to_ms: to_ms + AROUND_MS };
  const answer = await whenIdle((signal) => api.processes({ id, ...range, by: amount === "memory" ? "memory" : "cpu", limit: MAX_PROCESSES, points: 10 }, { signal }));
  const of = (process) => AMOUNTS[amount](process) ?? 0;
  const process = answer.processes.reduce((most, other) => (most === null || of(other) > of(most) ? other : most), null);
  return process && of(process) > 0 ? { amount, process, total: answer.total } : null;
}

let isRunning = false;
onSourceChange(() => (findingProcesses.value = new Map()));

async function update() {
  if (isRunning) return;
  isRunning = true;
  try {
    for (const finding of firstFindings.peek()) {
      const key = findingKey(finding), amount = amountOf(finding);
      if (amount === null || findingProcesses.peek().has(key)) continue;
      const process = await processOf(finding, amount).catch((error) => {
        if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
        return null; // a finding without its process is still a finding
      });
      findingProcesses.value = new Map([...findingProcesses.peek(), [key, process]].slice(-MAX_KEPT));
    }
  } finally {
    isRunning = false;
  }
}

/** From now on, ask for the processes of the first findings of each answer. */
export function startFindingProcesses() {
  effect(() => {
    if (findingsAnswer.value !== null) queueMicrotask(update);
  });
}
