"""Lets moto forget objects that are deleted: it lists every object of its models, for a page of its own server."""

from typing import Any

MOTO_NAMES = ("moto.core.common_models.BaseModel.__new__",)


def install() -> None:
    """Create the objects of moto's models without the list."""
    from moto.core.common_models import BaseModel

    BaseModel.__new__ = staticmethod(_create)


def _create(model: type, *_: Any, **__: Any) -> Any:
    return object.__new__(model)
