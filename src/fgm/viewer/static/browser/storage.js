// What this browser remembers of a person: a theme, colours, whether single keys are on.

/** The value under a name, or `fallback`. */
export function recall(storage, name, fallback) {
  try {
    return JSON.parse(storage.getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Keep a value under a name. */
export function remember(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the page works without a memory.
  }
}
