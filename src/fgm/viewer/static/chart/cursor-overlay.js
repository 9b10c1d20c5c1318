// The cursor over all lanes, and the actions of the pointer: click to pin, drag to zoom, Shift-drag to pan, Ctrl-wheel to
// zoom, Ctrl-click and Ctrl-drag for a note, double-click to go back.

import { batch, effect } from "../vendor/signals.js";
import { hairline } from "../browser/canvas.js";
import { cancelDraw, drawInNextFrame } from "../browser/frame.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { lineStyle } from "../browser/line-styles.js";
import { cssToken } from "../browser/theme-colours.js";
import { laneHeights } from "../derived/lane-lines.js";
import { highestIn, linesOf } from "../lib/lines.js";
import { clockIn, duration } from "../lib/time-format.js";
import { dependsOn } from "../state/depends-on.js";
import { newNote } from "../state/incident/notes.js";
import { laneMetrics } from "../state/lanes.js";
import { showsTables } from "../state/page.js";
import { shown } from "../state/shown.js";
import { laneSamples, cursor_ms, end_ms, hover_ms, interval_ms, pinned_ms, plot, view } from "../state/store.js";
import { themeVersion } from "../state/theme.js";
import { back } from "../state/url.js";
import { pan, pin, unpin, zoom, zoomAround } from "../state/view.js";
import { markPointedRow, wallKeys } from "../state/wall/walls.js";
import { charts } from "./lane.js";

const WHEEL_FACTOR = 1.25; // change of the view's length per step of the wheel
const MIN_DRAG_PX = 4; // a shorter drag is a click
const MAX_DOTS = 40; // more would hide the lines
const CURSOR_PX = 12;
let drag = null; // {from_x, to_x, pans, notes} while the pointer is down

const isDragging = () => drag !== null && Math.abs(drag.to_x - drag.from_x) >= MIN_DRAG_PX;

/** The cursor, the selection during a drag, and the time above them. `stack`: ref to the element that they cover. */
export function CursorOverlay({ stack }) {
  const cursor = useRef(null), span = useRef(null), flag = useRef(null);
  useEffect(() => {
    const drawNow = () => draw(stack.current, cursor.current, span.current, flag.current);
    const drawLater = () => drawInNextFrame(drawNow, true);
    const stop = effect(() => {
      dependsOn(cursor_ms, hover_ms, pinned_ms, view, laneSamples, shown, plot, themeVersion, laneHeights, laneMetrics, showsTables, wallKeys);
      drawLater();
    });
    const unlisten = listen(stack.current, drawLater);
    const resized = new ResizeObserver(drawLater); // such as by a banner above the lanes
    resized.observe(stack.current);
    return () => {
      stop();
      resized.disconnect();
      unlisten();
      cancelDraw(drawNow);
    };
  }, []);
  // The cursor's canvas is only as wide as its dots, so that little is painted when it moves.
  return html`<div class="span" ref=${span} hidden></div><canvas class="cursor" ref=${cursor} aria-hidden="true"></canvas>
    <output class="flag" ref=${flag} aria-hidden="true"></output>`;
}

/** The tick in view that is nearest to an instant. */
const nearestTick = (ms) => Math.min(Math.round(ms / interval_ms.peek()) * interval_ms.peek(), end_ms.peek() - interval_ms.peek());

/** Handle pointer events on the stack. Returns a function that removes the handlers. */
function listen(stack, drawLater) {
  const local = (event) => {
    const { left, width } = plot.peek();
    const x = event.clientX - stack.getBoundingClientRect().left - left;
    return { x: Math.max(0, Math.min(width, x)), isInside: x >= 0 && x <= width };
  };
  const msAt = (x) => {
    const { from_ms, to_ms } = view.peek();
    return from_ms + (x / plot.peek().width) * (to_ms - from_ms);
  };
  const makeNote = ({ from_x, to_x }, isDrag) => {
    if (isDrag) newNote(msAt(Math.min(from_x, to_x)), msAt(Math.max(from_x, to_x)));
    else newNote(nearestTick(msAt(to_x)));
  };
  const isControl = (event) => event.target.closest("button, a, input");
  const handlers = {
    pointerdown(event) {
      const { x, isInside } = local(event);
      if (event.button !== 0 || !isInside || isControl(event)) return;
      drag = { from_x: x, to_x: x, pans: event.shiftKey, notes: event.ctrlKey || event.metaKey };
      stack.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      const { x, isInside } = local(event);
      if (drag) {
        drag.to_x = x;
        drawLater();
      }
      batch(() => {
        hover_ms.value = isInside || drag ? nearestTick(msAt(x)) : null;
        markPointedRow();
      });
    },
    pointerup() {
      const ended = drag, isDrag = isDragging();
      drag = null;
      if (ended === null) return;
      if (ended.notes) makeNote(ended, isDrag);
      else if (isDrag && ended.pans) pan((ended.from_x - ended.to_x) / plot.peek().width);
      else if (isDrag) zoom(msAt(Math.min(ended.from_x, ended.to_x)), msAt(Math.max(ended.from_x, ended.to_x)));
      else if (pinned_ms.peek() === null) pin(nearestTick(msAt(ended.to_x)));
      else unpin();
      drawLater();
    },
    pointercancel() {
      drag = null;
      hover_ms.value = null;
      drawLater();
    },
    pointerleave() {
      if (!drag) hover_ms.value = null;
    },
    wheel(event) {
      // Without Ctrl, the wheel scrolls the page.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { x, isInside } = local(event);
      if (isInside && event.deltaY !== 0) zoomAround(event.deltaY < 0 ? 1 / WHEEL_FACTOR : WHEEL_FACTOR, msAt(x));
    },
    contextmenu(event) {
      if (drag?.notes) event.preventDefault(); // macOS opens the menu with Ctrl-click
    },
    dblclick(event) {
      if (event.ctrlKey || event.metaKey || isControl(event) || !local(event).isInside) return;
      back();
    },
  };
  const cancelDrag = (event) => {
    if (event.key !== "Escape" || drag === null) return;
    event.stopImmediatePropagation(); // the key cancels only the drag
    drag = null;
    drawLater();
  };
  for (const [name, handler] of Object.entries(handlers)) stack.addEventListener(name, handler, { passive: false });
  addEventListener("keydown", cancelDrag, { capture: true });
  return () => {
    for (const [name, handler] of Object.entries(handlers)) stack.removeEventListener(name, handler);
    removeEventListener("keydown", cancelDrag, { capture: true });
  };
}

