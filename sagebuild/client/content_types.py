"""The content types of an endpoint's requests and responses, and the suffixes of their files.

Those of SageMaker's algorithms: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sagebuild.errors import InputError

CSV, JSON, JSON_LINES, NPY = "text/csv", "application/json", "application/jsonlines", "application/x-npy"
PARQUET = "application/x-parquet"
BYTES, TEXT = "application/octet-stream", "text/plain"
BY_SUFFIX: Mapping[str, str] = {
    ".csv": CSV,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".npy": NPY,
    ".parquet": PARQUET,
    ".txt": TEXT,
    ".libsvm": "text/libsvm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
_TABLE = "pandas and pyarrow read and write parquet, and are not installed: pip install pandas pyarrow"


def split_type(content_type: str) -> tuple[str, dict[str, str]]:
    """Return a content type without its parameters, and the parameters: "text/csv; charset=utf-8"."""
    kind, *rest = content_type.split(";")
    pairs = (each.partition("=") for each in rest)
    return kind.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def find_type(path: Path) -> str:
    """Return the content type of a file by its suffix.

    Raises
    ------
    InputError
        The suffix is unknown.
    """
    kind = BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(BY_SUFFIX)
        raise InputError(f"The content type of {path} is unknown; pass content_type, or a file named {known}.")
    return kind


def explain_missing_library(error: ImportError) -> InputError:
    """Return the error for parquet without its libraries."""
    return InputError(f"{PARQUET} needs a library ({error.name or error}): {_TABLE}.")
