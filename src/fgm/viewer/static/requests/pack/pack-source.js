// A pack in memory as a source: it answers requests in the form in which the viewer does.

import { UnusablePack } from "../../lib/pack/unusable-pack.js";
import { Problem } from "../source.js";
import { LABELLED_ANSWERS } from "./labelled-answers.js";
import { LISTING_ANSWERS } from "./listing-answers.js";
import { PackSamples } from "./pack-samples.js";
import { PROCESS_ANSWERS } from "./process-answers.js";
import { SAMPLE_ANSWERS } from "./sample-answers.js";
import { checkedAnswers } from "./stored-answers.js";

const GONE = 410, DAMAGED = 422;
const ANSWERS = new Map(Object.entries({ ...LABELLED_ANSWERS, ...LISTING_ANSWERS, ...PROCESS_ANSWERS, ...SAMPLE_ANSWERS }));
const NOT_SAVED = new Map([
  ["api/studies", "Studies are not in a saved file: only a viewer computes them."],
  ["api/changes", "The time before is not in this file: only a viewer can compare with it."],
]);

/** A pack as a source. `onDamage` is called with a sentence for each part that cannot be read. */
export class PackSource {
  #answers = null; // promise of the stored answers

  constructor(file, onDamage) {
    this.file = file;
    this.samples = new PackSamples(file, onDamage);
  }

  get manifest() {
    return this.file.manifest;
  }

  /** The answer to a request. Throws Problem. */
  async get(path, query, { signal } = {}) {
    const answer = ANSWERS.get(path);
    if (!answer) throw new Problem(GONE, { detail: NOT_SAVED.get(path) ?? "This is not in a saved file." });
    try {
      const body = await answer(this, query);
      signal?.throwIfAborted();
      return body;
    } catch (error) {
      throw error instanceof UnusablePack ? new Problem(DAMAGED, { detail: error.message }) : error;
    }
  }

  /** Nothing in a pack arrives line by line. Throws Problem. */
  async *lines(path) {
    throw new Problem(GONE, { detail: NOT_SAVED.get(path) });
  }

  /** The stored answer of a path, or undefined. Throws UnusablePack. */
  async stored(path) {
    this.#answers ??= this.file.json("answers").then(checkedAnswers);
    return (await this.#answers).get(path);
  }

  /** Map(id → series). Throws UnusablePack. */
  async series() {
    return new Map((await this.stored("/api/containers")).containers.map((series) => [series.id, series]));
  }
}
