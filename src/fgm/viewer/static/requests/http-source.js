// Answers of a viewer, over HTTP.

import { escapeForUrl } from "../lib/url-escape.js";
import { Problem, Unreachable } from "./source.js";

/** The viewer that served the page, as a source. */
export const viewer = { get, lines };

/** The path with a query. A list is joined by commas; a parameter that is undefined is left out. */
function urlOf(path, query) {
  const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = parameters.map(([name, value]) => `${name}=${[value].flat().map(escapeForUrl).join(",")}`).join("&");
  return text ? `${path}?${text}` : path;
}

async function get(path, query, options) {
  const url = urlOf(path, query);
  try {
    return await getOnce(url, options);
  } catch (error) {
    // A port-forward that breaks loses the responses in transit. The next request uses a new connection.
    if (!(error instanceof Unreachable) || error.isLate || options.signal?.aborted) throw error;
    return getOnce(url, options);
  }
}

async function getOnce(url, { signal, timeout_ms = 15_000, read = (response) => response.json() }) {
  const timeout = AbortSignal.timeout(timeout_ms);
  let response, body;
  try {
    response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    body = await (response.ok ? read(response) : response.json());
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof SyntaxError) throw new Problem(response.status, { title: `The response of ${url.split("?")[0]} is not JSON.` });
    throw new Unreachable(`${url.split("?")[0]}: ${error.message}`, timeout.aborted);
  }
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

async function* lines(path, query, { signal }) {
  let response;
  try {
    response = await fetch(urlOf(path, query), { signal });
    if (response.ok) for await (const line of linesOf(response.body)) yield JSON.parse(line);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Unreachable(error.message);
  }
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = parts.pop();
    yield* parts;
    if (done) return;
  }
}
