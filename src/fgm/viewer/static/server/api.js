// The viewer's HTTP API. One function per question; each can be superseded through an AbortSignal.

/** The server answered, but not with what was asked for. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `The viewer answered ${status}.`);
    this.status = status;
  }

  /** Whether the same question will be refused for ever; what is unknown or too busy may yet come. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.status !== 404 && this.status !== 429;
  }
}

/** Nothing answered, or not in time (`isLate`): the viewer, the node or the port-forward is gone. */
export class Unreachable extends Error {
  constructor(message, isLate = false) {
    super(message);
    this.isLate = isLate;
  }
}

/** A value inside an address, as legible as may be. A comma within it stays escaped: it is no separator of a list. */
export const escaped = (value) => encodeURIComponent(String(value).replace(/\p{Surrogate}/gu, "\ufffd")).replace(/%(2F|3A)/g, decodeURIComponent);

async function get(path, query = {}, options = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = given.map(([name, value]) => `${name}=${[value].flat().map(escaped).join(",")}`).join("&");
  const url = text ? `${path}?${text}` : path;
  try {
    return await getOnce(url, options);
  } catch (error) {
    // A port-forward that is cut takes answers with it; the next one comes through the next connection.
    if (!(error instanceof Unreachable) || error.isLate || options.signal?.aborted) throw error;
    return getOnce(url, options);
  }
}

async function getOnce(url, { signal, within_ms = 15_000, read = (response) => response.json() }) {
  const limit = AbortSignal.timeout(within_ms);
  let response, body;
  try {
    response = await fetch(url, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
    body = await (response.ok ? read(response) : response.json());
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof SyntaxError) throw new Problem(response.status, { title: `${url.split("?")[0]} did not answer with JSON.` });
    throw new Unreachable(`${url.split("?")[0]}: ${error.message}`, limit.aborted);
  }
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

/** A range of so many ticks is answered with every sample; beyond that, with the extremes of pixel columns. */
export const RAW_TICKS = 3600;
/** So long the viewer reads of a long range before it answers with what there is, the newest first. */
export const PART_MS = 700;

// A dead port-forward may swallow requests instead of refusing them, and the page says so within 5 s.
const HEARTBEAT_MS = 2500;

export const health = (options) => get("api/health", {}, { within_ms: HEARTBEAT_MS, ...options });
export const instance = (options) => get("api/instance", {}, options);
/** What can be shown, most used first: [{name, title, unit, kind, source, help}]. */
export const metrics = async (options) => (await get("api/metrics", {}, options)).metrics;
export const containers = async (options) => (await get("api/containers", {}, options)).containers;

/** What happened in [from_ms, to_ms), newest first; of some kinds only where these are given. */
export const events = ({ from_ms, to_ms, kinds, limit }, options) =>
  get("api/events", { from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms), kind: kinds, limit }, options);

/** Samples of several metrics and series in [from_ms, to_ms); `within_ms`: of a long range the newest part is enough. */
export const timeseries = ({ metrics: names, ids, from_ms, to_ms, points, within_ms }, options) => {
  const query = { metric: names, containers: [...ids], from: Math.floor(from_ms), to: Math.ceil(to_ms), points, within_ms, format: "binary" };
  return get("api/timeseries", query, { read: async (response) => decoded(await response.arrayBuffer()), ...options });
};

/** The binary form: a JSON header with offsets, then columns of float64 that begin at a multiple of 8. */
function decoded(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const begin = Math.ceil((4 + size) / 8) * 8;
  const columns = new Map(); // where → what; the times of many series are the same column
  const column = (at, count) => {
    if (columns.has(at)) return columns.get(at);
    const values = new Float64Array(buffer, begin + at, count), plain = new Array(count);
    for (let i = 0; i < count; i += 1) plain[i] = Number.isNaN(values[i]) ? null : values[i];
    columns.set(at, plain);
    return plain;
  };
  const series = header.series.map((one) => ({ ...one, t_ms: column(one.t_ms, one.count), value: column(one.value, one.count) }));
  return { ...header, series };
}

/** Who used most of a metric in [from_ms, to_ms), with the highest value in each of `parts` parts of it. */
export const top = ({ metric, from_ms, to_ms, parts, scopes, limit }, options) =>
  get("api/top", { metric, from: Math.floor(from_ms), to: Math.ceil(to_ms), parts, scope: scopes, limit }, options);

/** What changed in [from_ms, to_ms) beside as much time before; `tell` takes how far the viewer is, 0 to 1. */
export async function changes({ from_ms, to_ms, limit }, tell, signal) {
  let response, last;
  try {
    response = await fetch(`api/changes?from=${Math.floor(from_ms)}&to=${Math.ceil(to_ms)}&limit=${limit}`, { signal });
    if (response.ok) {
      for await (const line of linesOf(response.body)) {
        last = JSON.parse(line);
        if (last.progress !== undefined) tell(last.progress);
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Unreachable(error.message);
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
  if (!last?.series) throw new Unreachable("the answer broke off");
  return last;
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    yield* lines;
    if (done) return;
  }
}
