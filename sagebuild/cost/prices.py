"""What AWS asks for an instance on demand, in US dollars: the dated table prices.json, which ``make prices`` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Price:
    """What one instance costs an hour.

    Parameters
    ----------
    stands_in
        Whether it is the price of an endpoint's instance, in place of a training's, which the table does not know.
        AWS lists the two alike: wherever the table knows both, they differ by less than a thousandth.
    """

    hourly: float
    stands_in: bool = False


def find_training_price(region: str, instance_type: str) -> Price | None:
    """What a training's instance costs, or None if the table does not know."""
    known = _look_up("training", region, instance_type)
    if known is not None:
        return Price(known)
    alike = _look_up("hosting", region, instance_type)
    return None if alike is None else Price(alike, stands_in=True)


def find_hosting_price(region: str, instance_type: str) -> Price | None:
    """What an instance behind an endpoint costs, or None if the table does not know."""
    known = _look_up("hosting", region, instance_type)
    return None if known is None else Price(known)


def find_image_build_price(region: str) -> float | None:
    """What a minute of an image build costs, or None if the table does not know."""
    price: float | None = _read_table()["image_build_minute"].get(region)
    return price


def date_prices() -> str:
    """The day from which the table's oldest prices are, as an ISO date."""
    return str(_read_table()["of"])


def _look_up(section: str, region: str, instance_type: str) -> float | None:
    price: float | None = _read_table()[section].get(region, {}).get(instance_type)
    return price


@lru_cache(maxsize=1)
def _read_table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return table
