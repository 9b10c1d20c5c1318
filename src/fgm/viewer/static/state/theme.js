// Light or dark, as the system says or as a person chose.

import { signal } from "../vendor/signals.js";
import { recall, remember } from "../browser/storage.js";
import { applyTheme, isDark, onSystemThemeChange, systemTheme } from "../browser/theme-colours.js";

const STORED_THEME = "fgm.theme";

/** Increases whenever colours change, so that canvases are drawn again. */
export const themeVersion = signal(0);

function setTheme(choice) {
  applyTheme(choice);
  themeVersion.value += 1;
}

/** Apply the theme chosen in an earlier visit, and follow the system from now on. */
export function startTheme() {
  setTheme(recall(localStorage, STORED_THEME, null));
  onSystemThemeChange(() => (themeVersion.value += 1));
}

/** Change to the other theme; a choice that equals the system's is not stored, so that the page follows the system again. */
export function toggleTheme() {
  const wanted = isDark() ? "light" : "dark";
  const choice = wanted === systemTheme() ? null : wanted;
  remember(localStorage, STORED_THEME, choice);
  setTheme(choice);
}
