// Answers of a pack about processes, computed from their readings.

import { decodeProcesses } from "../../lib/pack/process-part.js";
import { crowdsOf, rankProcesses, usageOf } from "../../lib/pack/process-usage.js";
import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { Problem } from "../source.js";

const PART = "processes";
const AT_ONCE_MS = 60_000; // maximum age of the readings for an instant
const DEFAULT_LIMIT = 20, DEFAULT_POINTS = 600;
const MAX_NAMES = 10;
const GONE = 410;

const decoded = new WeakMap(); // pack → promise of its processes

async function processesOf(pack) {
  if (!pack.file.has(PART)) throw new Problem(GONE, { detail: "This file was saved without processes." });
  if (!decoded.has(pack)) decoded.set(pack, pack.file.part(PART).then(decodeProcesses));
  try {
    return await decoded.get(pack);
  } catch (error) {
    if (error instanceof UnusablePack) throw new Problem(GONE, { detail: "The processes in this file are damaged." });
    throw error;
  }
}

/** A function that chooses the processes of a series: those of a pod or cgroup include those of its containers. */
async function chosenBy(pack, id) {
  const known = await pack.series(), series = known.get(id);
  if (series?.scope === "node" || id === "node") return () => true;
  if (series?.scope === "pod") return (process) => process.series === id || known.get(process.series)?.pod_uid === series.pod_uid;
  const path = series?.scope === "cgroup" ? series.cgroup : null;
  if (path) return (process) => [process.series.replace(/^cgroup:/, ""), known.get(process.series)?.cgroup].some((other) => other === path || other?.startsWith(`${path}/`));
  return (process) => process.series === id;
}

async function processes(pack, { id, at, from, to, by = "cpu", limit = DEFAULT_LIMIT, points = DEFAULT_POINTS }) {
  const all = await processesOf(pack), isChosen = await chosenBy(pack, id);
  const isInstant = at !== undefined;
  const from_ms = isInstant ? Math.max(0, at - AT_ONCE_MS) : from, to_ms = isInstant ? at + 1 : to;
  const usages = all.filter(isChosen).flatMap((process) => usageOf(process, from_ms, to_ms, by, isInstant ? 0 : points) ?? []);
  const lastRound = new Map();
  for (const { id: series, last_ms } of usages) lastRound.set(series, Math.max(lastRound.get(series) ?? 0, last_ms));
  const present = isInstant ? usages.filter(({ id: series, last_ms }) => last_ms === lastRound.get(series)) : usages;
  const ranked = rankProcesses(present, by, isInstant);
  return {
    id, by, at_ms: isInstant ? at : null, from_ms, to_ms, partial: false, skipped_files: 0, total: ranked.length,
    processes: ranked.slice(0, limit), names: crowdsOf(usages, from_ms, MAX_NAMES),
  };
}

/** The functions that answer, by path: (pack, query) → answer. */
export const PROCESS_ANSWERS = { "api/processes": processes };
