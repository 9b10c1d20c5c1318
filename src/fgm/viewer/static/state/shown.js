// The workloads on the lanes. Each keeps its colour slot when the selection changes, it restarts, or this tab is reloaded.

import { computed, effect, signal } from "../vendor/signals.js";
import { recall, remember } from "../browser/storage.js";
import { keepWhileSame } from "../lib/same-value.js";
import { workload } from "../lib/series.js";
import { allSeries, byId, linkedSlots, picked, topSix } from "./store.js";

/** Maximum number of workloads drawn; below the viewer's limit of 500 series per request. */
export const MAX_SHOWN = 300;

const STORED_SLOTS = "fgm.slots";
const MAX_STORED_SLOTS = 200;
const MAX_REMEMBERED_SLOTS = MAX_SHOWN + MAX_STORED_SLOTS; // more than are shown at a time, so that none of those is forgotten

/** The slot that each workload had last: Map(workload → slot). */
const rememberedSlots = signal(new Map(recall("sessionStorage", STORED_SLOTS, [])));

// The list of series is loaded with every poll, but lines are drawn again only if one of these properties has changed.
const keepEntries = keepWhileSame((entries) => entries.map(({ key, ids, slot, series }) => [key, ids, slot, series.name, series.pod_name, series.namespace]));

/** Workloads on the lanes, in the order they were chosen: [{key, series, ids, slot}]; the node's slot is null. */
export const shown = computed(() => {
  const chosen = new Map();
  for (const id of picked.value ?? topSix.value) {
    const series = byId.value.get(id);
    if (series && !chosen.has(workload(series)) && chosen.size < MAX_SHOWN) chosen.set(workload(series), series);
  }
  const coloured = [...chosen].filter(([, series]) => series.scope !== "node");
  const slots = assignSlots(coloured.map(([key, { id }]) => [key, linkedSlots.value.get(id) >= 0 ? linkedSlots.value.get(id) : rememberedSlots.value.get(key)]));
  const ids = new Map();
  for (const series of allSeries.value ?? []) {
    const key = workload(series);
    if (chosen.has(key)) ids.set(key, [...(ids.get(key) ?? []), series.id]);
  }
  return keepEntries([...chosen].map(([key, series]) => ({ key, series, ids: ids.get(key), slot: slots.get(key) ?? null })));
});

const keepPodIds = keepWhileSame(([...podIds]) => podIds);

/** The pods of the shown containers, whose quotas hold them, too: Map(key of the workload → ids). */
export const podIds = computed(() => {
  const pods = new Map(), byIds = new Map();
  for (const series of allSeries.value ?? []) (series.scope === "pod" ? pods : byIds).set(series.scope === "pod" ? series.pod_uid : series.id, series);
  const podsOf = (ids) => [...new Set(ids.map((id) => byIds.get(id)?.pod_uid))].map((uid) => pods.get(uid)?.id).filter(Boolean);
  return keepPodIds(new Map(shown.value.map(({ key, ids }) => [key, podsOf(ids)])));
});

/** Map(workload → slot) from pairs of workload and preferred slot. If that is not free, it is the first free slot. */
function assignSlots(preferences) {
  const slots = new Map(), taken = new Set();
  for (const [key, preferred] of preferences) {
    if (preferred === undefined || taken.has(preferred)) continue;
    slots.set(key, preferred);
    taken.add(preferred);
  }
  for (const [key] of preferences) {
    if (slots.has(key)) continue;
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    slots.set(key, slot);
    taken.add(slot);
  }
  return slots;
}

/** From now on, remember the slot of each shown workload, even when this tab is reloaded. */
export function startRememberingSlots() {
  effect(() => {
    const slots = new Map(rememberedSlots.peek());
    const changed = shown.value.filter(({ key, slot }) => slot !== null && slots.get(key) !== slot);
    if (changed.length === 0) return;
    for (const { key, slot } of changed) {
      slots.delete(key); // so that the map is ordered by the last assignment
      slots.set(key, slot);
    }
    rememberedSlots.value = new Map([...slots].slice(-MAX_REMEMBERED_SLOTS));
    remember("sessionStorage", STORED_SLOTS, [...slots].slice(-MAX_STORED_SLOTS));
  });
}
