// The part of the dialog in which a person chooses names that are left out of the file, and sees what they become.

import { html, useState } from "../../browser/html.js";
import { isPreviewed } from "../../requests/incident/export.js";
import { choose, preview, saving } from "../../state/incident/saving.js";

const ALL = "all";
const KINDS = [
  ["namespaces", "Namespaces"], ["pods", "Pods"], ["containers", "Containers"], ["images", "Images"], ["labels", "Labels"],
  ["node", "Node and cluster"], ["paths", "Services and paths"], ["processes", "Processes"], ["devices", "Disks and devices"],
];
const isKind = (rule) => rule === ALL || KINDS.some(([kind]) => kind === rule);

const SHORT_ID = 12; // letters, as elsewhere on the page

/** A name as it is shown: of an id, the first letters. */
const short = (name) => (/^[0-9a-f]{64}$/.test(name) ? name.slice(0, SHORT_ID) : name);

/** What the names become: from, to. */
function Names() {
  const { answer } = preview.value ?? {};
  const { rules, format } = saving.value;
  if (rules.length === 0) return null;
  if (!isPreviewed() || !answer) return html`<p class="mut">What the names become is shown here.</p>`;
  const { redacted = [] } = answer;
  if (redacted.length === 0) return html`<p>No name matches: nothing is left out.</p>`;
  return html`<div class="names" tabindex="0" role="group" aria-label="What the names become"><table>
    <thead><tr><th scope="col">kind</th><th scope="col">name</th><th scope="col">in the file</th></tr></thead>
    <tbody>${redacted.map(({ kind, from, to }) => html`<tr key=${`${kind} ${from}`}><td>${kind}</td><td class="text" title=${from}>${short(from)}</td><td class="text" title=${to}>${short(to)}</td></tr>`)}</tbody>
  </table></div><p class="mut">At most 50 names are shown, some of each kind. Values, times and order stay.${format === "html" && " Colours stay, too. Read your notes again: what they say in other words stays."}</p>`;
}

/** The choices, and a preview. */
export function LeftOut() {
  const { rules } = saving.value;
  const [typed, setTyped] = useState(rules.filter((rule) => !isKind(rule)).join(", "));
  const hasAll = rules.includes(ALL);
  const setKind = (kind, isOn) => choose({ rules: isOn ? [...rules, kind] : rules.filter((rule) => rule !== kind) });
  const onInput = (event) => {
    setTyped(event.target.value);
    choose({ rules: [...rules.filter(isKind), ...event.target.value.split(/[\s,]+/).filter(Boolean)] });
  };
  return html`<details class="left-out" open=${rules.length > 0}><summary>Leave out names${rules.length > 0 ? `: ${rules.join(", ")}` : ""}</summary>
    <fieldset class="kinds"><legend class="unseen">Names to leave out</legend>
      <label class="choice"><input type="checkbox" checked=${hasAll} onChange=${(event) => setKind(ALL, event.target.checked)} /><span>All names</span></label>
      ${KINDS.map(([kind, text]) => html`<label class="choice" key=${kind}><input type="checkbox" checked=${hasAll || rules.includes(kind)} disabled=${hasAll}
        onChange=${(event) => setKind(kind, event.target.checked)} /><span>${text}</span></label>`)}</fieldset>
    <label for="save-rules">Everything about one namespace, pod or container, or a label</label>
    <input id="save-rules" type="text" value=${typed} placeholder="namespace=payments, pod=cart-0, label:team" autocomplete="off" spellcheck=${false} onInput=${onInput} />
    <${Names} /></details>`;
}
