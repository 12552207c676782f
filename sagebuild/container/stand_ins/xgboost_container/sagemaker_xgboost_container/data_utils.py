"""Reads the files of a channel."""

import csv
import os
import tempfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import xgboost

CSV, LIBSVM = "csv", "libsvm"
MAX_FOLDER_DEPTH = 3
_TYPES = {CSV: CSV, "text/csv": CSV, LIBSVM: LIBSVM, "text/libsvm": LIBSVM, "text/x-libsvm": LIBSVM}


class UserError(ValueError):
    """The data cannot be read."""


def get_content_type(content_type_cfg_val: str | None) -> str:
    """Return ``csv`` or ``libsvm`` for the content type of a channel."""
    message = Message()
    message["Content-Type"] = content_type_cfg_val or LIBSVM
    name = str(content_type_cfg_val or LIBSVM).partition(";")[0].strip().lower()
    if name not in _TYPES:
        raise UserError(f"{content_type_cfg_val} is not an accepted ContentType: {', '.join(_TYPES)}")
    if _TYPES[name] == CSV and message.get_param("label_size", "1") != "1":
        raise UserError(f"{content_type_cfg_val} is not an accepted csv ContentType: label_size must be 1")
    return _TYPES[name]


def get_dmatrix(data_path: str | list[str], content_type: str, csv_weights: int = 0, is_pipe: bool = False) -> Any:
    """Return the matrix of all files in a channel's folder, with the label first; None without the folder.

    Parameters
    ----------
    content_type
        ``csv`` or ``libsvm``.
    csv_weights
        1 if the second column has the weights of the rows.
    """
    if is_pipe or content_type.lower() not in (CSV, LIBSVM):
        raise UserError(f"This stand-in reads files of csv and libsvm, not {content_type} and no pipes.")
    paths = [Path(path) for path in (data_path if isinstance(data_path, list) else [data_path])]
    if not all(path.exists() for path in paths):
        return None
    with tempfile.TemporaryDirectory() as folder:  # XGBoost reads a folder without folders in it
        for number, file in enumerate(file for path in paths for file in _list_files(path)):
            os.symlink(file.resolve(), Path(folder, f"{number:06d}"))
        matrix = xgboost.DMatrix(f"{folder}?{_choose_format(Path(folder), content_type.lower(), csv_weights)}")
    if matrix.get_label().size == 0:
        raise UserError("Got input data without labels. Please check the input data set.")
    return matrix


def _list_files(path: Path, depth: int = 1) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif depth <= MAX_FOLDER_DEPTH:
        for inner in sorted(path.iterdir()):
            yield from _list_files(inner, depth + inner.is_dir())


def _choose_format(folder: Path, content_type: str, csv_weights: int) -> str:
    first = next(iter(sorted(folder.iterdir())), None)
    if first is None:
        raise UserError("The folder of the data has no files.")
    if content_type == LIBSVM:
        return "format=libsvm"
    line = first.read_text(encoding="utf-8").partition("\n")[0]
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {line[:50]}: {error}") from error
    return f"format=csv&label_column=0&delimiter={delimiter}" + ("&weight_column=1" if csv_weights == 1 else "")
