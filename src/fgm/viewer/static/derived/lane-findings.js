// The findings to mark on each lane: those of its metric, or of the first lane with the same kind of metric.

import { computed } from "../vendor/signals.js";
import { findingsAnswer } from "../state/analysis/findings.js";
import { kindOf, lanes } from "../state/lanes.js";

/** The lane on which a finding is marked, or undefined. */
function laneFor({ metric }, list) {
  const kind = kindOf(metric);
  return list.find((lane) => lane.metric === metric) ?? list.find((lane) => kind !== null && lane.isNamed && lane.kind === kind);
}

/** The findings on the lanes: Map(lane key → [{finding, rank: its number in the list, counted from 1}]), the first to begin first. */
export const laneFindings = computed(() => {
  const marks = new Map();
  (findingsAnswer.value?.findings ?? []).forEach((finding, i) => {
    const key = laneFor(finding, lanes.value)?.key;
    if (key) marks.set(key, [...(marks.get(key) ?? []), { finding, rank: i + 1 }]);
  });
  for (const list of marks.values()) list.sort((a, b) => a.finding.from_ms - b.finding.from_ms);
  return marks;
});
