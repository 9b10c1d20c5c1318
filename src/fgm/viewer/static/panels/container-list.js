// The list of what can be shown, newest first, with a search that filters as it is typed.

import { html, useState } from "../browser/html.js";
import { styleOf } from "../browser/theme.js";
import { matchingSeries } from "../lib/search.js";
import { facts, fullName, place, workload } from "../lib/series.js";
import { Sparkline } from "../widgets/sparkline.js";
import { edge_ms, listed, newest_ms, node, picked, search, shown } from "../state/store.js";
import { moment, roughly } from "../lib/time-format.js";
import { rankAgain } from "../server/ranking.js";
import { showOnly, showTop, toggle } from "../state/view.js";

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

const drawn = new Map(); // series id → {said, row}: what says nothing new is not made anew with every beat

function rowOf(series, entry, now_ms) {
  const old = !series.alive && now_ms - series.last_seen_ms > FADED_MS;
  const since = age(series, now_ms);
  const said = [series.name, fullName(series), since, old, entry ? `${entry.slot}` : ""].join("\n");
  if (drawn.get(series.id)?.said !== said) {
    drawn.set(series.id, { said, row: html`<${Row} key=${series.id} series=${series} entry=${entry} old=${old} since=${since} />` });
  }
  return drawn.get(series.id).row;
}

function Row({ series, entry, old, since }) {
  const choose = (event) => (event.shiftKey || event.ctrlKey || event.metaKey ? toggle(series.id) : showOnly(series.id));
  const [verb, where] = entry ? ["Remove", "from"] : ["Add", "to"];
  return html`<li class=${`${entry ? "shown" : ""} ${old ? "old" : ""}`}>
    <button class="tick" aria-pressed=${Boolean(entry)} aria-label=${`${verb} ${fullName(series)}`} title=${`${verb} ${where} the lanes`}
      onClick=${() => toggle(series.id)}>${entry && html`<${Key} slot=${entry.slot} />`}</button>
    <button class="pick" title=${facts(series)} onClick=${choose}>
      <span class="name">${series.name}</span>
      <${Place} series=${series} />
      <${Sparkline} id=${series.id} css=${entry ? styleOf(entry.slot).css : "var(--fnt)"} width=${64} />
      <span class="age">${since}</span>
    </button>
  </li>`;
}

/** A row of choices, each {name, text, count}; nothing where there is nothing to choose. */
function Chips({ label, choices, chosen, choose }) {
  if (choices.length < 2) return null;
  const chip = ({ name, text, count }) => html`<button key=${name} class=${name === chosen ? "on" : ""} aria-pressed=${name === chosen}
    onClick=${() => choose(name)}>${text} ${count}</button>`;
  return html`<div class="chips" role="group" aria-label=${label}>${choices.map(chip)}</div>`;
}

function namespaces(rows) {
  const counts = new Map();
  for (const { namespace } of rows) if (namespace) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  const each = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name, count]) => ({ name, text: name, count }));
  return each.length > 1 ? [{ name: null, text: "all", count: rows.length }, ...each] : [];
}

function Nothing({ total }) {
  if (total === 0) return html`<p class="none">No containers are running here. The whole node is shown.</p>`;
  return html`<p class="none">Nothing matches <b>${search.value}</b>. Words are found in names, pods, namespaces and ids;${" "}
    <code>ns:</code> <code>pod:</code> <code>qos:</code> search one of them, <code>app=cart</code> labels, <code>!</code> excludes.${" "}
    <button class="link" onClick=${() => (search.value = "")}>Clear the search</button></p>`;
}

const box = { current: null };

/** Put the caret into the search box. */
export const focusSearch = () => box.current?.focus();

function Find({ enter }) {
  const keys = (event) => {
    if (event.key === "Enter") enter(event.shiftKey);
    if (event.key !== "Escape") return;
    search.value = "";
    box.current.blur();
  };
  return html`<label class="find"><span aria-hidden="true">/</span>
    <input type="search" aria-label="Search containers" placeholder="name, ns: pod: qos: app=… !not" autocomplete="off" spellcheck="false"
      title="Enter shows the first that is found, Shift+Enter adds it" value=${search.value} onInput=${(event) => (search.value = event.target.value)}
      ref=${box} aria-keyshortcuts="/" onKeyDown=${keys} />
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
  const [namespace, setNamespace] = useState(null);
  const [extra, setExtra] = useState(0);
  const all = listed.value ?? [];
  const now_ms = Math.min(edge_ms.value, (newest_ms.value ?? edge_ms.value) + FADED_MS / 2); // old data has its own present
  const found = matchingSeries(all.filter((series) => series.scope !== "node"), search.value);
  const counts = new Map(SCOPES.map(([name]) => [name, found.filter((series) => series.scope === name).length]));
  const entries = new Map(shown.value.map((entry) => [entry.key, entry]));
  const scope = scopeOf(wanted, found, entries);
  const ofScope = found.filter((series) => series.scope === scope).sort(newestFirst);
  const spaces = namespaces(ofScope);
  const space = spaces.some(({ name }) => name === namespace) ? namespace : null;
  const rows = space === null ? ofScope : ofScope.filter((series) => series.namespace === space);
  const total = all.filter((series) => series.scope === (scope ?? "container")).length;
  const row = (series) => rowOf(series, entries.get(workload(series)), now_ms);
  const title = total === 0 || scope !== "cgroup" ? "Containers" : "Cgroups";
  const count = rows.filter((series) => entries.has(workload(series))).length;
  const step = NARROW.matches ? MORE_ROWS_NARROW : MORE_ROWS;
  const left = rows.length - step - extra;
  const top = () => (showTop(), rankAgain());
  const enter = (adds) => rows.length > 0 && (adds ? toggle : showOnly)(rows[0].id);
  const kinds = SCOPES.filter(([name]) => counts.get(name) > 0).map(([name, text]) => ({ name, text, count: counts.get(name) }));
  return html`<section class="containers" aria-label="Containers">
    <div class="head"><h2>${title}</h2><span class="mut">${count} of ${total} shown</span>
      ${picked.value && html`<button class="link end" onClick=${top}>Top 6 by CPU</button>`}</div>
    <${Find} enter=${enter} />
    <div class="filters"><${Chips} label="Kind of series" choices=${kinds} chosen=${scope} choose=${setScope} />
      <${Chips} label="Namespace" choices=${spaces} chosen=${space} choose=${setNamespace} /></div>
    <ul>
      ${node.value && !search.value && row(node.value)}
      ${rows.slice(0, step + extra).map(row)}
      ${left > 0 && html`<li class="more"><button class="link" onClick=${() => setExtra(extra + step)}>
        Show ${Math.min(step, left)} more of ${left}</button></li>`}
    </ul>
    ${rows.length === 0 && listed.value && html`<${Nothing} total=${all.length - (node.value ? 1 : 0)} />`}
  </section>`;
}
