// The series of the other range that lie under the shown workloads.

import { computed } from "../../vendor/signals.js";
import { pairs } from "../../lib/compare/pairing.js";
import { keepWhileSame } from "../../lib/same-value.js";
import { wasSeenSince } from "../../lib/series.js";
import { shown } from "../shown.js";
import { allSeries, view } from "../store.js";
import { otherRange } from "./other-range.js";

const keep = keepWhileSame(([...ids]) => ids);

const within = (all, { from_ms, to_ms }) => all.filter((series) => wasSeenSince(series, from_ms) && series.first_seen_ms < to_ms);

/** The ids of the series under each shown workload: Map(key of the workload → ids); empty without another range. */
export const otherIds = computed(() => {
  if (otherRange.value === null) return keep(new Map());
  const all = allSeries.value ?? [];
  return keep(pairs(shown.value, within(all, otherRange.value), within(all, view.value)));
});
