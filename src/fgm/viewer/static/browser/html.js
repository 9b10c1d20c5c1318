// Preact with markup in template literals, so that the page needs no build step, and without the memory of what it drew before.

import htm from "../vendor/htm.js";
import { h, options } from "../vendor/preact.js";
import "../vendor/preact-hooks.js"; // sets its own options first
import "../vendor/signals.js";

export { Component, render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";

const NOT_STATIC = 3;

/**
 * An element of Preact. htm would keep each element without dynamic parts for as long as the page is open. Such an element has a
 * reference to its parent, and so to the whole page as it was when the element was first drawn. It is told here not to do that.
 */
function element(...parts) {
  this[0] = NOT_STATIC;
  return h(...parts);
}

/** Template tag that returns Preact elements. */
export const html = htm.bind(element);

// If a component draws itself again, Preact puts a new element in the place of the old one. But the properties of the element
// around it still contain the first one, whose children (__k) have references to later parents, and so on: all that was drawn since
// would be kept. The children of replaced elements are let go of here, after Preact has finished with them.
const current = new WeakMap(); // component → its element
let replaced = [];

function letGo(old) {
  if (replaced.length === 0) {
    queueMicrotask(() => {
      for (const each of replaced) each.__k = null;
      replaced = [];
    });
  }
  replaced.push(old);
}

const { diffed, unmount } = options;
options.diffed = (drawn) => {
  const component = drawn.__c;
  if (component) {
    const old = current.get(component);
    if (old && old !== drawn) letGo(old);
    current.set(component, drawn);
  }
  diffed?.(drawn);
};
options.unmount = (removed) => {
  unmount?.(removed);
  letGo(removed);
};
