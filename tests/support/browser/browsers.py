"""How tests and benchmarks run the browsers of the system."""

from playwright.sync_api import Browser, Playwright

CHROMIUM, FIREFOX = "/usr/bin/chromium", "/usr/bin/firefox-esr"
EXECUTABLES = {"chromium": CHROMIUM, "firefox": FIREFOX}
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PATIENCE_MS = 20_000
"""Time that a test waits for the page."""
MODULES = (
    """window.fgm = (name) => import(document.querySelector("[type=module]").src.replace("main.js", `${name}.js`));"""
)
"""Script that defines `fgm(name)`, which returns a module of the running page instead of loading a second one."""


def launch(playwright: Playwright, name: str) -> Browser:
    """Start a headless browser. `name`: a key of `EXECUTABLES`. Firefox is driven by WebDriver BiDi."""
    if name == "firefox":
        return playwright.firefox.launch(executable_path=FIREFOX, channel="moz-firefox")
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
