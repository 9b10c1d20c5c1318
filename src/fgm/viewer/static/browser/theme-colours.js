// The light or dark theme of the document, and its colours, which are CSS tokens.

const system = matchMedia("(prefers-color-scheme: dark)");
let tokens = new Map();

/** Set the theme of the document: "light", "dark", or null for the theme of the system. */
export function applyTheme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  tokens = new Map();
}

/** The theme of the system: "light" or "dark". */
export const systemTheme = () => (system.matches ? "dark" : "light");

/** Whether the document has the dark theme now. */
export const isDark = () => (document.documentElement.dataset.theme ?? systemTheme()) === "dark";

/** Call `listener` whenever the system changes between light and dark. */
export function onSystemThemeChange(listener) {
  system.addEventListener("change", () => {
    tokens = new Map();
    listener();
  });
}

/** The current value of a CSS token, such as "ink". */
export function cssToken(name) {
  if (!tokens.has(name)) tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return tokens.get(name);
}
