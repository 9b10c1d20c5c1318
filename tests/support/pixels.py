"""Pixels of a canvas that have a colour of the page's tokens."""

from playwright.sync_api import Locator

_FIND = """(element, [token, left, right, leastAlpha]) => {
    const canvas = element.matches("canvas") ? element : element.querySelector("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const from = Math.max(0, Math.round(left * devicePixelRatio));
    const wide = Math.min(canvas.width, Math.round((right ?? canvas.width) * devicePixelRatio)) - from;
    const { data } = copy.getImageData(from, 0, wide, canvas.height);
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    const wanted = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
    const found = [];
    for (let i = 0; i < data.length; i += 4) {
        const is = data[i + 3] > leastAlpha && wanted.every((part, k) => Math.abs(part - data[i + k]) < 12);
        if (is) found.push([from + (i / 4) % wide, Math.floor(i / 4 / wide)]);
    }
    return found;
}"""


def pixels(
    element: Locator, token: str, left: float = 0, right: float | None = None, least_alpha: int = 200
) -> list[tuple[int, int]]:
    """Return (x, y) of the pixels of a token's colour between two places (css px) of the canvas in an element."""
    return [(x, y) for x, y in element.evaluate(_FIND, [token, left, right, least_alpha])]
