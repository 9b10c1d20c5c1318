// The manifest of a pack: what it contains. docs/pack.md describes it.

import { MAX_BYTES, MAX_PARTS, UnusablePack } from "./unusable-pack.js";

const FORMAT = "fgm-pack";
const VERSION = 1; // the newest version that this page reads
const MAX_TEXT = 1 << 16, MAX_NAME = 200;
const MAX_TIME_MS = 253_402_300_800_000; // the year 10000
const LONGEST_MS = 6 * 3_600_000;
const MAX_INTERVAL_MS = 3_600_000;
const PART_NAME = /^[a-z][A-Za-z0-9_.:-]*(\/[A-Za-z0-9_.:-]+)*$/;

const damaged = (reason) => new UnusablePack(`This file is damaged: ${reason}.`);

/** Checks of the values of the manifest. Each returns the value, or throws UnusablePack. */
function whole(facts, name, least, most) {
  const value = facts[name];
  if (!Number.isInteger(value) || value < least || value > most) throw damaged(`${name} in its manifest is not a whole number from ${least} to ${most}`);
  return value;
}

function text(facts, name, longest = MAX_TEXT) {
  if (typeof facts[name] !== "string" || facts[name].length > longest) throw damaged(`${name} in its manifest is not a text of at most ${longest} characters`);
  return facts[name];
}

function list(facts, name) {
  if (!Array.isArray(facts[name])) throw damaged(`${name} in its manifest is not a list`);
  return facts[name];
}

const texts = (facts, name) => list(facts, name).filter((value) => typeof value === "string" && value.length <= MAX_NAME);

/** The manifest in a text: {made_by, made_at_ms, from_ms, to_ms, …, parts: Map(name → bytes)}. Throws UnusablePack. */
export function parseManifest(content) {
  let facts;
  try {
    facts = JSON.parse(content);
  } catch {
    throw damaged("its manifest is not JSON");
  }
  if (facts?.format !== FORMAT) throw new UnusablePack("This file is not an incident pack of fgm.");
  if (whole(facts, "version", 1, 2 ** 30) > VERSION) {
    const madeBy = typeof facts.made_by === "string" ? facts.made_by.slice(0, 40) : "a later fgm";
    throw new UnusablePack(`This file has version ${facts.version} of the format, and this page reads versions up to ${VERSION}. Open it with the fgm that made it (${madeBy}), or a newer one.`);
  }
  const from_ms = whole(facts, "from_ms", 0, MAX_TIME_MS);
  return {
    from_ms, to_ms: whole(facts, "to_ms", from_ms + 1, from_ms + LONGEST_MS),
    made_by: text(facts, "made_by", 100), made_at_ms: whole(facts, "made_at_ms", 0, MAX_TIME_MS),
    interval_ms: whole(facts, "interval_ms", 1, MAX_INTERVAL_MS),
    node_name: facts.node_name == null ? null : text(facts, "node_name", 1000),
    view: text(facts, "view"), redacted: texts(facts, "redacted"), metrics: texts(facts, "metrics"),
    parts: partsOf(list(facts, "parts")),
  };
}

function partsOf(entries) {
  if (entries.length > MAX_PARTS) throw damaged(`it lists ${entries.length} parts; at most ${MAX_PARTS} are allowed`);
  const parts = new Map();
  for (const entry of entries) {
    const name = text(entry ?? {}, "name", MAX_NAME);
    if (!PART_NAME.test(name) || parts.has(name)) throw damaged("its manifest lists a part twice, or without a proper name");
    parts.set(name, whole(entry, "bytes", 0, MAX_BYTES));
  }
  return parts;
}
