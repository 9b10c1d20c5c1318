// Applies the dashboard in the URL: ?dashboard=NAME, which is one of fgm's, or ?dashboard_inline=BASE64.

import { batch, effect } from "../vendor/signals.js";
import { containersOf, decodeInline, parseDashboard, UnusableDashboard, withParameters } from "../lib/dashboard-file.js";
import { laneStudies, STUDIES } from "../state/analysis/studies.js";
import { laneNames, laneTitles, MAX_LANES } from "../state/lanes.js";
import { dashboardNotes } from "../state/page.js";
import { allMetrics, allSeries, edge_ms } from "../state/store.js";
import { showThese, zoom } from "../state/view.js";

const MAX_CONTAINERS = 60;

/** Apply the dashboard in the URL, if there is one, as soon as series and metrics are loaded. */
export async function startDashboard() {
  const parameters = new URLSearchParams(location.search);
  if (!parameters.has("dashboard") && !parameters.has("dashboard_inline")) return;
  try {
    const dashboard = parseDashboard(withParameters(await load(parameters), parameters));
    const isFresh = location.hash === ""; // otherwise, a person has already changed the view
    const stop = effect(() => {
      if (allSeries.value === null || allMetrics.value === null) return;
      queueMicrotask(() => (stop(), apply(dashboard, isFresh)));
    });
  } catch (error) {
    if (!(error instanceof UnusableDashboard)) throw error;
    dashboardNotes.value = [error.message];
  }
}

async function load(parameters) {
  const name = parameters.get("dashboard");
  if (name === null) return decodeInline(parameters.get("dashboard_inline"));
  const response = /^[\w-]+$/.test(name) ? await fetch(`dashboards/${name}`).catch(() => null) : null;
  if (!response?.ok) throw new UnusableDashboard(`This viewer has no dashboard “${name}”.`);
  return response.text();
}

function apply({ containers, time_range, panels = [] }, isFresh) {
  const recorded = new Set(allMetrics.peek().flatMap(({ name, aliases }) => [name, ...aliases]));
  const notes = [];
  const metrics = panels.map(({ metric }) => metric.replace(/^cgroup\.v2\./, ""));
  for (const metric of metrics) if (!recorded.has(metric)) notes.push(`${metric} is not recorded here`);
  for (const { study, metric } of panels) if (study && !STUDIES.has(study)) notes.push(`there is no study “${study}” (of ${metric}): ${[...STUDIES.keys()].join(", ")} can be drawn`);
  const names = [...new Set(metrics)];
  if (names.length > MAX_LANES) notes.push(`${MAX_LANES} of its ${names.length} panels are shown`);
  const matches = containers ? containersOf(allSeries.peek(), containers) : null;
  if (matches?.length === 0) notes.push("no container matches its filters");
  if (matches?.length > MAX_CONTAINERS) notes.push(`the newest ${MAX_CONTAINERS} of ${matches.length} matching containers are shown`);
  batch(() => {
    laneTitles.value = new Map(panels.flatMap(({ title }, i) => (title ? [[metrics[i], title]] : [])));
    if (names.length > 0) laneNames.value = names.slice(0, MAX_LANES);
    laneStudies.value = new Map(panels.flatMap(({ study }, i) => (STUDIES.has(study) ? [[metrics[i], study]] : [])));
    dashboardNotes.value = notes.length > 0 ? [`The dashboard: ${notes.join("; ")}.`] : [];
    if (!isFresh || !matches?.length) return;
    showThese(matches.slice(0, MAX_CONTAINERS).map(({ id }) => id));
    if (time_range?.mode === "from_containers") zoomToLives(matches, 1000 * (Number(time_range.padding_seconds) || 0));
  });
}

function zoomToLives(containers, padding_ms) {
  const from_ms = Math.min(...containers.map(({ first_seen_ms }) => first_seen_ms));
  const to_ms = Math.max(...containers.map(({ alive, last_seen_ms }) => (alive ? edge_ms.peek() : last_seen_ms)));
  zoom(from_ms - padding_ms, Math.min(to_ms + padding_ms, edge_ms.peek()));
}
