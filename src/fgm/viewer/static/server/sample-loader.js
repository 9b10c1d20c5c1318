// What is loaded of some metrics of some series: whole views when they change, only the new tail while live, in parts where
// the range is long. A view that is superseded is aborted.

import { batch } from "../vendor/signals.js";
import * as api from "./api.js";
import { cutLine, extremesOf, lineOf, mergeLine, trimLine } from "../lib/lines.js";

const OVERLAP_MS = 5000; // rows may land late; the tail asks for the last seconds again
const LEAST_POINTS = 10; // that the server takes
const TRIM_VIEWS = 2;

/**
 * Fills the signal `answer` with {lines: Map(metric → lines), interval_ms, column_ms, origin_ms}.
 *
 * What is wanted: {from_ms, to_ms, end_ms, points, column_ms, ids: Set, metrics, raw, live}, where end_ms is the end of what
 * an answer can hold by now, column_ms the width of a pixel column where the server is to reduce, else 0.
 */
export class Sheet {
  #loaded = null; // what `answer` holds: {from_ms, to_ms, ids, metrics, raw, column_ms, isWhole}
  #superseded = new AbortController();
  #pending = ""; // what the running question is about
  #refused = ""; // and what one was about that will never be answered
  #tailing = false;

  constructor({ answer, loading, refusal }) {
    Object.assign(this, { answer, loading, refusal });
  }

