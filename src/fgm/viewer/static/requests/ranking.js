// Ranks all series by their use in view, with one request; the sparklines are drawn from the same response. If no series are
// chosen, the first six leaves (containers, services, what is outside of them, …) are on the lanes; then containers that ended.

import { sameValue } from "../lib/same-value.js";
import { leaves, wasSeenSince } from "../lib/series.js";
import { accounted, allMetrics, allSeries, cpuUse, interval_ms, laneSamples, newest_ms, node, picked, range, topSix, view } from "../state/store.js";
import * as api from "./api.js";
import { onSourceChange } from "./source.js";

const TOP = 6;
const RECENT_MS = 900_000; // a container that ended earlier is not a candidate for the top six; and the range of the memory's sum
const LONGEST_MS = 21_600_000; // of a longer view, only the newest part is ranked: the viewer reads every sample of it
const LONGEST_OF_MINUTES_MS = 604_800_000; // the same if it reads minutes
const SPARKLINE_PARTS = 48;
const MAX_RANKED = 500;
const LIVE_POLLS = 15; // polls between two requests while live
const RETRY_POLLS = 5; // polls until a failed request is repeated, or one for other candidates: on a busy node some come with every poll
const MEMORY = "memory.current";
const RANKING_METRICS = ["total_cpu_usage_millicores", "memory_working_set", MEMORY];

const NO_REQUEST = { key: "", polls: 0, failed: false, isOutdated: false };
let request = { ...NO_REQUEST }; // the last request for `cpuUse`
let memoryRange = null; // the range for which `updateMemoryShare` is due
let isByUse = false; // whether the top six were chosen by their use
let rankedCandidates = []; // the candidates of the last ranking
const tiers = new Map(); // id of each of the top six → index of its group of candidates when it was chosen

onSourceChange(() => {
  request = { ...NO_REQUEST };
  memoryRange = null;
  isByUse = false;
  rankedCandidates = [];
});

/** Request the use in view if it may have changed, and fill free places of the top six. Call it once per poll. */
export async function updateRanking() {
  if (allSeries.peek() === null || newest_ms.peek() === null) return;
  const groups = candidates(allSeries.peek());
  const tier = new Map(groups.flatMap((group, i) => group.map((series) => [series.id, i])));
  const ranked = [...tier];
  const isChanged = !sameValue(ranked, rankedCandidates);
  const isRankedAgain = await updateUse(isChanged);
  const isOutdated = topSix.peek().length === 0 || isChanged || isRankedAgain || (cpuUse.peek() !== null && !isByUse);
  if (picked.peek() === null && isOutdated) fillPlaces(groups, tier);
  rankedCandidates = ranked;
}

/** Choose the top six again, only by their use in view. */
export function rankAgain() {
  topSix.value = [];
  request.key = "";
  rankedCandidates = [];
  isByUse = false;
  return updateRanking();
}

/**
 * Request `cpuUse`, if that is due; return whether it is of other candidates than before. If the request fails, `cpuUse` is
 * unchanged, and no error is shown: the lanes do not depend on it.
 */
