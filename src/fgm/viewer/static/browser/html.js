// Markup in template literals, bound to the one copy of Preact.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
/** A tag for template literals that returns Preact elements. */
export const html = htm.bind(h);
