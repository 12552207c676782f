"""Takes pictures of HTML and SVG files with a headless Chromium."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from tools.browser import FLAGS

_FLAGS = (*FLAGS, "--headless", "--hide-scrollbars", "--no-first-run", "--disable-sync")
_WINDOW_HEIGHT = 6000  # CSS pixels; the empty rest is cut off
_EDGE = 16  # pixels that stay below the content


def take_picture(browser: str, page: Path, picture: Path, width: int = 980, scale: float = 1.5) -> None:
    """Write a PNG of an HTML or SVG file, as high as its content.

    Parameters
    ----------
    width
        The width of the window, in CSS pixels.
    scale
        Pixels of the picture per CSS pixel.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw.png")
        subprocess.run(
            [
                browser,
                *_FLAGS,
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{_WINDOW_HEIGHT}",
                f"--force-device-scale-factor={scale}",
                "--virtual-time-budget=5000",
                f"--screenshot={raw}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        store_picture(raw, picture)


def store_picture(raw: Path, picture: Path) -> None:
    """Write a screenshot as a PNG with few colours, without the empty rows below its content."""
    _trim(Image.open(raw).convert("RGB")).quantize(192).save(picture, optimize=True)


def _trim(image: Image.Image) -> Image.Image:
    """Cut off the rows below the content, which have the colour of the lower right corner."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    box = ImageChops.difference(image, Image.new("RGB", image.size, corner)).getbbox()
    if box is None:
        return image
    return image.crop((0, 0, image.width, min(image.height, box[3] + _EDGE)))
