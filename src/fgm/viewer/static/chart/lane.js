// One lane: a metric of the shown workloads over the shared time axis, drawn by uPlot.

import uPlot from "../vendor/uplot.js";
import { effect } from "../vendor/signals.js";
import { toChart } from "../lib/chart-data.js";
import { hairline, hatch, styleOf, themeTurn, token } from "../browser/theme.js";
import { chooseForLane } from "../commands/commands.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { fullName } from "../lib/series.js";
import { laneHeights, laneLines, lanePeaks, laneUnits, nodeSilences } from "../derived/lane-lines.js";
import { focus, focusLane } from "../state/lanes.js";
import { laneLimits } from "../derived/limits.js";
import { drawMarks } from "./lane-marks.js";
import { answer, edge_ms, events, health, newest_ms, picked, plot, shown, view } from "../state/store.js";
import { Strip } from "./lane-strip.js";
import { LaneTable, tables } from "./lane-table.js";
import { dated, moment, timeMarks, viewRange } from "../lib/time-format.js";
import { axisMarks, axisNumber, number } from "../lib/units.js";
import { follow, zoom } from "../state/view.js";

const MARK_EVERY = 44; // px between marks of the y axis, at least
const PADDING = 6; // half a label, so that the outermost ones are whole

/** The uPlot of each lane, for what is drawn over all of them. */
export const charts = new Map();

function draw(box, lane, previous) {
  const lines = laneLines.peek().get(lane.key) ?? [];
  const { interval_ms = 1000, column_ms = 0, origin_ms = 0 } = answer.peek() ?? {};
  const width = box.clientWidth, height = box.clientHeight;
  const gutter = plot.peek().left;
  if (width === 0 || height === 0) return previous;
  const unit = laneUnits.peek().get(lane.key);
  const marks = axisMarks(laneHeights.peek().get(lane.key) ?? 0, unit, Math.floor((height - 2 * PADDING) / MARK_EVERY));
  const { from_ms, to_ms } = view.peek();
  const names = `${themeTurn.peek()} ${gutter} ${lines.map(({ line, entry }) => `${line.id}#${line.life}@${entry.slot}`).join()}`;
  let chart = previous;
  if (chart?.names !== names) {
    chart?.u.destroy();
    chart = { names, lane, lines: null };
    chart.u = new uPlot(options(chart, lines, width, height, gutter), [[]], box);
  }
  Object.assign(chart, { marks, unit });
  if (chart.u.width !== width || chart.u.height !== height) chart.u.setSize({ width, height });
  chart.u.batch(() => {
    const grid = `${interval_ms} ${column_ms} ${origin_ms}`;
    const isSame = chart.grid === grid && chart.lines?.length === lines.length && lines.every(({ line }, i) => line.v === chart.values[i]);
    if (!isSame) {
      const made = toChart(lines.map(({ line }) => line), interval_ms, column_ms, origin_ms);
      Object.assign(chart, { grid, lone: made.lone, values: lines.map(({ line }) => line.v) });
      chart.u.setData(made.data, false);
    }
    chart.lines = lines;
    // Setting x redraws, also where it stays as it was.
    chart.u.setScale("x", { min: from_ms / 1000, max: to_ms / 1000 });
    chart.u.setScale("y", { min: 0, max: marks.top });
  });
  return chart;
}

const asTold = (u, min, max) => [min ?? 0, max ?? 1];

function options(chart, lines, width, height, gutter) {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const line = ({ entry }, i) => {
    const { colour, dash, width } = styleOf(entry.slot);
    return {
      stroke: colour, width, dash, auto: false,
      points: { show: false, size: 5, width: 0, fill: colour, filter: (u, index) => chart.lone[index - 1] },
    };
  };
  const none = { show: false };
  const grid = { stroke: token("grid"), width: 1 };
  return {
    width, height,
    padding: [PADDING, 0, PADDING, 0],
    legend: none, cursor: none, select: none,
    scales: { x: { time: false, auto: false, range: asTold }, y: { auto: false, range: asTold } },
    series: [{}, ...lines.map(line)],
    axes: [
      {
        size: 0, gap: 0, ticks: none, border: none, grid,
        splits: (u, axis, min, max) => timeMarks(min * 1000, max * 1000, plot.peek().width).marks.map(({ ms }) => ms / 1000),
        values: (u, splits) => splits.map(() => ""),
      },
      {
        size: gutter, gap: 8, ticks: none, border: none, grid, stroke: token("mut"), font,
        splits: () => chart.marks?.splits ?? [0],
        values: (u, splits) => splits.map((value) => (chart.unit ? axisNumber(value, chart.unit, chart.marks.digits) : "")),
      },
    ],
    hooks: { drawAxes: [drawGround], draw: [(u) => chart.unit && drawMarks(u, chart.lane, chart.lines ?? [], chart.unit, view.peek())] },
  };
}

