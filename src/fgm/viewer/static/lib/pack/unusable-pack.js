// The error of a file that cannot be opened as a pack, and the limits that a pack is within.

/** Error: a file is no pack, or a damaged one, or one of a newer version. The message is a sentence for the reader. */
export class UnusablePack extends Error {}

/** Maximum size of a file, and of a part after decompression, in bytes. */
export const MAX_BYTES = 64 * 2 ** 20;
/** Maximum size of all parts together that the page reads, in bytes. */
export const MAX_TOTAL_BYTES = 4 * MAX_BYTES;
/** Maximum number of parts. */
export const MAX_PARTS = 2000;
