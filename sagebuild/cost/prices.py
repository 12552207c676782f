"""Reads on-demand prices in US dollars from the dated table prices.json, which ``make prices`` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Price:
    """The price of one instance per hour.

    Parameters
    ----------
    stands_in
        True when the table has no training price and this is the hosting price of the same instance type. Where the
        table has both, they differ by less than 0.1%.
    """

    hourly: float
    stands_in: bool = False


def find_training_price(region: str, instance_type: str) -> Price | None:
    """Return the price of a training instance, or None if the table has none."""
    known = _look_up("training", region, instance_type)
    if known is not None:
        return Price(known)
    alike = _look_up("hosting", region, instance_type)
    return None if alike is None else Price(alike, stands_in=True)


def find_hosting_price(region: str, instance_type: str) -> Price | None:
    """Return the price of an instance behind an endpoint, or None if the table has none."""
    known = _look_up("hosting", region, instance_type)
    return None if known is None else Price(known)


def find_image_build_price(region: str) -> float | None:
    """Return the price of one minute of an image build, or None if the table has none."""
    price: float | None = _read_table()["image_build_minute"].get(region)
    return price


def list_instance_types(region: str) -> list[str]:
    """Return the instance types that have a price in a region; for a region without prices, those of all regions."""
    return sorted({*list_prices("hosting", region), *list_prices("training", region)} or list_known_types())


def date_prices() -> str:
    """Return the date of the table's oldest prices, in ISO format."""
    return str(_read_table()["of"])


def list_prices(section: str, region: str) -> Mapping[str, float]:
    """Return the prices of a region by instance type, of the section "hosting" or "training"; none if unknown."""
    prices: Mapping[str, float] = _read_table()[section].get(region, {})
    return prices


@lru_cache(maxsize=1)
def list_known_types() -> frozenset[str]:
    """Return the instance types that have a price in any region."""
    table = _read_table()
    return frozenset(
        kind for section in ("hosting", "training") for prices in table[section].values() for kind in prices
    )


def _look_up(section: str, region: str, instance_type: str) -> float | None:
    price: float | None = _read_table()[section].get(region, {}).get(instance_type)
    return price


@lru_cache(maxsize=1)
def _read_table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return table