async function updateUse(isChanged) {
  const metric = RANKING_METRICS.find((name) => allMetrics.peek()?.some((recorded) => recorded.name === name));
  if (!metric) return false;
  const { live, span_ms } = range.peek();
  const { from_ms, to_ms } = view.peek();
  const longest_ms = laneSamples.peek()?.areMinutes ? LONGEST_OF_MINUTES_MS : LONGEST_MS;
  const key = `${metric} ${live ? span_ms : `${from_ms} ${to_ms}`} ${Math.min(longest_ms, to_ms - from_ms)}`;
  request.polls += 1;
  request.isOutdated ||= isChanged;
  const isDue = request.failed || request.isOutdated ? request.polls >= RETRY_POLLS : live && request.polls >= LIVE_POLLS;
  if (key === request.key && !isDue) return false;
  const isOfOthers = request.isOutdated;
  request = { key, polls: 0, failed: false, isOutdated: false };
  const end_ms = Math.max(from_ms + 1, Math.min(to_ms, newest_ms.peek()) + interval_ms.peek());
  const begin_ms = Math.max(from_ms, end_ms - longest_ms);
  const scopes = ["container", "pod", "cgroup", "outside", "node"];
  try {
    const { series, leaves_share_of_node } = await api.top({ metric, from_ms: begin_ms, to_ms: end_ms, parts: SPARKLINE_PARTS, scopes, limit: MAX_RANKED });
    cpuUse.value = { from_ms: begin_ms, to_ms: end_ms, of: new Map(series.map(({ id, mean, peaks }) => [id, { mean, peaks }])) };
    accounted.value = { memory: null, ...accounted.peek(), cpu: metric === RANKING_METRICS[0] ? leaves_share_of_node : null };
    memoryRange = { from_ms: Math.max(begin_ms, end_ms - RECENT_MS), to_ms: end_ms };
    return isOfOthers;
  } catch (error) {
    request.failed = true;
    request.isOutdated = isOfOthers;
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    return false;
  }
}

/**
 * Request how nearly the memory of all leaves adds up to the node's, in the newest part of the last ranking's range. Call it after the
 * samples are loaded: nothing else depends on it, and it would delay them.
 */
export async function updateMemoryShare() {
  if (memoryRange === null || !allMetrics.peek()?.some(({ name }) => name === MEMORY)) return;
  const recent = memoryRange;
  memoryRange = null;
  const { leaves_share_of_node } = await api.top({ metric: MEMORY, ...recent, limit: 1 });
  accounted.value = { cpu: null, ...accounted.peek(), memory: leaves_share_of_node };
}

/** Fill the free places of the top six. A series keeps its place until it has left the view, so that lines rarely change. */
function fillPlaces(groups, tier) {
  const { from_ms } = view.peek();
  const isInView = (id) => allSeries.peek().some((series) => series.id === id && series.scope !== "node" && wasSeenSince(series, from_ms));
  const kept = (isByUse ? topSix.peek() : []).filter(isInView);
  // A container that was running when it got its place keeps it after its end. One that had already ended makes room for others.
  for (const id of kept) tier.set(id, Math.min(tiers.get(id) ?? 0, tier.get(id) ?? Infinity));
  const use = (id) => cpuUse.peek()?.of.get(id)?.mean ?? -1;
  isByUse = cpuUse.peek() !== null;
  const byUse = groups.flat().map((series) => series.id).sort((a, b) => use(b) - use(a));
  const top = [...new Set([...kept, ...byUse])].sort((a, b) => tier.get(a) - tier.get(b)).slice(0, TOP);
  const wholeNode = groups[0].every(({ scope }) => scope === "outside") && node.peek() ? [node.peek().id] : [];
  tiers.clear();
  for (const id of top) tiers.set(id, tier.get(id));
  const next = [...top, ...wholeNode];
  if (!sameValue(next, topSix.peek())) topSix.value = next;
}

/** Groups of candidates: [running leaves, ended containers]. The second is empty if the first fills all places. */
function candidates(series) {
  const { from_ms, to_ms } = view.peek();
  const { live } = range.peek();
  const recent_ms = Math.max(from_ms, Math.min(to_ms, newest_ms.peek()) - RECENT_MS);
  const inView = (item) => wasSeenSince(item, from_ms) && item.first_seen_ms < to_ms;
  const isRunning = live ? ({ alive }) => alive : inView;
  const isContainer = ({ scope }) => scope === "container";
  const inRange = leaves(series.filter(inView));
  // Containers first: until their use is known, they take the places.
  const running = inRange.filter(isRunning).sort((a, b) => isContainer(b) - isContainer(a));
  if (!live || running.length >= TOP) return [running, []];
  return [running, inRange.filter((item) => isContainer(item) && !item.alive && item.last_seen_ms >= recent_ms)];
}
