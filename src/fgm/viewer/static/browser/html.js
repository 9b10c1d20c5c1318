// Preact with markup in template literals, so that the page needs no build step.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
/** Template tag that returns Preact elements. */
export const html = htm.bind(h);
