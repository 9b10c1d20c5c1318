// The rows: of each node its name, strips of CPU, memory and pressure with the events, and the values at the cursor.

import { html, useEffect, useRef } from "../browser/html.js";
import { sizedContext } from "../browser/canvas.js";
import { cssToken } from "../browser/theme-colours.js";
import { clock, clockIn, date } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { themeVersion } from "../state/theme.js";
import { ask, COLUMNS, cursor_ms, minute, moveCursor, nodes, range, rows, shown } from "./state.js";

const STRIPS = [["cpu_share", "c2"], ["memory_share", "c3"], ["pressure", "psi"]];
const HEIGHT = 46, STRIP = 12, GAP = 2;
const OPENED_MS = 300_000; // time before and after the cursor on the page of a node

export function Rows() {
  const { from_ms, to_ms } = range.value;
  return html`<section class="rows" aria-label="Nodes" tabindex="0" onKeyDown=${onKey}>
    <div class="axis"><span></span><span class="times"><span>${clock(from_ms)}</span><span>${days(from_ms, to_ms)}</span><span>${clock(to_ms)}</span></span><span class="heads">${cursor_ms.value === null ? "newest values" : `at ${clock(cursor_ms.value)}`}</span></div>
    ${nodes.value.map((node) => html`<${Row} key=${node} node=${node} row=${rows.value.get(node)} />`)}
  </section>`;
}

function days(from_ms, to_ms) {
  const [first, last] = [date(from_ms), date(to_ms)];
  return first === last ? first : `${first} – ${last}`;
}

function onKey(event) {
  const step = (range.peek().to_ms - range.peek().from_ms) / COLUMNS * (event.shiftKey ? 10 : 1);
  if (event.key === "ArrowLeft") moveCursor(-step);
  else if (event.key === "ArrowRight") moveCursor(step);
  else if (event.key === "Enter" && cursor_ms.peek() !== null && event.target === event.currentTarget) ask(Math.floor(cursor_ms.peek() / 1000) * 1000);
  else return;
  event.preventDefault();
}

function Row({ node, row }) {
  const strips = row?.strips;
  const isNamed = minute.value?.ranking?.findings.some((finding) => finding.node === node);
  return html`<div class="row" data-node=${node}>
    <a class="name" href=${addressOf(node, cursor_ms.value)} target="_blank" title="Open the page of ${node}${cursor_ms.value === null ? "" : " at the cursor"}">${isNamed ? "▸ " : ""}${shown.value.get(node)}</a>
    ${strips ? html`<${Strips} node=${node} strips=${strips} />` : html`<span class=${row ? "problem" : "note"}>${row?.error ?? "asking …"}</span>`}
    <span class="values">${strips && html`<span>${valuesAt(strips)}</span>`}${problemsOf(row).map((problem) => html`<span class="problem" title=${problem}>${problem}</span>`)}</span>
  </div>`;
}

function problemsOf(row) {
  if (!row?.strips) return [];
  const { to_ms } = range.value, { strips } = row;
  if (row.error) return [row.error];
  const isOld = strips.newest_ms !== null && strips.newest_ms < Math.min(to_ms, strips.now_ms) - 60_000;
  return [...strips.problems, ...(strips.newest_ms === null ? ["it has no samples"] : []), ...(isOld ? [`its newest sample is of ${clockIn(strips.newest_ms, { from_ms: strips.newest_ms, to_ms })}`] : [])];
}

/** The address that opens the page of a node; with some minutes around an instant, if there is one. */
export function addressOf(node, at_ms) {
  const times = at_ms === null ? {} : { from: Math.max(0, at_ms - OPENED_MS), to: at_ms + OPENED_MS, at: at_ms };
  return `/open?${new URLSearchParams({ node, ...mapValues(times, Math.floor) })}`;
}

const mapValues = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));

