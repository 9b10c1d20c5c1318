// The cells that are loaded for the walls.

import { computed, signal } from "../../vendor/signals.js";
import { gridOf } from "../../lib/wall/cells.js";
import { end_ms, interval_ms, plot, view } from "../store.js";
import { rowKind, wallIds } from "./walls.js";

/**
 * Cells by metric: Map(metric → {grid, rows: Map(key → row), kind, idsKey, complete_from_ms, until_ms, areMinutes, unit}). A row is
 * {key, id, ids, name, workload, scope, pod_name, namespace, first_seen_ms, max, max_ms, cells}. complete_from_ms, until_ms: the
 * range that is loaded so far.
 */
export const wallCells = signal(new Map());
/** Whether cells of the values on the walls are being loaded. */
export const loadingWalls = signal(false);
/** Why the viewer refused a request for cells, or null. */
export const wallRefusal = signal(null);

/** The grid of the walls in view. */
export const wallGrid = computed(() => gridOf(view.value.from_ms, end_ms.value, plot.value.width, interval_ms.value));
/** A name of the series on the walls, to know which cells are of others. */
export const wallIdsKey = computed(() => `${rowKind.value} ${wallIds.value?.join() ?? "all"}`);
