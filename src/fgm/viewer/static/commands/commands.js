// All actions of the page with their texts and keys: for the keyboard, the command list and the list of keys.

import { pinEvent } from "../chart/event-lane.js";
import { cursorRows } from "../derived/cursor-values.js";
import { lanePeaks } from "../derived/lane-lines.js";
import { walls } from "../derived/wall-rows.js";
import { presetsFor } from "../lib/time-format.js";
import { copyLink, copyTable } from "../panels/clipboard.js";
import { focusSearch } from "../panels/container-list.js";
import { focusTimeBox } from "../panels/time-box.js";
import { canCompare, compare } from "../requests/analysis/comparison.js";
import { saveIncident } from "../requests/incident/copy.js";
import { openFile } from "../requests/pack/opening.js";
import { rankAgain } from "../requests/ranking.js";
import { showNextFinding } from "../state/analysis/findings.js";
import { newNoteAtCursor, newNoteOnView, showNextNote } from "../state/incident/notes.js";
import { flipWalls } from "../state/compare/other-walls.js";
import { addLane, addProcessLane, focus, focused, lanes } from "../state/lanes.js";
import { showsKeys, toggleTables } from "../state/page.js";
import { closeProcesses, openedId, openProcesses } from "../state/processes.js";
import { health, newest_ms, nodeId, range } from "../state/store.js";
import { toggleTheme } from "../state/theme.js";
import { back } from "../state/url.js";
import { fitShown, follow, pan, pause, pin, preset, showAll, showTop, stepCursor, toggle, togglePin, unpin, zoomAround } from "../state/view.js";
import { chooseRow, currentRow, openAsLines, setColourScale, setRowKind, setRowOrder, toggleAllWalls, toggleWall } from "../state/wall/walls.js";
import { chooseFile } from "../widgets/file-chooser.js";
import { focusLane } from "../widgets/lane-focus.js";
import { addIoByDisk, chooseForLane, chooseNewLane, labelledItems, metricItems } from "../widgets/metric-chooser.js";
import { chooseOtherRange } from "../widgets/other-range-chooser.js";
import { choose } from "../widgets/palette.js";

const ZOOM_FACTOR = 0.5;
const PAN_SHARE = 0.25;

function pinPeak() {
  const key = lanes.peek()[focus.peek()]?.key;
  const peak = walls.peek().get(key)?.peak ?? lanePeaks.peek().get(key);
  if (peak) pin(peak.ms);
}

/** The rows of the cursor table that have processes: not that of what is outside of all others. */
const rowsWithProcesses = () => cursorRows.peek().filter(({ entry }) => entry.series.scope !== "outside");

/** Open the processes of the first row of the cursor table, or of the row that is `step` after the open one. */
function openFrom(step) {
  const ids = [...rowsWithProcesses().map(({ entry }) => entry.series.id), ...(nodeId.peek() ? [nodeId.peek()] : [])];
  const next = ids[(ids.indexOf(openedId.peek()) + step) % ids.length] ?? ids[0];
  if (next) openProcesses(next);
}

/** Add a lane with the processes of the open row, or else of the first. */
function addLaneOfProcesses() {
  const id = openedId.peek() ?? rowsWithProcesses()[0]?.entry.series.id ?? nodeId.peek();
  if (id) addProcessLane(id, focused.peek()?.kind === "memory" ? "memory" : "cpu");
}

/** Show the finding after (`step` 1) or before (−1) the one that is shown, and scroll to its lane. */
function showFindingOf(step) {
  showNextFinding(step);
  focusLane(focus.peek());
}

/** The rows of the focused lane, if it is a wall. */
const rowsOfWall = () => walls.peek().get(focused.peek()?.key)?.rows ?? [];

/** Choose the row that is `step` rows below the current one; without one, the first row. */
function stepRow(step) {
  const rows = rowsOfWall(), i = rows.findIndex(({ key }) => key === currentRow.peek());
  if (rows.length > 0) chooseRow(rows[i < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, i + step))].key);
}

/** Show the current row of the focused wall as a line: only it, or (`adds`) with the others. */
function openRow(adds) {
  const row = rowsOfWall().find(({ key }) => key === currentRow.peek());
  if (row) adds ? toggle(row.id) : openAsLines(row.ids.slice(0, 1));
}

/** Unpin the cursor, and mark no row of the walls. */
function leave() {
  unpin();
  chooseRow(null);
}

const action = (group, text, keys, run) => ({ group, text, keys, run });

