// The cursor over all lanes at once, and what hands do on them: point, click to pin, drag to zoom, Shift-drag to pan,
// Ctrl-wheel to zoom, double-click back.

import { effect } from "../vendor/signals.js";
import { hairline, styleOf, themeTurn, token } from "../browser/theme.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { charts } from "./lane.js";
import { laneHeights } from "../derived/lane-lines.js";
import { laneMetrics } from "../state/lanes.js";
import { back } from "../state/url.js";
import { linesOf, valueIn } from "../lib/lines.js";
import { answer, cursor_ms, end_ms, hover_ms, interval_ms, pinned_ms, plot, shown, view } from "../state/store.js";
import { tables } from "./lane-table.js";
import { dated, exactly } from "../lib/time-format.js";
import { pan, pin, unpin, zoom, zoomAround } from "../state/view.js";

const WHEEL = 1.25; // a step of the wheel makes the view so much longer
const DRAG_PX = 4; // less is a click
const DOTS = 40; // more would hide the lines
let drag = null; // {from_x, to_x, pans} while the pointer is down

export function Overlay({ stack }) {
  const cursor = useRef(null), span = useRef(null), flag = useRef(null);
  useEffect(() => {
    let frame = 0;
    const later = () => (frame ||= requestAnimationFrame(() => ((frame = 0), draw(stack.current, cursor.current, span.current, flag.current))));
    const stopped = [
      effect(() => {
        cursor_ms.value, hover_ms.value, pinned_ms.value;
        later();
      }),
      effect(() => {
        view.value, answer.value, shown.value, plot.value, themeTurn.value, laneHeights.value, laneMetrics.value, tables.value;
        requestAnimationFrame(later); // a frame later, so that the lanes have their new scales
      }),
    ];
    const release = listen(stack.current, later);
    return () => {
      stopped.forEach((stop) => stop());
      release();
      cancelAnimationFrame(frame);
    };
  }, []);
  // The cursor is a strip as wide as its dots, so that moving it paints little.
  return html`<div class="span" ref=${span} hidden></div><canvas class="cursor" ref=${cursor} aria-hidden="true"></canvas>
    <output class="flag" ref=${flag} aria-hidden="true"></output>`;
}

/** The nearest tick that is in view. */
const snapped = (ms) => Math.min(Math.round(ms / interval_ms.peek()) * interval_ms.peek(), end_ms.peek() - interval_ms.peek());

function listen(stack, later) {
  const local = (event) => {
    const { left, width } = plot.peek();
    const x = event.clientX - stack.getBoundingClientRect().left - left;
    return { x: Math.max(0, Math.min(width, x)), inside: x >= 0 && x <= width };
  };
  const msAt = (x) => {
    const { from_ms, to_ms } = view.peek();
    return from_ms + (x / plot.peek().width) * (to_ms - from_ms);
  };
  const isControl = (event) => event.target.closest("button, a, input");
  const wide = () => drag && Math.abs(drag.to_x - drag.from_x) >= DRAG_PX;
  const handlers = {
    pointerdown(event) {
      const { x, inside } = local(event);
      if (event.button !== 0 || !inside || isControl(event)) return;
      drag = { from_x: x, to_x: x, pans: event.shiftKey };
      stack.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      const { x, inside } = local(event);
      if (drag) {
        drag.to_x = x;
        later();
      }
      if (inside || drag) hover_ms.value = snapped(msAt(x));
      else hover_ms.value = null;
    },
    pointerup() {
      const done = drag, zooms = wide();
      drag = null;
      if (done === null) return;
      if (zooms && done.pans) pan((done.from_x - done.to_x) / plot.peek().width);
      else if (zooms) zoom(msAt(Math.min(done.from_x, done.to_x)), msAt(Math.max(done.from_x, done.to_x)));
      else if (pinned_ms.peek() === null) pin(snapped(msAt(done.to_x)));
      else unpin();
      later();
    },
    pointercancel() {
      drag = null;
      hover_ms.value = null;
      later();
    },
    pointerleave() {
      if (!drag) hover_ms.value = null;
    },
    wheel(event) {
      // A plain wheel scrolls the page.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { x, inside } = local(event);
      if (inside && event.deltaY !== 0) zoomAround(event.deltaY < 0 ? 1 / WHEEL : WHEEL, msAt(x));
    },
    dblclick(event) {
      if (isControl(event) || !local(event).inside) return;
      back();
    },
  };
  const escape = (event) => {
    if (event.key !== "Escape" || drag === null) return;
    event.stopImmediatePropagation(); // it cancels this and nothing else
    drag = null;
    later();
  };
  for (const [name, handler] of Object.entries(handlers)) stack.addEventListener(name, handler, { passive: false });
  addEventListener("keydown", escape, { capture: true });
  return () => {
    for (const [name, handler] of Object.entries(handlers)) stack.removeEventListener(name, handler);
    removeEventListener("keydown", escape, { capture: true });
  };
}

