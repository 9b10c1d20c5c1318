// The stack of everything that shares the time axis: overview, ruler, events, lanes, axis, and the cursor over all of them.

import { effect } from "../vendor/signals.js";
import { hairline, themeTurn, token } from "../browser/theme.js";
import { chooseNewLane } from "../commands/commands.js";
import { EventLane } from "./event-lane.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { Lane } from "./lane.js";
import { lanes } from "../state/lanes.js";
import { Overlay } from "./cursor-overlay.js";
import { Overview } from "./overview.js";
import { answer, interval_ms, loading, plot, view } from "../state/store.js";
import { briefly, exactly, timeMarks } from "../lib/time-format.js";

/** A row of times, with marks that point down to the lanes (top) or up to them. */
function Ruler({ top }) {
  const ref = useRef(null);
  useEffect(() => effect(() => {
    themeTurn.value;
    if (plot.value.width > 0) drawRuler(ref.current, top, view.value, plot.value.width);
  }), []);
  return html`<canvas ref=${ref} aria-hidden="true"></canvas>`;
}

function drawRuler(canvas, top, { from_ms, to_ms }, width) {
  const ratio = devicePixelRatio, height = canvas.parentElement.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "middle";
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const { marks, minor } = timeMarks(from_ms, to_ms, width);
  if (top) for (const ms of minor) hairline(ctx, x(ms), height - 4, x(ms), height, token("line"));
  for (const { ms, text } of marks) {
    hairline(ctx, x(ms), top ? height - 8 : 0, x(ms), top ? height : 4, token("mut"));
    const half = ctx.measureText(text).width / 2;
    ctx.fillStyle = token("mut");
    ctx.textAlign = "center";
    ctx.fillText(text, Math.min(Math.max(x(ms), half), width - half), top ? 8 : 12);
  }
}

/** How fine the view is: every sample, or the extremes of each pixel column. */
function Resolution() {
  const column_ms = answer.value?.column_ms ?? 0;
  const text = exactly(column_ms || interval_ms.value);
  const title = column_ms ? `${text} a pixel; the lowest and highest sample of each are kept` : `Every sample is drawn, one each ${text}`;
  return html`<span class=${`badge ${loading.value ? "busy" : ""}`} title=${title}>${briefly(column_ms || interval_ms.value)}${column_ms > 0 && "/px"}</span>`;
}

export function Lanes() {
  const stack = useRef(null), ruler = useRef(null);
  useEffect(() => {
    const measure = () => {
      const left = ruler.current.offsetLeft, width = ruler.current.clientWidth;
      if (left !== plot.peek().left || width !== plot.peek().width) plot.value = { left, width };
    };
    const sized = new ResizeObserver(measure);
    sized.observe(ruler.current);
    measure();
    return () => sized.disconnect();
  }, []);
  return html`<main class="stack" ref=${stack}>
    <${Overview} />
    <div class="ruler"><div class="gutter"><${Resolution} /></div><div class="box" ref=${ruler}><${Ruler} top=${true} /></div></div>
    <${EventLane} />
    ${lanes.value.map((lane, i) => html`<${Lane} key=${lane.key} lane=${lane} ordinal=${i + 1} />`)}
    <div class="axis"><div class="gutter"><button class="add" onClick=${chooseNewLane} title="Add a lane">+ lane</button></div><div class="box"><${Ruler} top=${false} /></div></div>
    <${Overlay} stack=${stack} />
  </main>`;
}
