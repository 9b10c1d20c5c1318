// Files that the browser saves.

const KEPT_MS = 60_000; // the browser may ask a person for the folder first

/** Let the browser save a blob as a file. */
export function handOver(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
