// The view in the URL's fragment: reload, "back" and a copied address show the same range, selection, lanes and cursor.

import { batch } from "../vendor/signals.js";
import { escaped } from "../server/api.js";
import { focus, laneNames, MOST_LANES, USUAL } from "./lanes.js";
import { cursor_ms, end_ms, givenSlots, interval_ms, picked, pinned_ms, range, rangeChosen, shown, usualRange, view } from "./store.js";
import { ALL, END_OF_TIME_MS, PRESETS } from "../lib/time-format.js";
import { follow, onChange } from "./view.js";

const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

function fragment() {
  const { live, span_ms, from_ms, to_ms } = range.peek();
  const moving = live ? [["last", [named(span_ms)]]] : standing({ from_ms, to_ms });
  return written([...(rangeChosen.peek() ? moving : []), ...(picked.peek() ? [["show", picked.peek()]] : []), ...rest(pinned_ms.peek())]);
}

const standing = ({ from_ms, to_ms }) => [["from", [iso(from_ms)]], ["to", [iso(to_ms)]]];

function rest(at_ms) {
  const parts = [];
  if (laneNames.peek().join() !== USUAL.join()) parts.push(["lanes", laneNames.peek()]);
  if (focus.peek() > 0) parts.push(["focus", [focus.peek() + 1]]);
  if (at_ms !== null) parts.push(["at", [iso(at_ms)]]);
  return parts;
}

const written = (parts) =>
  (parts.length === 0 ? "" : `#${parts.map(([name, values]) => `${name}=${values.map(escaped).join(",")}`).join("&")}`);

/** An address that shows what is seen now, also later: the range stands still, and who is shown is named. */
export function permanentLink() {
  const ids = shown.peek().map(({ series }) => series.id);
  const colours = shown.peek().map(({ slot }) => (slot ?? -1) + 1);
  const parts = [...standing(view.peek()), ["show", ids], ["colours", colours], ...rest(cursor_ms.peek())];
  return location.href.replace(/[?#].*/s, "") + written(parts);
}

const SIZES = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const LONGEST_MS = 3650 * SIZES.d; // longer is as good as all
const SHORTEST_MS = 5000;

function named(span_ms) {
  if (span_ms === ALL) return "all";
  return PRESETS.find(([, size]) => size === span_ms)?.[0] ?? `${Math.round(span_ms / 1000)}s`;
}

function span(text) {
  if (text === "all") return ALL;
  const [, count, unit] = text?.match(/^(\d+)([smhd])$/) ?? [];
  if (!count) return null;
  const span_ms = Number(count) * SIZES[unit];
  return span_ms > LONGEST_MS ? ALL : Math.max(SHORTEST_MS, span_ms);
}

/** The parts of the fragment, each a list: commas separate, escaped ones belong to what they are in. */
function parts() {
  const pairs = location.hash.slice(1).split("&").map((part) => part.split(/=(.*)/s));
  return new Map(pairs.map(([name, values = ""]) => [name, values.split(",").filter(Boolean).flatMap(unescaped)]));
}

function unescaped(text) {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return []; // cut off or mistyped
  }
}

function read() {
  const given = parts();
  const span_ms = span(given.get("last")?.[0]);
  const [from_ms, to_ms] = ["from", "to"].map((name) => Date.parse(given.get(name)?.[0]));
  const at_ms = Math.floor(Date.parse(given.get("at")?.[0]) / interval_ms.peek()) * interval_ms.peek();
  const lanes = [...new Set(given.get("lanes") ?? [])].slice(0, MOST_LANES);
  batch(() => {
    rangeChosen.value = true;
    if (span_ms) range.value = { live: true, span_ms };
    else if (from_ms >= 0 && from_ms < to_ms && to_ms <= END_OF_TIME_MS) range.value = { live: false, from_ms, to_ms };
    else {
      rangeChosen.value = false;
      if (usualRange.peek()) range.value = usualRange.peek();
    }
    givenSlots.value = new Map((given.get("colours") ?? []).map((slot, i) => [given.get("show")?.[i], Number(slot) - 1]));
    picked.value = given.get("show") ?? null;
    laneNames.value = lanes.length > 0 ? lanes : USUAL;
    focus.value = Math.max(1, Math.min(MOST_LANES, Number(given.get("focus")?.[0]) || 1)) - 1;
    pinned_ms.value = at_ms >= view.peek().from_ms && at_ms < end_ms.peek() ? at_ms : null;
  });
}

const ONE_CHANGE_MS = 700;
let depth = history.state?.depth ?? 0;
let turned_ms = -Infinity;

onChange((push) => {
  const url = fragment() || location.pathname + location.search;
  // Turning a wheel is one change, not twenty.
  const goesOn = push === "turn" && performance.now() - turned_ms < ONE_CHANGE_MS;
  if (push === "turn") turned_ms = performance.now();
  if (push && !goesOn) history.pushState({ depth: (depth += 1) }, "", url);
  else history.replaceState({ depth }, "", url);
});

/** The view before the last zoom; the live one when there is none. */
export function back() {
  if (depth > 0) history.back();
  else if (!range.peek().live) follow();
}

addEventListener("popstate", () => {
  depth = history.state?.depth ?? 0;
  read();
});

read();
