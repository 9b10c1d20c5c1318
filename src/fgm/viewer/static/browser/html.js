// Preact with markup in template literals, so that the page needs no build step.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { Component, render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";

const NOT_STATIC = 3;

/**
 * An element of Preact. htm would keep each element without dynamic parts for as long as the page is open. Such an element has a
 * reference to its parent, and so to the whole page as it was when the element was first drawn, which htm is told here not to do.
 */
function element(...parts) {
  this[0] = NOT_STATIC;
  return h(...parts);
}

/** Template tag that returns Preact elements. */
export const html = htm.bind(element);
