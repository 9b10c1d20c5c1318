// What the page shows, and the actions that change it. Everything is asked of the nodes when it is shown, and nothing is stored.

import { batch, computed, signal } from "../vendor/signals.js";
import { readJson, readLines } from "./requests.js";
import { shortNames } from "./short-names.js";

export const RANGES = [["1h", 3_600_000], ["3h", 10_800_000], ["6h", 21_600_000], ["24h", 86_400_000]];
export const COLUMNS = 240;
const STRIPS = ["cpu", "cpu_share", "memory", "memory_share", "pressure"];
const FOLLOW_MS = 60_000; // the range moves by at least this, so that a node is asked at most once a minute
const FOLLOWED_MS = 1_800_000; // it moves for so long after the last click or key
const LOOK_MS = 5_000; // interval at which it is looked whether the range should move
const AT_ONCE = 4; // rows that are asked for at the same time; a browser opens six connections to an address

/** The names of the nodes; null before they are known. */
export const nodes = signal(null);
/** node → what its row is called. */
export const shown = computed(() => shortNames(nodes.value ?? []));
export const context = signal("");
/** The error because of which there are no nodes; "" if there is none. */
export const failure = signal("");
export const range = signal({ from_ms: 0, to_ms: 1, name: "3h" });
/** The range no longer follows the time, because nobody has touched the page for long. */
export const isPaused = signal(false);
/** node → {to_ms, strips, error}: strips up to `to_ms`, and why it does not answer; a node that is not in it is being asked. */
export const rows = signal(new Map());
export const cursor_ms = signal(null);
/** The answer about the minute at the cursor: {at_ms, done, of} while nodes are asked, {at_ms, ranking} or {at_ms, error} after that. */
export const minute = signal(null);

let generation = 0;
let asking = null;
let isMoving = false;
let touched_ms = 0;

/** Ask for the nodes, and for the strips of each, up to the present second. */
export async function load() {
  const own = (generation += 1);
  const [, length_ms] = RANGES.find(([name]) => name === range.peek().name);
  const wanted = readUrl();
  const to_ms = wanted.to_ms ?? Math.ceil(Date.now() / 1000) * 1000;
  touched_ms = Date.now();
  batch(() => {
    range.value = { ...range.peek(), from_ms: to_ms - length_ms, to_ms };
    rows.value = new Map();
    failure.value = "";
    isPaused.value = false;
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
  const { from_ms } = range.peek();
  await inTurn(own, async (node) => {
    const row = await stripsOf(node, from_ms, to_ms, COLUMNS);
    if (own === generation) rows.value = new Map(rows.peek()).set(node, row);
  });
}

/** Call a function for each node, for some nodes at the same time, until something else is loaded. */
async function inTurn(own, work) {
  const waiting = [...nodes.peek()];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (waiting.length > 0 && own === generation) await work(waiting.shift());
  }));
}

async function stripsOf(node, from_ms, to_ms, columns) {
  try {
    return { to_ms, strips: await readJson("/api/strips", { node, from: from_ms, to: to_ms, columns }) };
  } catch (error) {
    return { to_ms: from_ms, error: error.message };
  }
}

/** Move the range up to now, if it is due. Each node is asked for the new columns alone, and all rows move at once. */
async function follow() {
  const { from_ms, to_ms } = range.peek(), column_ms = (to_ms - from_ms) / COLUMNS;
  const columns = Math.floor((Date.now() - to_ms) / column_ms);
  const isDue = columns * column_ms >= FOLLOW_MS && !isMoving && rows.peek().size === nodes.peek()?.length;
  if (!isDue || document.hidden || readUrl().to_ms !== null) return;
  isPaused.value = Date.now() - touched_ms > FOLLOWED_MS;
  if (isPaused.peek()) return;
  const own = generation, moved = new Map();
  const next = { ...range.peek(), from_ms: from_ms + columns * column_ms, to_ms: to_ms + columns * column_ms };
  isMoving = true;
  try {
    await inTurn(own, async (node) => moved.set(node, await movedRow(node, rows.peek().get(node), next, columns)));
  } finally {
    isMoving = false;
  }
  if (own !== generation) return;
  batch(() => {
    range.value = next;
    rows.value = moved;
    if (cursor_ms.peek() !== null && cursor_ms.peek() < next.from_ms) cursor_ms.value = null;
  });
}

/** A row of a later range, with the columns that it lacks. One whose node does not answer keeps what it has. */
async function movedRow(node, row, { from_ms, to_ms }, shift) {
  const column_ms = (to_ms - from_ms) / COLUMNS, begin_ms = row.strips ? Math.max(from_ms, row.to_ms) : from_ms;
  const first = Math.round((begin_ms - from_ms) / column_ms);
  const added = await stripsOf(node, begin_ms, to_ms, COLUMNS - first);
  if (!row.strips) return added;
  const strips = { ...row.strips, ...added.strips, columns: COLUMNS };
  for (const name of STRIPS) {
    const known = row.strips[name]?.slice(shift), values = added.strips?.[name];
    strips[name] = Array.from({ length: COLUMNS }, (_, i) => (i < first ? known?.[i] : values?.[i - first]) ?? null);
  }
  strips.events = [...row.strips.events, ...(added.strips?.events ?? [])].filter(({ time_ms }) => time_ms >= from_ms);
  return { ...added, strips };
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
  setInterval(follow, LOOK_MS);
  document.addEventListener("visibilitychange", follow);
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => (touched_ms = Date.now()), { passive: true });
  if (at_ms >= 0) {
    cursor_ms.value = at_ms;
    await loaded;
    ask(at_ms);
  }
}
