// The view in the URL's fragment: reload, "back" and a copied address show the same range and selection.

import { batch } from "./vendor/signals.js";
import { PRESETS } from "./time.js";
import { follow, onChange, picked, pinned_ms, range, rangeChosen } from "./store.js";

const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");
const readable = (text) => encodeURIComponent(text).replace(/%(2C|2F|3A)/g, decodeURIComponent);

function fragment() {
  const parts = [];
  const { live, span_ms, from_ms, to_ms } = range.peek();
  if (rangeChosen.peek()) {
    if (live) parts.push(["last", PRESETS.find(([, size]) => size === span_ms)?.[0] ?? `${Math.round(span_ms / 1000)}s`]);
    else parts.push(["from", iso(from_ms)], ["to", iso(to_ms)]);
  }
  if (picked.peek()) parts.push(["show", picked.peek().join(",")]);
  return parts.length === 0 ? "" : `#${parts.map(([name, value]) => `${name}=${readable(value)}`).join("&")}`;
}

const SIZES = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function span(text) {
  const [, count, unit] = text?.match(/^(\d+)([smhd])$/) ?? [];
  return count ? Math.max(5000, Number(count) * SIZES[unit]) : null;
}

function read() {
  const given = new URLSearchParams(location.hash.slice(1).replace(/\+/g, "%2B"));
  const span_ms = span(given.get("last"));
  const from_ms = Date.parse(given.get("from")), to_ms = Date.parse(given.get("to"));
  batch(() => {
    pinned_ms.value = null;
    rangeChosen.value = true;
    if (span_ms) range.value = { live: true, span_ms };
    else if (from_ms < to_ms) range.value = { live: false, from_ms, to_ms };
    else rangeChosen.value = false;
    picked.value = given.has("show") ? given.get("show").split(",").filter(Boolean) : null;
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
