"""How tests and benchmarks run Chromium."""

CHROMIUM = "/usr/bin/chromium"
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
