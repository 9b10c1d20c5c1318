// Reads dashboard files in the format of similar tools: their metrics, their filter for containers, and their range.

const VERSION = 1;

/** Error: a dashboard cannot be shown. The message gives the reason. */
export class UnusableDashboard extends Error {}

/** Replace {{NAME}} in a JSON text with the value of the URL parameter NAME. Throws UnusableDashboard if one is missing. */
export function withParameters(text, parameters) {
  return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => {
    if (!parameters.has(name)) throw new UnusableDashboard(`The dashboard needs a value for ${name}: add &${name}=… to the URL.`);
    return JSON.stringify(parameters.get(name)).slice(1, -1);
  });
}

/** Decode the base64 or base64url of a dashboard in a URL to its JSON text. Throws UnusableDashboard. */
export function decodeInline(base64) {
  try {
    const bytes = Uint8Array.from(atob(base64.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UnusableDashboard("The dashboard in the URL is not base64-encoded UTF-8 text.");
  }
}

/** Parse the JSON text of a dashboard to {panels, containers, time_range}. Throws UnusableDashboard if it is invalid. */
export function parseDashboard(text) {
  let dashboard;
  try {
    dashboard = JSON.parse(text);
  } catch (error) {
    throw new UnusableDashboard(`The dashboard is not JSON: ${error.message}`);
  }
  if (dashboard?.schema_version !== VERSION) {
    throw new UnusableDashboard(`The dashboard has schema_version ${dashboard?.schema_version}; only ${VERSION} is supported.`);
  }
  const { panels = [], containers = {} } = dashboard;
  const isText = (value) => value === undefined || typeof value === "string";
  if (!Array.isArray(panels)) throw new UnusableDashboard("The dashboard's panels are not a list.");
  if (!panels.every((panel) => typeof panel?.metric === "string" && isText(panel.title) && isText(panel.study))) {
    throw new UnusableDashboard("Each panel of the dashboard needs a metric; metric, title and study must be strings.");
  }
  const { label_selector = {}, namespace, name_pattern } = containers ?? {};
  const isSelector = isText(label_selector) || (typeof label_selector === "object" && label_selector !== null);
  if (!isSelector || !isText(namespace) || !isText(name_pattern)) {
    throw new UnusableDashboard("The dashboard's label_selector, namespace and name_pattern must be strings.");
  }
  return dashboard;
}

/** The containers that match a dashboard's filter, newest first: all labels, the namespace, and the pattern of a name or pod. */
export function containersOf(allSeries, { label_selector, namespace, name_pattern }) {
  const labels = typeof label_selector === "string"
    ? label_selector.split(",").filter(Boolean).map((label) => label.split("=").map((part) => part.trim()))
    : Object.entries(label_selector ?? {});
  const hasName = name_pattern ? (series) => [series.name, series.container_name, series.pod_name].some((name) => name && matchesPattern(name, String(name_pattern))) : () => true;
  const isWanted = (series) =>
    series.scope === "container" && (!namespace || series.namespace === namespace) &&
    labels.every(([name, value]) => series.labels?.[name] === value) && hasName(series);
  return allSeries.filter(isWanted).sort((a, b) => b.first_seen_ms - a.first_seen_ms);
}

/** Whether a name matches a pattern with * and ? as in a shell. The time grows at most with the product of both lengths. */
function matchesPattern(name, pattern) {
  let n = 0, p = 0, star = -1, from = 0;
  while (n < name.length) {
    if (pattern[p] === "*") [star, from, p] = [p, n, p + 1];
    else if (pattern[p] === "?" || pattern[p] === name[n]) (n += 1), (p += 1);
    else if (star >= 0) (p = star + 1), (n = from += 1);
    else return false;
  }
  return /^\**$/.test(pattern.slice(p));
}
