// The brush on the overview. It marks the range in view, and the pointer can move it, resize it, or draw a new one.

import { effect } from "../vendor/signals.js";
import { dependsOn } from "../state/depends-on.js";
import { overviewRange } from "../state/overview-data.js";
import { end_ms, plot, view } from "../state/store.js";
import { zoom } from "../state/view.js";

const HANDLE_PX = 6;
const MIN_DRAG_PX = 4; // a shorter drag is a click

/** Keep `brush` over the range in view, and handle pointer events in `box`. Returns a function that ends both. */
export function startBrush(box, brush) {
  const stop = effect(() => {
    dependsOn(plot);
    placeBrush(brush, overviewRange.value && positionOf(view.value.from_ms, end_ms.value));
  });
  const unlisten = listen(box, brush);
  return () => (stop(), unlisten());
}

/** Position of a range on the overview in CSS px: {left, width}. */
function positionOf(from_ms, to_ms) {
  const { from_ms: begin, to_ms: end } = overviewRange.peek();
  const x = (ms) => ((ms - begin) / (end - begin)) * plot.peek().width;
  return { left: x(from_ms), width: x(to_ms) - x(from_ms) };
}

function placeBrush(brush, position) {
  if (!brush) return;
  brush.hidden = !position;
  if (!position) return;
  const width = Math.max(HANDLE_PX, position.width);
  brush.style.left = `${position.left - (width - position.width) / 2}px`;
  brush.style.width = `${width}px`;
}

/**
 * Handle pointer events: a drag moves the brush, resizes it at its ends, or draws a new one elsewhere. A click moves the brush
 * there. Returns a function that removes the handlers.
 */
function listen(box, brush) {
  let drag = null;
  const local = (event) => event.clientX - box.getBoundingClientRect().left;
  const msAt = (x) => overviewRange.peek().from_ms + (x / plot.peek().width) * (overviewRange.peek().to_ms - overviewRange.peek().from_ms);
  const draggedEdges = (x) => {
    const by = x - drag.x, { left, right } = drag;
    if (drag.kind === "move") return [left + by, right + by];
    if (drag.kind === "left") return [Math.min(left + by, right), Math.max(left + by, right)];
    if (drag.kind === "right") return [Math.min(left, right + by), Math.max(left, right + by)];
    return [Math.min(drag.x, x), Math.max(drag.x, x)];
  };
  const handlers = {
    pointerdown(event) {
      if (event.button !== 0 || !overviewRange.peek()) return;
      event.stopPropagation();
      const x = local(event);
      const { left, width } = positionOf(view.peek().from_ms, end_ms.peek());
      const right = left + width;
      const isNear = (edge) => Math.abs(x - edge) <= HANDLE_PX;
      const kind = isNear(left) && width > 3 * HANDLE_PX ? "left" : isNear(right) && width > 3 * HANDLE_PX ? "right" : x > left && x < right ? "move" : "new";
      drag = { x, kind, left, right };
      box.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      event.stopPropagation();
      if (!drag) return;
      const [left, right] = draggedEdges(local(event));
      placeBrush(brush, { left, width: right - left });
    },
    pointerup(event) {
      if (!drag) return;
      const x = local(event), [left, right] = draggedEdges(x);
      const { kind, x: begin } = drag;
      drag = null;
      const half = (view.peek().to_ms - view.peek().from_ms) / 2;
      if (Math.abs(x - begin) >= MIN_DRAG_PX) zoom(msAt(left), msAt(right));
      else if (kind === "new") zoom(msAt(x) - half, msAt(x) + half);
      else placeBrush(brush, positionOf(view.peek().from_ms, end_ms.peek()));
    },
    pointercancel() {
      drag = null;
      placeBrush(brush, positionOf(view.peek().from_ms, end_ms.peek()));
    },
    dblclick: (event) => event.stopPropagation(),
  };
  for (const [name, handler] of Object.entries(handlers)) box.addEventListener(name, handler);
  return () => Object.entries(handlers).forEach(([name, handler]) => box.removeEventListener(name, handler));
}