  /** Ask for whatever `wanted` lacks. Throws Unreachable. */
  async load(wanted) {
    const more = this.#goesOn(wanted);
    if (more) this.#keepOnly(wanted);
    const questions = more ? this.#missing(wanted) : [{ metrics: wanted.metrics, ids: [...wanted.ids] }];
    const asks = questions.length > 0 && wanted.metrics.length > 0 && wanted.ids.size > 0;
    const about = asks ? JSON.stringify([wanted.live ?? [wanted.from_ms, wanted.to_ms], wanted.points, questions, more]) : "";
    if (about !== "" && (about === this.#refused || (this.loading.peek() && about === this.#pending))) return;
    this.#superseded.abort();
    this.#superseded = new AbortController();
    this.#pending = about;
    this.#refused = "";
    this.loading.value = asks;
    if (!asks) {
      this.refusal.value = null;
      return;
    }
    const { signal } = this.#superseded;
    try {
      await this.#ask(wanted, questions, more, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof api.Problem)) throw error;
      this.refusal.value = error.message;
      if (error.isFinal) this.#refused = about;
    } finally {
      if (!signal.aborted) this.loading.value = false;
    }
  }

  /** While live: what came since the last answer, or the whole view where that does not meet what is loaded. */
  async tail(wanted) {
    if (this.#tailing || this.loading.peek()) return;
    if (!this.#goesOn(wanted) || this.#missing(wanted).length > 0) return this.load(wanted);
    const before = this.#loaded;
    const { metrics, ids, to_ms, column_ms } = before;
    const columns = this.answer.peek().column_ms > 0 ? this.#newColumns(wanted) : null;
    if (columns?.points === 0) return;
    const range = columns ?? { from_ms: to_ms - OVERLAP_MS, to_ms: wanted.to_ms };
    this.#tailing = true;
    try {
      const answer = await api.timeseries({ metrics, ids, ...range });
      if (this.#loaded !== before) return; // another view came meanwhile; its own tail follows
      if (columns) {
        for (const series of answer.series) Object.assign(series, extremesOf(series, column_ms, this.answer.peek().origin_ms));
        for (const of of this.answer.peek().lines.values()) of.forEach((line) => cutLine(line, columns.from_ms));
      }
      batch(() => this.#add(answer, { to_ms: Math.max(to_ms, wanted.end_ms) }));
      if (this.#loaded.to_ms - this.#loaded.from_ms > TRIM_VIEWS * (wanted.to_ms - wanted.from_ms)) this.#forgetBefore(wanted.from_ms);
    } finally {
      this.#tailing = false;
    }
  }

  /** Whether what is loaded can be gone on with, so that only what is missing of it needs to be asked for. */
  #goesOn(wanted) {
    const loaded = this.#loaded;
    if (!loaded?.isWhole || loaded.raw !== wanted.raw) return false;
    if (!wanted.raw && (loaded.column_ms !== wanted.column_ms || !isInteger((wanted.from_ms - loaded.from_ms) / wanted.column_ms))) return false;
    // While live the tail brings the rest.
    return loaded.from_ms <= wanted.from_ms && loaded.to_ms >= (wanted.live ? wanted.from_ms : wanted.end_ms);
  }

  /** The columns that are new, or were not full yet: {from_ms, to_ms, points}, no points where none is. */
  #newColumns({ end_ms, column_ms }) {
    const { from_ms: origin_ms, to_ms } = this.#loaded;
    const until = Math.floor((end_ms - origin_ms) / column_ms);
    const since = Math.floor((to_ms - origin_ms) / column_ms);
    const points = until > since ? Math.max(LEAST_POINTS, until - since) : 0;
    return { from_ms: origin_ms + (until - points) * column_ms, to_ms: origin_ms + until * column_ms, points };
  }

  /** The questions for what a sheet that can be gone on with lacks: new metrics of all its series, all metrics of new ones. */
  #missing({ metrics, ids }) {
    const loaded = this.#loaded;
    const added = metrics.filter((name) => !loaded.metrics.includes(name));
    const strange = [...ids].filter((id) => !loaded.ids.has(id));
    return [{ metrics: added, ids: [...loaded.ids] }, { metrics, ids: strange }].filter((one) => one.metrics.length > 0 && one.ids.length > 0);
  }

  async #ask(wanted, questions, more, signal) {
    const inParts = !more && this.#shownShare(wanted) < 0.5; // else what is shown stays until its better is whole
    const parts = [];
    let isNew = !more;
    for (const [i, question] of questions.entries()) {
      for (let rest = { ...wanted, ...question, within_ms: wanted.raw ? undefined : api.PART_MS }; rest;) {
        const answer = await api.timeseries(rest, { signal });
        if (signal.aborted) return;
        parts.push(answer);
        rest = remaining(rest, answer);
        const last = !rest && i === questions.length - 1;
        if (!last && !inParts) continue;
        batch(() => {
          for (const part of parts.splice(0)) {
            if (isNew) this.#replace(part, wanted);
            else this.#add(part, {});
            isNew = false;
          }
          if (last) {
            const { ids, metrics } = wanted;
            this.#loaded = { ...this.#loaded, ...(more && this.#common(wanted)), ids: new Set(ids), metrics, isWhole: true };
          }
          this.refusal.value = null;
        });
      }
    }
  }

  /** How much of a wanted range is shown already, however coarsely. */
  #shownShare({ from_ms, to_ms, metrics }) {
    if (!this.#loaded || !metrics.every((name) => this.#loaded.metrics.includes(name))) return 0;
    return Math.max(0, Math.min(to_ms, this.#loaded.to_ms) - Math.max(from_ms, this.#loaded.from_ms)) / (to_ms - from_ms);
  }

  /** The range that all lines cover after some were added. */
  #common({ from_ms, end_ms }) {
    return { from_ms: Math.max(this.#loaded.from_ms, from_ms), to_ms: Math.min(this.#loaded.to_ms, end_ms) };
  }

  #replace(answer, { from_ms, end_ms, ids, metrics, raw, column_ms }) {
    const lines = new Map(metrics.map((name) => [name, []]));
    for (const series of answer.series) lines.get(series.metric)?.push(lineOf(series));
    this.#loaded = { from_ms, to_ms: end_ms, ids, metrics, raw, column_ms, isWhole: false };
    // A long range with little data in it comes whole, though columns were asked for.
    const reduced = answer.resolution !== "raw";
    this.answer.value = { lines, interval_ms: answer.interval_ms, column_ms: reduced ? column_ms : 0, origin_ms: from_ms };
  }

  #add(answer, changes) {
    const { lines } = this.answer.peek();
    for (const series of answer.series) {
      const of = lines.get(series.metric) ?? [];
      const line = of.find((old) => old.id === series.id && old.life === series.life);
      if (line) mergeLine(line, lineOf(series));
      else lines.set(series.metric, [...of, lineOf(series)]);
    }
    this.#loaded = { ...this.#loaded, ...changes };
    this.answer.value = { ...this.answer.peek() };
  }

  #keepOnly({ ids, metrics }) {
    const loaded = this.#loaded;
    const { lines } = this.answer.peek();
    for (const name of loaded.metrics) if (!metrics.includes(name)) lines.delete(name);
    if ([...loaded.ids].some((id) => !ids.has(id))) {
      for (const [name, of] of lines) lines.set(name, of.filter((line) => ids.has(line.id)));
    }
    loaded.metrics = loaded.metrics.filter((name) => metrics.includes(name));
    loaded.ids = new Set([...loaded.ids].filter((id) => ids.has(id)));
  }

  #forgetBefore(from_ms) {
    for (const of of this.answer.peek().lines.values()) of.forEach((line) => trimLine(line, from_ms));
    this.#loaded = { ...this.#loaded, from_ms };
  }
}

const isInteger = (columns) => Math.abs(columns - Math.round(columns)) < 1e-6;

/** What is left to ask after an answer that holds only the newest part of its range; null when nothing is. */
function remaining(asked, { complete_from_ms }) {
  if (!(complete_from_ms > Math.ceil(asked.from_ms))) return null;
  const share = (complete_from_ms - asked.from_ms) / (asked.to_ms - asked.from_ms);
  return { ...asked, to_ms: complete_from_ms, points: Math.max(LEAST_POINTS, Math.round(asked.points * share)) };
}