function draw(stack, cursor, span, flag) {
  if (!cursor?.isConnected) return;
  const { left, width } = plot.peek();
  const { from_ms, to_ms } = view.peek();
  const at_ms = cursor_ms.peek();
  const isSet = hover_ms.peek() !== null || pinned_ms.peek() !== null;
  const x = left + ((at_ms - from_ms) / (to_ms - from_ms)) * width;
  span.hidden = !isDragging();
  cursor.hidden = isDragging() || at_ms < from_ms || at_ms > to_ms || laneSamples.peek() === null;
  if (isDragging()) {
    const from_x = Math.min(drag.from_x, drag.to_x), dragWidth = Math.abs(drag.to_x - drag.from_x);
    span.style.left = `${left + from_x}px`;
    span.style.width = `${dragWidth}px`;
    placeFlag(flag, left + from_x + dragWidth / 2, `${drag.notes ? "note on " : ""}${duration((dragWidth / width) * (to_ms - from_ms))}`, left, width);
  } else {
    placeFlag(flag, isSet && !cursor.hidden ? x : null, clockIn(at_ms, view.peek()), left, width);
    if (!cursor.hidden) drawCursor(stack, cursor, x, at_ms, isSet);
  }
}

function drawCursor(stack, cursor, x, at_ms, hasLine) {
  const ratio = devicePixelRatio;
  const axis = stack.querySelector(".axis"), height = axis.offsetTop + axis.offsetHeight;
  cursor.width = CURSOR_PX * ratio;
  if (cursor.height !== Math.round(height * ratio)) {
    cursor.height = Math.round(height * ratio);
    cursor.style.height = `${height}px`;
  }
  const ctx = cursor.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, CURSOR_PX, height);
  const start = Math.round(x - CURSOR_PX / 2);
  cursor.style.transform = `translateX(${start}px)`;
  if (hasLine) {
    const ruler = stack.querySelector(".ruler");
    const top = ruler.offsetTop + ruler.offsetHeight - 2;
    hairline(ctx, x - start, top, x - start, axis.offsetTop, cssToken("ink"));
  }
  drawDots(ctx, stack, x - start, at_ms);
}

function drawDots(ctx, stack, x, at_ms) {
  if (laneSamples.peek().column_ms > 0) return;
  const stackTop = stack.getBoundingClientRect().top - stack.scrollTop;
  for (const [key, metric] of laneMetrics.peek()) {
    const u = charts.get(key);
    if (!u?.root.offsetParent) continue;
    const top = u.root.getBoundingClientRect().top - stackTop;
    for (const { ids, slot } of shown.peek().slice(0, MAX_DOTS).reverse()) {
      for (const line of linesOf(laneSamples.peek(), metric, ids)) {
        const value = highestIn(line, at_ms, at_ms + interval_ms.peek());
        if (value === null) continue;
        ctx.beginPath();
        ctx.arc(x, top + u.bbox.top / devicePixelRatio + u.valToPos(value, "y"), slot === 0 ? 3.5 : 3, 0, 7);
        ctx.fillStyle = lineStyle(slot).colour;
        ctx.strokeStyle = cssToken("bg");
        ctx.lineWidth = 1.5;
        ctx.stroke();
        ctx.fill();
      }
    }
  }
}

let flagHalf = { letters: -1, px: 0 }; // half the width of the flag; measured again if the number of letters changes

/** Show the flag above x, but within the plot (CSS px). Hide it if x is null. */
function placeFlag(flag, x, text, left, width) {
  flag.hidden = x === null;
  if (x === null) return;
  if (flag.textContent !== text) flag.textContent = text;
  if (flagHalf.letters !== text.length) flagHalf = { letters: text.length, px: flag.offsetWidth / 2 };
  const half = flagHalf.px;
  flag.style.transform = `translateX(${Math.round(Math.max(left + half, Math.min(left + width - half, x)) - half)}px)`;
}
