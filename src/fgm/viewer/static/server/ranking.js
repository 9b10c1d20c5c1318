// Who used how much in view, asked once for all series: it ranks them, and their sparklines are drawn from it. The first six
// are on the lanes when nobody has chosen: running containers, then ended ones, then services.

import * as api from "./api.js";
import { leaves } from "../lib/series.js";
import { interval_ms, listed, newest_ms, node, offered, picked, range, topSix, uses, view } from "../state/store.js";

const SIX = 6;
const GONE_MS = 900_000; // a container that ended longer ago is no news
const LONGEST_MS = 21_600_000; // of a longer view the newest part is ranked: every sample of it is looked at
const PARTS = 48; // of a sparkline
const MOST = 500;
const LIVE_BEATS = 15; // between two questions about a view that follows
const PATIENT_BEATS = 5; // before a question that got no answer is asked again
const RANKS_BY = ["total_cpu_usage_millicores", "memory_working_set", "memory.current"];

let asked = { about: "", beats: 0, failed: false };
let isRanked = false; // whether what is shown was chosen by use
let ranked = ""; // the candidates at the last ranking
const tiers = new Map(); // of what is shown: why it got its place

/** Ask who used how much where that may have changed, and fill free places on the lanes. Call it once a beat. */
export async function chooseTop() {
  const all = listed.peek();
  if (all === null || newest_ms.peek() === null) return;
  const groups = candidates(all);
  const tier = new Map(groups.flatMap((group, i) => group.map((series) => [series.id, i])));
  const state = [...tier].join();
  await askUses(state !== ranked);
  const isNews = topSix.peek().length === 0 || state !== ranked || (uses.peek() !== null && !isRanked);
  if (picked.peek() === null && isNews) fillPlaces(all, groups, tier);
  ranked = state;
}

/** Rank anew, by the use in the range shown. */
export function rankAgain() {
  topSix.value = [];
  asked.about = ranked = "";
  isRanked = false;
  return chooseTop();
}

/** Fill `uses`; a question that fails leaves it as it was: what is listed can be shown all the same. */
async function askUses(isNew) {
  const metric = RANKS_BY.find((name) => offered.peek()?.some((one) => one.name === name));
  if (!metric) return;
  const { live, span_ms } = range.peek();
  const { from_ms, to_ms } = view.peek();
  const about = `${metric} ${live ? span_ms : `${from_ms} ${to_ms}`}`;
  asked.beats += 1;
  const again = asked.failed ? asked.beats >= PATIENT_BEATS : live && asked.beats >= LIVE_BEATS;
  if (!(isNew && !asked.failed) && about === asked.about && !again) return;
  asked = { about, beats: 0, failed: false };
  const end_ms = Math.max(from_ms + 1, Math.min(to_ms, newest_ms.peek()) + interval_ms.peek());
  const scopes = ["container", "pod", "cgroup", "node"];
  const question = { metric, from_ms: Math.max(from_ms, end_ms - LONGEST_MS), to_ms: end_ms, parts: PARTS, scopes, limit: MOST };
  try {
    const { series } = await api.top(question);
    uses.value = { from_ms: question.from_ms, to_ms: end_ms, of: new Map(series.map(({ id, mean, peaks }) => [id, { mean, peaks }])) };
  } catch (error) {
    asked.failed = true;
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
  }
}

/** What is shown stays until it has left the view, so that lines do not swap under the eye. */
function fillPlaces(all, groups, tier) {
  const { from_ms } = view.peek();
  const kept = (isRanked ? topSix.peek() : []).filter((id) => all.some((series) => series.id === id && series.scope !== "node" && series.last_seen_ms >= from_ms));
  // Who had a place as a running container keeps it when it ends; who only filled a gap makes room.
  for (const id of kept) tier.set(id, Math.min(tiers.get(id) ?? 0, tier.get(id) ?? Infinity));
  const use = (id) => uses.peek()?.of.get(id)?.mean ?? -1;
  isRanked = uses.peek() !== null;
  const byUse = groups.flat().map((series) => series.id).sort((a, b) => use(b) - use(a));
  const places = [...new Set([...kept, ...byUse])].sort((a, b) => tier.get(a) - tier.get(b)).slice(0, SIX);
  const whole = groups[0].length === 0 && node.peek() ? [node.peek().id] : [];
  const next = [...places, ...whole];
  tiers.clear();
  for (const id of places) tiers.set(id, tier.get(id));
  if (next.join() !== topSix.peek().join()) topSix.value = next;
}

/** Who may take a place, the next group only where the ones before leave some: [running containers, ended ones, cgroups]. */
function candidates(all) {
  const { from_ms, to_ms } = view.peek();
  const { live } = range.peek();
  // Where the data ends earlier, so does the news.
  const since_ms = Math.max(from_ms, Math.min(to_ms, newest_ms.peek()) - GONE_MS);
  const inRange = (series) => series.last_seen_ms >= from_ms && series.first_seen_ms < to_ms;
  const containers = all.filter((series) => series.scope === "container");
  const running = containers.filter(live ? (series) => series.alive : inRange);
  const ended = live && running.length < SIX ? containers.filter((series) => !series.alive && series.last_seen_ms >= since_ms) : [];
  if (running.length + ended.length >= SIX) return [running, ended, []];
  const innermost = leaves(all.filter((series) => series.scope !== "node" && series.cgroup));
  const cgroups = innermost.filter((series) => series.scope === "cgroup" && (live ? series.alive : inRange(series)));
  return [running, ended, cgroups];
}
