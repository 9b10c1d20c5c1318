// The search language: words (with typing errors), fields, labels, and exclusion.

import uFuzzy from "../vendor/ufuzzy.js";

// One letter of each word may be wrong, missing, swapped or added.
const fuzzy = new uFuzzy({ intraMode: 1, intraIns: 1, intraSub: 1, intraTrn: 1, intraDel: 1 });
const exact = new uFuzzy({ intraMode: 0, intraIns: 0 });
const MIN_FUZZY_LETTERS = 4; // a shorter word with a wrong letter matches almost anything

/** The items whose text contains all typed words, in their order. If there are none, one letter per word may be wrong. */
export function matchingItems(items, typed, textOf) {
  if (typed.trim() === "") return items;
  const texts = items.map(textOf);
  for (const search of [exact, fuzzy]) {
    const [indices] = search.search(texts, typed.trim(), 1);
    if (indices?.length > 0) return [...indices].sort((a, b) => a - b).map((i) => items[i]);
  }
  return [];
}

const FIELDS = { ns: ["namespace"], namespace: ["namespace"], pod: ["pod_name", "pod_uid"], qos: ["qos_class"] };
const ALL_FIELDS = ["name", "container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime", "container_id", "cgroup", "id"];

/**
 * The series that match a typed text, in their order. All words must match. A word is searched in all fields; after `ns:`, `pod:`
 * or `qos:` it is searched in one field. `app=cart` matches a label (`app=` any value of it). `!` before a word excludes its
 * matches. If a word without a field has no match, one letter may be wrong.
 */
export function matchingSeries(allSeries, typed) {
  let matches = allSeries;
  for (const word of typed.split(/\s+/).filter((text) => text.replace(/^!/, "") !== "")) {
    const isExcluding = word.startsWith("!");
    const isMatch = matcherOf(isExcluding ? word.slice(1) : word, matches);
    matches = matches.filter((series) => isMatch(series) !== isExcluding);
  }
  return matches;
}

function matcherOf(word, candidates) {
  const [, label, value] = word.match(/^([^=:]+)=(.*)$/) ?? [];
  if (label) return (series) => series.labels?.[labelKey(series.labels, label)]?.toLowerCase().startsWith(value.toLowerCase()) ?? false;
  const [, field, rest] = word.match(/^(\w+):(.*)$/) ?? [];
  const fields = FIELDS[field?.toLowerCase()];
  const text = (fields ? rest : word).toLowerCase();
  const textOf = (series) => (fields ?? ALL_FIELDS).map((name) => series[name] ?? "").join("\n").toLowerCase();
  const contains = (series) => textOf(series).includes(text);
  if (fields || text.length < MIN_FUZZY_LETTERS || candidates.some(contains)) return contains;
  const names = candidates.map((series) => [series.name, series.pod_name ?? "", series.namespace ?? ""].join(" "));
  const similar = new Set((fuzzy.filter(names, text) ?? []).map((i) => candidates[i]));
  return (series) => similar.has(series);
}

/** The key of a label, given its full name or the part after the slash: `app` also finds `app.kubernetes.io/app`. */
function labelKey(labels, name) {
  return name in labels ? name : Object.keys(labels).find((key) => key.split("/").at(-1) === name);
}
