"""Write sagebuild/cost/prices.json from AWS's public price list: ``make prices``. Needs internet, no account.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-ppslong.html
has the form of the files. A service's region index names one file for each region; there a product has its usage type,
such as ``USE1-Train:ml.m5.large`` or ``EU-Host:ml.t2.medium``, and its on-demand term has the price.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TARGET = Path(__file__).parent.parent / "sagebuild" / "cost" / "prices.json"
PRICE_LIST = "https://pricing.us-east-1.amazonaws.com"
SERVICES = ("AmazonSageMaker", "CodeBuild")
# By the name of the section that it fills; resources/images.yml has the size of the image builds.
USAGES = {
    "training": re.compile(r"([A-Z0-9]+-)?Train:(?P<what>ml\.\S+)"),
    "hosting": re.compile(r"([A-Z0-9]+-)?Host:(?P<what>ml\.\S+)"),
    "image_build_minute": re.compile(r"([A-Z0-9]+-)?Build-Min:Linux:(?P<what>g1\.medium)"),
}
Json = dict[str, Any]


def build_table(read: Callable[[str], Json]) -> Json:
    """Return the whole content of prices.json.

    Parameters
    ----------
    read
        Gets the file at a path of the price list.
    """
    dates, sections = [], {name: Json() for name in USAGES}
    for service in SERVICES:
        index = read(f"/offers/v1.0/aws/{service}/current/region_index.json")
        for region, entry in sorted(index["regions"].items()):
            offers = read(entry["currentVersionUrl"])
            dates.append(offers["publicationDate"][:10])
            for section, what, price in read_offers(offers):
                sections[section].setdefault(region, {})[what] = price
    minutes = {region: price for region, prices in sections["image_build_minute"].items() for price in prices.values()}
    sources = [f"AWS Price List, {' and '.join(SERVICES)}, as published between {min(dates)} and {max(dates)}"]
    return {"of": min(dates), "sources": sources, **sections, "image_build_minute": minutes}


def read_offers(offers: Json) -> Iterator[tuple[str, str, float]]:
    """Yield the section of prices.json, the instance type or build size, and the price of each product in the table."""
    for sku, product in offers["products"].items():
        usage = product["attributes"].get("usagetype", "")
        for section, pattern in USAGES.items():
            if found := pattern.fullmatch(usage):
                # The free tier is a dimension of its own, at no price.
                yield from ((section, found["what"], price) for price in _read_prices(offers, sku) if price)


def _read_prices(offers: Json, sku: str) -> Iterator[float]:
    for term in offers["terms"]["OnDemand"].get(sku, {}).values():
        for dimension in term["priceDimensions"].values():
            if "USD" in dimension["pricePerUnit"]:  # prices in China are in CNY
                yield float(dimension["pricePerUnit"]["USD"])


def render_table(table: Json) -> str:
    """Return prices.json as text, one region to a line, so that a change of prices reads well in a diff."""
    entries = []
    for name, content in table.items():
        if isinstance(content, dict):
            lines = (
                f"{json.dumps(region)}: {json.dumps(prices, separators=(',', ':'), sort_keys=True)}"
                for region, prices in sorted(content.items())
            )
            entries.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
        else:
            entries.append(f"{json.dumps(name)}: {json.dumps(content, indent=0)}")
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _fetch(path: str) -> Json:
    with urlopen(PRICE_LIST + path, timeout=120) as answer:  # the list's own paths  # nosec B310
        content: Json = json.load(answer)
        return content


if __name__ == "__main__":
    TARGET.write_text(render_table(build_table(_fetch)), encoding="utf-8")
