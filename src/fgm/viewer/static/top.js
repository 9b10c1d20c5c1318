// Which six are on the lanes when nobody has chosen: the containers that use most CPU, then services.

import * as api from "./api.js";
import { leaves } from "./series.js";
import { interval_ms, laneMetrics, listed, newest_ms, node, picked, range, topSix, view } from "./store.js";

const SIX = 6;
const RECENT_MS = 60_000;
const MANY = 100; // more ids than fit an address comfortably

let ranked = ""; // the candidates at the last ranking

/** Fill free places; what is shown stays until it has left the view, so that lines do not swap under the eye. */
export async function chooseTop() {
  const all = listed.peek();
  if (picked.peek() !== null || all === null || newest_ms.peek() === null) return;
  const { from_ms } = view.peek();
  const seen = (series) => (range.peek().live ? series.alive : series.last_seen_ms >= from_ms);
  const containers = all.filter((series) => series.scope === "container" && seen(series));
  const innermost = leaves(all.filter((series) => series.scope !== "node" && series.cgroup));
  const cgroups = innermost.filter((series) => series.scope === "cgroup" && seen(series));
  const candidates = containers.length >= SIX ? containers : [...containers, ...cgroups.slice(0, MANY)];
  const state = candidates.map((series) => series.id).join();
  if (topSix.peek().length > 0 && state === ranked) return;
  const means = await meanUse(candidates);
  const isContainer = new Map(candidates.map((series) => [series.id, series.scope === "container"]));
  const kept = topSix.peek().filter((id) => all.some((series) => series.id === id && series.scope !== "node" && series.last_seen_ms >= from_ms));
  const byUse = candidates.map((series) => series.id).sort((a, b) => (means.get(b) ?? -1) - (means.get(a) ?? -1));
  const order = [...new Set([...kept, ...byUse])];
  const places = [...order.filter((id) => isContainer.get(id) ?? true), ...order.filter((id) => isContainer.get(id) === false)];
  const whole = containers.length === 0 && node.peek() ? [node.peek().id] : [];
  const next = [...places.slice(0, SIX), ...whole];
  if (means.size > 0 || candidates.length === 0) ranked = state;
  if (next.join() !== topSix.peek().join()) topSix.value = next;
}

/** Rank anew, by the use in the range shown. */
export function rankAgain() {
  topSix.value = [];
  ranked = "";
  return chooseTop();
}

async function meanUse(candidates) {
  const metric = laneMetrics.peek().get("cpu");
  if (!metric || candidates.length === 0) return new Map();
  const { from_ms, to_ms } = view.peek();
  const to = range.peek().live ? newest_ms.peek() + interval_ms.peek() : to_ms;
  const from = range.peek().live ? to - RECENT_MS : from_ms;
  const ids = candidates.length > MANY ? undefined : candidates.map((series) => series.id);
  const answer = await api.timeseries({ metrics: [metric], ids, from_ms: from, to_ms: to, points: 100 });
  const means = new Map();
  for (const { id, value } of answer.series) {
    const known = value.filter((one) => one !== null);
    if (known.length > 0) means.set(id, known.reduce((sum, one) => sum + one, 0) / known.length);
  }
  return means;
}
