// Strokes that several canvases share, in canvas pixels.

/** A straight line on whole device pixels. */
export function hairline(ctx, x0, y0, x1, y1, colour, width = 1) {
  const snap = (v) => Math.round(v - width / 2) + width / 2;
  const upright = x0 === x1, level = y0 === y1;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(upright ? snap(x0) : x0, level ? snap(y0) : y0);
  ctx.lineTo(upright ? snap(x1) : x1, level ? snap(y1) : y1);
  ctx.stroke();
}

/** Diagonals over a rectangle: "not measured". */
export function hatch(ctx, x, y, width, height, colour, ratio = 1) {
  const apart = 4 * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (let d = -height - ((x + height) % apart); d < width + apart; d += apart) {
    ctx.moveTo(x + d, y + height);
    ctx.lineTo(x + d + height, y);
  }
  ctx.stroke();
  ctx.restore();
}
