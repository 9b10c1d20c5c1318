// The list of all series, newest first, filtered by a search text, a scope and a namespace.

import { Component, html, useState } from "../browser/html.js";
import { lineStyle } from "../browser/line-styles.js";
import { sameValue, whileSameAs } from "../lib/same-value.js";
import { matchingSeries } from "../lib/search.js";
import { fullName, leaves, seriesDetails, wasSeenSince, workload } from "../lib/series.js";
import { clockOrDate, roughDuration } from "../lib/time-format.js";
import { rankAgain } from "../requests/ranking.js";
import { shown } from "../state/shown.js";
import { allSeries, edge_ms, newest_ms, node, picked, search, view } from "../state/store.js";
import { showOnly, showTop, toggle } from "../state/view.js";
import { LineKey, Location } from "../widgets/series-label.js";
import { Sparkline } from "../widgets/sparkline.js";

const NONE = [];
const OLD_MS = 3_600_000; // a series that ended longer ago is listed as old
const NARROW = matchMedia("(max-width: 900px)");
const PAGE_ROWS = 200; // the list has a scroll bar of its own
const PAGE_ROWS_NARROW = 20; // the list is part of the page, with other sections below it
const KINDS = [
  ["leaf", "all"], // each part of the node once: containers, services, pods without containers, and what is outside of them
  ["container", "containers"],
  ["pod", "pods"],
  ["sandbox", "sandboxes"],
  ["cgroup", "services"],
];

/** The age of a running series, such as "3 h", or the end of another one, such as "exited 12:30". */
function ageText(series, now_ms) {
  if (series.scope === "node") return "";
  if (series.alive) return roughDuration(now_ms - series.first_seen_ms);
  return `${now_ms - series.last_seen_ms > OLD_MS ? "seen" : "exited"} ${clockOrDate(series.last_seen_ms, now_ms).replace(/(\d\d:\d\d):\d\d$/, "$1")}`;
}

function rowOf(series, entry, now_ms) {
  const isOld = !series.alive && now_ms - series.last_seen_ms > OLD_MS;
  return html`<${RowWhileSame} key=${series.id} series=${series} entry=${entry} isOld=${isOld} age=${ageText(series, now_ms)} />`;
}

/** What a row shows. */
const contentOf = ({ series, entry, isOld, age }) => [series.name, fullName(series), age, isOld, entry?.slot];

/**
 * A row that is drawn again only if its content changes. Elements of Preact must not be kept for that: each has a reference to its
 * parent, and so to the whole list as it was then.
 */
class RowWhileSame extends Component {
  shouldComponentUpdate(next) {
    return !sameValue(contentOf(next), contentOf(this.props));
  }

  render(props) {
    return html`<${Row} ...${props} />`;
  }
}

function Row({ series, entry, isOld, age }) {
  const onClick = (event) => (event.shiftKey || event.ctrlKey || event.metaKey ? toggle(series.id) : showOnly(series.id));
  const [verb, preposition] = entry ? ["Remove", "from"] : ["Add", "to"];
  return html`<li class=${`${entry ? "shown" : ""} ${isOld ? "old" : ""}`}>
    <button class="tick" aria-pressed=${Boolean(entry)} aria-label=${`${verb} ${fullName(series)}`} title=${`${verb} ${preposition} the lanes`}
      onClick=${() => toggle(series.id)}>${entry && html`<${LineKey} slot=${entry.slot} />`}</button>
    <button class="pick" title=${seriesDetails(series)} onClick=${onClick}>
      <span class="name">${series.name}</span>
      <${Location} series=${series} />
      <${Sparkline} id=${series.id} css=${entry ? lineStyle(entry.slot).css : "var(--fnt)"} width=${64} />
      <span class="age">${age}</span>
    </button>
  </li>`;
}

/** Buttons for a choice: [{name, text, count}]. Nothing if there are fewer than two. */
function Chips({ label, choices, chosen, onChoose }) {
  if (choices.length < 2) return null;
  const chip = ({ name, text, count }) => html`<button key=${name} class=${name === chosen ? "on" : ""} aria-pressed=${name === chosen}
    onClick=${() => onChoose(name)}>${text} ${count}</button>`;
  return html`<div class="chips" role="group" aria-label=${label}>${choices.map(chip)}</div>`;
}

/** The choices of a namespace, those with most series first; empty if all series are in one namespace. */
function namespaceChoices(rows) {
  const counts = new Map();
  for (const { namespace } of rows) if (namespace) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  const choices = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name, count]) => ({ name, text: name, count }));
  return choices.length > 1 ? [{ name: null, text: "all ns", count: rows.length }, ...choices] : [];
}

/** The reason why the list is empty. */
function EmptyList({ total }) {
  if (total === 0) return html`<p class="none">No containers are running here. The whole node is shown.</p>`;
  return html`<p class="none">Nothing matches <b>${search.value}</b>. Words match names, pods, namespaces and ids;${" "}
    <code>ns:</code> <code>pod:</code> <code>qos:</code> match one field, <code>app=cart</code> a label; <code>!</code> excludes.${" "}
    <button class="link" onClick=${() => (search.value = "")}>Clear the search</button></p>`;
}

const input = { current: null };

/** Move the keyboard focus into the search box. */
export const focusSearch = () => input.current?.focus();

/** The search box. Enter calls `onEnter(isShiftPressed)`. */
function SearchBox({ onEnter }) {
  const onKeyDown = (event) => {
    if (event.key === "Enter") onEnter(event.shiftKey);
    if (event.key !== "Escape") return;
    search.value = "";
    input.current.blur();
  };
  return html`<label class="find"><span aria-hidden="true">/</span>
    <input type="search" aria-label="Search containers" placeholder="name, ns: pod: qos: app=… !not" autocomplete="off" spellcheck=${false}
      title="Enter shows only the first match, Shift+Enter adds it" value=${search.value} onInput=${(event) => (search.value = event.target.value)}
      ref=${input} aria-keyshortcuts="/" onKeyDown=${onKeyDown} />
  </label>`;
}

