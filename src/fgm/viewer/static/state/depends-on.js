// Effects that draw in a later frame read their signals too late to be subscribed to them.

/** Run the surrounding effect or component again whenever one of these signals changes. */
export function dependsOn(...signals) {
  for (const signal of signals) signal.value;
}
