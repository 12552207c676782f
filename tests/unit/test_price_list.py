"""The price table is what AWS's price list says, in the form of its files."""

import json
from typing import Any

from tools.generate_prices import SERVICES, build_table, render_table


def product(usage: str, price: str, unit: str = "Hrs", **attributes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A product and its on-demand term, as a region's file has them."""
    sku = usage.replace(":", "").replace(".", "").upper()[-16:]
    rate = f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "rateCode": rate,
        "description": f"${price} per {usage}",
        "beginRange": "0",
        "endRange": "Inf",
        "unit": unit,
        "pricePerUnit": {"USD": price},
        "appliesTo": [],
    }
    term = {
        "offerTermCode": "JRTCKXETXF",
        "sku": sku,
        "effectiveDate": "2026-09-01T00:00:00Z",
        "priceDimensions": {rate: dimension},
        "termAttributes": {},
    }
    known = {"usagetype": usage, "operation": "RunInstance", "locationType": "AWS Region"} | attributes
    return {sku: {"sku": sku, "productFamily": "ML Instance", "attributes": known}}, {sku: {f"{sku}.JRTCKXETXF": term}}


def offers(date: str, *products: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """One region's file."""
    return {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "publicationDate": f"{date}T16:09:01Z",
        "products": {sku: one for known, _ in products for sku, one in known.items()},
        "terms": {"OnDemand": {sku: one for _, terms in products for sku, one in terms.items()}},
    }


def index(service: str, *regions: str) -> dict[str, Any]:
    """A service's list of regions."""
    path = f"/offers/v1.0/aws/{service}/20260925000313"
    entries = {one: {"regionCode": one, "currentVersionUrl": f"{path}/{one}/index.json"} for one in regions}
    return {"formatVersion": "v1.0", "publicationDate": "2026-09-25T00:03:13Z", "regions": entries}


SAGEMAKER, CODEBUILD = SERVICES
FILES = {
    f"/offers/v1.0/aws/{SAGEMAKER}/current/region_index.json": index(SAGEMAKER, "us-east-1", "eu-west-1"),
    f"/offers/v1.0/aws/{CODEBUILD}/current/region_index.json": index(CODEBUILD, "us-east-1"),
    f"/offers/v1.0/aws/{SAGEMAKER}/20260925000313/us-east-1/index.json": offers(
        "2026-09-25",
        product("USE1-Train:ml.m5.large", "0.1150000000", component="Training"),
        product("USE1-Host:ml.m5.large", "0.1150000000", component="Hosting"),
        product("USE1-Notebk:ml.m5.large", "0.1150000000", component="Notebook"),
        product("USE1-Studio:JupyterLab-ml.m5.large", "0.1150000000", component="Studio"),
        product("USE1-Processing:ml.m5.large", "0.1150000000", component="Processing"),
        product("USE1-TrainWarmPool:ml.m5.large", "0.1150000000", component="Training"),
        product("USE1-Host:ml.t2.medium", "0.0560000000", component="Hosting"),
        product("USE1-Train:ml.m4.xlarge", "0.0000000000", component="Training"),
        product("USE1-Train:VolumeUsage.gp2", "0.1400000000", unit="GB-Mo"),
    ),
    f"/offers/v1.0/aws/{SAGEMAKER}/20260925000313/eu-west-1/index.json": offers(
        "2026-09-24",
        product("EU-Train:ml.p3.2xlarge", "4.1310000000", component="Training"),
        product("EU-Host:ml.m5.large", "0.1280000000", component="Hosting"),
    ),
    f"/offers/v1.0/aws/{CODEBUILD}/20260925000313/us-east-1/index.json": offers(
        "2026-09-18",
        product("USE1-Build-Min:Linux:g1.small", "0.0050000000", unit="minutes"),
        product("USE1-Build-Min:Linux:g1.medium", "0.0100000000", unit="minutes"),
        product("USE1-Build-Min:ARM:g1.medium", "0.0070000000", unit="minutes"),
    ),
}


def test_trainings_endpoints_and_image_builds_have_their_prices() -> None:
    table = build_table(FILES.__getitem__)
    assert table == {
        "of": "2026-09-18",
        "sources": ["AWS Price List, AmazonSageMaker and CodeBuild, as published between 2026-09-18 and 2026-09-25"],
        "training": {"us-east-1": {"ml.m5.large": 0.115}, "eu-west-1": {"ml.p3.2xlarge": 4.131}},
        "hosting": {"us-east-1": {"ml.m5.large": 0.115, "ml.t2.medium": 0.056}, "eu-west-1": {"ml.m5.large": 0.128}},
        "image_build_minute": {"us-east-1": 0.01},
    }


def test_the_table_is_written_with_one_region_to_a_line() -> None:
    table = build_table(FILES.__getitem__)
    text = render_table(table)
    assert json.loads(text) == table
    assert '"us-east-1": {"ml.m5.large":0.115,"ml.t2.medium":0.056}\n' in text
