// The search language: words that may be mistyped, fields, labels, and "not".

import uFuzzy from "../vendor/ufuzzy.js";

// One letter may be wrong, missing, swapped or too much in each word.
const fuzzy = new uFuzzy({ intraMode: 1, intraIns: 1, intraSub: 1, intraTrn: 1, intraDel: 1 });
const exact = new uFuzzy({ intraMode: 0, intraIns: 0 });

/** The items whose text has all words, in their order; with a letter wrong where none has them as they stand. */
export function matchingItems(items, typed, textOf) {
  if (typed.trim() === "") return items;
  const texts = items.map(textOf);
  for (const search of [exact, fuzzy]) {
    const [places] = search.search(texts, typed.trim(), 1);
    if (places?.length > 0) return [...places].sort((a, b) => a - b).map((i) => items[i]);
  }
  return [];
}

const FIELDS = { ns: ["namespace"], namespace: ["namespace"], pod: ["pod_name", "pod_uid"], qos: ["qos_class"] };
const ANYWHERE = ["name", "container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime", "container_id", "cgroup", "id"];

/**
 * The series that a text finds, in their order. All words must be found: in any field, or in the one before the colon
 * (`ns:` `pod:` `qos:`), or as a label (`app=cart`, `app=` for any). `!` turns a word round. A word that nothing has as it
 * stands is looked for with a letter wrong.
 */
export function matchingSeries(all, typed) {
  let left = all;
  for (const word of typed.split(/\s+/).filter((one) => one.replace(/^!/, "") !== "")) {
    const isNot = word.startsWith("!");
    const test = tester(isNot ? word.slice(1) : word, left);
    left = left.filter((series) => test(series) !== isNot);
  }
  return left;
}

function tester(word, among) {
  const [, label, wanted] = word.match(/^([^=:]+)=(.*)$/) ?? [];
  if (label) return (series) => series.labels?.[keyOf(series.labels, label)]?.toLowerCase().startsWith(wanted.toLowerCase()) ?? false;
  const [, field, rest] = word.match(/^(\w+):(.*)$/) ?? [];
  const fields = FIELDS[field?.toLowerCase()];
  const text = (fields ? rest : word).toLowerCase();
  const textOf = (series) => (fields ?? ANYWHERE).map((name) => series[name] ?? "").join("\n").toLowerCase();
  const plain = (series) => textOf(series).includes(text);
  if (fields || text.length < 4 || among.some(plain)) return plain;
  const names = among.map((series) => [series.name, series.pod_name ?? "", series.namespace ?? ""].join(" "));
  const near = new Set((fuzzy.filter(names, text) ?? []).map((i) => among[i]));
  return (series) => near.has(series);
}

/** A label by its whole name, or by the part behind the slash: `app=` finds `app.kubernetes.io/app`, too. */
function keyOf(labels, name) {
  return name in labels ? name : Object.keys(labels).find((key) => key.split("/").at(-1) === name);
}
