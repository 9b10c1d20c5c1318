// Subscribes an effect to its signals. An effect that draws in a later frame needs this: reading a signal there is too late.

/** Run the surrounding effect or component again whenever one of these signals changes. */
export function dependsOn(...signals) {
  for (const signal of signals) signal.value;
}
