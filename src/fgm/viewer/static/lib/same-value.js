// Compares plain values, so that a result that is computed again but has not changed is not drawn again.

/** Whether two values are equal. They may be numbers, strings, and arrays and plain objects of them. */
export function sameValue(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameValue(a[key], b[key]));
}

/** Return a function of a value that returns the same object again, as long as `essence(value)` is equal. */
export function keepWhileSame(essence = (value) => value) {
  let kept, keptEssence;
  return (value) => {
    const next = essence(value);
    if (kept === undefined || !sameValue(next, keptEssence)) [kept, keptEssence] = [value, next];
    return kept;
  };
}

/** Return `compute` as a function that computes again only if one of its first `count` arguments is not that of the last call. */
export function whileSameAs(count, compute) {
  let last = null, result;
  return (...values) => {
    const decisive = values.slice(0, count);
    if (last === null || !decisive.every((value, i) => Object.is(value, last[i]))) [result, last] = [compute(...values), decisive];
    return result;
  };
}
