// Keeps the view in the URL's fragment, so that reload, "back" and a copied URL show the same range, selection, lanes and cursor.

import { batch } from "../vendor/signals.js";
import { readNotes, writeNotes } from "../lib/notes.js";
import { ALL, END_OF_TIME_MS, PRESETS } from "../lib/time-format.js";
import { escapeForUrl } from "../lib/url-escape.js";
import { LONGEST_MS as LONGEST_FINDINGS_MS, shownFinding } from "./analysis/findings.js";
import { laneStudies, STUDIES } from "./analysis/studies.js";
import { compareWithNamedPack, missingPack, otherPack, pairedIds, shift_ms } from "./compare/other-range.js";
import { notes, notesWithin } from "./incident/notes.js";
import { DEFAULT_LANES, focus, laneNames, MAX_LANES } from "./lanes.js";
import { showable } from "./pack.js";
import { openedId } from "./processes.js";
import { shown } from "./shown.js";
import { cursor_ms, defaultRange, end_ms, interval_ms, linkedSlots, picked, pinned_ms, range, rangeChosen, view } from "./store.js";
import { follow, onViewChange } from "./view.js";
import { readWallParameters, wallParameters } from "./wall/walls.js";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 3650 * UNIT_MS.d; // a longer span shows all data
const SHORTEST_MS = 5000;
const ONE_CHANGE_MS = 700; // turns of a wheel within this time are one entry of the browser's history

const isoTime = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

// Writing ------------------------------------------------------------------------------------------------------

function fragment() {
  const { live, span_ms, from_ms, to_ms } = range.peek();
  const rangeParts = live ? [["last", [spanText(span_ms)]]] : fixedRange({ from_ms, to_ms });
  return fragmentOf([...(rangeChosen.peek() ? rangeParts : []), ...(picked.peek() ? [["show", picked.peek()]] : []), ...lanesAndCursor(pinned_ms.peek(), live)]);
}

const fixedRange = ({ from_ms, to_ms }) => [["from", [isoTime(from_ms)]], ["to", [isoTime(to_ms)]]];

function lanesAndCursor(pin_ms, isLive, listed = notes.peek()) {
  const parts = [];
  if (laneNames.peek().join() !== DEFAULT_LANES.join()) parts.push(["lanes", laneNames.peek()]);
  if (focus.peek() > 0) parts.push(["focus", [focus.peek() + 1]]);
  if (pin_ms !== null) parts.push(["at", [isoTime(pin_ms)]]);
  if (laneStudies.peek().size > 0) parts.push(["studies", [...laneStudies.peek()].map(([name, study]) => `${study}:${name}`)]);
  if (shift_ms.peek() !== null || missingPack.peek() !== null) parts.push(["vs", otherParts(isLive)]);
  if (pairedIds.peek() !== null) parts.push(["pair", [pairedIds.peek().id, pairedIds.peek().other]]);
  if (openedId.peek() !== null) parts.push(["open", [openedId.peek()]]);
  if (shownFinding.peek() !== null) parts.push(["finding", findingParts(shownFinding.peek())]);
  if (listed.length > 0) parts.push(["notes", writeNotes(listed)]);
  return [...parts, ...wallParameters()];
}

/** The other range in the URL: its begin; in a view that moves, how much earlier it is; of a pack, also the name of the file. */
function otherParts(isLive) {
  const fileName = (otherPack.peek() ?? missingPack.peek())?.fileName, shift = shift_ms.peek() ?? missingPack.peek().shift_ms;
  const begin = shift === null ? [] : [isLive && fileName === undefined ? `-${Math.round(shift / 1000)}s` : isoTime(view.peek().from_ms - shift)];
  return fileName === undefined ? begin : fileName === null ? ["pack"] : ["pack", fileName, ...begin];
}

/** A finding in the URL: its kind, series and beginning, and the range in which it was found. */
const findingParts = ({ kind, id, from_ms, within }) => [kind, id, ...[from_ms, within.from_ms, within.to_ms].map(isoTime)];

/** The fragment of [name, values] parts. A text in the place of the values is already escaped. */
function fragmentOf(parts) {
  const text = (values) => (typeof values === "string" ? values : values.map(escapeForUrl).join(","));
  return parts.length === 0 ? "" : `#${parts.map(([name, values]) => `${name}=${text(values)}`).join("&")}`;
}

