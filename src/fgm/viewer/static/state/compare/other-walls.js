// Walls while another range lies under the view: its cells, and whether the walls show them in the place of those in view.

import { computed, signal } from "../../vendor/signals.js";
import { showToast } from "../page.js";
import { wallKeys } from "../wall/walls.js";
import { otherRange } from "./other-range.js";

/** Cells of the other range, as `wallCells`, with the times of the view: Map(metric → {grid, rows, …}). */
export const otherCells = signal(new Map());
const flippedShift_ms = signal(null);
/** Whether the walls show the other range: until another one is chosen. */
export const showsOther = computed(() => otherRange.value !== null && otherRange.value.shift_ms === flippedShift_ms.value);

/** Show the other range on all walls, or the view again. Rows and colours keep their places and meaning, so that what differs is what moves. */
export function flipWalls() {
  if (otherRange.peek() === null || wallKeys.peek().size === 0) return showToast(wallKeys.peek().size === 0 ? "No lane is a wall: press v." : "There is no other range: press X.");
  flippedShift_ms.value = showsOther.peek() ? null : otherRange.peek().shift_ms;
}
