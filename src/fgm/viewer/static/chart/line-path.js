// The path of a line on a chart. It covers the same pixels as uPlot's own, with fewer points: none where a line goes on level, and no
// clipping at gaps. Most lines are level most of the time, and the browser draws each dash between two points.

import uPlot from "../vendor/uplot.js";

const DECIMATED = 4; // from so many samples per pixel on, uPlot's own path has fewer points

const ownPath = uPlot.paths.linear();

/** The paths of a series for uPlot. Its arguments: the chart, the index of the series, and those of its first and last sample. */
export function linePath(u, index, first, last) {
  const { left, top, width, height } = u.bbox;
  if (last - first >= DECIMATED * width) return ownPath(u, index, first, last);
  const { x: scaleX, y: scaleY } = u.scales;
  const times = u.data[0], values = u.data[index];
  const path = new Path2D();
  let x = 0, y = 0, isDown = false, isLevel = false; // isLevel: the line goes on level to x, where no point is yet
  for (let i = first; i <= last; i += 1) {
    const value = values[i];
    if (value === undefined) continue; // only other lines have a sample then
    const nextX = Math.round(left + width * ((times[i] - scaleX.min) / (scaleX.max - scaleX.min)));
    const nextY = value === null ? NaN : Math.round(top + height * (1 - (value - scaleY.min) / (scaleY.max - scaleY.min)));
    if (isLevel && nextY !== y) path.lineTo(x, y);
    if (value !== null && !isDown) path.moveTo(nextX, nextY);
    else if (value !== null && nextY !== y) path.lineTo(nextX, nextY);
    isLevel = isDown && nextY === y;
    isDown = value !== null;
    [x, y] = [nextX, nextY];
  }
  if (isLevel) path.lineTo(x, y);
  return { stroke: path, fill: null, clip: null, band: null, gaps: null, flags: 0 };
}
