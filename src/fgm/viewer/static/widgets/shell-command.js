// Shell commands that can be copied.

import { html, useState } from "../browser/html.js";

const COPIED_MS = 2000;

/** An argument for a shell, in quotes if necessary. */
export const shellQuoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A command with a button that copies it. */
export function ShellCommand({ text }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  // Browsers have no clipboard for pages over plain HTTP from another machine.
  const button = navigator.clipboard && html`<button onClick=${copy}>${isCopied ? "Copied" : "Copy"}</button>`;
  return html`<span class="command"><code>${text}</code>${button}</span>`;
}
