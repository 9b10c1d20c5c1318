// Loads samples of metrics and series: whole views when they change, only new samples while live, long ranges in parts.

import { batch } from "../../vendor/signals.js";
import { columnExtremes, dropFrom, dropUntil, lineFromSeries, mergeLine } from "../../lib/lines.js";
import * as api from "../api.js";

const OVERLAP_MS = 5000; // rows may be recorded late: the last seconds are requested again
const MIN_POINTS = 10; // minimum number of points that the viewer accepts
const MINUTES = "minutes"; // resolution of responses from minutes
const MINUTE_MS = 60_000;
const KEPT_VIEWS = 1.25; // while live, old samples are dropped if more than this many lengths of the view are loaded

/**
 * Fills the signal `samples` with {lines: Map(metric → lines), interval_ms, areMinutes, column_ms, origin_ms}.
 *
 * The argument `wanted` is {from_ms, to_ms, end_ms, points, column_ms, ids: Set, metrics, raw, live}. end_ms: end of the data
 * that exists so far. column_ms: width of a pixel column if the viewer shall reduce the samples, else 0. reduce: "mean" to means.
 */
export class SampleLoader {
  #loaded = null; // the content of `samples`: {from_ms, to_ms, ids, metrics, raw, column_ms, isWhole}
  #abort = new AbortController();
  #pendingKey = ""; // of the running requests
  #refusedKey = ""; // of requests that will always be refused
  #isLoadingTail = false;

  constructor({ samples, loading, refusal }) {
    Object.assign(this, { samples, loading, refusal });
  }

  /** Forget all samples, and cancel running requests. */
  forget() {
    this.#abort.abort();
    this.#loaded = null;
    this.#pendingKey = this.#refusedKey = "";
    this.samples.value = this.refusal.value = null;
    this.loading.value = false;
  }

  /** Request the `wanted` samples that are missing, and cancel earlier requests for other samples. Throws Unreachable. */
  async load(wanted) {
    const continues = this.#canContinue(wanted);
    if (continues) this.#keepOnly(wanted);
    const queries = continues ? this.#missing(wanted) : [{ metrics: wanted.metrics, ids: [...wanted.ids] }];
    const isNeeded = queries.length > 0 && wanted.metrics.length > 0 && wanted.ids.size > 0;
    const key = isNeeded ? JSON.stringify([wanted.live ?? [wanted.from_ms, wanted.to_ms], wanted.points, queries, continues]) : "";
    if (key !== "" && (key === this.#refusedKey || (this.loading.peek() && key === this.#pendingKey))) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#pendingKey = key;
    this.#refusedKey = "";
    this.loading.value = isNeeded;
    if (!isNeeded) {
      this.refusal.value = null;
      return;
    }
    const { signal } = this.#abort;
    try {
      await this.#request(wanted, queries, continues, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof api.Problem)) throw error;
      this.refusal.value = error.message;
      if (error.isFinal) this.#refusedKey = key;
    } finally {
      if (!signal.aborted) this.loading.value = false;
    }
  }

  /** Whether only the samples since the last response are missing, so that `tail` can request them. */
  isFollowing(wanted) {
    return !this.#isLoadingTail && !this.loading.peek() && this.#canContinue(wanted) && this.#missing(wanted).length === 0;
  }

  /** While live: request the samples since the last response. Returns a function that adds them, or null if there are none. */
  async tail(wanted) {
    this.#keepOnly(wanted);
    const before = this.#loaded;
    const { metrics, ids, to_ms, column_ms } = before;
    if (metrics.length === 0 || ids.size === 0) return null;
    const columns = this.samples.peek().column_ms > 0 ? this.#newColumns(wanted) : null;
    if (columns?.points === 0) return null;
    const range = columns ?? { from_ms: to_ms - OVERLAP_MS, to_ms: wanted.to_ms };
    this.#isLoadingTail = true;
    try {
      const response = await api.timeseries({ metrics, ids, ...range, reduce: wanted.reduce });
      return () => {
        if (this.#loaded !== before) return; // the view has changed meanwhile
        if (columns) {
          if (!wanted.reduce) for (const series of response.series) Object.assign(series, columnExtremes(series, column_ms, this.samples.peek().origin_ms));
          for (const lines of this.samples.peek().lines.values()) lines.forEach((line) => dropFrom(line, columns.from_ms));
        }
        this.#add(response, { to_ms: Math.max(to_ms, wanted.end_ms) });
        if (this.#loaded.to_ms - this.#loaded.from_ms > KEPT_VIEWS * (wanted.to_ms - wanted.from_ms)) this.#dropUntil(wanted.from_ms);
      };
    } finally {
      this.#isLoadingTail = false;
    }
  }

  /** Whether the loaded samples can be kept, so that only the missing ones need to be requested. */
  #canContinue(wanted) {
    const loaded = this.#loaded;
    if (!loaded?.isWhole || loaded.raw !== wanted.raw) return false;
    if (!wanted.raw && (loaded.column_ms !== wanted.column_ms || !isInteger((wanted.from_ms - loaded.from_ms) / wanted.column_ms))) return false;
    if (wanted.live && loaded.to_ms > wanted.to_ms + OVERLAP_MS) return false; // the clock of the node was set back
    // While live, loadTail() loads the rest.
    return loaded.from_ms <= wanted.from_ms && loaded.to_ms >= (wanted.live ? wanted.from_ms : wanted.end_ms);
  }

  /** The pixel columns that are new or were incomplete: {from_ms, to_ms, points}. If there are none, points is 0. */
  #newColumns({ end_ms, column_ms }) {
    const { from_ms: origin_ms, to_ms } = this.#loaded;
    const until = Math.floor((end_ms - origin_ms) / column_ms);
    const since = Math.floor((to_ms - origin_ms) / column_ms);
    const points = until > since ? Math.max(MIN_POINTS, until - since) : 0;
    return { from_ms: origin_ms + (until - points) * column_ms, to_ms: origin_ms + until * column_ms, points };
  }

  /** Queries for what is missing: new metrics of the loaded series, and all metrics of new series. */
  #missing({ metrics, ids }) {
    const loaded = this.#loaded;
    const newMetrics = metrics.filter((name) => !loaded.metrics.includes(name));
    const newIds = [...ids].filter((id) => !loaded.ids.has(id));
    return [{ metrics: newMetrics, ids: [...loaded.ids] }, { metrics, ids: newIds }].filter((query) => query.metrics.length > 0 && query.ids.length > 0);
  }

  async #request(wanted, queries, continues, signal) {
    const showsParts = !continues && this.#shownShare(wanted) < 0.5; // else the present lines stay until all new ones are loaded
    const parts = [];
    let isFirst = !continues;
    for (const [i, query] of queries.entries()) {
      for (let rest = { ...wanted, ...query, within_ms: wanted.raw || wanted.reduce ? undefined : api.PART_MS }; rest;) {
        const response = await api.timeseries(rest, { signal, isOther: wanted.isOther });
        if (signal.aborted) return;
        parts.push(response);
        rest = remaining(rest, response);
        const isLast = !rest && i === queries.length - 1;
        if (!isLast && !showsParts) continue;
        batch(() => {
          for (const part of parts.splice(0)) {
            if (isFirst) this.#replace(part, wanted);
            else this.#add(part, {});
            isFirst = false;
          }
          if (isLast) {
            const { ids, metrics } = wanted;
            this.#loaded = { ...this.#loaded, ...(continues && this.#commonRange(wanted)), ids: new Set(ids), metrics, isWhole: true };
          }
          this.refusal.value = null;
        });
      }
    }
  }