/** Compare two series for sorting: running ones first, the newest on top; then ended ones, the last ended on top. */
function newestFirst(a, b) {
  if (a.alive !== b.alive) return a.alive ? -1 : 1;
  return a.alive ? b.first_seen_ms - a.first_seen_ms : b.last_seen_ms - a.last_seen_ms;
}

/** Ids of the leaves. A pod whose containers have ended long ago is one now. */
function leafIdsOf(all) {
  const { from_ms } = view.value;
  const current = all.filter((series) => wasSeenSince(series, from_ms));
  return leafIdsWith(all, current.length, current); // as long as there are as many, they are the same
}

// The list can have thousands of series, and what follows depends only on them: it is computed again if they have changed.
const leafIdsWith = whileSameAs(2, (all, count, current) => {
  const isCurrent = new Set(current);
  const earlier = all.filter((series) => !isCurrent.has(series) && series.scope !== "pod");
  return new Set([...leaves(current), ...leaves(earlier)].map(({ id }) => id));
});
const matchesOf = whileSameAs(2, (all, typed) => matchingSeries(all.filter((series) => series.scope !== "node"), typed));
const hasOthersIn = whileSameAs(2, (all, leafIds) => all.some(({ id, scope }) => scope !== "container" && leafIds.has(id)));
const matchesByKind = whileSameAs(3, byKind), allByKind = whileSameAs(3, byKind);
const inOrder = whileSameAs(1, (series) => [...series].sort(newestFirst));

/** Map(kind → its series in this list). There is no kind "leaf" if all leaves are containers. */
function byKind(list, leafIds, hasOthers) {
  const ofKind = new Map(KINDS.map(([name]) => [name, []]));
  for (const series of list) {
    ofKind.get(series.scope)?.push(series);
    if (hasOthers && leafIds.has(series.id)) ofKind.get("leaf").push(series);
  }
  return ofKind;
}

/**
 * The kind to list: the chosen one if it has matches; else the first with a match that is running or on the lanes; else the
 * first with any match.
 */
function kindOf(chosen, ofKind, entries) {
  const isCurrent = (series) => series.alive || entries.has(workload(series));
  const names = [...ofKind.keys()];
  const has = (condition) => (name) => ofKind.get(name)?.some(condition);
  return [chosen, ...names.filter(has(isCurrent)), ...names].find(has(() => true));
}

/** The list of series. */
export function ContainerList() {
  const [chosenKind, setKind] = useState(null);
  const [chosenNamespace, setNamespace] = useState(null);
  const [extraRows, setExtraRows] = useState(0);
  const all = allSeries.value ?? NONE;
  const now_ms = Math.min(edge_ms.value, (newest_ms.value ?? edge_ms.value) + OLD_MS / 2); // ages in old data are relative to its end
  const matches = matchesOf(all, search.value);
  const entries = new Map(shown.value.map((entry) => [entry.key, entry]));
  const leafIds = leafIdsOf(all);
  const hasOthers = hasOthersIn(all, leafIds);
  const ofKind = matchesByKind(matches, leafIds, hasOthers);
  const kind = kindOf(chosenKind, ofKind, entries);
  const listed = inOrder(ofKind.get(kind) ?? NONE);
  const namespaces = namespaceChoices(listed);
  const namespace = namespaces.some(({ name }) => name === chosenNamespace) ? chosenNamespace : null;
  const rows = namespace === null ? listed : listed.filter((series) => series.namespace === namespace);
  const total = allByKind(all, leafIds, hasOthers).get(kind ?? "container").length;
  const row = (series) => rowOf(series, entries.get(workload(series)), now_ms);
  const title = total > 0 && kind === "leaf" ? "Containers and services" : total > 0 && kind === "cgroup" ? "Services and slices" : "Containers";
  const shownCount = rows.filter((series) => entries.has(workload(series))).length;
  const pageRows = NARROW.matches ? PAGE_ROWS_NARROW : PAGE_ROWS;
  const hiddenCount = rows.length - pageRows - extraRows;
  const onTop = () => (showTop(), rankAgain());
  const onEnter = (adds) => rows.length > 0 && (adds ? toggle : showOnly)(rows[0].id);
  const kinds = KINDS.map(([name, text]) => ({ name, text, count: ofKind.get(name).length })).filter(({ count }) => count > 0);
  return html`<section class="containers" aria-label="Containers">
    <div class="head"><h2>${title}</h2><span class="mut">${shownCount} of ${total} shown</span>
      ${picked.value && html`<button class="link end" onClick=${onTop}>Top 6 by CPU</button>`}</div>
    <${SearchBox} onEnter=${onEnter} />
    <div class="filters"><${Chips} label="Kind of series" choices=${kinds} chosen=${kind} onChoose=${setKind} />
      <${Chips} label="Namespace" choices=${namespaces} chosen=${namespace} onChoose=${setNamespace} /></div>
    <ul>
      ${node.value && !search.value && row(node.value)}
      ${rows.slice(0, pageRows + extraRows).map(row)}
      ${hiddenCount > 0 && html`<li class="more"><button class="link" onClick=${() => setExtraRows(extraRows + pageRows)}>
        Show ${Math.min(pageRows, hiddenCount)} more of ${hiddenCount}</button></li>`}
    </ul>
    ${rows.length === 0 && allSeries.value && html`<${EmptyList} total=${all.length - (node.value ? 1 : 0)} />`}
  </section>`;
}
