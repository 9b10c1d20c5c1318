"""Pixels of a canvas or of a screenshot that have one of the colours of the page."""

import base64

from playwright.sync_api import Locator

COLOURED_PIXELS = """(plot) => {
    const canvas = plot.querySelector("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const style = getComputedStyle(document.documentElement);
    const colours = [1, 2, 3, 4, 5, 6].map((n) => style.getPropertyValue(`--c${n}`).trim());
    const parts = colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 255 && parts.some((rgb) => rgb.every((part, k) => part === data[i + k]))) count += 1;
    }
    return count;
}"""
"""Function that returns the number of pixels of a plot that have the colour of a line."""
_SHARE = """async ([png, token]) => {
    const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const copy = new OffscreenCanvas(image.width, image.height).getContext("2d");
    copy.drawImage(image, 0, 0);
    const { data } = copy.getImageData(0, 0, image.width, image.height);
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    const wanted = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
    const isWanted = (i) => wanted.every((part, k) => Math.abs(part - data[i + k]) < 12);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (isWanted(i)) count += 1;
    return count / (data.length / 4);
}"""
_FIND = """(element, [token, left, right, leastAlpha]) => {
    const canvas = element.matches("canvas") ? element : element.querySelector("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const from = Math.max(0, Math.round(left * devicePixelRatio));
    const wide = Math.min(canvas.width, Math.round((right ?? canvas.width) * devicePixelRatio)) - from;
    const { data } = copy.getImageData(from, 0, wide, canvas.height);
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    const wanted = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
    const matches = [];
    for (let i = 0; i < data.length; i += 4) {
        const is = data[i + 3] > leastAlpha && wanted.every((part, k) => Math.abs(part - data[i + k]) < 12);
        if (is) matches.push([from + (i / 4) % wide, Math.floor(i / 4 / wide)]);
    }
    return matches;
}"""


def pixels(
    element: Locator, token: str, left: float = 0, right: float | None = None, least_alpha: int = 200
) -> list[tuple[int, int]]:
    """Return (x, y) of the pixels with the colour of a token, between two positions (CSS px) of an element's canvas."""
    return [(x, y) for x, y in element.evaluate(_FIND, [token, left, right, least_alpha])]


def share_of_colour(element: Locator, token: str) -> float:
    """Return the share of the pixels of an element on the screen that have the colour of a token."""
    png = base64.b64encode(element.screenshot()).decode()
    return float(element.page.evaluate(_SHARE, [png, token]))
