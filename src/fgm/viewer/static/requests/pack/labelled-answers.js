// Answers of a pack about labelled values, such as what a container wrote to each disk.

import { extremes } from "../../lib/pack/reduction.js";
import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { Problem } from "../source.js";

const PART = "labelled";
const GONE = 410;
const DEFAULT_POINTS = 600;
const INTERVAL_MS = 10_000;

const stored = new WeakMap(); // pack → promise of its lines

const isNumberOrNull = (value) => value === null || Number.isFinite(value);
const isLine = (line) => [line?.metric, line?.id, line?.name, line?.label].every((text) => typeof text === "string") && Array.isArray(line.t_ms) && Array.isArray(line.value)
  && line.t_ms.length === line.value.length && line.t_ms.every((ms, i) => Number.isFinite(ms) && (i === 0 || ms > line.t_ms[i - 1])) && line.value.every(isNumberOrNull);

async function read(pack) {
  const { series } = await pack.file.json(PART);
  if (!Array.isArray(series) || !series.every(isLine)) throw new UnusablePack("its lines have another form");
  return series.map((line) => ({ ...line, value: line.value.map((value) => value ?? NaN) }));
}

/** The lines of a pack: [{metric, id, name, label, t_ms, value}]; none if it was saved without. Throws UnusablePack. */
export function labelledLines(pack) {
  if (!pack.file.has(PART)) return Promise.resolve([]);
  if (!stored.has(pack)) stored.set(pack, read(pack));
  return stored.get(pack);
}

async function labelled(pack, { metric, containers, from, to, points = DEFAULT_POINTS }) {
  const lines = await labelledLines(pack).catch((error) => {
    throw error instanceof UnusablePack ? new Problem(GONE, { detail: "The values by label in this file are damaged." }) : error;
  });
  const facts = (await pack.stored("/api/metrics")).labelled?.find(({ name }) => name === metric) ?? { name: metric, unit: "" };
  const ids = new Set([containers].flat());
  const series = lines.filter((line) => line.metric === metric && ids.has(line.id)).flatMap(({ id, name, label, t_ms, value }) => {
    const kept = extremes(t_ms, value, from, to, points), values = kept.map((i) => value[i]);
    return kept.length === 0 ? [] : [{ id, name, label, last_ms: t_ms[kept.at(-1)], last: values.at(-1), max: Math.max(...values), t_ms: kept.map((i) => t_ms[i]), value: values }];
  });
  series.sort((a, b) => b.max - a.max || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.label < b.label ? -1 : 1));
  return { ...facts, at_ms: null, from_ms: from, to_ms: to, interval_ms: INTERVAL_MS, partial: false, skipped_files: 0, series };
}

/** The functions that answer, by path: (pack, query) → answer. */
export const LABELLED_ANSWERS = { "api/labelled": labelled };
