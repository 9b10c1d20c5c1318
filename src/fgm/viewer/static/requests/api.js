// The viewer's API, with one function for each path. An AbortSignal in `options` cancels a request.

import { get, lines, Unreachable } from "./source.js";

export { Problem, Unreachable } from "./source.js";

/** Maximum number of ticks in a range for which every sample is requested. Longer ranges are requested as pixel columns. */
export const RAW_TICKS = 3600;
/** Time after which the viewer responds with the part of a long range that it has read, which is the newest. */
export const PART_MS = 700;
/** The same for the rest of a range whose newest part is shown: each response has a cost of its own. */
export const REST_MS = 2800;
/** Timeout of requests for what the viewer computes only while nothing else is requested. */
export const BACKGROUND_TIMEOUT_MS = 120_000;

// A dead port-forward may swallow requests instead of refusing them; the page must report this within 5 s.
const HEALTH_TIMEOUT_MS = 2500;

/** The state of the viewer: {state, version, now_ms, oldest_ms, newest_ms, interval_ms, …}. */
export const health = (options) => get("api/health", {}, { timeout_ms: HEALTH_TIMEOUT_MS, ...options });
/** Where the viewer runs: {node_name, pod_name, port, …}. */
export const instance = (options) => get("api/instance", {}, options);
/** {metrics, labelled}: those that have a value anywhere, most used first, and those with a value for each label. */
export const metrics = (options) => get("api/metrics", {}, options);
/**
 * All series: containers, pods, cgroups and the node: {containers, token, …}. With the token of an earlier response (`since`), only
 * what has changed since: {containers, removed, whole, token, …}.
 */
export const containers = (since, options) => get("api/containers", { since }, options);

/** The events in [from_ms, to_ms), newest first. `kinds`: undefined for all. */
export const events = ({ from_ms, to_ms, kinds, limit }, options) =>
  get("api/events", { from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms), kind: kinds, limit }, options);

/**
 * Samples of metrics and series in [from_ms, to_ms). After `within_ms`, the response may contain only the newest part. `reduce`:
 * "mean" for the mean of each pixel column instead of its extremes.
 */
export const timeseries = ({ metrics: names, ids, from_ms, to_ms, points, within_ms, reduce }, options) => {
  const query = { metric: names, containers: [...ids], from: Math.floor(from_ms), to: Math.ceil(to_ms), points, within_ms, reduce, format: "binary" };
  return get("api/timeseries", query, { read: async (response) => decodeSamples(await response.arrayBuffer()), ...options });
};

/** Decode the binary format: a JSON header with offsets, then columns of float64 that begin at a multiple of 8 bytes. */
function decodeSamples(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const begin = Math.ceil((4 + size) / 8) * 8;
  const columns = new Map(); // offset → values: many series share one column of times
  const column = (offset, count) => {
    if (count === 0) return []; // the next column begins at the same offset
    if (columns.has(offset)) return columns.get(offset);
    const stored = new Float64Array(buffer, begin + offset, count), values = new Array(count);
    for (let i = 0; i < count; i += 1) values[i] = Number.isNaN(stored[i]) ? null : stored[i];
    columns.set(offset, values);
    return values;
  };
  return { ...header, series: header.series.map((series) => ({ ...series, t_ms: column(series.t_ms, series.count), value: column(series.value, series.count) })) };
}

/** The series with the highest mean of a metric in [from_ms, to_ms), each with its peak in each of `parts` equal parts. */
export const top = ({ metric, from_ms, to_ms, parts, scopes, limit }, options) =>
  get("api/top", { metric, from: Math.floor(from_ms), to: Math.ceil(to_ms), parts, scope: scopes, limit }, options);

/**
 * Of each of some metrics, the highest value of each row in each of `columns` equal parts of [from_ms, to_ms), the most used row first: a
 * list with the answer to each metric. `ids`: null for all
 * series; `kind`: what a row is; `until_ms`: end of what is read; `within_ms`: as for timeseries.
 */
export const walls = async ({ metrics: names, kind, ids, from_ms, to_ms, columns, limit, until_ms, within_ms }, options) => {
  const query = { metric: names, by: kind, containers: ids ?? undefined, from: from_ms, to: to_ms, columns, limit, until: until_ms, within_ms, format: "binary" };
  const answer = await get("api/wall", query, { read: async (response) => decodeWalls(await response.arrayBuffer()), ...options });
  return answer.walls ?? [answer];
};

/** The same of one metric: its answer. */
export const wall = async ({ metric, ...query }, options) => (await walls({ ...query, metrics: [metric] }, options))[0];

/** Decode the binary format: a JSON header, then the cells of all rows as float32 that begin at a multiple of 8 bytes. */
function decodeWalls(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  let begin = Math.ceil((4 + size) / 8) * 8;
  const decoded = (header.walls ?? [header]).map((wall) => {
    const count = wall.end_column - wall.first_column, first = begin;
    begin += 4 * count * wall.rows.length;
    return { ...wall, rows: wall.rows.map((row, i) => ({ ...row, values: new Float32Array(buffer, first + 4 * count * i, count) })) };
  });
  return { walls: decoded };
}

/** The processes of a series that use most, at an instant (`at_ms`), or with lines in [from_ms, to_ms). `by`: cpu or memory. */
export const processes = ({ id, at_ms, from_ms, to_ms, by, limit, points }, options) => {
  const whole = (ms) => (ms === undefined ? undefined : Math.max(0, Math.floor(ms)));
  return get("api/processes", { id, at: whole(at_ms), from: whole(from_ms), to: whole(to_ms), by, limit, points }, options);
};

/** The values of a labelled metric of some series in [from_ms, to_ms), a line for each label, highest first. */
export const labelled = ({ metric, ids, from_ms, to_ms, points }, options) =>
  get("api/labelled", { metric, containers: ids, from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms), points }, options);

/** What stood out in [from_ms, to_ms), at most an hour: {findings, looked_at, partial, skipped_files}. The viewer may look for long. */
export const findings = ({ from_ms, to_ms, limit }, options) =>
  get("api/findings", { from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms), limit }, { timeout_ms: BACKGROUND_TIMEOUT_MS, ...options });

/** What a study ("trend", "changepoint" or "periodicity") says about a metric of some series in [from_ms, to_ms), at most an hour. */
export const studies = ({ study, metric, ids, from_ms, to_ms }, options) =>
  get("api/studies", { study, metric, containers: ids, from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms) }, { timeout_ms: BACKGROUND_TIMEOUT_MS, ...options });

/**
 * The changes in [from_ms, to_ms) from the range of the same length that begins at `against_ms`; undefined: before. `pair`: {id, other} to
 * compare with each other, or null. `onProgress` is called with a share, 0 to 1.
 */
export async function changes({ from_ms, to_ms, against_ms, pair, limit }, onProgress, signal) {
  const against = against_ms === undefined ? undefined : Math.max(0, Math.floor(against_ms));
  let last;
  for await (const line of lines("api/changes", { from: Math.floor(from_ms), to: Math.ceil(to_ms), against, pairs: pair ? `${pair.other}~${pair.id}` : undefined, limit }, { signal })) {
    last = line;
    if (line.progress !== undefined) onProgress(line.progress);
  }
  if (!last?.series) throw new Unreachable("The response ended early.");
  return last;
}
