// Which lanes are walls, and how: what a row is, the order of the rows, and the scale of their colours. All of it is in the URL.

import { batch, computed, signal } from "../../vendor/signals.js";
import { lanes, valueLanes } from "../lanes.js";
import { shown } from "../shown.js";
import { picked } from "../store.js";
import { viewChanged } from "../view.js";

/** Maximum number of workloads that a lane shows as lines by itself. Of more, it is a wall. */
export const MAX_LINES = 24;
/** What a row of a wall may be, each with its plural. The first is the default. */
export const ROW_KINDS = [["container", "containers"], ["pod", "pods"], ["workload", "workloads"]];
/** The orders of rows, each with its description. */
export const ORDERS = [["use", "by use"], ["name", "by name"], ["start", "by start"]];
/** The scales of colours, each with its description. */
export const SCALES = [["absolute", "of the highest"], ["limit", "of its limit"], ["node", "of the node"]];

/** What a person or a link has chosen for some lanes: Map(lane key → "wall" or "lines"). */
export const wallChoices = signal(new Map());
/** What a row is: a name of ROW_KINDS. */
export const rowKind = signal(ROW_KINDS[0][0]);
/** The order of rows: a name of ORDERS. */
export const rowOrder = signal(ORDERS[0][0]);
/** The scale of colours: a name of SCALES. */
export const colourScale = signal(SCALES[0][0]);
/** The key of the row that a click or the keyboard has chosen, or null. */
export const chosenRow = signal(null);
/** The key of the row under the pointer, or null. */
export const pointedRow = signal(null);
let nextPointedRow = null;
/** Say which row the pointer has moved over. It is marked together with the new time at the cursor, so that the table is drawn once. */
export const pointAtRow = (key) => (nextPointedRow = key);
/** Mark the row that the pointer has moved over since the last call; none if it was not over a wall. */
export function markPointedRow() {
  pointedRow.value = nextPointedRow;
  nextPointedRow = null;
}
/** The key of the row that is marked in all walls, or null. */
export const currentRow = computed(() => pointedRow.value ?? chosenRow.value);

/** Whether more workloads are shown than lines can be told apart. */
const isCrowded = computed(() => shown.value.filter(({ slot }) => slot !== null).length > MAX_LINES);

/** The lanes that are walls. */
export const wallLanes = computed(() => valueLanes.value.filter(({ key, metric }) => metric && (wallChoices.value.get(key) ?? (isCrowded.value ? "wall" : "lines")) === "wall"));
/** The keys of these lanes. */
export const wallKeys = computed(() => new Set(wallLanes.value.map(({ key }) => key)));
/** Whether no lane has lines of the shown workloads, and these are many: then their samples need not be loaded. */
export const areLinesHidden = computed(() => isCrowded.value && valueLanes.value.every(({ key, metric }) => !metric || wallKeys.value.has(key)));
/** The ids of the series on the walls: those that are shown, if these are many; null for all series of the node. */
export const wallIds = computed(() => (picked.value !== null && isCrowded.value ? shown.value.flatMap(({ ids, slot }) => (slot === null ? [] : ids)) : null));

/** Draw the lane at an index as a wall or as lines: the other one of the two. */
export function toggleWall(index) {
  const lane = lanes.peek()[index];
  if (lane?.metric) choose([lane.key], wallKeys.peek().has(lane.key) ? "lines" : "wall");
}

/** Draw all lanes as walls, or if they are that already, as lines. */
export function toggleAllWalls() {
  const keys = valueLanes.peek().filter(({ metric }) => metric).map(({ key }) => key);
  choose(keys, keys.every((key) => wallKeys.peek().has(key)) ? "lines" : "wall");
}

function choose(keys, choice) {
  wallChoices.value = new Map([...wallChoices.peek(), ...keys.map((key) => [key, choice])]);
  viewChanged("push");
}

/** Show these series as lines on all lanes. "Back" shows the walls again. */
export function openAsLines(ids) {
  batch(() => {
    picked.value = ids;
    wallChoices.value = new Map();
  });
  viewChanged("push");
}

/** Mark a row, or none (null). */
export function chooseRow(key) {
  if (chosenRow.peek() === key) return;
  chosenRow.value = key;
  viewChanged("replace");
}

const next = (choices, name) => choices[(choices.findIndex(([other]) => other === name) + 1) % choices.length][0];

/** Change what a row is: to `name`, or to the next kind. A row of another kind is no longer marked. */
export function setRowKind(name = next(ROW_KINDS, rowKind.peek())) {
  chosenRow.value = null;
  set(rowKind, name);
}
/** Change the order of rows: to `name`, or to the next one. */
export const setRowOrder = (name = next(ORDERS, rowOrder.peek())) => set(rowOrder, name);
/** Change the scale of colours: to `name`, or to the next one. */
export const setColourScale = (name = next(SCALES, colourScale.peek())) => set(colourScale, name);

function set(setting, name) {
  setting.value = name;
  viewChanged("replace");
}

/** The parameters of the URL: [[name, values]]; without those that have their default. */
export function wallParameters() {
  const chosen = (choice) => [...wallChoices.peek()].filter(([, other]) => other === choice).map(([key]) => key);
  const settings = [["rows", rowKind, ROW_KINDS], ["order", rowOrder, ORDERS], ["colour", colourScale, SCALES]];
  return [
    ["walls", chosen("wall")], ["lines", chosen("lines")],
    ...settings.map(([name, setting, choices]) => [name, setting.peek() === choices[0][0] ? [] : [setting.peek()]]),
    ["row", chosenRow.peek() === null ? [] : [chosenRow.peek()]],
  ].filter(([, values]) => values.length > 0);
}

/** Take over the parameters of the URL: Map(name → values). */
export function readWallParameters(parameters) {
  const chosen = (name, choice) => (parameters.get(name) ?? []).map((key) => [key, choice]);
  const setting = (name, choices) => (choices.find(([choice]) => choice === parameters.get(name)?.[0]) ?? choices[0])[0];
  wallChoices.value = new Map([...chosen("walls", "wall"), ...chosen("lines", "lines")]);
  rowKind.value = setting("rows", ROW_KINDS);
  rowOrder.value = setting("order", ORDERS);
  colourScale.value = setting("colour", SCALES);
  chosenRow.value = parameters.get("row")?.[0] ?? null;
}
