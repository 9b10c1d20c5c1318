// The choice of the light or dark theme: that of a person, else that of the system.

import { signal } from "../vendor/signals.js";
import { recall, remember } from "../browser/storage.js";
import { applyTheme, isDark, onSystemThemeChange, systemTheme } from "../browser/theme-colours.js";

const STORED_THEME = "fgm.theme";

/** Incremented whenever colours change, so that canvases are drawn again. */
export const themeVersion = signal(0);

function setTheme(choice) {
  applyTheme(choice);
  themeVersion.value += 1;
}

/** Apply the theme that was chosen in an earlier visit. If none was chosen, follow the system from now on. */
export function startTheme() {
  setTheme(recall("localStorage", STORED_THEME, null));
  onSystemThemeChange(() => (themeVersion.value += 1));
}

/** Switch to the other theme. A choice that equals the system's theme is not stored: the page then follows the system again. */
export function toggleTheme() {
  const wanted = isDark() ? "light" : "dark";
  const choice = wanted === systemTheme() ? null : wanted;
  remember("localStorage", STORED_THEME, choice);
  setTheme(choice);
}
