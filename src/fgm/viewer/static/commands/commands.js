// Every action, once: its words, its keys, what it does. The keyboard, the command list and the page of keys read it here.

import { toggleTheme } from "../browser/theme.js";
import { canCompare, compare } from "../panels/changes.js";
import { copyLink, copyTable } from "../panels/clipboard.js";
import { focusSearch } from "../panels/container-list.js";
import { jump } from "../chart/event-lane.js";
import { lanePeaks } from "../derived/lane-lines.js";
import { addLane, focus, focusLane, lanes, moveLane, MOST_LANES, removeLane, setLane } from "../state/lanes.js";
import { back } from "../state/url.js";
import { choose } from "../widgets/palette.js";
import { offered, range } from "../state/store.js";
import { toggleTables } from "../chart/lane-table.js";
import { PRESETS } from "../lib/time-format.js";
import { focusTimeBox } from "../panels/time-box.js";
import { rankAgain } from "../server/ranking.js";
import { signal } from "../vendor/signals.js";
import { fitShown, follow, pan, pause, pin, preset, showAll, showTop, stepCursor, togglePin, unpin, zoomAround } from "../state/view.js";

const ZOOM = 0.5;
const PAN = 0.25;

function pinPeak() {
  const peak = lanePeaks.peek().get(lanes.peek()[focus.peek()]?.key);
  if (peak) pin(peak.ms);
}

/** Whether the page of keys is open. */
export const showsKeys = signal(false);

const act = (group, text, keys, run) => ({ group, text, keys, run });

export const ACTIONS = [
  act("Time", "Zoom in at the cursor", ["w"], () => zoomAround(ZOOM)),
  act("Time", "Zoom out at the cursor", ["s"], () => zoomAround(1 / ZOOM)),
  act("Time", "Pan to earlier", ["a"], () => pan(-PAN)),
  act("Time", "Pan to later", ["d"], () => pan(PAN)),
  act("Time", "Back to the view before", ["Backspace"], back),
  act("Time", "Pause, or follow the newest data", [" "], () => (range.peek().live ? pause() : follow())),
  act("Time", "Go to a typed time", ["j"], focusTimeBox),
  act("Time", "Fit what is shown", ["f"], fitShown),
  act("Time", "Show all data", ["0"], showAll),
  act("Cursor", "One sample earlier", ["ArrowLeft"], () => stepCursor(-1)),
  act("Cursor", "One sample later", ["ArrowRight"], () => stepCursor(1)),
  act("Cursor", "Ten samples earlier", ["Shift+ArrowLeft"], () => stepCursor(-10)),
  act("Cursor", "Ten samples later", ["Shift+ArrowRight"], () => stepCursor(10)),
  act("Cursor", "Pin or unpin the cursor", ["c"], togglePin),
  act("Cursor", "Next event", ["n"], () => jump(1)),
  act("Cursor", "Event before", ["N"], () => jump(-1)),
  act("Cursor", "Highest sample of the focused lane", ["p"], pinPeak),
  act("Lanes", "Focus a lane", ["1", "…", "8"], null),
  act("Lanes", "Add a lane", ["+"], () => chooseNewLane()),
  act("Lanes", "Change, move or remove the focused lane", ["m"], () => chooseForLane(focus.peek())),
  act("Lanes", "Lanes as tables, or as lines", ["t"], toggleTables),
  act("Containers", "Search containers", ["/"], focusSearch),
  act("Containers", "Top 6 by CPU in this view", [], () => (showTop(), rankAgain())),
  act("Page", "What changed here, beside as much time before", ["x"], () => (canCompare() ? compare() : undefined)),
  act("Page", "Copy a link to this view", ["y"], copyLink),
  act("Page", "Copy the values as a table", ["Y"], copyTable),
  act("Page", "All commands", [":", "Ctrl+k"], () => chooseCommand()),
  act("Page", "Light or dark theme", [], toggleTheme),
  act("Page", "Keys", ["?"], () => (showsKeys.value = true)),
  act("Page", "Cancel", ["Escape"], unpin),
];

/** How a key is written on the page. */
export const keyName = (key) =>
  key.replace("ArrowLeft", "←").replace("ArrowRight", "→").replace("Escape", "Esc").replace(/^ $/, "Space").replace("+k", "-K").replace("Shift+", "Shift ");

function chooseCommand() {
  const commands = ACTIONS.filter(({ run, text }) => run && text !== "All commands" && text !== "Cancel");
  const ranges = PRESETS.map(([name, span_ms]) => ({ text: `Show ${name}`, hint: "Time", run: () => preset(span_ms) }));
  const places = lanes.peek().map((lane, i) => ({ text: `Focus ${lane.title}`, hint: "Lanes", keys: [String(i + 1)], run: () => focusLane(i) }));
  choose("Commands and metrics", [
    ...commands.map(({ group, text, keys, run }) => ({ text, hint: group, keys: keys.map(keyName), run })),
    ...ranges, ...places, ...metricItems("Show", addLane),
  ]);
}

const metricItems = (verb, run) =>
  (offered.peek() ?? []).map(({ name, title, unit }) => ({ text: `${verb} ${title}`, hint: `${name}${unit === "1" ? "" : `, ${unit}`}`, run: () => run(name) }));

/** Let a person choose a metric for one more lane. */
export function chooseNewLane() {
  const full = lanes.peek().length >= MOST_LANES;
  choose(full ? `There are ${MOST_LANES} lanes: the last makes room for` : "A lane for", metricItems("Add", addLane));
}

/** Let a person choose what becomes of a lane. */
export function chooseForLane(i) {
  const { title } = lanes.peek()[i];
  const moves = [
    i > 0 && { text: "Move up", hint: "Lanes", run: () => moveLane(i, -1) },
    i < lanes.peek().length - 1 && { text: "Move down", hint: "Lanes", run: () => moveLane(i, 1) },
    lanes.peek().length > 1 && { text: "Remove", hint: "Lanes", run: () => removeLane(i) },
  ];
  choose(`${title}: move, remove, or show instead`, [...moves.filter(Boolean), ...metricItems("Show", (name) => setLane(i, name))]);
}
