// The lanes: their metrics and order, and the further metrics that explain them.

import { batch, computed, signal } from "../vendor/signals.js";
import { isOfNode, labelledByName, labelledLane, labelledLaneName } from "./labelled.js";
import { processLane, processLaneName } from "./processes.js";
import { allMetrics, byId } from "./store.js";
import { viewChanged } from "./view.js";

/** Maximum number of lanes. */
export const MAX_LANES = 8;
/** Lanes with their own names. Each shows the first of its metrics that is recorded. covers: metrics that are a part of it, or on its strip. */
const NAMED_LANES = new Map([
  ["cpu", { title: "CPU", unit: "millicores", metrics: ["total_cpu_usage_millicores"], covers: ["throttle_ratio"] }],
  ["memory", { title: "Memory", unit: "bytes", metrics: ["memory_working_set", "memory.current"], covers: ["memory.current", "memory.stat.anon", "psi_memory_some_ratio", "psi_memory_full_ratio"] }],
  ["io", { title: "I/O", unit: "bytes/s", note: "read + write", metrics: ["io_bytes_per_s"], covers: ["io_read_bytes_per_s", "io_write_bytes_per_s", "psi_io_some_ratio", "psi_io_full_ratio"] }],
]);
/** Names of the lanes that are shown until others are chosen. */
export const DEFAULT_LANES = ["cpu", "memory", "io"];

/**
 * Metrics that explain each kind of metric. limits: by unit, its limit and the depth of the group that has it, the limit at which
 * it is only slowed, the name of its request in the facts, and the metric that for the node is what it has; strip: shares of time, drawn below the lane; held: time for which
 * any quota held the workload, also its pod's.
 */
const EXPLANATIONS = {
  cpu: { limits: { millicores: { limit: "cpu_limit_millicores", depth: "effective_cpu_limit_depth", request: "cpu_millicores", whole: "effective_cpu_limit_millicores" } }, strip: { title: "throttled", some: "throttle_ratio", held: "cpu.stat.local.throttled_usec" } },
  memory: { limits: { bytes: {
    limit: "memory_limit_bytes", depth: "effective_memory_max_depth", high: "effective_memory_high", highDepth: "effective_memory_high_depth", request: "memory_bytes",
    whole: "effective_memory_max",
  } }, strip: { title: "PSI", some: "psi_memory_some_ratio", full: "psi_memory_full_ratio" } },
  io: { limits: {}, strip: { title: "PSI", some: "psi_io_some_ratio", full: "psi_io_full_ratio" } },
};

/** Names of the lanes, from the top: keys of NAMED_LANES, or names of metrics. */
export const laneNames = signal(DEFAULT_LANES);
/** Titles that a dashboard sets: Map(lane name → title). */
export const laneTitles = signal(new Map());
/** Index of the focused lane. */
export const focus = signal(0);

const metricByName = computed(() => new Map((allMetrics.value ?? []).flatMap((metric) => [metric.name, ...metric.aliases].map((name) => [name, metric]))));

/** What a metric is about: "cpu", "memory", "io" or null. */
export function kindOf(metricName) {
  if (/^(tcp|udp|sockets)\./.test(metricName)) return null;
  if (/^(io\.|io_|psi_io)/.test(metricName)) return "io";
  if (/memory|swap|smaps|headroom|^oom_/.test(metricName)) return "memory";
  return /cpu|throttle/.test(metricName) ? "cpu" : null;
}

/** Whether a limit applies to this metric. A memory limit applies to all memory in use, and to parts that could reach it. */
const isBounded = (metricName) => !/headroom|\.(max|high|min|low)$|\.events\.|swap|pg/.test(metricName);

/** The lane with the processes of a series. */
function laneOfProcesses(key, { id, by }) {
  const title = laneTitles.value.get(key) ?? `Processes of ${byId.value.get(id)?.name ?? id}`;
  const note = by === "memory" ? "resident memory" : "CPU";
  return { key, metric: null, title, note, isNamed: false, isProcesses: true, isLabelled: false, kind: by, unit: by === "memory" ? "bytes" : "millicores" };
}

/** The lane with the labels of a series, such as its disks. */
function laneOfLabels(key, { metric, id }) {
  const { title = metric, unit = "", label } = labelledByName.value.get(metric) ?? {};
  const name = isOfNode(metric) ? null : byId.value.get(id)?.name ?? id;
  return { key, metric: null, title: laneTitles.value.get(key) ?? (name ? `${title} of ${name}` : title), note: title.endsWith(`by ${label}`) ? undefined : `by ${label}`, isNamed: false, isProcesses: false, isLabelled: true, kind: kindOf(metric), unit };
}

function laneOf(name) {
  const labels = labelledLane(name);
  if (labels) return laneOfLabels(name, labels);
  const processes = processLane(name);
  if (processes) return laneOfProcesses(name, processes);
  const named = NAMED_LANES.get(name);
  const metricName = named ? named.metrics.find((candidate) => metricByName.value.has(candidate)) : name;
  const metric = metricByName.value.get(metricName);
  const { limits, strip } = EXPLANATIONS[kindOf(metricName ?? named.metrics[0])] ?? { limits: {} };
  const ifRecorded = (explaining) => (metricByName.value.has(explaining) ? explaining : undefined);
  const unit = metric?.unit ?? named?.unit ?? "";
  const bounds = (metricName && isBounded(metricName) && limits[unit]) || {};
  return {
    key: name,
    metric: metric?.name ?? null,
    title: laneTitles.value.get(name) ?? named?.title ?? metric?.title ?? name,
    note: named?.note,
    isNamed: Boolean(named),
    isProcesses: false,
    isLabelled: false,
    kind: kindOf(metricName ?? named.metrics[0]),
    unit,
    limit: ifRecorded(bounds.limit),
    depth: ifRecorded(bounds.depth),
    high: ifRecorded(bounds.high),
    highDepth: ifRecorded(bounds.highDepth),
    request: bounds.request,
    whole: ifRecorded(bounds.whole),
    strip: strip && ifRecorded(strip.some) ? { title: strip.title, some: strip.some, full: ifRecorded(strip.full), held: ifRecorded(strip.held) } : undefined,
  };
}

