"""The names of images give the addresses of the SageMaker SDK, in every region of a table."""

import pytest
from sagemaker.core import image_uris

from sagebuild.errors import ImageNotFoundError
from sagebuild.images.named import resolve_named
from sagebuild.images.table import read_accounts, read_named_tables
from tools import generate_images
from tools.generate_named_images import INSTANCES, ask_options, list_tables, retrieve_uri

# Tables for which the SDK itself has no instance type, or which hold images of the service's own tools.
WITHOUT_IMAGES = {
    "debugger", "detailed-profiler", "huggingface-vllm-neuronx", "hyperpod-recipes-neuron", "model-monitor",
    "sagemaker-base-python", "sagemaker-geospatial", "sagemaker-inspect-ai",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _sdk() -> None:
    generate_images.prepare_sdk()


def test_every_table_of_the_sdk_belongs_to_a_framework_an_algorithm_or_a_name() -> None:
    known = {*generate_images.IMAGES.values(), *generate_images.ALGORITHMS, generate_images.XGBOOST}
    assert set(list_tables()) - known - read_named_tables().keys() == WITHOUT_IMAGES
    assert not known & read_named_tables().keys()


@pytest.mark.parametrize("table", read_named_tables())
def test_a_name_gives_the_address_of_the_sdk(table: str) -> None:
    compared = 0
    for row in read_named_tables()[table]:
        if row["scope"] == "processing":
            continue
        python = f"/{row['python']}" if "python" in row else ""
        for region in read_accounts(row):
            for processor, instance in INSTANCES.items():
                framework, options = ask_options(table, row["scope"], row["versions"][0], row.get("python"))
                theirs = retrieve_uri(image_uris.retrieve, framework, region, instance_type=instance, **options)
                if processor in row["images"] and not table.endswith("-arm64"):
                    ours = resolve_named(
                        f"sagemaker:{table}/{row['versions'][0]}{python}", region, instance, row["scope"]
                    )
                    assert ours == theirs
                    compared += 1
    assert (
        compared or table.endswith("-arm64") or {row["scope"] for row in read_named_tables()[table]} == {"processing"}
    )


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(ImageNotFoundError, match=r"vllm 0\.30 has no image in region mars-north-1"):
        resolve_named("sagemaker:vllm/0.30", "mars-north-1", "ml.g5.xlarge", "inference")
