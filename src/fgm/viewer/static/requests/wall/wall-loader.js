// Loads the cells of the walls: first the values of the focused lane, then of the others, then limits and the metrics that explain them.
// A view that is shown for the first time is loaded in parts, the newest first; of a live view, only new columns are loaded, for all metrics at once.

import { batch, effect, untracked } from "../../vendor/signals.js";
import { columnAt, gridEnd, isContinued, joinedRows, movedRows } from "../../lib/wall/cells.js";
import { focused } from "../../state/lanes.js";
import * as store from "../../state/store.js";
import { loadingWalls, wallCells, wallGrid, wallIdsKey, wallRefusal } from "../../state/wall/wall-data.js";
import { colourScale, rowKind, wallIds, wallLanes } from "../../state/wall/walls.js";
import * as api from "../api.js";
import { onSourceChange } from "../source.js";

const OVERLAP_MS = 5000; // rows may be recorded late: the last seconds are requested again
/** Maximum number of rows that the viewer returns. */
export const MAX_ROWS = 2000;
const LIMIT_COLUMNS = 60; // limits are read every ten seconds at most, and rarely change
const NODE = "node";

let abort = new AbortController();
let running = []; // the tasks of the running request
let refusedKey = ""; // of a request that will always be refused
let isWorking = false;
let joinsTails = true; // whether one request loads the new columns of several metrics

onSourceChange(() => {
  abort.abort();
  refusedKey = "";
  joinsTails = true;
  wallCells.value = new Map();
  wallRefusal.value = null;
});

/** From now on, load the cells of all walls in view. */
export function startWalls() {
  effect(() => {
    const tasks = store.ready.value && store.plot.value.width > 0 ? wantedTasks() : [];
    store.health.value; // it changes with each poll, after which failed requests are repeated
    untracked(() => update(tasks));
  });
}

/** The metrics to load, the most important first: [{metric, grid, kind, ids, idsKey, end_ms, isValue}]. */
function wantedTasks() {
  const walls = [...wallLanes.value].sort((a, b) => (b.key === focused.value?.key) - (a.key === focused.value?.key));
  if (walls.length === 0) return [];
  const grid = wallGrid.value, newest_ms = store.health.value?.newest_ms;
  const end_ms = Math.min(gridEnd(grid), newest_ms == null ? Infinity : newest_ms + store.interval_ms.value);
  const common = { grid, kind: rowKind.value, ids: wallIds.value, idsKey: wallIdsKey.value, end_ms };
  const task = (metric, isValue) => metric && { ...common, metric, isValue };
  const limits = colourScale.value === "limit" ? walls.map((lane) => ({ ...task(lane.limit), grid: coarse(grid) })).filter(({ metric }) => metric) : [];
  const ofNode = colourScale.value === "node" ? walls.map((lane) => ({ ...task(lane.whole ?? lane.metric), key: `${NODE} ${lane.whole ?? lane.metric}`, ids: [NODE], idsKey: NODE, kind: "container", grid: coarse(grid) })) : [];
  const all = [...walls.map((lane) => task(lane.metric, true)), ...limits, ...ofNode, ...walls.map((lane) => task(lane.strip?.some))].filter(Boolean).map((each) => ({ key: each.metric, ...each }));
  return all.filter(({ key }, i) => i === all.findIndex((other) => other.key === key)); // lanes may share a limit, or what explains them
}

/** A grid with longer columns, for limits. */
export function coarse({ from_ms, column_ms, columns }) {
  const factor = Math.max(1, Math.ceil(columns / LIMIT_COLUMNS));
  return { from_ms, column_ms: column_ms * factor, columns: Math.ceil(columns / factor) };
}

let wanted = [];

function update(tasks) {
  wanted = tasks;
  const keys = new Set(tasks.map(({ key }) => key));
  if ([...wallCells.peek().keys()].some((key) => !keys.has(key))) wallCells.value = new Map([...wallCells.peek()].filter(([key]) => keys.has(key)));
  if (running.length > 0 && !running.some(isWanted)) abort.abort();
  work();
}

/** Whether the response to one task is still wanted for another one. */
const isSameTask = (task, other) => task.key === other.key && task.idsKey === other.idsKey && (isContinued(other.grid, task.grid) || isContinued(task.grid, other.grid));

