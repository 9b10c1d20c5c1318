// Lets a person choose the metric of a lane, or move or remove the lane.

import { addLane, lanes, MAX_LANES, moveLane, removeLane, setLane } from "../state/lanes.js";
import { allMetrics } from "../state/store.js";
import { choose } from "./palette.js";

/** Items of the palette, one for each metric. The chosen item calls `run(metric name)`. */
export const metricItems = (verb, run) =>
  (allMetrics.peek() ?? []).map(({ name, title, unit }) => ({ text: `${verb} ${title}`, hint: `${name}${unit === "1" ? "" : `, ${unit}`}`, run: () => run(name) }));

/** Let a person choose a metric for a new lane. */
export function chooseNewLane() {
  const isFull = lanes.peek().length >= MAX_LANES;
  choose(isFull ? `Replace the last of ${MAX_LANES} lanes with` : "Add a lane", metricItems("Add", addLane));
}

/** Let a person move or remove the lane at an index, or choose another metric for it. */
export function chooseForLane(index) {
  const { title } = lanes.peek()[index];
  const count = lanes.peek().length;
  const actions = [
    index > 0 && { text: "Move up", hint: "Lanes", run: () => moveLane(index, -1) },
    index < count - 1 && { text: "Move down", hint: "Lanes", run: () => moveLane(index, 1) },
    count > 1 && { text: "Remove", hint: "Lanes", run: () => removeLane(index) },
  ];
  choose(`${title}: move, remove, or show instead`, [...actions.filter(Boolean), ...metricItems("Show", (name) => setLane(index, name))]);
}
