// The view in the URL's fragment: reload, "back" and a copied address show the same range and selection.

import { batch } from "./vendor/signals.js";
import { escaped } from "./api.js";
import { ALL, END_OF_TIME_MS, PRESETS } from "./time.js";
import { follow, onChange, picked, pinned_ms, range, rangeChosen } from "./store.js";

const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

function fragment() {
  const parts = [];
  const { live, span_ms, from_ms, to_ms } = range.peek();
  if (rangeChosen.peek()) {
    if (live) parts.push(["last", [named(span_ms)]]);
    else parts.push(["from", [iso(from_ms)]], ["to", [iso(to_ms)]]);
  }
  if (picked.peek()) parts.push(["show", picked.peek()]);
  return parts.length === 0 ? "" : `#${parts.map(([name, values]) => `${name}=${values.map(escaped).join(",")}`).join("&")}`;
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
  batch(() => {
    pinned_ms.value = null;
    rangeChosen.value = true;
    if (span_ms) range.value = { live: true, span_ms };
    else if (from_ms >= 0 && from_ms < to_ms && to_ms <= END_OF_TIME_MS) range.value = { live: false, from_ms, to_ms };
    else rangeChosen.value = false;
    picked.value = given.get("show") ?? null;
  });
}

let depth = history.state?.depth ?? 0;

onChange((push) => {
  const url = fragment() || location.pathname + location.search;
  if (push) history.pushState({ depth: (depth += 1) }, "", url);
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
