// Everything that shares the time axis: overview, ruler, events, lanes, axis, and the cursor over all of them.

import { effect } from "../vendor/signals.js";
import { hairline, labelFont, sizedContext } from "../browser/canvas.js";
import { cancelDraw, drawInNextFrame } from "../browser/frame.js";
import { html, useEffect, useRef } from "../browser/html.js";
import { cssToken } from "../browser/theme-colours.js";
import { duration, shortDuration } from "../lib/time-format.js";
import { timeTicks } from "../lib/time-ticks.js";
import { dependsOn } from "../state/depends-on.js";
import { lanes } from "../state/lanes.js";
import { laneSamples, interval_ms, loading, plot, view } from "../state/store.js";
import { themeVersion } from "../state/theme.js";
import { wallKeys } from "../state/wall/walls.js";
import { chooseNewLane } from "../widgets/metric-chooser.js";
import { CursorOverlay } from "./cursor-overlay.js";
import { EventLane } from "./event-lane.js";
import { NoteLane } from "./incident/note-lane.js";
import { Lane } from "./lane.js";
import { Overview } from "./overview.js";
import { WallLane } from "./wall/wall-lane.js";

/** A row of times, above the lanes (`top`) or below them. */
function Ruler({ top }) {
  const ref = useRef(null);
  useEffect(() => {
    const drawNow = () => ref.current && plot.peek().width > 0 && drawRuler(ref.current, top, view.peek(), plot.peek().width);
    const stop = effect(() => {
      dependsOn(themeVersion, view, plot);
      drawInNextFrame(drawNow);
    });
    return () => (stop(), cancelDraw(drawNow));
  }, []);
  return html`<canvas ref=${ref} aria-hidden="true"></canvas>`;
}

function drawRuler(canvas, top, { from_ms, to_ms }, width) {
  const height = canvas.parentElement.clientHeight;
  const ctx = sizedContext(canvas, width, height);
  ctx.font = labelFont();
  ctx.textBaseline = "middle";
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const { ticks, minor } = timeTicks(from_ms, to_ms, width);
  if (top) for (const ms of minor) hairline(ctx, x(ms), height - 4, x(ms), height, cssToken("line"));
  for (const { ms, text } of ticks) {
    hairline(ctx, x(ms), top ? height - 8 : 0, x(ms), top ? height : 4, cssToken("mut"));
    const half = ctx.measureText(text).width / 2;
    ctx.fillStyle = cssToken("mut");
    ctx.textAlign = "center";
    ctx.fillText(text, Math.min(Math.max(x(ms), half), width - half), top ? 8 : 12);
  }
}

/** A badge with the resolution of the view: every sample, the extremes of each pixel column, or those of each minute. */
function Resolution() {
  const { column_ms = 0, areMinutes = false } = laneSamples.value ?? {};
  const step = column_ms || interval_ms.value;
  const ofColumn = `${duration(step)} per pixel: a band from its lowest to its highest sample, and their mean as a line`;
  const ofMinutes = `Each point is a minute's lowest or highest value, at its second${column_ms > 0 ? `; ${duration(step)} per pixel` : ""}`;
  const title = areMinutes ? ofMinutes : column_ms > 0 ? ofColumn : `Every sample is drawn: one every ${duration(step)}`;
  const text = areMinutes ? "minutes" : `${shortDuration(step)}${column_ms > 0 ? "/px" : ""}`;
  return html`<span class=${`badge ${loading.value ? "busy" : ""}`} title=${title}>${text}</span>`;
}

/** The main part of the page: all charts, and the cursor over them. */
export function LaneStack() {
  const stack = useRef(null), ruler = useRef(null);
  useEffect(() => {
    const measure = () => {
      if (!ruler.current) return; // the lanes have left the page before this effect ran: another source was opened
      const left = ruler.current.offsetLeft, width = ruler.current.clientWidth;
      if (left !== plot.peek().left || width !== plot.peek().width) plot.value = { left, width };
    };
    const resized = new ResizeObserver(measure);
    resized.observe(ruler.current);
    measure();
    return () => resized.disconnect();
  }, []);
  return html`<main class="stack" ref=${stack}>
    <${Overview} />
    <div class="ruler"><div class="gutter"><${Resolution} /></div><div class="box" ref=${ruler}><${Ruler} top=${true} /></div></div>
    <${NoteLane} />
    <${EventLane} />
    ${lanes.value.map((lane, i) => html`<${wallKeys.value.has(lane.key) ? WallLane : Lane} key=${lane.key} lane=${lane} ordinal=${i + 1} />`)}
    <div class="axis"><div class="gutter"><button class="add" onClick=${chooseNewLane} title="Add a lane">+ lane</button></div><div class="box"><${Ruler} top=${false} /></div></div>
    <${CursorOverlay} stack=${stack} />
  </main>`;
}
