// Draws at most once per frame what several signals ask for: charts first, then what lies over them and needs their scales.

const waiting = [new Set(), new Set()]; // charts, and what lies over them

let isRequested = false;

function drawAll() {
  isRequested = false;
  for (const draws of waiting) {
    for (const draw of [...draws]) {
      draws.delete(draw);
      try {
        draw();
      } catch (error) {
        reportError(error); // the others are drawn nevertheless
      }
    }
  }
}

/** Call `draw` in the next frame, once however often it is requested. `isOver`: after all others. */
export function drawInNextFrame(draw, isOver = false) {
  waiting[isOver ? 1 : 0].add(draw);
  if (!isRequested) requestAnimationFrame(drawAll);
  isRequested = true;
}

/** Do not call `draw` in the next frame. */
export function cancelDraw(draw) {
  for (const draws of waiting) draws.delete(draw);
}
