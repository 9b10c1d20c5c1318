// What the page shows, and the actions that change it. Everything is asked of the nodes when it is shown, and nothing is stored.

import { batch, signal } from "../vendor/signals.js";
import { readJson, readLines } from "./requests.js";

export const RANGES = [["1h", 3_600_000], ["3h", 10_800_000], ["6h", 21_600_000], ["24h", 86_400_000]];
export const COLUMNS = 240;
const AT_ONCE = 4; // rows that are asked for at the same time; a browser opens six connections to an address

/** The names of the nodes; null before they are known. */
export const nodes = signal(null);
export const context = signal("");
/** The error because of which there are no nodes; "" if there is none. */
export const failure = signal("");
export const range = signal({ from_ms: 0, to_ms: 1, name: "3h" });
/** node → {strips} or {error}; a node that is not in it is being asked. */
export const rows = signal(new Map());
export const cursor_ms = signal(null);
/** The answer about the minute at the cursor: {at_ms, done, of} while nodes are asked, {at_ms, ranking} or {at_ms, error} after that. */
export const minute = signal(null);

let generation = 0;
let asking = null;

/** Ask for the nodes, and for the strips of each, up to the present second. */
export async function load() {
  const own = (generation += 1);
  const [, length_ms] = RANGES.find(([name]) => name === range.peek().name);
  const wanted = readUrl();
  const to_ms = wanted.to_ms ?? Math.ceil(Date.now() / 1000) * 1000;
  batch(() => {
    range.value = { ...range.peek(), from_ms: to_ms - length_ms, to_ms };
    rows.value = new Map();
    failure.value = "";
  });
  try {
    const answer = await readJson("/api/nodes");
    batch(() => {
      nodes.value = answer.nodes;
      context.value = answer.context;
    });
  } catch (error) {
    failure.value = error.message;
    return;
  }
  const waiting = [...nodes.peek()];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (waiting.length > 0 && own === generation) await loadRow(waiting.shift(), own);
  }));
}

async function loadRow(node, own) {
  const { from_ms, to_ms } = range.peek();
  let row;
  try {
    row = { strips: await readJson("/api/strips", { node, from: from_ms, to: to_ms, columns: COLUMNS }) };
  } catch (error) {
    row = { error: error.message };
  }
  if (own === generation) rows.value = new Map(rows.peek()).set(node, row);
}

/** Choose the length of the range, which ends now. */
export function chooseRange(name) {
  range.value = { ...range.peek(), name };
  writeUrl();
  load();
}

/** Set the cursor, and ask all nodes what happened around it. An earlier question is given up. */
export async function ask(at_ms) {
  asking?.abort();
  asking = new AbortController();
  const { signal: aborted } = asking;
  batch(() => {
    cursor_ms.value = at_ms;
    minute.value = { at_ms, done: 0, of: nodes.peek()?.length ?? 0 };
  });
  writeUrl();
  let isWhole = false;
  try {
    for await (const line of readLines("/api/minute", { at: at_ms }, aborted)) {
      isWhole = Boolean(line.findings);
      minute.value = line.findings ? { at_ms, ranking: line } : { at_ms, ...line };
    }
    if (!isWhole) throw new Error("the answer was cut: see what fgm cluster printed in its terminal");
  } catch (error) {
    if (!aborted.aborted) minute.value = { at_ms, error: error.message };
  }
}

/** Move the cursor by some milliseconds, without asking. */
export function moveCursor(by_ms) {
  const { from_ms, to_ms } = range.peek();
  const at_ms = (cursor_ms.peek() ?? to_ms - 1000) + by_ms;
  cursor_ms.value = Math.min(to_ms - 1000, Math.max(from_ms, at_ms));
}

function readUrl() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const to_ms = Date.parse(fields.get("to") ?? "");
  return { to_ms: to_ms >= 0 ? to_ms : null, at_ms: Date.parse(fields.get("at") ?? ""), name: fields.get("last") };
}

function writeUrl() {
  const { to_ms } = readUrl();
  const fields = [`last=${range.peek().name}`];
  if (to_ms !== null) fields.push(`to=${new Date(to_ms).toISOString()}`);
  if (cursor_ms.peek() !== null) fields.push(`at=${new Date(cursor_ms.peek()).toISOString()}`);
  history.replaceState(null, "", `#${fields.join("&")}`);
}

/** Show what the address says, and load it. */
export async function start() {
  const { name, at_ms } = readUrl();
  if (RANGES.some(([known]) => known === name)) range.value = { ...range.peek(), name };
  const loaded = load();
  if (at_ms >= 0) {
    cursor_ms.value = at_ms;
    await loaded;
    ask(at_ms);
  }
}