function valuesAt(strips) {
  const { from_ms, to_ms } = range.value;
  const at_ms = cursor_ms.value ?? strips.newest_ms ?? to_ms;
  const column = Math.min(strips.columns - 1, Math.floor(((at_ms - from_ms) / (to_ms - from_ms)) * strips.columns));
  if (![strips.cpu, strips.memory, strips.pressure].some((values) => (values?.[column] ?? null) !== null)) return "no sample";
  const text = (value, unit) => (value === null || value === undefined ? "–" : amount(value, unit));
  return `${text(strips.cpu?.[column], "millicores")} · ${text(strips.memory?.[column], "bytes")} · ${text(strips.pressure?.[column], "ratio")}`;
}

/** A value with its unit. */
export function amount(value, apiUnit) {
  const unit = unitFor(apiUnit, value);
  return `${formatNumber(value, unit)} ${unit.short}`;
}

function Strips({ node, strips }) {
  const canvas = useRef(null);
  useEffect(() => {
    draw(canvas.current, strips);
  }, [strips, cursor_ms.value, themeVersion.value]);
  useEffect(() => {
    const observer = new ResizeObserver(() => draw(canvas.current, strips));
    observer.observe(canvas.current);
    return () => observer.disconnect();
  }, [strips]);
  const at = ({ clientX }) => {
    const { left, width } = canvas.current.getBoundingClientRect();
    const { from_ms, to_ms } = range.peek();
    return Math.floor((from_ms + Math.min(0.999, Math.max(0, (clientX - left) / width)) * (to_ms - from_ms)) / 1000) * 1000;
  };
  return html`<div class="strips" onClick=${(event) => ask(at(event))} title=${eventsText(strips)}>
    <canvas ref=${canvas} role="img" aria-label=${summary(node, strips)}></canvas>
  </div>`;
}

function summary(node, strips) {
  const highest = (values) => Math.max(0, ...(values ?? []).filter((value) => value !== null));
  const most = (name, unit) => (strips[name] ? amount(highest(strips[name]), unit) : "not known");
  return `${node}: CPU up to ${most("cpu", "millicores")}, memory up to ${most("memory", "bytes")}, pressure up to ${most("pressure", "ratio")}, ${strips.events.length} events`;
}

const eventsText = ({ events }) => events.slice(0, 8).map(({ time_ms, name, what }) => `${clock(time_ms)} ${name}: ${what}`).join("\n");

/** The shares that a strip shows. Where the node's capacity is not known, they are shares of the highest value in the row. */
function sharesOf(strips, name) {
  const shares = strips[name], values = strips[name.replace("_share", "")];
  if (!values || shares.some((share) => share !== null)) return shares;
  const highest = Math.max(...values);
  return highest > 0 ? values.map((value) => (value === null ? null : value / highest)) : shares;
}

function draw(canvas, strips) {
  if (!canvas?.clientWidth) return;
  const width = canvas.clientWidth, ctx = sizedContext(canvas, width, HEIGHT);
  const { from_ms, to_ms } = range.peek();
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  ctx.clearRect(0, 0, width, HEIGHT);
  STRIPS.forEach(([name, colour], i) => {
    const top = i * (STRIP + GAP);
    ctx.fillStyle = cssToken("wash");
    ctx.fillRect(0, top, width, STRIP);
    ctx.fillStyle = cssToken(colour);
    sharesOf(strips, name)?.forEach((value, column) => {
      if (value === null) return;
      const left = (column * width) / strips.columns, height = Math.max(0.5, value * STRIP);
      ctx.fillRect(left, top + STRIP - height, width / strips.columns + 0.5, height);
    });
  });
  ctx.fillStyle = cssToken("oom");
  for (const { time_ms } of strips.events) ctx.fillRect(x(time_ms) - 1, HEIGHT - 4, 2, 4);
  if (cursor_ms.peek() !== null) {
    ctx.fillStyle = cssToken("ink");
    ctx.fillRect(Math.round(x(cursor_ms.peek())), 0, 1, HEIGHT);
  }
}
