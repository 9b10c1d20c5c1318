// Loads the samples of the other range: every second of it, or of a long one the means of pixel columns.

import { loadingOther, otherPack, otherRange, otherRefusal, otherSamples } from "../../state/compare/other-range.js";
import { otherIds } from "../../state/compare/other-series.js";
import { interval_ms, newest_ms, range } from "../../state/store.js";
import { areLinesHidden } from "../../state/wall/walls.js";
import { RAW_TICKS } from "../api.js";
import { SampleLoader } from "../samples/sample-loader.js";
import { onSourceChange } from "../source.js";

const AHEAD_MS = 60_000, AHEAD_COLUMNS = 20; // while live, the other range moves, too: it is loaded in steps of this length
const MAX_POINTS = 1200; // maximum number of pixel columns
const MAX_SERIES = 500; // maximum number of series that the viewer returns samples of

const newLoader = () => new SampleLoader({ samples: otherSamples, loading: loadingOther, refusal: otherRefusal });
let loader = newLoader();
let loadedPack = null;
onSourceChange(() => loader.forget());

/** Request the samples of the other range that are missing. `wanted`: the samples of the view, as an argument for a SampleLoader. */
export async function loadOther(wanted) {
  if (otherRange.peek() === null) {
    if (otherSamples.peek() === null) return;
    loader = newLoader();
    otherSamples.value = null;
    return;
  }
  if (loadedPack !== otherPack.peek()) loader.forget();
  loadedPack = otherPack.peek();
  const ids = areLinesHidden.peek() ? [] : [...new Set([...otherIds.peek().values()].flat())].slice(0, MAX_SERIES);
  await loader.load({ ...wanted, ...gridOf(wanted, otherRange.peek().shift_ms), live: false, isOther: true, ids: new Set(ids) });
}

/** The range to load, and its resolution: {from_ms, to_ms, end_ms, raw, points, column_ms, reduce}. */
function gridOf(wanted, shift_ms) {
  const step_ms = !range.peek().live ? 0 : wanted.raw ? AHEAD_MS : AHEAD_COLUMNS * wanted.column_ms;
  const from_ms = (step_ms ? Math.floor(wanted.from_ms / step_ms) * step_ms : wanted.from_ms) - shift_ms;
  const to_ms = (step_ms ? Math.ceil(wanted.to_ms / step_ms) * step_ms : wanted.to_ms) - shift_ms;
  const end_ms = Math.min(to_ms, otherPack.peek()?.to_ms ?? (newest_ms.peek() ?? to_ms) + interval_ms.peek());
  if (wanted.raw && (to_ms - from_ms) / interval_ms.peek() <= RAW_TICKS + 1) return { from_ms, to_ms, end_ms, raw: true, points: undefined, column_ms: 0, reduce: undefined };
  const points = wanted.raw ? MAX_POINTS : Math.round((to_ms - from_ms) / wanted.column_ms);
  return { from_ms, to_ms, end_ms, raw: false, points, column_ms: (to_ms - from_ms) / points, reduce: "mean" };
}
