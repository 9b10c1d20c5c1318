// Loads the cells of the other range for the walls, after those of the view: values first, then limits and the metrics that explain them.

import { effect, untracked } from "../../vendor/signals.js";
import { gridEnd, joinedRows } from "../../lib/wall/cells.js";
import { otherPack, otherRange, otherRefusal } from "../../state/compare/other-range.js";
import { otherIds } from "../../state/compare/other-series.js";
import { otherCells } from "../../state/compare/other-walls.js";
import { health, range } from "../../state/store.js";
import { loadingWalls, wallCells, wallGrid } from "../../state/wall/wall-data.js";
import { colourScale, rowKind, wallIds, wallLanes } from "../../state/wall/walls.js";
import * as api from "../api.js";
import { onSourceChange } from "../source.js";
import { coarse, MAX_ROWS } from "../wall/wall-loader.js";

const AHEAD_COLUMNS = 20; // while live, the other range moves, too: it is loaded in steps of this length

let abort = new AbortController();
let wanted = [];
let isWorking = false;
const refused = new Set(); // keys of requests that will always be refused

onSourceChange(forget);

function forget() {
  abort.abort();
  refused.clear();
  if (otherCells.peek().size > 0) otherCells.value = new Map();
}

/** From now on, load the cells of the other range for all walls. */
export function startOtherWalls() {
  let last = null;
  effect(() => {
    const pack = otherPack.value, shift_ms = otherRange.value?.shift_ms;
    const tasks = otherRange.value === null || loadingWalls.value ? [] : wantedTasks(shift_ms);
    health.value; // it changes with each poll, after which failed requests are repeated
    untracked(() => {
      if (last?.pack !== pack || last?.shift_ms !== shift_ms) forget();
      last = { pack, shift_ms };
      wanted = tasks;
      work();
    });
  });
}

/** The metrics to load, the most important first: [{metric, grid, ids, kind, shift_ms, key}]. */
function wantedTasks(shift_ms) {
  const grid = range.value.live ? stepped(wallGrid.value) : wallGrid.value;
  const ids = wallIds.value && [...new Set([...otherIds.value.values()].flat())];
  const walls = wallLanes.value.filter(({ metric }) => wallCells.value.has(metric));
  const metrics = [...walls.map(({ metric }) => [metric, grid]), ...(colourScale.value === "limit" ? walls.map(({ limit }) => [limit, coarse(grid)]) : []), ...walls.map(({ strip }) => [strip?.some, grid])];
  const isFirst = ([metric], i) => metric && i === metrics.findIndex(([other]) => other === metric); // lanes may share a limit, or what explains them
  return metrics.filter(isFirst).map(([metric, of]) => ({ metric, grid: of, ids, kind: rowKind.value, shift_ms, key: `${metric} ${Object.values(of)} ${rowKind.value} ${ids}` }));
}

function stepped(grid) {
  const step_ms = AHEAD_COLUMNS * grid.column_ms, from_ms = Math.floor(grid.from_ms / step_ms) * step_ms;
  return { ...grid, from_ms, columns: AHEAD_COLUMNS * Math.ceil((gridEnd(grid) - from_ms) / step_ms) };
}

/** Request what is missing, one request after the other. */
async function work() {
  if (isWorking) return;
  isWorking = true;
  try {
    for (let task; (task = wanted.find(({ key, metric }) => otherCells.peek().get(metric)?.key !== key && !refused.has(key)));) {
      const { signal } = (abort = new AbortController());
      try {
        const { metric, grid, ids, kind, shift_ms } = task;
        const isNone = ids?.length === 0; // none of the chosen series was there
        const response = isNone ? { rows: [] } : await api.wall({ metric, ids, kind, from_ms: grid.from_ms - shift_ms, to_ms: gridEnd(grid) - shift_ms, columns: grid.columns, limit: MAX_ROWS }, { signal, isOther: true });
        if (signal.aborted) continue;
        const moved = response.rows.map((row) => ({ ...row, max_ms: row.max_ms + shift_ms }));
        const rows = joinedRows(new Map(), grid, { ...response, rows: moved, from_ms: response.from_ms + shift_ms });
        otherCells.value = new Map([...otherCells.peek(), [metric, { grid, rows, key: task.key }]]);
      } catch (error) {
        if (signal.aborted) continue;
        if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
        if (error instanceof api.Problem) otherRefusal.value = error.message;
        if (error.isFinal) refused.add(task.key);
        else return; // the next poll repeats it
      }
    }
  } finally {
    isWorking = false;
  }
}
