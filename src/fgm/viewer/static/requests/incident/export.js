// Saves a range as a file: asks the viewer how large it will be, and gets it.

import { effect } from "../../vendor/signals.js";
import { handOver } from "../../browser/download.js";
import { escapeForUrl } from "../../lib/url-escape.js";
import { preview, saving, transfer } from "../../state/incident/saving.js";
import { allMetrics } from "../../state/store.js";
import { savedFragment } from "../../state/url.js";

const PATIENCE_MS = 400; // after a change, until the viewer is asked
const STALL_MS = 120_000; // without a byte, until the viewer counts as gone
const MAX_QUERY = 32_000; // the viewer refuses longer ones
const END_BYTES = 8 << 20; // of a pack: its manifest and its loader are in them

/** Error: nothing was saved. The message gives the reason. */
class NotSaved extends Error {}

/** The query of /api/export for choices in the dialog: [[name, values]]. */
function queryOf({ from_ms, to_ms, format, hasAllSeries, hasAllMetrics, hasNotes, rules, shownIds, drawn }) {
  const isPack = format === "html";
  const query = {
    from: Math.floor(from_ms), to: Math.ceil(to_ms), format,
    containers: hasAllSeries ? [] : shownIds,
    metric: hasAllMetrics ? (allMetrics.peek() ?? []).map(({ name }) => name) : drawn,
    redact: rules,
    view: isPack ? savedFragment({ from_ms, to_ms }, hasNotes) : [],
  };
  return Object.entries(query).map(([name, values]) => [name, [values].flat()]).filter(([, values]) => values.length > 0);
}

const textOf = (query) => query.map(([name, values]) => `${name}=${values.map(escapeForUrl).join(",")}`).join("&");

/** The key of the choices that decide what the viewer says about them. The view of a live page moves meanwhile. */
const keyOf = (choices) => `${choices.hasNotes} ${textOf(queryOf(choices).filter(([name]) => name !== "view"))}`;

/** Request an export. Throws NotSaved with what the viewer refused. */
async function request(query, signal) {
  if (query.length > MAX_QUERY) throw new NotSaved("The notes and the chosen containers are too long for a request: delete or shorten notes, or save all containers.");
  const response = await fetch(`api/export?${query}`, { signal }).catch((error) => {
    throw signal.aborted ? error : new NotSaved("The viewer does not respond.");
  });
  if (response.ok) return response;
  const { detail, title, allowed } = await response.json().catch(() => ({}));
  const reason = detail ?? title ?? `status ${response.status}`;
  throw new NotSaved(`The viewer refused: ${reason.replace(/\.$/, "")}.${allowed ? ` Allowed: ${allowed}.` : ""}`);
}

// Preview --------------------------------------------------------------------------------------------------------

let running = new AbortController(), timer = 0;

async function load(choices) {
  const key = keyOf(choices);
  const { signal } = (running = new AbortController());
  let refusal = null, answer = null;
  try {
    answer = await (await request(`${textOf(queryOf(choices))}&preview=1`, signal)).json();
  } catch (error) {
    if (signal.aborted) return;
    refusal = error instanceof NotSaved ? error.message : "The viewer does not respond.";
  }
  preview.value = { key, answer, refusal };
}

/** Whether the last preview is about the present choices. */
export const isPreviewed = () => saving.value !== null && preview.value?.key === keyOf(saving.value);

/** From now on, ask the viewer what would be saved, a moment after each change in the dialog. */
export function startPreviews() {
  effect(() => {
    const choices = saving.value;
    running.abort();
    clearTimeout(timer);
    if (choices === null) return abort.abort();
    if (preview.peek()?.key !== keyOf(choices)) timer = setTimeout(() => load(choices), PATIENCE_MS);
  });
}

// File -----------------------------------------------------------------------------------------------------------

let abort = new AbortController();

/** Stop saving. */
export function cancelSaving() {
  abort.abort();
  transfer.value = null;
}

/** Get the file, and hand it to the browser when it is complete. The progress and the result are written to `transfer`. */
export async function save() {
  const choices = saving.peek(), total = isPreviewed() ? preview.peek().answer?.bytes ?? null : null;
  running.abort(); // the preview
  clearTimeout(timer);
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  const update = (news) => !signal.aborted && (transfer.value = { ...transfer.peek(), ...news });
  transfer.value = { received: 0, total, name: null, refusal: null };
  try {
    const response = await request(textOf(queryOf(choices)), signal);
    const blob = await received(response, (bytes) => update({ received: bytes }), signal);
    if (!(await isComplete(blob, choices.format))) throw new NotSaved("The file arrived without its end: nothing was saved. Try again.");
    if (signal.aborted) return;
    const name = response.headers.get("Content-Disposition")?.match(/filename="([^"]+)"/)?.[1] ?? `fgm-incident.${choices.format}`;
    handOver(blob, name);
    update({ received: blob.size, name });
  } catch (error) {
    if (signal.aborted && transfer.peek()?.refusal === null) return;
    if (!(error instanceof NotSaved)) console.error(error);
    update({ refusal: error instanceof NotSaved ? error.message : "Saving failed: nothing was saved." });
  }
}

/** The body of a response. The browser keeps a large one on disk. Throws NotSaved if the connection was cut. */
async function received(response, onBytes, signal) {
  let count = 0, isStalled = false, stalled = 0;
  const stall = new AbortController();
  const wait = () => {
    clearTimeout(stalled);
    stalled = setTimeout(() => ((isStalled = true), stall.abort()), STALL_MS);
  };
  const counted = new TransformStream({
    transform(chunk, controller) {
      wait();
      onBytes((count += chunk.byteLength));
      controller.enqueue(chunk);
    },
  });
  wait();
  try {
    const body = response.body.pipeThrough(counted, { signal: stall.signal });
    return await new Response(body, { headers: { "Content-Type": response.headers.get("Content-Type") } }).blob();
  } catch (error) {
    if (signal.aborted) throw error;
    const size = `${(count / 1e6).toFixed(1)} MB`;
    throw new NotSaved(isStalled ? `Nothing has arrived for ${STALL_MS / 60_000} minutes after ${size}: nothing was saved. Try again.` : `The connection was cut after ${size}: nothing was saved. Try again.`);
  } finally {
    clearTimeout(stalled);
  }
}

/** Whether a file has its end: a proxy can pass on a response that was cut as if it were whole. */
async function isComplete(blob, format) {
  if (format === "parquet") return (await blob.slice(-4).text()) === "PAR1";
  const end = await blob.slice(-END_BYTES).text();
  return end.includes('id="fgm-pack"') && end.trimEnd().endsWith("</html>");
}