const CURSOR_PX = 12;

function draw(stack, cursor, span, flag) {
  if (!cursor?.isConnected) return;
  const { left, width } = plot.peek();
  const { from_ms, to_ms } = view.peek();
  const at = cursor_ms.peek();
  const dragged = drag !== null && Math.abs(drag.to_x - drag.from_x) >= DRAG_PX;
  const pointed = hover_ms.peek() !== null || pinned_ms.peek() !== null;
  const x = left + ((at - from_ms) / (to_ms - from_ms)) * width;
  span.hidden = !dragged;
  cursor.hidden = dragged || at < from_ms || at > to_ms || answer.peek() === null;
  if (dragged) {
    const from_x = Math.min(drag.from_x, drag.to_x), wide = Math.abs(drag.to_x - drag.from_x);
    span.style.left = `${left + from_x}px`;
    span.style.width = `${wide}px`;
    raise(flag, left + from_x + wide / 2, exactly((wide / width) * (to_ms - from_ms)), left, width);
  } else {
    raise(flag, pointed && !cursor.hidden ? x : null, dated(at, view.peek()), left, width);
    if (!cursor.hidden) drawCursor(stack, cursor, x, at, pointed);
  }
}

function drawCursor(stack, cursor, x, at, pointed) {
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
  if (pointed) {
    const ruler = stack.querySelector(".ruler");
    const top = ruler.offsetTop + ruler.offsetHeight - 2;
    hairline(ctx, x - start, top, x - start, axis.offsetTop, token("ink"));
  }
  drawDots(ctx, stack, x - start, at);
}

function drawDots(ctx, stack, x, at) {
  if (answer.peek().column_ms > 0) return;
  const begin = stack.getBoundingClientRect().top - stack.scrollTop;
  for (const [key, metric] of laneMetrics.peek()) {
    const u = charts.get(key);
    if (!u?.root.offsetParent) continue;
    const top = u.root.getBoundingClientRect().top - begin;
    for (const { ids, slot } of shown.peek().slice(0, DOTS).reverse()) {
      for (const line of linesOf(answer.peek(), metric, ids)) {
        const value = valueIn(line, at, at + interval_ms.peek());
        if (value === null) continue;
        ctx.beginPath();
        ctx.arc(x, top + u.bbox.top / devicePixelRatio + u.valToPos(value, "y"), slot === 0 ? 3.5 : 3, 0, 7);
        ctx.fillStyle = styleOf(slot).colour;
        ctx.strokeStyle = token("bg");
        ctx.lineWidth = 1.5;
        ctx.stroke();
        ctx.fill();
      }
    }
  }
}

let flagHalf = { size: -1, px: 0 }; // of the flag's width, for as long as its text has the same size

/** Put the flag over x, or away when x is null. */
function raise(flag, x, text, left, wide) {
  flag.hidden = x === null;
  if (x === null) return;
  if (flag.textContent !== text) flag.textContent = text;
  if (flagHalf.size !== text.length) flagHalf = { size: text.length, px: flag.offsetWidth / 2 };
  const half = flagHalf.px;
  flag.style.transform = `translateX(${Math.round(Math.max(left + half, Math.min(left + wide - half, x)) - half)}px)`;
}
