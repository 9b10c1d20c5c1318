#!/usr/bin/env bash
# Preact turns attributes whose value is the text "false" or "no" into the opposite.
#
# Software: preact 10.27.2 and 11.2.0, in the Chromium of this machine, driven by Playwright 1.64.1.
# Expected: h("input", {spellcheck: "false", draggable: "false", translate: "no"}) makes the element that the HTML
# <input spellcheck="false" draggable="false" translate="no"> makes: no spell checking, no dragging, no translation.
# Seen: spellcheck="true" draggable="true" translate="yes". Preact assigns the texts to the properties of these names, which are
# booleans, and a text that is not empty is true. A property that is an enumeration, such as contentEditable, keeps "false".
set -euo pipefail
command -v npm >/dev/null || exit 77
command -v python3 >/dev/null || exit 77
command -v chromium >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install playwright==1.64.1 || exit 77
for version in 10.27.2 11.2.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "preact@$version" >/dev/null || exit 77
done
environment/bin/python - <<'EOF_PYTHON'
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("spellcheck", "draggable", "translate", "contenteditable")
MARKUP = '<input spellcheck="false" draggable="false" translate="no" contenteditable="false">'
RENDER = """async (source) => {
    const { h, render } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    render(h("input", { spellcheck: "false", draggable: "false", translate: "no", contenteditable: "false" }), document.body);
}"""
VALUES = f"() => Object.fromEntries({list(NAMES)}.map((name) => [name, document.querySelector('input').getAttribute(name)]))"
SEEN = {"spellcheck": "true", "draggable": "true", "translate": "yes", "contenteditable": "false"}

changed = False
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--headless"])
    page = browser.new_page()
    page.set_content(MARKUP)
    print("expected:      ", page.evaluate(VALUES))
    for version in ("10.27.2", "11.2.0"):
        page.set_content("<body></body>")
        page.evaluate(RENDER, Path(f"{version}/node_modules/preact/dist/preact.mjs").read_text())
        values = page.evaluate(VALUES)
        print(f"preact {version}:", values)
        changed = changed or values != SEEN
    browser.close()
sys.exit(changed)
EOF_PYTHON
