"""Takes pictures of pages with a headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TALLEST = 6000  # pixels of a page, before what is empty is cut off
_EDGE = 16


def find_browser() -> str | None:
    """Where Chromium is, under any of its names."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def take_picture(browser: str, page: Path, picture: Path, width: int = 980, scale: float = 1.5) -> None:
    """Write a PNG of an HTML or SVG file, as high as what is on it.

    Parameters
    ----------
    width
        Of the window, in CSS pixels.
    scale
        Pixels of the picture for each of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw.png")
        subprocess.run(
            [
                browser,
                *_FLAGS,
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{_TALLEST}",
                f"--force-device-scale-factor={scale}",
                "--virtual-time-budget=5000",
                f"--screenshot={raw}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        _trim(Image.open(raw).convert("RGB")).quantize(192).save(picture, optimize=True)


def _trim(image: Image.Image) -> Image.Image:
    """Cut off what is of the colour of the lower right corner, but for a narrow edge."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    box = ImageChops.difference(image, Image.new("RGB", image.size, corner)).getbbox()
    if box is None:
        return image
    return image.crop((0, 0, image.width, min(image.height, box[3] + _EDGE)))
