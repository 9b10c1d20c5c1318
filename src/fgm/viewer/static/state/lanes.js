// Which metrics are on the lanes, in which order, and what else the viewer is asked for to explain them.

import { batch, computed, signal } from "../vendor/signals.js";
import { offered } from "./store.js";
import { changed } from "./view.js";

export const MOST_LANES = 8;
/** Lanes with a name of their own; the first metric that the viewer offers is shown. */
const NAMED = new Map([
  ["cpu", { title: "CPU", unit: "millicores", metrics: ["total_cpu_usage_millicores"] }],
  ["memory", { title: "Memory", unit: "bytes", metrics: ["memory_working_set", "memory.current"] }],
  ["io", { title: "I/O", unit: "bytes/s", note: "read + write", metrics: ["io_bytes_per_s"] }],
]);
export const USUAL = ["cpu", "memory", "io"];

/** What explains a kind of metric: a limit for those in its unit, and shares of time drawn in a strip below. */
const EXPLANATIONS = {
  cpu: { limits: { millicores: "cpu_limit_millicores" }, strip: { title: "throttled", some: "throttle_ratio" } },
  memory: { limits: { bytes: "memory.max" }, strip: { title: "PSI", some: "psi_memory_some_ratio", full: "psi_memory_full_ratio" } },
  io: { limits: {}, strip: { title: "PSI", some: "psi_io_some_ratio", full: "psi_io_full_ratio" } },
};

/** Names of lanes, of `NAMED` or metrics, from the top; a person or a link chose them. */
export const laneNames = signal(USUAL);
/** Titles that a dashboard gave: Map(lane name → title). */
export const laneTitles = signal(new Map());
/** The place of the focused lane. */
export const focus = signal(0);

const byName = computed(() => new Map((offered.value ?? []).flatMap((metric) => [metric.name, ...metric.aliases].map((name) => [name, metric]))));

function kindOf(metric) {
  if (/^(io\.|io_|psi_io)/.test(metric)) return "io";
  if (/memory|swap|smaps|headroom/.test(metric)) return "memory";
  return /cpu|throttle/.test(metric) ? "cpu" : null;
}

/** Whether a limit of memory bounds this: the whole of it, or a part that it may consist of. */
const isBounded = (metric) => !/headroom|\.(max|high|min|low)$|\.events\.|swap|pg/.test(metric);

function laneOf(name) {
  const named = NAMED.get(name);
  const metric = named ? named.metrics.find((one) => byName.value.has(one)) : name;
  const known = byName.value.get(metric);
  const { limits, strip } = EXPLANATIONS[kindOf(metric ?? named.metrics[0])] ?? { limits: {} };
  const there = (one) => (byName.value.has(one) ? one : undefined);
  const unit = known?.unit ?? named?.unit ?? "";
  return {
    key: name,
    metric: known?.name ?? null,
    title: laneTitles.value.get(name) ?? named?.title ?? known?.title ?? name,
    note: named?.note,
    isNamed: Boolean(named),
    unit,
    limit: metric && isBounded(metric) ? there(limits[unit]) : undefined,
    strip: strip && there(strip.some) ? { title: strip.title, some: strip.some, full: there(strip.full) } : undefined,
  };
}

/** The lanes, from the top: {key, metric (null: not recorded here), title, note, unit, limit, strip}. */
export const lanes = computed(() => laneNames.value.map(laneOf));
/** Metric shown by each lane that has one: Map(lane key → metric). */
export const laneMetrics = computed(() => new Map(lanes.value.filter(({ metric }) => metric).map(({ key, metric }) => [key, metric])));
/** The metrics that explain the lanes. */
export const explanations = computed(() => [
  ...new Set(lanes.value.flatMap(({ limit, strip }) => [limit, strip?.some, strip?.full]).filter(Boolean)),
]);
/** The lane by which the ledger ranks. */
export const focused = computed(() => lanes.value[Math.min(focus.value, lanes.value.length - 1)]);

function set(names) {
  laneNames.value = names;
  changed(false);
}

const without = (names, i) => names.filter((_, at) => at !== i);

/** Focus the lane at this place; nothing where there is none. */
export function focusLane(i) {
  if (i < 0 || i >= lanes.peek().length) return;
  focus.value = i;
  changed(false);
  document.querySelectorAll(".lane")[i]?.scrollIntoView({ block: "nearest" });
}

/** Show another metric on a lane; the lane that shows it already changes places with it. */
export function setLane(i, name) {
  const names = [...laneNames.peek()];
  const had = names.indexOf(nameOf(name));
  if (had >= 0) names[had] = names[i];
  names[i] = nameOf(name);
  set(names);
}

/** Put a metric on a lane of its own at the end, and focus it; where there are eight, the last makes room. */
export function addLane(name) {
  const names = laneNames.peek();
  const had = names.indexOf(nameOf(name));
  batch(() => {
    if (had < 0) set([...names.slice(0, MOST_LANES - 1), nameOf(name)]);
    focus.value = laneNames.peek().indexOf(nameOf(name));
  });
}

/** A metric that has a lane with a name of its own goes by that name. */
function nameOf(metric) {
  return [...NAMED].find(([, { metrics }]) => metrics.find((one) => byName.peek().has(one)) === metric)?.[0] ?? metric;
}

export function removeLane(i) {
  if (laneNames.peek().length > 1) set(without(laneNames.peek(), i));
}

export function moveLane(i, step) {
  const names = laneNames.peek();
  const to = i + step;
  if (to < 0 || to >= names.length) return;
  const next = without(names, i);
  next.splice(to, 0, names[i]);
  batch(() => {
    set(next);
    focus.value = to;
  });
}
