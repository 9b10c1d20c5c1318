// Lets a person choose the metric of a lane, or move or remove the lane.

import { cursorRows } from "../derived/cursor-values.js";
import { laneStudies, setStudy, STUDIES } from "../state/analysis/studies.js";
import { allLabelled, IO_BY_DISK, isOfNode } from "../state/labelled.js";
import { addLabelledLane, addLane, lanes, MAX_LANES, moveLane, removeLane, setLane } from "../state/lanes.js";
import { openedId } from "../state/processes.js";
import { allMetrics, byId, nodeId } from "../state/store.js";
import { choose } from "./palette.js";

/** Items of the palette, one for each metric. The chosen item calls `run(metric name)`. */
export const metricItems = (verb, run) =>
  (allMetrics.peek() ?? []).map(({ name, title, unit }) => ({ text: `${verb} ${title}`, hint: `${name}${unit === "1" ? "" : `, ${unit}`}`, run: () => run(name) }));

/** The series whose labels a new lane shows: that of the open row of the cursor table, or else of the first. */
const labelledId = () => openedId.peek() ?? cursorRows.peek()[0]?.entry.series.id ?? nodeId.peek();

/** Items of the palette that add a lane with the labels of a series or of the node, such as its disks. */
export function labelledItems(verb) {
  const node = nodeId.peek();
  return allLabelled.peek().flatMap(({ name, title, unit, label }) => {
    const ids = isOfNode(name) ? [node] : [...new Set([labelledId(), node])];
    const of = (id) => (isOfNode(name) ? "" : ` of ${byId.peek().get(id)?.name ?? id}`);
    return ids.filter(Boolean).map((id) => ({ text: `${verb} ${title}${of(id)}`, hint: `by ${label}, ${unit}`, run: () => addLabelledLane(name, id) }));
  });
}

/** Add a lane with the I/O of a series on each disk. */
export function addIoByDisk() {
  const id = labelledId();
  if (id) addLabelledLane(IO_BY_DISK, id);
}

/** Let a person choose a metric for a new lane. */
export function chooseNewLane() {
  const isFull = lanes.peek().length >= MAX_LANES;
  choose(isFull ? `Replace the last of ${MAX_LANES} lanes with` : "Add a lane", [...metricItems("Add", addLane), ...labelledItems("Add")]);
}

/** Items of the palette that draw a study on a lane, or remove it. */
function studyItems(key) {
  const current = laneStudies.peek().get(key);
  const items = [...STUDIES].filter(([study]) => study !== current).map(([study, name]) => ({ text: `Draw its ${name}`, hint: "Studies", run: () => setStudy(key, study) }));
  return current ? [...items, { text: `Remove its ${STUDIES.get(current)}`, hint: "Studies", run: () => setStudy(key, null) }] : items;
}

/** Let a person move or remove the lane at an index, or choose another metric for it. */
export function chooseForLane(index) {
  const { key, title, metric } = lanes.peek()[index];
  const count = lanes.peek().length;
  const actions = [
    index > 0 && { text: "Move up", hint: "Lanes", run: () => moveLane(index, -1) },
    index < count - 1 && { text: "Move down", hint: "Lanes", run: () => moveLane(index, 1) },
    count > 1 && { text: "Remove", hint: "Lanes", run: () => removeLane(index) },
    ...(metric ? studyItems(key) : []),
  ];
  choose(`${title}: move, remove, or show instead`, [...actions.filter(Boolean), ...metricItems("Show", (name) => setLane(index, name))]);
}
