#!/usr/bin/env bash
# Firefox draws hardly any of the stripes of a repeating gradient whose second colour is a color-mix().
#
# Software: Firefox 153.8.0 ESR (Debian 12, headless, without a graphics processor), driven by Playwright 1.64.1 over WebDriver
# BiDi; next to Chromium of the machine, if there is one.
# Expected: stripes of 2 px black and 2 px of another colour, with hard edges, make half of a box black, however the other
# colour is written: there is nothing to interpolate between two stops at the same place.
# Seen: half if it is written as a name or with rgb(), also with alpha. If it is written as color-mix(in srgb, …), less than a
# tenth of the box is black in Firefox, and half in Chromium.
set -euo pipefail
command -v python3 >/dev/null || exit 77
command -v apt-get >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download firefox-esr=153.8.0esr-1~deb12u1 >/dev/null 2>&1 || exit 77
dpkg -x firefox-esr_*.deb firefox
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install playwright==1.64.1 pillow==12.3.0 || exit 77
environment/bin/python - <<'EOF'
import io
import os
import shutil
import sys

from PIL import Image
from playwright.sync_api import sync_playwright

STRIPES = "repeating-linear-gradient(135deg, black 0 2px, {} 2px 4px)"
COLOURS = ("white", "rgb(0 0 0 / 0.3)", "color-mix(in srgb, black 45%, white)", "color-mix(in srgb, black 45%, transparent)")


def black(browser):
    page = browser.new_page(viewport={"width": 200, "height": 100})
    shares = {}
    for colour in COLOURS:
        page.set_content(f'<body style="margin: 0"><div style="width: 60px; height: 13px; background: {STRIPES.format(colour)}"></div>')
        image = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": 60, "height": 13}))).convert("L")
        shares[colour] = round(sum(image.histogram()[:64]) / (60 * 13), 2)
    browser.close()
    return shares


with sync_playwright() as playwright:
    firefox = black(playwright.firefox.launch(executable_path=f"{os.getcwd()}/firefox/usr/lib/firefox-esr/firefox-esr", channel="moz-firefox"))
    if chromium := shutil.which("chromium"):
        print("Chromium:", black(playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--headless"])))
print("expected:", dict.fromkeys(COLOURS, 0.5), "are black, about")
print("Firefox: ", firefox)
is_mixed = {colour: colour.startswith("color-mix") for colour in COLOURS}
sys.exit(not all(share < 0.1 if is_mixed[colour] else 0.4 < share < 0.6 for colour, share in firefox.items()))
EOF