/** All actions: [{group, text, keys, run}], in the order of the list of keys. */
export const ACTIONS = [
  action("Time", "Zoom in at the cursor", ["w"], () => zoomAround(ZOOM_FACTOR)),
  action("Time", "Zoom out at the cursor", ["s"], () => zoomAround(1 / ZOOM_FACTOR)),
  action("Time", "Pan to earlier times", ["a"], () => pan(-PAN_SHARE)),
  action("Time", "Pan to later times", ["d"], () => pan(PAN_SHARE)),
  action("Time", "Back to the previous view", ["Backspace"], back),
  action("Time", "Pause or go live", [" "], () => (range.peek().live ? pause() : follow())),
  action("Time", "Type a time or range", ["j"], focusTimeBox),
  action("Time", "Fit the containers shown", ["f"], fitShown),
  action("Time", "Show all data", ["0"], showAll),
  action("Cursor", "One sample earlier", ["ArrowLeft"], () => stepCursor(-1)),
  action("Cursor", "One sample later", ["ArrowRight"], () => stepCursor(1)),
  action("Cursor", "Ten samples earlier", ["Shift+ArrowLeft"], () => stepCursor(-10)),
  action("Cursor", "Ten samples later", ["Shift+ArrowRight"], () => stepCursor(10)),
  action("Cursor", "Pin or unpin the cursor", ["c"], togglePin),
  action("Cursor", "Next event", ["n"], () => pinEvent(1)),
  action("Cursor", "Previous event", ["N"], () => pinEvent(-1)),
  action("Cursor", "Peak of the focused lane", ["p"], pinPeak),
  action("Lanes", "Focus a lane", ["1", "…", "8"], null),
  action("Lanes", "Add a lane", ["+"], chooseNewLane),
  action("Lanes", "Change, move or remove a lane", ["m"], () => chooseForLane(focus.peek())),
  action("Lanes", "Show lanes as tables or lines", ["t"], toggleTables),
  action("Lanes", "All containers on a lane, as a wall", ["v"], () => toggleWall(focus.peek())),
  action("Lanes", "All lanes as walls", ["V"], toggleAllWalls),
  action("Walls", "Rows: containers, pods, workloads", ["g"], () => setRowKind()),
  action("Walls", "Order: use, name, start", ["r"], () => setRowOrder()),
  action("Walls", "Colour: of the highest, limit, node", ["k"], () => setColourScale()),
  action("Walls", "Other range in the same rows, or the view", ["B"], flipWalls),
  action("Walls", "Row above", ["ArrowUp"], () => stepRow(-1)),
  action("Walls", "Row below", ["ArrowDown"], () => stepRow(1)),
  action("Walls", "Open the row as a line", ["Enter"], () => openRow(false)),
  action("Walls", "Add the row to the lines, or remove it", ["Shift+Enter"], () => openRow(true)),
  action("Containers", "Search containers", ["/"], focusSearch),
  action("Containers", "Show or close processes", ["o"], () => (openedId.peek() === null ? openFrom(0) : closeProcesses())),
  action("Containers", "Processes of the next row", ["O"], () => openFrom(1)),
  action("Containers", "Lane of these processes", ["l"], addLaneOfProcesses),
  action("Containers", "Lane of I/O by disk", ["b"], addIoByDisk),
  action("Containers", "Top 6 by CPU in this view", [], () => (showTop(), rankAgain())),
  action("Findings", "Show the next finding", ["i"], () => showFindingOf(1)),
  action("Findings", "Show the previous finding", ["I"], () => showFindingOf(-1)),
  action("Notes", "Note at the cursor", ["e"], newNoteAtCursor),
  action("Notes", "Note on the range in view", ["E"], newNoteOnView),
  action("Notes", "Next note", ["u"], () => showNextNote(1)),
  action("Notes", "Previous note", ["U"], () => showNextNote(-1)),
  action("Page", "What changed since the time before", ["x"], () => (canCompare() ? compare() : undefined)),
  action("Page", "Compare with another range", ["X"], chooseOtherRange),
  action("Page", "Save this incident as a file", ["S", "Ctrl+s"], saveIncident),
  action("Page", "Copy a link to this view", ["y"], copyLink),
  action("Page", "Copy the values as a table", ["Y"], copyTable),
  action("Page", "Open a saved file", [], () => chooseFile(openFile)),
  action("Page", "All commands", [":", "Ctrl+k"], chooseCommand),
  action("Page", "Switch between light and dark theme", [], toggleTheme),
  action("Page", "List of keys", ["?"], () => (showsKeys.value = true)),
  action("Page", "Unpin, or close a dialog", ["Escape"], leave),
];

/** The name of a key as shown on the page, such as "←" for "ArrowLeft". */
export const keyName = (key) =>
  key.replace("ArrowLeft", "←").replace("ArrowRight", "→").replace("ArrowUp", "↑").replace("ArrowDown", "↓").replace("Escape", "Esc").replace(/^ $/, "Space").replace("+k", "-K").replace("+s", "-S").replace("Shift+", "Shift ");

function chooseCommand() {
  const actions = ACTIONS.filter(({ run }) => ![null, chooseCommand, leave].includes(run));
  const ranges = presetsFor(newest_ms.peek() - (health.peek()?.oldest_ms ?? 0)).map(([name, span_ms]) => ({ text: `Show ${name}`, hint: "Time", run: () => preset(span_ms) }));
  const laneItems = lanes.peek().map((lane, i) => ({ text: `Focus ${lane.title}`, hint: "Lanes", keys: [String(i + 1)], run: () => focusLane(i) }));
  choose("Commands and metrics", [
    ...actions.map(({ group, text, keys, run }) => ({ text, hint: group, keys: keys.map(keyName), run })),
    ...ranges, ...laneItems, ...metricItems("Show", addLane), ...labelledItems("Show"),
  ]);
}