  /** The share of a wanted range that is already shown, at any resolution. */
  #shownShare({ from_ms, to_ms, metrics }) {
    if (!this.#loaded || !metrics.every((name) => this.#loaded.metrics.includes(name))) return 0;
    return Math.max(0, Math.min(to_ms, this.#loaded.to_ms) - Math.max(from_ms, this.#loaded.from_ms)) / (to_ms - from_ms);
  }

  /** The range that all lines cover after some were added. */
  #commonRange({ from_ms, end_ms }) {
    return { from_ms: Math.max(this.#loaded.from_ms, from_ms), to_ms: Math.min(this.#loaded.to_ms, end_ms) };
  }

  #replace(response, { from_ms, end_ms, ids, metrics, raw, column_ms }) {
    const lines = new Map(metrics.map((name) => [name, []]));
    for (const series of response.series) lines.get(series.metric)?.push(lineFromSeries(series));
    this.#loaded = { from_ms, to_ms: end_ms, ids, metrics, raw, column_ms, isWhole: false };
    // If a long range has few samples, the viewer returns all of them.
    const isReduced = response.resolution !== "raw";
    this.samples.value = { lines, column_ms: isReduced ? column_ms : 0, origin_ms: from_ms, ...stepOf(response) };
  }

  #add(response, changes) {
    const { lines } = this.samples.peek();
    for (const series of response.series) {
      const metricLines = lines.get(series.metric) ?? [];
      const line = metricLines.find((old) => old.id === series.id);
      if (line) {
        mergeLine(line, lineFromSeries(series));
        line.life = series.life; // lower than before if the viewer has dropped earlier lives
      } else lines.set(series.metric, [...metricLines, lineFromSeries(series)]);
    }
    this.#loaded = { ...this.#loaded, ...changes };
    this.samples.value = { ...this.samples.peek(), ...(response.resolution === MINUTES && stepOf(response)) };
  }

  #keepOnly({ ids, metrics }) {
    const loaded = this.#loaded;
    const { lines } = this.samples.peek();
    for (const name of loaded.metrics) if (!metrics.includes(name)) lines.delete(name);
    if ([...loaded.ids].some((id) => !ids.has(id))) {
      for (const [name, metricLines] of lines) lines.set(name, metricLines.filter((line) => ids.has(line.id)));
    }
    loaded.metrics = loaded.metrics.filter((name) => metrics.includes(name));
    loaded.ids = new Set([...loaded.ids].filter((id) => ids.has(id)));
  }

  /** Drop the samples before `from_ms`, and the lines of lives that have no others. */
  #dropUntil(from_ms) {
    const { lines } = this.samples.peek();
    for (const [name, metricLines] of lines) {
      metricLines.forEach((line) => dropUntil(line, from_ms));
      lines.set(name, metricLines.filter(({ t }) => t.length > 0));
    }
    this.#loaded = { ...this.#loaded, from_ms };
  }
}

/**
 * {interval_ms, areMinutes} of the samples in a response: whether some are the lowest and highest values of minutes, and the usual
 * maximum distance between two samples.
 */
function stepOf({ resolution, interval_ms }) {
  const areMinutes = resolution === MINUTES;
  return { areMinutes, interval_ms: areMinutes ? Math.max(MINUTE_MS, interval_ms) : interval_ms };
}

const isInteger = (columns) => Math.abs(columns - Math.round(columns)) < 1e-6;

/** The query for the rest of a range after a response with only its newest part; null if the response covers the range. */
function remaining(query, { complete_from_ms }) {
  if (!(complete_from_ms > Math.ceil(query.from_ms))) return null;
  const share = (complete_from_ms - query.from_ms) / (query.to_ms - query.from_ms);
  return { ...query, within_ms: api.REST_MS, to_ms: complete_from_ms, points: Math.max(MIN_POINTS, Math.round(query.points * share)) };
}
