// One lane: a metric of the shown workloads over the shared time axis, drawn by uPlot.

import { effect } from "../vendor/signals.js";
import uPlot from "../vendor/uplot.js";
import { hairline, hatch, labelFont } from "../browser/canvas.js";
import { cancelDraw, drawInNextFrame } from "../browser/frame.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { lineStyle } from "../browser/line-styles.js";
import { cssToken } from "../browser/theme-colours.js";
import { otherLines } from "../derived/compare/other-lines.js";
import { laneHeights, laneLines, laneMeans, lanePeaks, laneUnits, nodeGaps } from "../derived/lane-lines.js";
import { laneLimits, laneRequests } from "../derived/limits.js";
import { studyTexts } from "../derived/study-texts.js";
import { toChartData } from "../lib/chart-data.js";
import { fullName } from "../lib/series.js";
import { clockIn, viewRange } from "../lib/time-format.js";
import { timeTicks } from "../lib/time-ticks.js";
import { axisTicks, formatNumber, tickLabel } from "../lib/units.js";
import { studyAnswers } from "../state/analysis/studies.js";
import { otherRange, otherSamples } from "../state/compare/other-range.js";
import { dependsOn } from "../state/depends-on.js";
import { focus } from "../state/lanes.js";
import { labelledLines } from "../state/labelled.js";
import { openedPack } from "../state/pack.js";
import { showsTables } from "../state/page.js";
import { processLines } from "../state/processes.js";
import { shown } from "../state/shown.js";
import { laneSamples, edge_ms, kills, picked, plot, view } from "../state/store.js";
import { themeVersion } from "../state/theme.js";
import { toggleWall } from "../state/wall/walls.js";
import { focusLane } from "../widgets/lane-focus.js";
import { chooseForLane } from "../widgets/metric-chooser.js";
import { FindingMarks } from "./analysis/finding-marks.js";
import { drawStudy } from "./analysis/lane-studies.js";
import { drawBands } from "./bands.js";
import { drawPaleLines } from "./compare/pale-lines.js";
import { reasonOfRange } from "./empty-range.js";
import { NoteShades } from "./incident/note-marks.js";
import { drawMarks } from "./lane-marks.js";
import { LaneStrip } from "./lane-strip.js";
import { LaneTable } from "./lane-table.js";
import { linePath } from "./line-path.js";

const MIN_TICK_PX = 44; // minimum distance of two ticks of the y axis
const PADDING_PX = 6; // half the height of a label, so that the outermost labels are not cut
const MIN_GAP_PX = 6; // minimum width of a hatched gap
const OCCASIONAL_MS = 12_000; // the longest usual time between two readings of a process, or of labels

/** The uPlot objects of all lanes: Map(lane key → uPlot). */
export const charts = new Map();

/** Draw a lane into its box and return its chart: the previous one if it has the same lines, else a new one. */
function draw(box, lane, previous) {
  const lines = laneLines.peek().get(lane.key) ?? [];
  const { interval_ms = 1000, column_ms = 0, origin_ms = 0 } = lane.isProcesses || lane.isLabelled ? occasionalGrid() : laneSamples.peek() ?? {};
  const width = box.clientWidth, height = box.clientHeight;
  const gutter = plot.peek().left;
  if (width === 0 || height === 0) return previous;
  const unit = laneUnits.peek().get(lane.key);
  const ticks = axisTicks(laneHeights.peek().get(lane.key) ?? 0, unit, Math.floor((height - 2 * PADDING_PX) / MIN_TICK_PX));
  const { from_ms, to_ms } = view.peek();
  const key = `${themeVersion.peek()} ${gutter} ${lines.map(({ line, entry }) => `${line.id}#${line.life}@${entry.slot}`).join()}`;
  let chart = previous;
  if (chart?.key !== key) {
    chart?.u.destroy();
    chart = { key, lane, lines: null };
    chart.u = new uPlot(options(chart, lines, width, height, gutter), [[]], box);
  }
  Object.assign(chart, { ticks, unit });
  if (chart.u.width !== width || chart.u.height !== height) chart.u.setSize({ width, height });
  chart.u.batch(() => {
    const grid = `${interval_ms} ${column_ms} ${origin_ms}`;
    const isSame = chart.grid === grid && chart.lines?.length === lines.length && lines.every(({ line }, i) => line.v === chart.values[i]);
    if (!isSame) {
      const { data, lone } = toChartData(lines.map(({ line }) => line), interval_ms, column_ms, origin_ms);
      Object.assign(chart, { grid, lone, values: lines.map(({ line }) => line.v) });
      chart.u.setData(data, false);
    }
    chart.lines = lines;
    const isReduced = column_ms > 0 && !lane.isProcesses && !lane.isLabelled;
    chart.bands = isReduced ? lines.map(({ line, entry }) => ({ line, entry, mean: laneMeans.peek().get(line) ?? null })) : null;
    chart.bandGrid = { column_ms, origin_ms, interval_ms };
    // Setting the x scale redraws the chart, even if the scale does not change.
    chart.u.setScale("x", { min: from_ms / 1000, max: to_ms / 1000 });
    chart.u.setScale("y", { min: 0, max: ticks.top });
  });
  return chart;
}

