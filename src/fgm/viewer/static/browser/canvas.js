// Drawing functions that several canvases share.

/** Draw a straight line. A horizontal or vertical line is aligned to whole pixels. */
export function hairline(ctx, x0, y0, x1, y1, colour, width = 1) {
  const snap = (v) => Math.round(v - width / 2) + width / 2;
  const isVertical = x0 === x1, isHorizontal = y0 === y1;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(isVertical ? snap(x0) : x0, isHorizontal ? snap(y0) : y0);
  ctx.lineTo(isVertical ? snap(x1) : x1, isHorizontal ? snap(y1) : y1);
  ctx.stroke();
}

/** Fill a rectangle with diagonal lines: "not measured" or, in amber, "throttled". `ratio`: canvas px per CSS px. */
export function hatch(ctx, x, y, width, height, colour, ratio = 1, stroke = { width: 1, alpha: 0.6 }) {
  const spacing = 4 * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = stroke.width * ratio;
  ctx.globalAlpha = stroke.alpha;
  ctx.beginPath();
  for (let d = -height - ((x + height) % spacing); d < width + spacing; d += spacing) {
    ctx.moveTo(x + d, y + height);
    ctx.lineTo(x + d + height, y);
  }
  ctx.stroke();
  ctx.restore();
}

/** Set the size of a canvas in CSS px and return its context, scaled so that one unit is one CSS px. */
export function sizedContext(canvas, width, height) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  return ctx;
}

/** The font of labels on a canvas, in CSS syntax. `size`: height in units of the canvas. */
export const labelFont = (size = 11) => `${size}px ${getComputedStyle(document.body).fontFamily}`;
