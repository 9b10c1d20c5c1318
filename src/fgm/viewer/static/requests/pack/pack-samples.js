// The samples of a pack, decoded when they are needed.

import { decodePassed, decodeSamples } from "../../lib/pack/sample-part.js";
import { UnusablePack } from "../../lib/pack/unusable-pack.js";

const MAX_KEPT = 24; // metrics whose samples stay in memory

/** The samples of the metrics of a pack. `onDamage` is called with a sentence for each metric that cannot be read. */
export class PackSamples {
  #file;
  #onDamage;
  #passed = null; // promise of decodePassed
  #kept = new Map(); // metric → promise of its lines, the one that was used last at the end

  constructor(file, onDamage) {
    this.#file = file;
    this.#onDamage = onDamage;
  }

  /** Names of the metrics that have samples. */
  get metrics() {
    return this.#file.manifest.metrics.filter((metric) => this.#file.has(`samples/${metric}`));
  }

  /** The lines of a metric: [{id, metric, unit, life, t, v}]; none if the pack does not have it, or if it is damaged. */
  async lines(metric) {
    if (!this.#file.has(`samples/${metric}`)) return [];
    const lines = this.#kept.get(metric) ?? this.#decoded(metric);
    this.#kept.delete(metric);
    this.#kept.set(metric, lines);
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return lines;
  }

  async #decoded(metric) {
    try {
      this.#passed ??= this.#decodePassed();
      const content = await this.#file.part(`samples/${metric}`), passed = await this.#passed;
      return decodeSamples(content, passed).map((line) => ({ ...line, metric }));
    } catch (error) {
      if (!(error instanceof UnusablePack)) throw error;
      const isWhole = error.message.startsWith("This file");
      this.#onDamage(isWhole ? error.message : `This file is damaged: its part samples/${metric} cannot be read, because ${error.message}.`);
      return [];
    }
  }

  async #decodePassed() {
    return this.#file.has("passed") ? decodePassed(await this.#file.part("passed")) : new Map();
  }
}
