// The theme of the document, and the colours that it defines as CSS tokens.

const system = matchMedia("(prefers-color-scheme: dark)");
let tokens = new Map();

/** Show "light", "dark", or with null whatever the system says. */
export function applyTheme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  tokens = new Map();
}

/** "light" or "dark". */
export const systemTheme = () => (system.matches ? "dark" : "light");

/** Whether the page is dark now. */
export const isDark = () => (document.documentElement.dataset.theme ?? systemTheme()) === "dark";

/** Call `listener` whenever the system changes between light and dark. */
export function onSystemThemeChange(listener) {
  system.addEventListener("change", () => {
    tokens = new Map();
    listener();
  });
}

/** The present value of a CSS token such as "ink". */
export function cssToken(name) {
  if (!tokens.has(name)) tokens.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return tokens.get(name);
}
