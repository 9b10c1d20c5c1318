// A pack in memory: its manifest, and its parts, which are decompressed when they are needed.

import { checksum } from "../../lib/pack/crc32.js";
import { parseManifest } from "../../lib/pack/manifest.js";
import { readPackText } from "../../lib/pack/pack-text.js";
import { unpacked } from "../../lib/pack/unpacking.js";
import { MAX_BYTES, MAX_TOTAL_BYTES, UnusablePack } from "../../lib/pack/unusable-pack.js";

/** The manifest and the parts of a pack. */
export class PackFile {
  #texts; // Map(name → base64)

  /** `manifest`: its text; `comment`: what follows it; `texts`: Map(name → base64). Throws UnusablePack. */
  constructor(manifest, comment, texts) {
    this.manifest = parseManifest(manifest); // before the checksum: it may be of a newer version
    if (comment !== checksum(manifest)) throw new UnusablePack("This file is damaged: its manifest does not match its checksum.");
    this.#texts = texts;
    const { parts } = this.manifest;
    if ([...parts.values()].reduce((sum, bytes) => sum + bytes, 0) > MAX_TOTAL_BYTES) throw new UnusablePack("This file is damaged: its parts are too large together.");
  }

  /** Whether the pack has a part. */
  has(name) {
    return this.manifest.parts.has(name) && this.#texts.has(name);
  }

  /** The content of a part. Throws UnusablePack. */
  async part(name) {
    try {
      if (!this.has(name)) throw new UnusablePack("it is missing");
      return await unpacked(this.#texts.get(name), this.manifest.parts.get(name));
    } catch (error) {
      if (!(error instanceof UnusablePack)) throw error;
      throw new UnusablePack(`This file is damaged: its part ${name} cannot be read, because ${error.message}.`);
    }
  }

  /** The JSON object in a part. Throws UnusablePack. */
  async json(name) {
    try {
      return JSON.parse(new TextDecoder().decode(await this.part(name)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new UnusablePack(`This file is damaged: its part ${name} is not JSON.`);
    }
  }
}

/** The pack that this page is inside of; null if it is not. Throws UnusablePack. */
export function packOfThisFile() {
  const parts = document.querySelectorAll("script.fgm-part");
  if (parts.length === 0) return null;
  const manifest = document.getElementById("fgm-pack");
  const next = manifest?.nextSibling;
  const comment = next?.nodeType === Node.COMMENT_NODE ? next.data : null;
  return new PackFile(manifest?.textContent ?? "", comment, new Map([...parts].map((part) => [part.dataset.name, part.textContent])));
}

/** The pack in a file that a person has chosen. Throws UnusablePack. */
export async function packOfFile(file) {
  if (file.size > MAX_BYTES) throw new UnusablePack(`This file is larger than a pack can be (${MAX_BYTES / 2 ** 20} MiB).`);
  const text = await file.text().catch(() => {
    throw new UnusablePack("The browser cannot read this file. It may be a folder, or gone.");
  });
  const { manifest, comment, parts } = readPackText(text);
  return new PackFile(manifest, comment, parts);
}
