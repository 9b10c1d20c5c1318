// Which six are on the lanes when nobody has chosen: the running containers that use most CPU, then ended ones, then services.

import * as api from "./api.js";
import { leaves } from "./series.js";
import { interval_ms, laneMetrics, listed, newest_ms, node, picked, range, topSix, view } from "./store.js";

const SIX = 6;
const RECENT_MS = 60_000;
const GONE_MS = 900_000; // a container that ended longer ago is no news
const MANY = 100; // more ids than fit an address comfortably

let ranked = ""; // the candidates at the last ranking
const tiers = new Map(); // of what is shown: why it got its place

/** Fill free places; what is shown stays until it has left the view, so that lines do not swap under the eye. */
export async function chooseTop() {
  const all = listed.peek();
  if (picked.peek() !== null || all === null || newest_ms.peek() === null) return;
  const { from_ms } = view.peek();
  const groups = candidates(all);
  const tier = new Map(groups.flatMap((group, i) => group.map((series) => [series.id, i])));
  const state = [...tier].join();
  if (topSix.peek().length > 0 && state === ranked) return;
  const uses = await meanUses(groups);
  const kept = topSix.peek().filter((id) => all.some((series) => series.id === id && series.scope !== "node" && series.last_seen_ms >= from_ms));
  // Who had a place as a running container keeps it when it ends; who only filled a gap makes room.
  for (const id of kept) tier.set(id, Math.min(tiers.get(id) ?? 0, tier.get(id) ?? Infinity));
  const byUse = groups.flat().map((series) => series.id).sort((a, b) => compare(uses.get(b), uses.get(a)));
  const places = [...new Set([...kept, ...byUse])].sort((a, b) => tier.get(a) - tier.get(b)).slice(0, SIX);
  const whole = groups[0].length === 0 && node.peek() ? [node.peek().id] : [];
  const next = [...places, ...whole];
  ranked = uses.size > 0 || tier.size === 0 ? state : "";
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
  return [running, ended, cgroups.slice(0, MANY - SIX)];
}

/** More CPU comes first; with as much, or where it is not known, more memory. */
function compare(a, b) {
  const difference = (name) => (a?.get(name) ?? -1) - (b?.get(name) ?? -1);
  return difference(laneMetrics.peek().get("cpu")) || difference(laneMetrics.peek().get("memory"));
}

/** Rank anew, by the use in the range shown. */
export function rankAgain() {
  topSix.value = [];
  ranked = "";
  return chooseTop();
}

/** Mean of CPU and memory over the last minute, for ended ones over all of the view (the last 15 min at most). */
async function meanUses([running, ended, cgroups]) {
  const { from_ms, to_ms } = view.peek();
  if (!range.peek().live) return meanUse([...running, ...cgroups], from_ms, to_ms);
  const to = newest_ms.peek() + interval_ms.peek();
  const asked = [meanUse([...running, ...cgroups], to - RECENT_MS, to), meanUse(ended, Math.max(from_ms, to - GONE_MS), to)];
  return new Map((await Promise.all(asked)).flatMap((uses) => [...uses]));
}

/** Map(id → Map(metric → mean)); empty where the question is refused: what is listed can be shown all the same. */
async function meanUse(some, from_ms, to_ms) {
  const metrics = ["cpu", "memory"].map((key) => laneMetrics.peek().get(key)).filter(Boolean);
  const uses = new Map();
  if (metrics.length === 0 || some.length === 0) return uses;
  const ids = some.length > MANY ? undefined : some.map((series) => series.id);
  const wanted = new Set(some.map((series) => series.id));
  let answer;
  try {
    answer = await api.timeseries({ metrics, ids, from_ms, to_ms, points: 100 });
  } catch (error) {
    if (error instanceof api.Problem) return uses;
    throw error;
  }
  for (const { id, metric, value } of answer.series) {
    const known = value.filter((one) => one !== null);
    if (known.length === 0 || !wanted.has(id)) continue;
    const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
    uses.set(id, (uses.get(id) ?? new Map()).set(metric, mean));
  }
  return uses;
}
