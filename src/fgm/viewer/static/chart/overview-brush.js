// The brush on the overview: the range in view, which can be moved, resized and drawn anew.

import { effect } from "../vendor/signals.js";
import { grid } from "../server/node-history.js";
import { end_ms, plot, view } from "../state/store.js";
import { zoom } from "../state/view.js";

const HANDLE_PX = 6;
const LEAST_PX = 4; // a shorter drag is a click

/** Keep `brush` over the range in view, and let hands move it within `box`; returns how to stop. */
export function startBrush(box, brush) {
  const stop = effect(() => {
    view.value, end_ms.value, grid.value, plot.value;
    place(brush, grid.value && positions(view.value.from_ms, end_ms.value));
  });
  const release = listen(box, brush);
  return () => (stop(), release());
}

/** Places of a range on the strip, css px: {left, width}. */
function positions(from_ms, to_ms) {
  const { from_ms: begin, to_ms: end } = grid.peek();
  const x = (ms) => ((ms - begin) / (end - begin)) * plot.peek().width;
  return { left: x(from_ms), width: x(to_ms) - x(from_ms) };
}

function place(brush, at) {
  if (!brush) return;
  brush.hidden = !at;
  if (!at) return;
  const width = Math.max(HANDLE_PX, at.width);
  brush.style.left = `${at.left - (width - at.width) / 2}px`;
  brush.style.width = `${width}px`;
}

/** Drag the brush to move it, its ends to resize, elsewhere to draw it anew; a click puts it there. */
function listen(box, brush) {
  let drag = null;
  const local = (event) => event.clientX - box.getBoundingClientRect().left;
  const msAt = (x) => grid.peek().from_ms + (x / plot.peek().width) * (grid.peek().to_ms - grid.peek().from_ms);
  const dragged = (x) => {
    const by = x - drag.x, { left, right } = drag;
    if (drag.kind === "move") return [left + by, right + by];
    if (drag.kind === "left") return [Math.min(left + by, right), Math.max(left + by, right)];
    if (drag.kind === "right") return [Math.min(left, right + by), Math.max(left, right + by)];
    return [Math.min(drag.x, x), Math.max(drag.x, x)];
  };
  const handlers = {
    pointerdown(event) {
      if (event.button !== 0 || !grid.peek()) return;
      event.stopPropagation();
      const x = local(event);
      const { left, width } = positions(view.peek().from_ms, end_ms.peek());
      const right = left + width;
      const near = (edge) => Math.abs(x - edge) <= HANDLE_PX;
      const kind = near(left) && width > 3 * HANDLE_PX ? "left" : near(right) && width > 3 * HANDLE_PX ? "right" : x > left && x < right ? "move" : "new";
      drag = { x, kind, left, right };
      box.setPointerCapture(event.pointerId);
    },
    pointermove(event) {
      event.stopPropagation();
      if (!drag) return;
      const [left, right] = dragged(local(event));
      place(brush, { left, width: right - left });
    },
    pointerup(event) {
      if (!drag) return;
      const x = local(event), [left, right] = dragged(x);
      const { kind, x: began } = drag;
      drag = null;
      const half = (view.peek().to_ms - view.peek().from_ms) / 2;
      if (Math.abs(x - began) >= LEAST_PX) zoom(msAt(left), msAt(right));
      else if (kind === "new") zoom(msAt(x) - half, msAt(x) + half);
      else place(brush, positions(view.peek().from_ms, end_ms.peek()));
    },
    pointercancel() {
      drag = null;
      place(brush, positions(view.peek().from_ms, end_ms.peek()));
    },
    dblclick: (event) => event.stopPropagation(),
  };
  for (const [name, handler] of Object.entries(handlers)) box.addEventListener(name, handler);
  return () => Object.entries(handlers).forEach(([name, handler]) => box.removeEventListener(name, handler));
}
