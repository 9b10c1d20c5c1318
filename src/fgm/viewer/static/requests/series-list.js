// Keeps the list of series up to date: the viewer sends what has changed since the last request, which is usually nothing.

import { allSeries } from "../state/store.js";
import * as api from "./api.js";
import { onSourceChange } from "./source.js";

const SERIES_PER_POLL = 500; // of an earlier viewer, a list with n times as many series is requested with every n-th poll

let token = null; // of the list that is loaded; null: unknown
onSourceChange(() => (token = null));

/**
 * Request what has changed; return a function that changes the list, or null. `newest`: token of the present list in the viewer's
 * health; undefined: the viewer has no tokens.
 */
export async function loadSeries(newest, polls) {
  const isLoaded = allSeries.peek() !== null;
  if (isLoaded && newest === undefined && polls % Math.ceil(allSeries.peek().length / SERIES_PER_POLL) > 0) return null;
  if (isLoaded && newest !== undefined && newest === token) return null;
  const response = await api.containers(newest === undefined ? undefined : (token ?? undefined));
  const { containers, removed = [], whole = true } = response;
  return () => {
    if (whole) allSeries.value = containers;
    else if (containers.length + removed.length > 0) allSeries.value = withChanges(allSeries.peek() ?? [], containers, removed);
    token = response.token ?? null; // what is not shown is requested again
  };
}

/** The list with some series changed or added, and others removed; those that have not changed are the same objects. */
function withChanges(list, changed, removed) {
  const byId = new Map(list.map((series) => [series.id, series]));
  for (const id of removed) byId.delete(id);
  for (const series of changed) byId.set(series.id, series);
  return [...byId.values()].sort((a, b) => b.first_seen_ms - a.first_seen_ms || (a.id < b.id ? -1 : 1));
}
