// Answers of a pack that need no samples: what it is about, its metrics and series, its events and findings.

import { viewRange } from "../../lib/time-format.js";
import { Problem } from "../source.js";
import { labelledLines } from "./labelled-answers.js";

const MARGIN_MS = 10_000; // the page takes what is newer than this before the present for late, not for missing
const MAX_EVENTS = 500;
const MAX_FINDINGS = 20;
const GONE = 410;

/** Where a pack is in time: its end is the present, so that what is after it is not taken for missing. */
async function health(pack) {
  const { from_ms, to_ms, interval_ms, made_by } = pack.manifest;
  const { newest_ms } = (await pack.stored("/api/health")) ?? {};
  const last_ms = to_ms - interval_ms;
  return {
    state: "ready", now_ms: to_ms + MARGIN_MS, oldest_ms: from_ms, newest_ms: Number.isFinite(newest_ms) ? Math.max(from_ms, Math.min(newest_ms, last_ms)) : last_ms,
    interval_ms, index: "ok", index_note: null, skipped_files: [], skipped_files_total: 0, containers_token: "pack", events_token: "pack", version: made_by.replace(/^fgm /, ""),
  };
}

async function instance(pack) {
  const { node_name, interval_ms } = pack.manifest;
  const { cluster_name } = (await pack.stored("/api/instance")) ?? {};
  return { node_name, interval_ms, cluster_name: typeof cluster_name === "string" ? cluster_name : null, pod_name: null };
}

async function metrics(pack) {
  const { metrics: all, labelled = [] } = await pack.stored("/api/metrics");
  const present = new Set(pack.samples.metrics), lines = await labelledLines(pack).catch(() => []); // a lane says that they are damaged
  const withLines = new Set(lines.map(({ metric }) => metric));
  return { metrics: all.filter(({ name }) => present.has(name)).map((metric) => ({ ...metric, aliases: metric.aliases ?? [] })), labelled: labelled.filter(({ name }) => withLines.has(name)) };
}

async function containers(pack) {
  return { ...(await pack.stored("/api/containers")), removed: [], whole: true, token: "pack" };
}

async function events(pack, { from, to, kind, limit = MAX_EVENTS }) {
  const stored = (await pack.stored("/api/events")) ?? { events: [] };
  const matches = stored.events.filter((event) => event.time_ms >= from && event.time_ms < to && (kind === undefined || [kind].flat().includes(event.kind)));
  return { from_ms: from, to_ms: to, partial: matches.length > limit, derived: stored.derived === true, skipped_files: 0, skipped_lines: 0, unknown: [], events: matches.slice(0, limit) };
}

/** The findings that were made when the pack was: those that last into the range. */
async function findings(pack, { from, to, limit = MAX_FINDINGS }) {
  const stored = await pack.stored("/api/findings");
  if (!stored) throw new Problem(GONE, { detail: "This file was saved without findings." });
  const within = stored.findings.filter(({ from_ms, to_ms }) => to_ms >= from && from_ms < to);
  return { ...stored, findings: within.slice(0, limit), skipped_files: 0, partial: Boolean(stored.partial), saved_range: viewRange(pack.manifest.from_ms, pack.manifest.to_ms) };
}

/** The functions that answer, by path: (pack, query) → answer. */
export const LISTING_ANSWERS = {
  "api/health": health, "api/instance": instance, "api/metrics": metrics, "api/containers": containers, "api/events": events, "api/findings": findings,
};
