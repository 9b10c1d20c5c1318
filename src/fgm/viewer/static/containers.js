// The list of what can be shown, newest first, with a search that filters as it is typed.

import { useState, html } from "./html.js";
import { styleOf } from "./colours.js";
import { facts, matcher, place, workload } from "./series.js";
import { edge_ms, listed, node, picked, search, showOnly, showTop, shown, toggle } from "./store.js";
import { moment, roughly } from "./time.js";
import { rankAgain } from "./top.js";

const FADED_MS = 3_600_000;
const ROWS = 200; // more than anybody reads; the search finds the rest
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
    <button class="tick" aria-pressed=${Boolean(entry)} aria-label=${`${verb} ${series.name}`} title=${`${verb} ${where} the lanes`}
      onClick=${() => toggle(series.id)}>${entry && html`<${Key} slot=${entry.slot} />`}</button>
    <button class="pick" title=${facts(series)} onClick=${choose}>
      <span class="name">${series.name}</span>
      <span class="place">${place(series)}</span>
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

function Find() {
  return html`<label class="find"><span aria-hidden="true">/</span>
    <input type="search" aria-label="Search containers" placeholder="name, ns: pod: qos: !not" autocomplete="off" spellcheck="false"
      value=${search.value} onInput=${(event) => (search.value = event.target.value)}
      onKeyDown=${(event) => event.key === "Escape" && (search.value = "")} />
  </label>`;
}

/** Running ones first, newest first; then those gone, the last gone first. */
function newestFirst(a, b) {
  if (a.alive !== b.alive) return a.alive ? -1 : 1;
  return a.alive ? b.first_seen_ms - a.first_seen_ms : b.last_seen_ms - a.last_seen_ms;
}

export function Containers() {
  const [wanted, setScope] = useState(null);
  const all = listed.value ?? [];
  const now_ms = edge_ms.value;
  const found = all.filter((series) => series.scope !== "node").filter(matcher(search.value));
  const counts = new Map(SCOPES.map(([name]) => [name, found.filter((series) => series.scope === name).length]));
  const scope = counts.get(wanted) > 0 ? wanted : SCOPES.find(([name]) => counts.get(name) > 0)?.[0];
  const rows = found.filter((series) => series.scope === scope).sort(newestFirst);
  const total = all.filter((series) => series.scope === (scope ?? "container")).length;
  const entries = new Map(shown.value.map((entry) => [entry.key, entry]));
  const row = (series) => html`<${Row} key=${series.id} series=${series} entry=${entries.get(workload(series))} now_ms=${now_ms} />`;
  const title = total === 0 || scope !== "cgroup" ? "Containers" : "Cgroups";
  const count = rows.filter((series) => entries.has(workload(series))).length;
  const top = () => (showTop(), rankAgain());
  return html`<section class="containers" aria-label="Containers">
    <div class="head"><h2>${title}</h2><span class="mut">${count} of ${total} shown</span>
      ${picked.value && html`<button class="link end" onClick=${top}>Top 6 by CPU</button>`}</div>
    <${Find} />
    <${Chips} counts=${counts} scope=${scope} choose=${setScope} />
    <ul>
      ${node.value && !search.value && row(node.value)}
      ${rows.slice(0, ROWS).map(row)}
      ${rows.length > ROWS && html`<li class="more mut">${rows.length - ROWS} more; search to narrow</li>`}
    </ul>
    ${rows.length === 0 && listed.value && html`<${Nothing} total=${all.length - (node.value ? 1 : 0)} />`}
  </section>`;
}
