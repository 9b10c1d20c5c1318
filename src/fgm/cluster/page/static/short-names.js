// Names of nodes without what all of them share, because clouds give long ones that differ in a few characters.

const MAX_LENGTH = 16; // of a name that keeps its beginning

/** name → a shorter name that tells it apart: without the domain that all share, and, if still long, without the words that all begin with. */
export function shortNames(names) {
  const [first = "", ...others] = names, isShared = others.length > 0;
  const domain = first.includes(".") ? first.slice(first.indexOf(".")) : "";
  const end = isShared && domain && others.every((name) => name.endsWith(domain)) ? domain.length : 0;
  const stems = names.map((name) => name.slice(0, name.length - end));
  let begin = isShared ? stems[0].length : 0;
  while (begin > 0 && !(stems[0][begin - 1] === "-" && stems.every((stem) => stem.length > begin && stem.startsWith(stems[0].slice(0, begin))))) begin -= 1;
  const isLong = stems.some((stem) => stem.length > MAX_LENGTH);
  return new Map(names.map((name, i) => [name, isLong && begin > 0 ? `…${stems[i].slice(begin)}` : stems[i]]));
}