const isWanted = (task) => wanted.some((other) => isSameTask(other, task));

/** Request what is missing, one request after the other, until nothing is. */
async function work() {
  if (isWorking) return;
  isWorking = true;
  try {
    for (let queries; (queries = nextQueries()).length > 0;) {
      abort = new AbortController();
      const { signal } = abort;
      const [query] = queries;
      running = queries.map(({ task }) => task);
      loadingWalls.value = query.task.isValue && !query.isTail;
      try {
        const responses = await api.walls({ ...query, metrics: queries.map(({ task }) => task.metric) }, { signal });
        if (signal.aborted) continue;
        batch(() => queries.forEach((each, i) => isWanted(each.task) && add(each, responses[i])));
        wallRefusal.value = null;
      } catch (error) {
        if (signal.aborted) continue;
        if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
        if (error.isFinal && queries.length > 1) {
          joinsTails = false; // one of the metrics is refused: the others are loaded alone
          continue;
        }
        if (error instanceof api.Problem) wallRefusal.value = error.message;
        if (error.isFinal) refusedKey = keyOf(query.task);
        return; // the next poll repeats it
      }
    }
  } finally {
    isWorking = false;
    running = [];
    loadingWalls.value = false;
  }
}

const keyOf = ({ key, grid, idsKey }) => `${key} ${idsKey} ${grid.from_ms} ${grid.column_ms} ${grid.columns}`;

/** The queries of the next request: the most important one, and if it is for new columns, those for the same ones of other metrics. */
function nextQueries() {
  const queries = wanted.map(queryOf).filter(Boolean);
  const [first] = queries;
  if (!first?.isTail || !joinsTails) return queries.slice(0, 1);
  return queries.filter(({ task, isTail, from_ms, columns }) => isTail && task.idsKey === first.task.idsKey && from_ms === first.from_ms && columns === first.columns && task.grid.column_ms === first.task.grid.column_ms);
}

/** What a task still needs, or null: {task, from_ms, to_ms, columns, until_ms, within_ms, ids, kind, isTail}. */
function queryOf(task) {
  if (keyOf(task) === refusedKey) return null;
  const { grid, ids, kind, end_ms } = task;
  const loaded = wallCells.peek().get(task.key);
  const whole = { task, ids, kind, from_ms: grid.from_ms, to_ms: gridEnd(grid), columns: grid.columns, limit: MAX_ROWS, within_ms: api.PART_MS };
  if (end_ms <= grid.from_ms) return null;
  if (!loaded || loaded.idsKey !== task.idsKey || !isContinued(loaded.grid, grid) || loaded.until_ms < grid.from_ms) return { ...whole, isWhole: true };
  if (loaded.complete_from_ms > grid.from_ms && loaded.complete_from_ms > loaded.grid.from_ms) return { ...whole, until_ms: loaded.complete_from_ms, within_ms: api.REST_MS, isRest: true };
  const until = Math.min(gridEnd(grid), end_ms);
  if (until - loaded.until_ms < Math.max(store.interval_ms.peek(), grid.column_ms / 4)) return null;
  const first = Math.max(0, columnAt(grid, loaded.until_ms - OVERLAP_MS));
  return { ...whole, from_ms: grid.from_ms + first * grid.column_ms, columns: grid.columns - first, within_ms: undefined, isTail: true };
}

/** Show the cells of a response. */
function add({ task, isWhole, isRest, isTail }, response) {
  const loaded = isWhole ? null : wallCells.peek().get(task.key);
  const { grid, end_ms } = task;
  const rows = joinedRows(loaded ? movedRows(loaded.rows, loaded.grid, grid) : new Map(), grid, { ...response, isOlder: isRest });
  const complete_from_ms = isTail ? Math.max(loaded.complete_from_ms, grid.from_ms) : response.complete_from_ms;
  const next = { grid, rows, idsKey: task.idsKey, complete_from_ms, until_ms: isRest ? loaded.until_ms : end_ms, unit: response.unit, areMinutes: response.resolution === "minutes" || Boolean(loaded?.areMinutes), sorts: loaded?.sorts };
  wallCells.value = new Map([...wallCells.peek(), [task.key, next]]);
}
