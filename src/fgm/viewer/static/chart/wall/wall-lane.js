// A lane that is a wall: all containers at once, a row each. The pointer and the keys choose rows; a chosen row can be opened as a line.

import { effect } from "../../vendor/signals.js";
import { cancelDraw, drawInNextFrame } from "../../browser/frame.js";
import { html, useEffect, useRef } from "../../browser/html.js";
import { laneUnits, nodeGaps } from "../../derived/lane-lines.js";
import { otherWallValues, walls, wallValues } from "../../derived/wall-rows.js";
import { clockIn, viewRange } from "../../lib/time-format.js";
import { formatNumber } from "../../lib/units.js";
import { otherRange } from "../../state/compare/other-range.js";
import { showsOther } from "../../state/compare/other-walls.js";
import { dependsOn } from "../../state/depends-on.js";
import { focus } from "../../state/lanes.js";
import { showsTables } from "../../state/page.js";
import { shown } from "../../state/shown.js";
import { cursor_ms, kills, plot, view } from "../../state/store.js";
import { themeVersion } from "../../state/theme.js";
import { toggle } from "../../state/view.js";
import { loadingWalls, wallRefusal } from "../../state/wall/wall-data.js";
import { areLinesHidden, chooseRow, currentRow, openAsLines, pointAtRow, pointedRow, ROW_KINDS, rowKind } from "../../state/wall/walls.js";
import { focusLane } from "../../widgets/lane-focus.js";
import { chooseForLane } from "../../widgets/metric-chooser.js";
import { reasonOfRange } from "../empty-range.js";
import { NoteShades } from "../incident/note-marks.js";
import { drawWall, nameOfRow, rowEdges } from "./wall-canvas.js";
import { WallFindings } from "./wall-findings.js";
import { WallSettings } from "./wall-settings.js";
import { WallTable } from "./wall-table.js";

const ROW_PX = 2; // minimum height of a row
const THIN_ROW_PX = 1; // the same of more rows than MANY
const MANY = 250;
const MIN_DRAG_PX = 4; // a shorter move is a click
const MIN_MARKED_PX = 3; // minimum height of the mark of the current row

/** Minimum height of the plot of a wall, so that each row has whole pixels. */
const minHeight = (rows) => Math.max(96, rows * (rows > MANY ? THIN_ROW_PX : ROW_PX));

/** Where a row is: "in namespace/pod", or "" if that is not known. */
function whereOf({ namespace, pod_name, workload }) {
  const names = [namespace, workload ? null : pod_name].filter(Boolean);
  return names.length > 0 ? ` in ${names.join("/")}` : "";
}

/** Keep the mark over the current row. `plotHeight`: that of the wall when it was drawn last, because to read it takes a layout. */
function placeMark(mark, plotHeight, wall) {
  if (!mark) return;
  const i = wall ? wall.rows.findIndex(({ key }) => key === currentRow.peek()) : -1;
  mark.hidden = i < 0;
  if (i < 0) return;
  const edges = rowEdges(wall.rows.length, plotHeight);
  const height = Math.max(MIN_MARKED_PX, edges[i + 1] - edges[i]);
  mark.style.transform = `translateY(${Math.round((edges[i] + edges[i + 1] - height) / 2)}px)`;
  mark.style.height = `${height}px`;
}

/** The number of rows of another wall, which this one will probably have, too: then it has its height before its first rows. */
const otherRows = () => Math.max(0, ...[...walls.value.values()].map(({ rows }) => rows.length));

/** What of a wall is drawn: the view, or the other range in the same rows, which is empty until it is loaded. */
const drawn = (wall) => (showsOther.value ? { ...wall, ...(wall.other ?? { rows: [], peak: null }), isOther: true } : wall);

/** The highest value of what is drawn, and where it is. */
function peakTextOf({ peak, isOther }, unit) {
  const ms = peak && peak.ms - (isOther ? otherRange.value.shift_ms : 0);
  return peak && `max ${formatNumber(peak.value, unit)} at ${clockIn(ms, view.value)}, ${nameOfRow(peak.row)}${whereOf(peak.row)}`;
}