/** The shown series and their colours, so that they stay the same. */
function seriesAndColours() {
  const ids = shown.peek().map(({ series }) => series.id);
  const colours = shown.peek().map(({ slot }) => (slot ?? -1) + 1);
  return [["show", ids], ["colours", colours]];
}

/** A URL that will also show the present view later: with a fixed range, the shown series, and their colours. */
export function permanentLink() {
  const parts = [...fixedRange(view.peek()), ...seriesAndColours(), ...lanesAndCursor(cursor_ms.peek(), false)];
  return location.href.replace(/[?#].*/s, "") + fragmentOf(parts);
}

/** The fragment (without "#") that shows the present view in a file with a range: the view if it is inside, else the whole range. */
export function savedFragment({ from_ms, to_ms }, hasNotes) {
  const isInside = view.peek().from_ms >= from_ms && view.peek().to_ms <= to_ms;
  const inRange = hasNotes ? notesWithin({ from_ms, to_ms }) : [];
  const isComparable = isInside && otherPack.peek() === null && missingPack.peek() === null && view.peek().from_ms - shift_ms.peek() >= from_ms && view.peek().to_ms - shift_ms.peek() <= to_ms;
  const others = lanesAndCursor(pinned_ms.peek(), false, inRange).filter(([name]) => isComparable || !["vs", "pair"].includes(name));
  return fragmentOf([...fixedRange(isInside ? view.peek() : { from_ms, to_ms }), ...seriesAndColours(), ...others]).slice(1);
}

function spanText(span_ms) {
  if (span_ms === ALL) return "all";
  return PRESETS.find(([, preset_ms]) => preset_ms === span_ms)?.[0] ?? `${Math.round(span_ms / 1000)}s`;
}

// Reading ------------------------------------------------------------------------------------------------------

function readSpan(text) {
  if (text === "all") return ALL;
  const [, count, unit] = text?.match(/^(\d+)([smhd])$/) ?? [];
  if (!count) return null;
  const span_ms = Number(count) * UNIT_MS[unit];
  return span_ms > LONGEST_MS ? ALL : Math.max(SHORTEST_MS, span_ms);
}

/** The parameters of the fragment: Map(name → escaped text). */
const escapedParameters = () => new Map(location.hash.slice(1).split("&").map((part) => part.split(/=(.*)/s)).map(([name, text = ""]) => [name, text]));

/** The parameters of the fragment: Map(name → list of values). Commas separate values; an escaped comma is part of one. */
const readParameters = () => new Map([...escapedParameters()].map(([name, text]) => [name, text.split(",").filter(Boolean).flatMap(unescaped)]));

function unescaped(text) {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return []; // cut off or mistyped
  }
}

const readStudies = (texts) => new Map(texts.map((text) => text.split(/:(.*)/s)).filter(([study, name]) => STUDIES.has(study) && name).map(([study, name]) => [name, study]));

function readFinding([kind, id, ...times]) {
  const [from_ms, begin_ms, end_ms] = times.map((text) => Date.parse(text));
  return begin_ms >= 0 && begin_ms < end_ms && end_ms - begin_ms <= LONGEST_FINDINGS_MS && from_ms >= 0 ? { kind, id, from_ms, within: { from_ms: begin_ms, to_ms: end_ms } } : null;
}

function readOther([first, fileName, begin]) {
  if (first === "pack") return compareWithNamedPack(fileName, Date.parse(begin));
  otherPack.value = missingPack.value = null;
  shift_ms.value = readShift(first, view.peek().from_ms);
}

/** How much later than the other range a view is; null if there is none. */
function readShift(text, from_ms) {
  const seconds = text?.match(/^-(\d{1,9})s$/)?.[1];
  const shift = seconds ? Number(seconds) * 1000 : from_ms - Date.parse(text);
  return (shift !== 0 || pairedIds.peek() !== null) && Number.isFinite(shift) && from_ms - shift >= 0 ? shift : null;
}

function readUrl() {
  const parameters = readParameters();
  const first = (name) => parameters.get(name)?.[0];
  const span_ms = readSpan(first("last"));
  const [from_ms, to_ms] = ["from", "to"].map((name) => Date.parse(first(name)));
  const pin_ms = Math.floor(Date.parse(first("at")) / interval_ms.peek()) * interval_ms.peek();
  const names = [...new Set(parameters.get("lanes") ?? [])].slice(0, MAX_LANES);
  batch(() => {
    rangeChosen.value = true;
    if (span_ms) range.value = showable({ live: true, span_ms });
    else if (from_ms >= 0 && from_ms < to_ms && to_ms <= END_OF_TIME_MS) range.value = { live: false, from_ms, to_ms };
    else {
      rangeChosen.value = false;
      if (defaultRange.peek()) range.value = defaultRange.peek();
    }
    linkedSlots.value = new Map((parameters.get("colours") ?? []).map((slot, i) => [parameters.get("show")?.[i], Number(slot) - 1]));
    picked.value = parameters.get("show") ?? null;
    laneNames.value = names.length > 0 ? names : DEFAULT_LANES;
    laneStudies.value = readStudies(parameters.get("studies") ?? []);
    focus.value = Math.max(1, Math.min(MAX_LANES, Number(first("focus")) || 1)) - 1;
    const [id, other] = parameters.get("pair") ?? [];
    pairedIds.value = first("vs") && id && other ? { id, other } : null;
    readOther(parameters.get("vs") ?? []);
    openedId.value = first("open") ?? null;
    shownFinding.value = readFinding(parameters.get("finding") ?? []);
    readWallParameters(parameters);
    pinned_ms.value = pin_ms >= view.peek().from_ms && pin_ms < end_ms.peek() ? pin_ms : null;
  });
}

/** Read the notes in the URL, which are no part of the view: "back" does not remove them. */
function readUrlNotes() {
  notes.value = readNotes(escapedParameters().get("notes") ?? "");
}

// History ------------------------------------------------------------------------------------------------------

let depth = 0; // entries of the browser's history that this page added
let origin = null; // what the view is of: {id, fileName} of a file that a person has opened; null: of the viewer, or of the file with this page
let asked = null; // what the entry is of that "back" came to last: its file may take a while to open
let showOrigin = () => {};
let lastTurn_ms = -Infinity;

function writeUrl(change) {
  const url = fragment() || location.pathname + location.search;
  const continues = change === "turn" && performance.now() - lastTurn_ms < ONE_CHANGE_MS;
  if (change === "turn") lastTurn_ms = performance.now();
  if (change !== "replace" && !continues) history.pushState({ depth: (depth += 1), origin }, "", url);
  else history.replaceState({ depth, origin }, "", url);
}

/** Go back to the previous view, or to the live view if there is none. */
export function back() {
  if (depth > 0) history.back();
  else if (!range.peek().live) follow();
}

/** Show the view in the URL. The notes stay if this page has written the URL; they are read if a person has. */
function restore() {
  const isOwn = history.state?.depth !== undefined;
  depth = history.state?.depth ?? 0;
  const entry = history.state?.origin ?? null;
  if (isOwn && (entry?.id !== origin?.id || entry?.id !== asked?.id)) return showOrigin((asked = entry));
  batch(() => {
    readUrl();
    if (!isOwn) readUrlNotes();
  });
  if (!isOwn) history.replaceState({ depth, origin }, "");
  else if (writeNotes(notes.peek()) !== (escapedParameters().get("notes") ?? "")) writeUrl("replace");
}

/** Call `show(origin)` if "back" or a reload comes to a view of another origin. It is expected to show it, and to call `showView`. */
export function onOtherOrigin(show) {
  showOrigin = show;
}

/** Show a view of another origin, see above: that of a fragment (without "#") as a new entry of the browser's history, or that of the present entry. */
export function showView(next, text = null) {
  origin = asked = next;
  if (text !== null) history.pushState({ depth: (depth += 1), origin }, "", text ? `#${text}` : location.pathname + location.search);
  else history.replaceState({ depth, origin }, "");
  batch(() => {
    readUrl();
    readUrlNotes();
  });
}

/** Show the view in the URL, and from now on keep the URL and the view equal. */
export function startUrl() {
  onViewChange(writeUrl);
  addEventListener("popstate", restore);
  readUrlNotes(); // also after a reload
  restore();
}
