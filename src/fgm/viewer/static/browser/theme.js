// Theme, line colours and strokes. A workload keeps its colour over selections, restarts and reloads of this tab.

import { signal, effect } from "../vendor/signals.js";
import { recall, remember } from "./storage.js";

const COLOURS = 6;
const DASHES = [undefined, [6, 3], [2, 2], [8, 3, 2, 3]];
const system = matchMedia("(prefers-color-scheme: dark)");

/** "light", "dark" or null: as the system says. */
const choice = signal(recall(localStorage, "fgm.theme", null));

/** Counts up when colours change, so that canvases know to draw again. */
export const themeTurn = signal(0);
let tokens = new Map();

effect(() => {
  if (choice.value) document.documentElement.dataset.theme = choice.value;
  else delete document.documentElement.dataset.theme;
  forget();
});
system.addEventListener("change", forget);

function forget() {
  tokens = new Map();
  themeTurn.value = themeTurn.peek() + 1;
}

export function isDark() {
  return choice.value ? choice.value === "dark" : system.matches;
}

export function toggleTheme() {
  const wanted = isDark() ? "light" : "dark";
  choice.value = wanted === (system.matches ? "dark" : "light") ? null : wanted;
  remember(localStorage, "fgm.theme", choice.value);
}

/** The present value of a CSS token such as "ink". */
export function token(name) {
  if (!tokens.has(name)) tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return tokens.get(name);
}

const slots = new Map(recall(sessionStorage, "fgm.slots", []));

/** Let a workload have a slot from now on; a link said so. */
export function preferSlot(key, slot) {
  slots.set(key, slot);
}

/** Map of workload key to slot: the one it had if that is free, else the first free one. */
export function assignSlots(keys) {
  const given = new Map();
  const taken = new Set();
  for (const key of keys) {
    const had = slots.get(key);
    if (had === undefined || taken.has(had)) continue;
    given.set(key, had);
    taken.add(had);
  }
  for (const key of keys) {
    if (given.has(key)) continue;
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    given.set(key, slot);
    taken.add(slot);
    slots.delete(key);
    slots.set(key, slot);
  }
  remember(sessionStorage, "fgm.slots", [...slots].slice(-200));
  return given;
}

/** How slot n is drawn: {css, colour, dash, width}. Slot null is the whole node. */
export function styleOf(slot) {
  if (slot === null) return { css: "var(--fnt)", colour: token("fnt"), dash: [5, 2], width: 1 };
  const name = `c${(slot % COLOURS) + 1}`;
  const dash = DASHES[Math.floor(slot / COLOURS) % DASHES.length];
  return { css: `var(--${name})`, colour: token(name), dash, width: slot === 0 ? 1.5 : isDark() ? 1.25 : 1 };
}

/** A straight line on whole device pixels. */
export function hairline(ctx, x0, y0, x1, y1, colour, width = 1) {
  const snap = (v) => Math.round(v - width / 2) + width / 2;
  const upright = x0 === x1, level = y0 === y1;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(upright ? snap(x0) : x0, level ? snap(y0) : y0);
  ctx.lineTo(upright ? snap(x1) : x1, level ? snap(y1) : y1);
  ctx.stroke();
}

/** Diagonals over a rectangle: "not measured", or in amber "held back". */
export function hatch(ctx, x, y, width, height, colour, ratio = 1, stroke = { width: 1, alpha: 0.6 }) {
  const apart = 4 * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = stroke.width * ratio;
  ctx.globalAlpha = stroke.alpha;
  ctx.beginPath();
  for (let d = -height - ((x + height) % apart); d < width + apart; d += apart) {
    ctx.moveTo(x + d, y + height);
    ctx.lineTo(x + d + height, y);
  }
  ctx.stroke();
  ctx.restore();
}
