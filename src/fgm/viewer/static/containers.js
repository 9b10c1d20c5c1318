// The list of what can be shown, newest first, with a search that filters as it is typed.

import { html, useEffect, useRef, useState } from "./html.js";
import { styleOf } from "./colours.js";
import { facts, fullName, matcher, place, workload } from "./series.js";
import { edge_ms, listed, node, picked, search, showOnly, showTop, shown, toggle } from "./store.js";
import { moment, roughly } from "./time.js";
import { rankAgain } from "./top.js";

const FADED_MS = 3_600_000;
const NARROW = matchMedia("(max-width: 900px)");
const MORE_ROWS = 200; // the list scrolls by itself
const MORE_ROWS_NARROW = 20; // the list is part of the page, and others lie below it
const SCOPES = [
  ["container", "containers"],
  ["pod", "pods"],
  ["sandbox", "sandboxes"],
  ["cgroup", "cgroups"],
];

/** The mark of a line: its colour, weight and dashes. */
export function Key({ slot }) {
  const { css, dash, width } = styleOf(slot);
  return html`<svg class="key" width="14" height="8" aria-hidden="true">
    <path d="M0 4h14" stroke=${css} stroke-width=${width > 1.25 ? 3 : 2} stroke-dasharray=${dash?.map((n) => n / 1.5).join(" ")} />
  </svg>`;
}

/** Where it runs, cut in the middle: replicas of one workload differ in their last letters. */
export function Place({ series, children }) {
  const text = place(series);
  const at = Math.max(0, text.length - 8);
  return html`<span class="place" title=${text}><span>${text.slice(0, at)}</span><span>${text.slice(at)}${children}</span></span>`;
}

function age(series, now_ms) {
  if (series.scope === "node") return "";
  if (series.alive) return roughly(now_ms - series.first_seen_ms);
  return `${now_ms - series.last_seen_ms > FADED_MS ? "seen" : "exited"} ${moment(series.last_seen_ms, now_ms).replace(/(\d\d:\d\d):\d\d$/, "$1")}`;
}

function Row({ series, entry, now_ms }) {
  const old = !series.alive && now_ms - series.last_seen_ms > FADED_MS;
  const choose = (event) => (event.shiftKey || event.ctrlKey || event.metaKey ? toggle(series.id) : showOnly(series.id));
  const [verb, where] = entry ? ["Remove", "from"] : ["Add", "to"];
  return html`<li class=${`${entry ? "shown" : ""} ${old ? "old" : ""}`}>
    <button class="tick" aria-pressed=${Boolean(entry)} aria-label=${`${verb} ${fullName(series)}`} title=${`${verb} ${where} the lanes`}
      onClick=${() => toggle(series.id)}>${entry && html`<${Key} slot=${entry.slot} />`}</button>
    <button class="pick" title=${facts(series)} onClick=${choose}>
      <span class="name">${series.name}</span>
      <${Place} series=${series} />
      <span class="age">${age(series, now_ms)}</span>
    </button>
  </li>`;
}

function Chips({ counts, scope, choose }) {
  const there = SCOPES.filter(([name]) => counts.get(name) > 0);
  if (there.length < 2) return null;
  const chip = ([name, text]) => html`<button key=${name} class=${name === scope ? "on" : ""} aria-pressed=${name === scope}
    onClick=${() => choose(name)}>${text} ${counts.get(name)}</button>`;
  return html`<div class="chips" role="group" aria-label="Kind of series">${there.map(chip)}</div>`;
}

function Nothing({ total }) {
  if (total === 0) return html`<p class="none">No containers are running here. The whole node is shown.</p>`;
  return html`<p class="none">Nothing matches <b>${search.value}</b>. Words are found in names, pods, namespaces and ids;${" "}
    <code>ns:</code> <code>pod:</code> <code>qos:</code> search one of them, <code>!</code> excludes.${" "}
    <button class="link" onClick=${() => (search.value = "")}>Clear the search</button></p>`;
}

const WRITING = "input, textarea, select, [contenteditable]";

function Find() {
  const box = useRef(null);
  useEffect(() => {
    const enter = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(WRITING)) return;
      event.preventDefault();
      box.current.focus();
    };
    addEventListener("keydown", enter);
    return () => removeEventListener("keydown", enter);
  }, []);
  const leave = (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    box.current.blur();
  };
  return html`<label class="find"><span aria-hidden="true">/</span>
    <input type="search" aria-label="Search containers" placeholder="name, ns: pod: qos: !not" autocomplete="off" spellcheck="false"
      value=${search.value} onInput=${(event) => (search.value = event.target.value)}
      ref=${box} aria-keyshortcuts="/" onKeyDown=${leave} />
  </label>`;
}

/** Running ones first, newest first; then those gone, the last gone first. */
function newestFirst(a, b) {
  if (a.alive !== b.alive) return a.alive ? -1 : 1;
  return a.alive ? b.first_seen_ms - a.first_seen_ms : b.last_seen_ms - a.last_seen_ms;
}

/** Of the kinds that were found: the chosen one, else the first that has something running or on the lanes. */
function scopeOf(wanted, found, entries) {
  const matters = (series) => series.alive || entries.has(workload(series));
  const names = SCOPES.map(([name]) => name);
  const has = (rule) => (name) => found.some((series) => series.scope === name && rule(series));
  return [wanted, ...names.filter(has(matters)), ...names].find(has(() => true));
}

export function Containers() {
  const [wanted, setScope] = useState(null);
  const [extra, setExtra] = useState(0);
  const all = listed.value ?? [];
  const now_ms = edge_ms.value;
  const found = all.filter((series) => series.scope !== "node").filter(matcher(search.value));
  const counts = new Map(SCOPES.map(([name]) => [name, found.filter((series) => series.scope === name).length]));
  const entries = new Map(shown.value.map((entry) => [entry.key, entry]));
  const scope = scopeOf(wanted, found, entries);
  const rows = found.filter((series) => series.scope === scope).sort(newestFirst);
  const total = all.filter((series) => series.scope === (scope ?? "container")).length;
  const row = (series) => html`<${Row} key=${series.id} series=${series} entry=${entries.get(workload(series))} now_ms=${now_ms} />`;
  const title = total === 0 || scope !== "cgroup" ? "Containers" : "Cgroups";
  const count = rows.filter((series) => entries.has(workload(series))).length;
  const step = NARROW.matches ? MORE_ROWS_NARROW : MORE_ROWS;
  const left = rows.length - step - extra;
  const top = () => (showTop(), rankAgain());
  return html`<section class="containers" aria-label="Containers">
    <div class="head"><h2>${title}</h2><span class="mut">${count} of ${total} shown</span>
      ${picked.value && html`<button class="link end" onClick=${top}>Top 6 by CPU</button>`}</div>
    <${Find} />
    <${Chips} counts=${counts} scope=${scope} choose=${setScope} />
    <ul>
      ${node.value && !search.value && row(node.value)}
      ${rows.slice(0, step + extra).map(row)}
      ${left > 0 && html`<li class="more"><button class="link" onClick=${() => setExtra(extra + step)}>
        Show ${Math.min(step, left)} more of ${left}</button></li>`}
    </ul>
    ${rows.length === 0 && listed.value && html`<${Nothing} total=${all.length - (node.value ? 1 : 0)} />`}
  </section>`;
}
