// What the viewer answered when the pack was made, checked: a file from somewhere else may contain anything.

import { UnusablePack } from "../../lib/pack/unusable-pack.js";

const isText = (value) => typeof value === "string";
const isTextOrNull = (value) => value == null || isText(value);
const isTime = (value) => Number.isFinite(value) && value >= 0 && value < 1e15;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isObjectOrNull = (value) => value == null || isObject(value);

const TEXTS_OF_SERIES = ["container_id", "container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime", "cgroup", "node_name", "image"];
const OBJECTS_OF_SERIES = ["labels", "limits", "requests", "pod_limits", "pod_requests", "ended"];
const COUNTS = ["series", "ticks", "metrics"];

const isSeries = (series) => isObject(series) && [series.id, series.scope, series.name].every(isText) && isTime(series.first_seen_ms) && isTime(series.last_seen_ms)
  && TEXTS_OF_SERIES.every((name) => isTextOrNull(series[name])) && OBJECTS_OF_SERIES.every((name) => isObjectOrNull(series[name]));
const isMetric = (metric) => isObject(metric) && [metric.name, metric.title, metric.unit].every(isText) && [metric.kind, metric.help, metric.label].every(isTextOrNull)
  && (metric.aliases == null || (Array.isArray(metric.aliases) && metric.aliases.every(isText)));
const isEvent = (event) => isObject(event) && isTime(event.time_ms) && isText(event.kind) && [event.series, event.name, event.what].every(isTextOrNull) && isObject(event.before) && isObject(event.after);
const isFinding = (finding) => isObject(finding) && [finding.kind, finding.id, finding.name, finding.text, finding.metric].every(isText) && isTime(finding.from_ms) && isTime(finding.to_ms)
  && Array.isArray(finding.others) && finding.others.every((other) => isObject(other) && isText(other.id) && isText(other.name));

/** Of each path, the list in its answer, and what an entry has to be. */
const LISTS = {
  "/api/containers": ["containers", isSeries], "/api/metrics": ["metrics", isMetric], "/api/events": ["events", isEvent], "/api/findings": ["findings", isFinding],
};

/** The answers of a pack by path, as Map(path → answer). Throws UnusablePack if one has a form that the page cannot show. */
export function checkedAnswers(answers) {
  if (!isObject(answers)) throw new UnusablePack("This file is damaged: its answers are no object.");
  const checked = new Map(Object.entries(answers).filter(([, answer]) => isObject(answer)));
  for (const [path, [name, isEntry]] of Object.entries(LISTS)) {
    const answer = checked.get(path);
    if (answer && !(Array.isArray(answer[name]) && answer[name].every(isEntry))) throw new UnusablePack(`This file is damaged: the answer of ${path} in it has another form.`);
  }
  for (const path of ["/api/containers", "/api/metrics"]) if (!checked.has(path)) throw new UnusablePack(`This file is damaged: the answer of ${path} is missing.`);
  const { labelled = [] } = checked.get("/api/metrics");
  if (!Array.isArray(labelled) || !labelled.every(isMetric)) throw new UnusablePack("This file is damaged: the labelled metrics in it have another form.");
  const { looked_at } = checked.get("/api/findings") ?? {};
  if (looked_at !== undefined && !(isObject(looked_at) && COUNTS.every((name) => Number.isFinite(looked_at[name])))) checked.delete("/api/findings");
  return checked;
}