/** The baseline, and a hatch wherever the whole node was not measured. */
function drawGround(u) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height + ratio);
  ctx.clip();
  hairline(ctx, left, top + height, left + width, top + height, token("line"), ratio);
  for (const [from_ms, to_ms] of nodeSilences.peek()) {
    const a = u.valToPos(from_ms / 1000, "x", true), b = u.valToPos(to_ms / 1000, "x", true);
    const wide = Math.max(b - a, 6 * ratio);
    if (b > left && a < left + width) hatch(ctx, (a + b - wide) / 2, top, wide, height, token("gap"), ratio);
  }
  ctx.restore();
}

/** Why a lane has no line, as a sentence and perhaps something to do about it; null when it has one. */
function emptiness(lane) {
  if (answer.value === null || lanePeaks.value.get(lane.key)) return null;
  if (!lane.metric) return [`No ${lane.title} data is recorded here${lane.isNamed ? ": the kernel of this node gives none" : ", or there is no such metric"}.`];
  if (!answer.value.lines.has(lane.metric)) return ["Loading…"];
  if (shown.value.length === 0 && picked.value?.length > 0) return [`Of the ${picked.value.length} chosen in this link none is known here (any more).`];
  if (shown.value.length === 0) return ["Choose a container from the list to see it here."];
  const newest = newest_ms.value;
  const oldest = health.value?.oldest_ms;
  const { from_ms, to_ms } = view.value;
  if (oldest != null && oldest >= to_ms) {
    const there = () => zoom(oldest, oldest + (to_ms - from_ms));
    return [`The oldest data, of ${moment(oldest, edge_ms.value)}, is newer than this range.`, "Show it", there];
  }
  if (newest !== null && newest < from_ms) {
    const there = () => (edge_ms.peek() - newest < 60_000 ? follow() : zoom(newest - (to_ms - from_ms), newest + 1000));
    return [`The newest data, of ${moment(newest, edge_ms.value)}, is older than this range.`, "Show it", there];
  }
  if (nodeSilences.value.some(([from, to]) => from <= from_ms && to >= Math.min(to_ms, edge_ms.value) - 15_000)) {
    return ["Nothing was recorded on this node then."];
  }
  const who = shown.value.length === 1 ? shown.value[0].series.name : "what is shown";
  return [`No ${lane.title} data of ${who} in this range.`];
}

export function Lane({ lane, ordinal }) {
  const box = useRef(null);
  useEffect(() => {
    let chart = null, frame = 0;
    const later = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (box.current) chart = draw(box.current, lane, chart);
        if (chart) charts.set(lane.key, chart.u);
      });
    };
    const stop = effect(() => {
      laneLines.value; laneHeights.value; laneUnits.value; laneLimits.value; nodeSilences.value; events.value; view.value; plot.value; themeTurn.value;
      later();
    });
    const sized = new ResizeObserver(later);
    sized.observe(box.current);
    return () => {
      stop();
      sized.disconnect();
      cancelAnimationFrame(frame);
      charts.delete(lane.key);
      chart?.u.destroy();
    };
  }, []);
  const peak = lanePeaks.value.get(lane.key);
  const unit = laneUnits.value.get(lane.key);
  const owner = peak?.value > 0 && laneLines.value.get(lane.key).find(({ line }) => line === peak.line)?.entry.series;
  const most = owner && `max ${number(peak.value, unit)} at ${dated(peak.ms, view.value)}, ${fullName(owner)}`;
  const [why, act, action] = emptiness(lane) ?? [];
  const on = focus.value === ordinal - 1;
  const span = viewRange(view.value.from_ms, view.value.to_ms).replace("–", " to ");
  return html`<section class=${`lane ${on ? "focused" : ""}`} aria-label=${lane.title} onPointerDown=${() => focusLane(ordinal - 1)}>
    <span class="ordinal" aria-hidden="true">${ordinal}</span>
    <h2>${lane.title} <span>${unit.label}${lane.note ? `, ${lane.note}` : ""}</span>
      ${owner && html`<span class="peak" title=${most}>${most}</span>`}
      <button class="menu" aria-label=${`${lane.title}: change the lane`} title="Change, move or remove this lane"
        onClick=${() => chooseForLane(ordinal - 1)}>…</button></h2>
    <div class="plot" ref=${box} role="img" hidden=${tables.value}
      aria-label=${`${lane.title} in ${unit.label}, ${span}; ${most ?? "no data"}. Press t for tables.`}></div>
    ${tables.value && html`<${LaneTable} lane=${lane} lines=${laneLines.value.get(lane.key) ?? []} unit=${unit} />`}
    ${lane.strip && html`<${Strip} lane=${lane} />`}
    ${why && !tables.value && html`<p class="why">${why}${act && html` <button class="link" onClick=${action}>${act}</button>`}</p>`}
  </section>`;
}
