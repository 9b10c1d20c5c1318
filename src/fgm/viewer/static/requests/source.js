// Where answers come from: a viewer over HTTP, or a pack in memory. All requests of the page go through here.

import { otherPack } from "../state/compare/other-range.js";

/** Error: a request was refused. The message gives the reason. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `The viewer responded with status ${status}.`);
    this.status = status;
  }

  /** Whether the same request will always be refused. Not after 404 (data may appear) or 429 (the viewer is busy). */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.status !== 404 && this.status !== 429;
  }
}

/** Error: no response, or none in time (`isLate`), because the viewer, the node or the port-forward has stopped. */
export class Unreachable extends Error {
  constructor(message, isLate = false) {
    super(message);
    this.isLate = isLate;
  }
}

let source = null; // {get(path, query, options), lines(path, query, options)}
const listeners = [];

/** Call `listener()` whenever answers come from another source: what was loaded so far is forgotten then. */
export function onSourceChange(listener) {
  listeners.push(listener);
}

/** From now on, answers come from this source. Requests that still run end with an AbortError: their answers are of the earlier one. */
export function setSource(next) {
  source = next;
  for (const listener of listeners) listener();
}

/** The source of the view, or that of the other range, which is the same if no other pack is open. */
const sourceOf = (isOther) => (isOther && otherPack.peek()?.source) || source;

/**
 * The answer to a request, decoded. `options`: signal, timeout_ms, read(response); isOther: whether the source of the other range is asked.
 * Throws Problem, Unreachable.
 */
export async function get(path, query = {}, { isOther = false, ...options } = {}) {
  const from = sourceOf(isOther);
  const [answer] = await Promise.allSettled([from.get(path, query, options)]);
  if (from !== sourceOf(isOther)) throw replaced();
  if (answer.status === "rejected") throw answer.reason;
  return answer.value;
}

/** The lines of an answer that arrives line by line, each parsed from JSON. Throws Problem, Unreachable. */
export async function* lines(path, query, options) {
  const from = source;
  for await (const line of from.lines(path, query, options)) {
    if (from !== source) throw replaced();
    yield line;
  }
}

const replaced = () => new DOMException("Another source was opened.", "AbortError");
