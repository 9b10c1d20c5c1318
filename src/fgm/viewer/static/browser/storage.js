// Values that this browser keeps: for the tab (sessionStorage) or for later visits (localStorage).

/** The stored value of a name, or `fallback` if there is none. */
export function recall(storage, name, fallback) {
  try {
    return JSON.parse(storage.getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Store a value under a name. */
export function remember(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the page works without it.
  }
}
