// Dashboards by address, in the form of similar tools: ?dashboard=NAME, one of the package, or ?dashboard_inline=BASE64.
// {{VAR}} in it stands for the parameter VAR of the address.

import { batch, effect, signal } from "../vendor/signals.js";
import { laneNames, laneTitles, MOST_LANES } from "./lanes.js";
import { edge_ms, listed, offered } from "./store.js";
import { showThese, zoom } from "./view.js";

const VERSION = 1;
const MOST_SHOWN = 60;

/** What is to be said of the dashboard: what of it is unknown, or why there is none. */
export const notes = signal([]);

class Unusable extends Error {}

/** Apply the dashboard of the address, where there is one, as soon as it is known what there is. */
export async function startDashboard() {
  const given = new URLSearchParams(location.search);
  if (!given.has("dashboard") && !given.has("dashboard_inline")) return;
  try {
    const dashboard = parsed(filled(await textOf(given), given));
    const isFresh = location.hash === "";
    const stop = effect(() => {
      if (listed.value === null || offered.value === null) return;
      queueMicrotask(() => (stop(), apply(dashboard, isFresh)));
    });
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    notes.value = [error.message];
  }
}

async function textOf(given) {
  const name = given.get("dashboard");
  if (name === null) {
    try {
      const bytes = Uint8Array.from(atob(given.get("dashboard_inline").replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new Unusable("The dashboard in the address is not base64 of UTF-8 text.");
    }
  }
  const response = /^[\w-]+$/.test(name) ? await fetch(`dashboards/${name}`).catch(() => null) : null;
  if (!response?.ok) throw new Unusable(`There is no dashboard “${name}” in this viewer.`);
  return response.text();
}

function filled(text, given) {
  return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => {
    if (!given.has(name)) throw new Unusable(`The dashboard needs a value for ${name}: add &${name}=… to the address.`);
    return JSON.stringify(given.get(name)).slice(1, -1);
  });
}

function parsed(text) {
  let dashboard;
  try {
    dashboard = JSON.parse(text);
  } catch (error) {
    throw new Unusable(`The dashboard is not JSON: ${error.message}`);
  }
  if (dashboard?.schema_version !== VERSION) throw new Unusable(`The dashboard has schema_version ${dashboard?.schema_version}; ${VERSION} is known.`);
  const { panels = [], containers = {} } = dashboard;
  const isText = (value) => value === undefined || typeof value === "string";
  if (!Array.isArray(panels)) throw new Unusable("The dashboard's panels are not a list.");
  if (!panels.every((panel) => typeof panel?.metric === "string" && isText(panel.title) && isText(panel.study))) {
    throw new Unusable("Each of the dashboard's panels needs a metric, and may have a title and a study: texts.");
  }
  const { label_selector = {}, namespace, name_pattern } = containers ?? {};
  const isSelector = isText(label_selector) || (typeof label_selector === "object" && label_selector !== null);
  if (!isSelector || !isText(namespace) || !isText(name_pattern)) throw new Unusable("The dashboard's containers are not chosen by texts.");
  return dashboard;
}

function apply({ containers, time_range, panels = [] }, isFresh) {
  const known = new Set(offered.peek().flatMap(({ name, aliases }) => [name, ...aliases]));
  const said = [];
  const metrics = panels.map(({ metric }) => metric.replace(/^cgroup\.v2\./, ""));
  for (const metric of metrics) if (!known.has(metric)) said.push(`no ${metric} is recorded here`);
  for (const { study, metric } of panels) if (study) said.push(`the study “${study}” of ${metric} is not drawn`);
  const names = [...new Set(metrics)];
  if (names.length > MOST_LANES) said.push(`of its ${names.length} panels ${MOST_LANES} are shown`);
  const found = containers ? chosen(listed.peek(), containers) : null;
  if (found?.length === 0) said.push("no container is what it asks for");
  if (found?.length > MOST_SHOWN) said.push(`of ${found.length} containers the newest ${MOST_SHOWN} are shown`);
  batch(() => {
    laneTitles.value = new Map(panels.flatMap(({ title }, i) => (title ? [[metrics[i], title]] : [])));
    if (names.length > 0) laneNames.value = names.slice(0, MOST_LANES);
    notes.value = said.length > 0 ? [`The dashboard: ${said.join("; ")}.`] : [];
    if (!isFresh || !found?.length) return;
    showThese(found.slice(0, MOST_SHOWN).map(({ id }) => id));
    if (time_range?.mode === "from_containers") fit(found, 1000 * (Number(time_range.padding_seconds) || 0));
  });
}

/** The containers with all the labels, in the namespace, whose name or pod is like the pattern (* and ? as in a shell). */
function chosen(all, { label_selector, namespace, name_pattern }) {
  const labels = typeof label_selector === "string" ? label_selector.split(",").filter(Boolean).map((one) => one.split("=").map((part) => part.trim())) : Object.entries(label_selector ?? {});
  const like = name_pattern && ((name) => isLike(name, String(name_pattern)));
  const fits = (series) =>
    series.scope === "container" && (!namespace || series.namespace === namespace) && labels.every(([name, value]) => series.labels?.[name] === value) &&
    (!like || [series.name, series.container_name, series.pod_name].some((name) => name && like(name)));
  return all.filter(fits).sort((a, b) => b.first_seen_ms - a.first_seen_ms);
}

/** Whether a name is like a pattern with * and ?; in time that grows with both, whatever they are. */
function isLike(name, pattern) {
  let n = 0, p = 0, star = -1, from = 0;
  while (n < name.length) {
    if (pattern[p] === "*") [star, from, p] = [p, n, p + 1];
    else if (pattern[p] === "?" || pattern[p] === name[n]) (n += 1), (p += 1);
    else if (star >= 0) (p = star + 1), (n = from += 1);
    else return false;
  }
  return /^\**$/.test(pattern.slice(p));
}

function fit(found, padding_ms) {
  const to_ms = Math.max(...found.map(({ alive, last_seen_ms }) => (alive ? edge_ms.peek() : last_seen_ms)));
  zoom(Math.min(...found.map(({ first_seen_ms }) => first_seen_ms)) - padding_ms, Math.min(to_ms + padding_ms, edge_ms.peek()));
}