/** A lane that is a wall. `ordinal`: its number, counted from 1. */
export function WallLane({ lane, ordinal }) {
  const box = useRef(null), canvas = useRef(null), mark = useRef(null);
  const wallNow = () => walls.peek().get(lane.key);
  useEffect(() => {
    let height = 0;
    const drawNow = () => {
      const { left, width } = plot.peek();
      height = box.current?.clientHeight ?? 0;
      if (canvas.current && wallNow()) drawWall(canvas.current, drawn(wallNow()), { left, width, height }, areLinesHidden.peek() ? [] : shown.peek());
      placeMark(mark.current, height, wallNow());
    };
    const drawLater = () => drawInNextFrame(drawNow);
    const stops = [
      effect(() => {
        dependsOn(walls, view, plot, kills, nodeGaps, shown, themeVersion, showsTables, showsOther);
        drawLater();
      }),
      effect(() => {
        dependsOn(currentRow);
        placeMark(mark.current, height, wallNow());
      }),
    ];
    const resized = new ResizeObserver(drawLater);
    resized.observe(box.current);
    return () => {
      stops.forEach((stop) => stop());
      resized.disconnect();
      cancelDraw(drawNow);
      pointedRow.value = null;
    };
  }, []);

  const rowUnder = (event) => {
    const rows = wallNow()?.rows ?? [], bounds = box.current.getBoundingClientRect();
    return rows[Math.floor(((event.clientY - bounds.top) / bounds.height) * rows.length)] ?? null;
  };
  const onPointerMove = (event) => pointAtRow(rowUnder(event)?.key ?? null);
  const onPointerLeave = () => (pointedRow.value = null);
  // The stack captures the pointer, so that there is no click on what is below it.
  const onPointerDown = (event) => {
    const row = rowUnder(event), { clientX, clientY, pointerId } = event;
    const onEnd = (end) => {
      if (end.pointerId !== pointerId) return;
      for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, onEnd, true);
      if (end.type === "pointerup" && row && Math.hypot(end.clientX - clientX, end.clientY - clientY) < MIN_DRAG_PX) onPress(end, row);
    };
    const makesNote = event.ctrlKey || event.metaKey;
    if (event.button === 0 && !makesNote && !event.target.closest("button")) for (const name of ["pointerup", "pointercancel"]) addEventListener(name, onEnd, true);
  };
  const onPress = (event, row) => {
    const isName = event.clientX < box.current.getBoundingClientRect().left + plot.peek().left;
    if (row.isGone) chooseRow(row.key); // it has no line in view
    else if (event.shiftKey) toggle(row.id);
    else if (isName) openAsLines(row.ids.slice(0, 1));
    else chooseRow(row.key);
  };

  const wall = walls.value.get(lane.key), rows = wall?.rows ?? [];
  const unit = laneUnits.value.get(lane.key);
  const isFocused = focus.value === ordinal - 1;
  const drawnRange = showsOther.value ? otherRange.value : view.value;
  const rangeText = viewRange(drawnRange.from_ms, drawnRange.to_ms).replace("–", " to ");
  const peakText = wall && peakTextOf(drawn(wall), unit);
  const [reason, buttonText, onButton] = rows.length > 0 ? [] : reasonOfRange() ?? [wallRefusal.value ?? (!wall || loadingWalls.value ? "Loading…" : `No ${lane.title} data in this range.`)];
  return html`<section class=${`lane wall ${isFocused ? "focused" : ""}`} aria-label=${lane.title} onPointerDown=${() => focusLane(ordinal - 1)}
    style=${showsTables.value ? undefined : { minHeight: `${30 + minHeight(rows.length || otherRows())}px` }}>
    <span class="ordinal" aria-hidden="true">${ordinal}</span>
    <h2>${lane.title} <span>${unit.label}</span> <${WallSettings} lane=${lane} wall=${wall} unit=${unit} />
      <${RowText} lane=${lane} wall=${wall} unit=${unit} otherwise=${peakText} />
      <button class="menu" aria-label=${`Change the ${lane.title} lane`} title="Change, move or remove this lane" onClick=${() => chooseForLane(ordinal - 1)}>…</button></h2>
    <div class="rows" ref=${box} hidden=${showsTables.value} onPointerMove=${onPointerMove} onPointerLeave=${onPointerLeave} onPointerDown=${onPointerDown}>
      <canvas ref=${canvas} role="img" aria-label=${`${lane.title} of ${rows.length} ${ROW_KINDS.find(([kind]) => kind === rowKind.value)[1]} in ${unit.label}, ${rangeText}; ${peakText || "no data"}. Press t for tables.`}></canvas>
      <div class="row-mark" ref=${mark} hidden></div>
      ${wall && !showsOther.value && html`<${WallFindings} lane=${lane} wall=${wall} />`}</div>
    ${!showsTables.value && !showsOther.value && html`<${NoteShades} />`}
    ${showsTables.value && wall && html`<${WallTable} lane=${lane} wall=${wall} unit=${unit} />`}
    ${reason && !showsTables.value && html`<p class="why">${reason}${buttonText && html` <button class="link" onClick=${onButton}>${buttonText}</button>`}</p>`}
  </section>`;
}

/** The current row and its value at the cursor; without one, the highest value in view. */
function RowText({ lane, wall, unit, otherwise }) {
  const row = wall?.rows.find(({ key }) => key === currentRow.value);
  const value = row && wallValues.value.get(lane.key)?.get(row.key);
  const then = otherWallValues.value.get(lane.key)?.get(row?.key);
  const number = (of) => (of === undefined ? "–" : formatNumber(of, unit));
  const other = wall?.other ? `, ${number(then)} at ${clockIn(cursor_ms.value - otherRange.value.shift_ms, view.value)}` : "";
  const text = row ? `${nameOfRow(row)}${whereOf(row)}: ${number(value)} at ${clockIn(cursor_ms.value, view.value)}${other}` : otherwise;
  return text ? html`<span class="peak" title=${text}>${row ? html`<b>${nameOfRow(row)}</b>${text.slice(nameOfRow(row).length)}` : text}</span>` : html`<span class="peak"></span>`;
}