/** The distance between the points of processes and labels: usual, or that of the pixel columns of a long view. */
function occasionalGrid() {
  const { from_ms, to_ms } = view.peek();
  return { interval_ms: Math.max(OCCASIONAL_MS, (to_ms - from_ms) / Math.max(1, plot.peek().width)) };
}

/** The range of a scale as draw() sets it. Without this, uPlot would compute another one. */
const rangeAsSet = (u, min, max) => [min ?? 0, max ?? 1];

function options(chart, lines, width, height, gutter) {
  const font = labelFont();
  const seriesOf = ({ entry }, i) => {
    const { colour, dash, width } = lineStyle(entry.slot);
    return {
      stroke: colour, width, dash, auto: false,
      paths: (...of) => (chart.bands ? null : linePath(...of)),
      points: { show: false, size: 5, width: 0, fill: colour, filter: (u, index) => (!chart.bands && chart.lone[index - 1].length > 0 ? chart.lone[index - 1] : null) },
    };
  };
  const hidden = { show: false };
  const grid = { stroke: cssToken("grid"), width: 1 };
  return {
    width, height,
    padding: [PADDING_PX, 0, PADDING_PX, 0],
    legend: hidden, cursor: hidden, select: hidden,
    scales: { x: { time: false, auto: false, range: rangeAsSet }, y: { auto: false, range: rangeAsSet } },
    series: [{}, ...lines.map(seriesOf)],
    axes: [
      {
        size: 0, gap: 0, ticks: hidden, border: hidden, grid,
        splits: (u, axis, min, max) => timeTicks(min * 1000, max * 1000, plot.peek().width).ticks.map(({ ms }) => ms / 1000),
        values: (u, splits) => splits.map(() => ""),
      },
      {
        size: gutter, gap: 8, ticks: hidden, border: hidden, grid, stroke: cssToken("mut"), font,
        splits: () => chart.ticks?.splits ?? [0],
        values: (u, splits) => splits.map((value) => (chart.unit ? tickLabel(value, chart.unit, chart.ticks.digits) : "")),
      },
    ],
    hooks: {
      drawAxes: [drawBackground, (u) => drawOther(u, chart.lane), (u) => chart.bands && drawBands(u, chart.bands, chart.bandGrid)],
      draw: [(u) => drawStudy(u, chart.lane, chart.lines ?? []), (u) => chart.unit && drawMarks(u, chart.lane, chart.lines ?? [], chart.unit, view.peek())],
    },
  };
}

/** Draw the lines of the other range, if there is one. */
function drawOther(u, lane) {
  const lines = otherLines.peek().get(lane.key) ?? [];
  if (lines.length === 0) return;
  const { interval_ms, column_ms } = otherSamples.peek();
  drawPaleLines(u, lines, otherRange.peek().shift_ms, Math.max(interval_ms, column_ms));
}

/** Draw the baseline, and hatch the ranges in which nothing was recorded on the whole node. */
function drawBackground(u) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height + ratio);
  ctx.clip();
  hairline(ctx, left, top + height, left + width, top + height, cssToken("line"), ratio);
  for (const [from_ms, to_ms] of nodeGaps.peek()) {
    const a = u.valToPos(from_ms / 1000, "x", true), b = u.valToPos(to_ms / 1000, "x", true);
    const hatchWidth = Math.max(b - a, MIN_GAP_PX * ratio);
    if (b > left && a < left + width) hatch(ctx, (a + b - hatchWidth) / 2, top, hatchWidth, height, cssToken("gap"), ratio);
  }
  ctx.restore();
}

