// Equality of plain values, so that what is computed again and comes out the same is not drawn again.

/** Whether two values are equal: numbers and texts, and arrays and plain objects of them. */
export function sameValue(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameValue(a[key], b[key]));
}

/** A function that returns its last result again while `essence(value)` stays equal, else the value that it was given. */
export function keepWhileSame(essence = (value) => value) {
  let kept, keptEssence;
  return (value) => {
    const next = essence(value);
    if (kept === undefined || !sameValue(next, keptEssence)) [kept, keptEssence] = [value, next];
    return kept;
  };
}
