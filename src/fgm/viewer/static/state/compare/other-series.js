// The series of the other range that lie under the shown workloads.

import { computed } from "../../vendor/signals.js";
import { pairs } from "../../lib/compare/pairing.js";
import { keepWhileSame } from "../../lib/same-value.js";
import { wasSeenSince, workload } from "../../lib/series.js";
import { shown } from "../shown.js";
import { allSeries, byId, view } from "../store.js";
import { otherPack, otherRange, pairedIds } from "./other-range.js";

const keep = keepWhileSame(([...ids]) => ids);

const within = (all, { from_ms, to_ms }) => all.filter((series) => wasSeenSince(series, from_ms) && series.first_seen_ms < to_ms);

/** The series that were there in the other range. */
export const otherSeries = computed(() => (otherRange.value === null ? [] : within(otherPack.value?.series ?? allSeries.value ?? [], otherRange.value)));
/** The series that are there in the view. */
export const seriesInView = computed(() => within(allSeries.value ?? [], view.value));

/** The ids of the series under each shown workload: Map(key of the workload → ids); empty without another range. */
export const otherIds = computed(() => {
  if (otherRange.value === null) return keep(new Map());
  if (pairedIds.value !== null) return keep(pairOf(pairedIds.value));
  return keep(pairs(shown.value, otherSeries.value, seriesInView.value));
});

/** Of a pair, the ids of all lives of the other series, under the workload of the one in view: Map(key of the workload → ids). */
function pairOf({ id, other }) {
  const [inView, under] = [byId.value.get(id), byId.value.get(other)];
  if (!inView || !under) return new Map();
  return new Map([[workload(inView), otherSeries.value.filter((series) => workload(series) === workload(under)).map((series) => series.id)]]);
}
