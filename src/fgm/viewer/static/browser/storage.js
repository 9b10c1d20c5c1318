// Values that the browser stores: for this tab (sessionStorage) or for later visits (localStorage).

/** The value that is stored under a name, or `fallback` if there is none. */
export function recall(storage, name, fallback) {
  try {
    return JSON.parse(storage.getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Store a value under a name, as JSON. */
export function remember(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the page works without it.
  }
}
