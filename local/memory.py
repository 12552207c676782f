"""Keeps the engine's memory small: one heap for all threads, and no list of every object of moto's models."""

import ctypes
from contextlib import suppress
from typing import Any

MOTO_NAMES = ("moto.core.common_models.BaseModel.__new__",)

_M_ARENA_MAX = -8  # of malloc.h


def install() -> None:
    """Let threads share a heap, and create the objects of moto's models without moto's list for its own page."""
    # By default, each thread has a heap, whose free parts no other thread uses; macOS and musl have no such option:
    # https://man7.org/linux/man-pages/man3/mallopt.3.html
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    from moto.core.common_models import BaseModel

    BaseModel.__new__ = staticmethod(_create)


def _create(model: type, *_: Any, **__: Any) -> Any:
    return object.__new__(model)
