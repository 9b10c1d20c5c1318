// Values that the browser stores: for this tab ("sessionStorage") or for later visits ("localStorage").
// A browser may forbid both, even to name them, as in a frame without an origin: the page works without them.

/** The value that is stored under a name, or `fallback` if there is none. */
export function recall(storage, name, fallback) {
  try {
    return JSON.parse(globalThis[storage].getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Store a value under a name, as JSON. */
export function remember(storage, name, value) {
  try {
    globalThis[storage].setItem(name, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden.
  }
}

/** Remove what is stored under a name. */
export function forget(storage, name) {
  try {
    globalThis[storage].removeItem(name);
  } catch {
    // Storage is forbidden.
  }
}