/**
 * The lanes from the top: {key, metric (null: not recorded here), title, note, isNamed, isProcesses, isLabelled, kind, unit, limit, depth, high,
 * highDepth, request, whole, strip}. kind: "cpu", "memory", "io" or null.
 */
export const lanes = computed(() => laneNames.value.map(laneOf));
/** The lanes that have a value of each series: not those of processes or labels. */
export const valueLanes = computed(() => lanes.value.filter(({ isProcesses, isLabelled }) => !isProcesses && !isLabelled));
/** The metric of each lane that has one: Map(lane key → metric name). */
export const laneMetrics = computed(() => new Map(lanes.value.filter(({ metric }) => metric).map(({ key, metric }) => [key, metric])));
const explaining = ({ limit, depth, high, highDepth, strip }) => [limit, depth, high, highDepth, strip?.some, strip?.full, strip?.held];
/** Names of the metrics that explain the lanes. */
export const explanations = computed(() => [...new Set(lanes.value.flatMap(explaining).filter(Boolean))]);
/** Names of the metrics that the page draws: those of the lanes and of the default lanes, and what explains them. */
export const drawnMetrics = computed(() => {
  const all = [...DEFAULT_LANES.map(laneOf), ...lanes.value];
  return [...new Set(all.flatMap((lane) => [lane.metric, lane.whole, ...explaining(lane)]).filter(Boolean))];
});
/** The focused lane. The cursor table is ranked by it. */
export const focused = computed(() => lanes.value[Math.min(focus.value, lanes.value.length - 1)]);

function setNames(names) {
  laneNames.value = names;
  viewChanged("replace");
}

const without = (names, index) => names.filter((_, i) => i !== index);

/** Focus the lane at an index. Returns whether there is such a lane. */
export function setFocus(index) {
  if (index < 0 || index >= lanes.peek().length) return false;
  focus.value = index;
  viewChanged("replace");
  return true;
}

/** Show another metric on a lane. If another lane shows it already, the two swap metrics. */
export function setLane(index, metricName) {
  const names = [...laneNames.peek()];
  const name = laneNameOf(metricName);
  const other = names.indexOf(name);
  if (other >= 0) names[other] = names[index];
  names[index] = name;
  setNames(names);
}

/** Add a lane for a metric at the end, or instead of the last one if there are already MAX_LANES, and focus it. */
export function addLane(metricName) {
  const names = laneNames.peek();
  const name = laneNameOf(metricName);
  batch(() => {
    if (!names.includes(name)) setNames([...names.slice(0, MAX_LANES - 1), name]);
    focus.value = laneNames.peek().indexOf(name);
  });
}

/** Add a lane with the processes of a series, at the end. The focus stays, because it ranks the containers. `by`: "cpu" or "memory". */
export function addProcessLane(id, by) {
  addAtEnd(processLaneName(id, by));
}

/** Add a lane with the labels of a series, at the end. The focus stays. */
export function addLabelledLane(metricName, id) {
  addAtEnd(labelledLaneName(metricName, id));
}

let addedLane = null; // the lane that a finding added

/**
 * Focus the lane of a metric. If there is none, it is added at the end, in the place of the one that was added last in this way, so that
 * a look at many findings does not add many lanes.
 */
export function showMetric(metricName) {
  const list = lanes.peek();
  const lane = list.find(({ metric }) => metric === metricName) ?? list.find(({ key }) => NAMED_LANES.get(key)?.covers.includes(metricName));
  const index = list.indexOf(lane);
  if (index >= 0) return void setFocus(index);
  if (!metricByName.peek().has(metricName)) return;
  const names = laneNames.peek().filter((name) => name !== addedLane);
  addedLane = laneNameOf(metricName);
  batch(() => {
    setNames([...names.slice(0, MAX_LANES - 1), addedLane]);
    setFocus(laneNames.peek().length - 1);
  });
}

function addAtEnd(name) {
  const names = laneNames.peek();
  if (!names.includes(name)) setNames([...names.slice(0, MAX_LANES - 1), name]);
}

/** The lane name of a metric: the name of its lane in NAMED_LANES if there is one, else the name of the metric. */
function laneNameOf(metricName) {
  return [...NAMED_LANES].find(([, { metrics }]) => metrics.find((candidate) => metricByName.peek().has(candidate)) === metricName)?.[0] ?? metricName;
}

/** Remove the lane at an index, unless it is the only one. */
export function removeLane(index) {
  if (laneNames.peek().length > 1) setNames(without(laneNames.peek(), index));
}

/** Move a lane by `step` positions, down or (if negative) up, and focus it. */
export function moveLane(index, step) {
  const names = laneNames.peek();
  const to = index + step;
  if (to < 0 || to >= names.length) return;
  const moved = without(names, index);
  moved.splice(to, 0, names[index]);
  batch(() => {
    setNames(moved);
    focus.value = to;
  });
}
