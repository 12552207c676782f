"""Takes pictures of pages with a headless Chromium."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

_EDGE = 16  # pixels that stay below the content


def take_picture(browser: Browser, html: Path, picture: Path, width: int = 980, scale: float = 1.5) -> None:
    """Write a PNG of an HTML file, as high as its content.

    Parameters
    ----------
    width
        The width of the window, in CSS pixels.
    scale
        Pixels of the picture per CSS pixel.
    """
    page = browser.new_page(viewport={"width": width, "height": 400}, device_scale_factor=scale)
    page.goto(html.resolve().as_uri())
    page.wait_for_timeout(2000)  # milliseconds; plotly draws
    store_screenshot(page, picture)
    page.close()


def store_screenshot(page: Page, picture: Path, height: int | None = None) -> None:
    """Write a PNG of a page with few colours, without the empty rows below its content.

    Parameters
    ----------
    height
        Of the part to show, in CSS pixels; default: the whole page.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw.png")
        size = page.viewport_size
        assert size
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height} if height else None
        page.screenshot(path=raw, full_page=True, clip=clip)  # type: ignore[arg-type]
        _trim(Image.open(raw).convert("RGB")).quantize(192).save(picture, optimize=True)


def _trim(image: Image.Image) -> Image.Image:
    """Cut off the rows below the content, which have the colour of the lower right corner."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    box = ImageChops.difference(image, Image.new("RGB", image.size, corner)).getbbox()
    if box is None:
        return image
    return image.crop((0, 0, image.width, min(image.height, box[3] + _EDGE)))
