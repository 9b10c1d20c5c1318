#!/usr/bin/env bash
# Playwright that drives Firefox over WebDriver BiDi cannot open a page in the current Firefox ESR from one release on.
#
# Software: Playwright 1.64.1 and 1.65.2 (channel moz-firefox), Firefox 153.8.0 ESR (Debian 12).
# Expected: WebDriver BiDi is a standard: a browser that has most of it can be driven, and what it lacks fails when it is used.
# Seen: with 1.64.1 a page opens, and an emulated dark colour scheme is ignored without an error. With 1.65.2 no page opens, not
# even without an emulated colour scheme: `emulation.setMediaFeaturesOverride` is sent for each new page, and is unknown.
set -euo pipefail
command -v python3 >/dev/null || exit 77
command -v apt-get >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download firefox-esr=153.8.0esr-1~deb12u1 >/dev/null 2>&1 || exit 77
dpkg -x firefox-esr_*.deb firefox
cat >open.py <<'EOF'
import os

from playwright.sync_api import Error, sync_playwright

with sync_playwright() as playwright:
    browser = playwright.firefox.launch(executable_path=f"{os.getcwd()}/firefox/usr/lib/firefox-esr/firefox-esr", channel="moz-firefox")
    try:
        page = browser.new_page(color_scheme="dark")
        page.set_content("<h1>open</h1>")
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        print(page.inner_text("h1"), "and dark" if dark else "and not dark")
    except Error as error:
        print("unknown command" if "unknown command" in str(error) else error)
    browser.close()
EOF
seen=""
for version in 1.64.1 1.65.2; do
    python3 -m venv "$version" || exit 77
    "$version/bin/python" -m pip --quiet --disable-pip-version-check install "playwright==$version" || exit 77
    seen="$seen$version: $("$version/bin/python" open.py); "
done
echo "expected: 1.64.1: open and dark; 1.65.2: open and dark; "
echo "seen:     $seen"
[ "$seen" = "1.64.1: open and not dark; 1.65.2: unknown command; " ]