/** Why a lane has no line: [sentence] or [sentence, text of a button, action of the button]; null if it has a line. */
function reasonForNoLine(lane) {
  if (laneSamples.value === null || lanePeaks.value.get(lane.key)) return null;
  if (lane.isProcesses) {
    const loaded = processLines.value.get(lane.key);
    return [!loaded ? "Loading…" : loaded.refusal ?? "No process was read in this range."];
  }
  if (lane.isLabelled) {
    const loaded = labelledLines.value.get(lane.key);
    return [!loaded ? "Loading…" : loaded.refusal ?? "No such values were recorded in this range."];
  }
  if (!lane.metric && openedPack.value !== null) return [`This file was saved without ${lane.title} data.`];
  if (!lane.metric) return [lane.isNamed ? `No ${lane.title} data is recorded here: the kernel of this node does not provide it.` : `No ${lane.title} data is recorded here, or there is no such metric.`];
  if (!laneSamples.value.lines.has(lane.metric)) return ["Loading…"];
  if (shown.value.length === 0 && picked.value?.length > 0) return [noneExistText(picked.value.length)];
  if (shown.value.length === 0) return ["Select a container in the list to show it here."];
  const ofRange = reasonOfRange();
  if (ofRange) return ofRange;
  const { from_ms, to_ms } = view.value;
  if (nodeGaps.value.some(([from, to]) => from <= from_ms && to >= Math.min(to_ms, edge_ms.value) - 15_000)) {
    return ["Nothing was recorded on this node in this range."];
  }
  const subject = shown.value.length === 1 ? shown.value[0].series.name : "the selected containers";
  return [`No ${lane.title} data for ${subject} in this range.`];
}

const noneExistText = (count) => openedPack.value !== null ? "This file was saved without the selected containers." :
  (count === 1 ? "The container in this link does not exist here (any more)." : `None of the ${count} containers in this link exist here (any more).`);

/** A lane: title, chart or table, and strip. `ordinal`: its number, counted from 1, which is also the key that focuses it. */
export function Lane({ lane, ordinal }) {
  const box = useRef(null);
  useEffect(() => {
    let chart = null;
    const drawNow = () => {
      if (box.current) chart = draw(box.current, lane, chart);
      if (chart) charts.set(lane.key, chart.u);
    };
    const drawLater = () => drawInNextFrame(drawNow);
    const stop = effect(() => {
      dependsOn(laneLines, laneMeans, otherLines, laneHeights, laneUnits, laneLimits, laneRequests, nodeGaps, kills, studyAnswers, view, plot, themeVersion);
      drawLater();
    });
    const resized = new ResizeObserver(drawLater);
    resized.observe(box.current);
    return () => {
      stop();
      resized.disconnect();
      cancelDraw(drawNow);
      charts.delete(lane.key);
      chart?.u.destroy();
    };
  }, []);
  const peak = lanePeaks.value.get(lane.key);
  const unit = laneUnits.value.get(lane.key);
  const owner = peak?.value > 0 && laneLines.value.get(lane.key).find(({ line }) => line === peak.line)?.entry.series;
  const peakText = owner && `max ${formatNumber(peak.value, unit)} at ${clockIn(peak.ms, view.value)}, ${fullName(owner)}`;
  const [reason, buttonText, onButton] = reasonForNoLine(lane) ?? [];
  const study = studyTexts.value.get(lane.key);
  const isFocused = focus.value === ordinal - 1;
  const rangeText = viewRange(view.value.from_ms, view.value.to_ms).replace("–", " to ");
  return html`<section class=${`lane ${isFocused ? "focused" : ""}`} aria-label=${lane.title} onPointerDown=${() => focusLane(ordinal - 1)}>
    <span class="ordinal" aria-hidden="true">${ordinal}</span>
    <h2>${lane.title} <span>${unit.label}${lane.note ? `, ${lane.note}` : ""}</span>
      ${study && html`<span class="study" title=${study}>${study}</span>`}
      ${owner && !study && html`<span class="peak" title=${peakText}>${peakText}</span>`}
      ${lane.metric && html`<button class="link as-wall" title="All containers at once, as a wall (v)" onClick=${() => toggleWall(ordinal - 1)}>wall</button>`}
      <button class="menu" aria-label=${`Change the ${lane.title} lane`} title="Change, move or remove this lane"
        onClick=${() => chooseForLane(ordinal - 1)}>…</button></h2>
    <div class="plot" ref=${box} role="img" hidden=${showsTables.value}
      aria-label=${`${lane.title} in ${unit.label}, ${rangeText}; ${peakText || "no data"}${study ? `; ${study}` : ""}. Press t for tables.`}></div>
    ${!showsTables.value && html`<${NoteShades} /><${FindingMarks} lane=${lane} />`}
    ${showsTables.value && html`<${LaneTable} lane=${lane} lines=${laneLines.value.get(lane.key) ?? []} unit=${unit} />`}
    ${lane.strip && html`<${LaneStrip} lane=${lane} />`}
    ${reason && !showsTables.value && html`<p class="why">${reason}${buttonText && html` <button class="link" onClick=${onButton}>${buttonText}</button>`}</p>`}
  </section>`;
}
