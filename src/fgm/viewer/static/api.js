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

/** Nothing answered in time: the viewer, the node or the port-forward is gone. */
export class Unreachable extends Error {}

/** A value inside an address, as legible as may be. A comma within it stays escaped: it is no separator of a list. */
export const escaped = (value) => encodeURIComponent(String(value).replace(/\p{Surrogate}/gu, "\ufffd")).replace(/%(2F|3A)/g, decodeURIComponent);

async function get(path, query = {}, { signal, within_ms = 15_000 } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = given.map(([name, value]) => `${name}=${[value].flat().map(escaped).join(",")}`).join("&");
  const limit = AbortSignal.timeout(within_ms);
  let response, body;
  try {
    response = await fetch(text ? `${path}?${text}` : path, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response && !limit.aborted) throw new Problem(response.status, { title: `${path} did not answer with JSON.` });
    throw new Unreachable(`${path}: ${error.message}`);
  }
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

// A dead port-forward may swallow requests instead of refusing them, and the page says so within 5 s.
const HEARTBEAT_MS = 2500;

export const health = (options) => get("api/health", {}, { within_ms: HEARTBEAT_MS, ...options });
export const instance = (options) => get("api/instance", {}, options);
export const metrics = async (options) => (await get("api/metrics", {}, options)).metrics;
export const containers = async (options) => (await get("api/containers", {}, options)).containers;

/** What happened in [from_ms, to_ms), newest first. */
export const events = ({ from_ms, to_ms }, options) =>
  get("api/events", { from: Math.max(0, Math.floor(from_ms)), to: Math.ceil(to_ms) }, options);

/** Samples of several metrics and series in [from_ms, to_ms); `within_ms`: of a long range the newest part is enough. */
export const timeseries = ({ metrics: names, ids, from_ms, to_ms, points, within_ms }, options) =>
  get("api/timeseries", { metric: names, containers: ids, from: Math.floor(from_ms), to: Math.ceil(to_ms), points, within_ms }, options);

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
