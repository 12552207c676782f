"""Asks the SageMaker SDK for every image of its tables that belong to no framework and no algorithm of sagebuild.

`tools.generate_images` writes the answers into sagebuild/images/images.json, as the section ``named``. The SDK has the
rules for tags in code, which differ from table to table, so each row has whole tags: {versions, scope, python?, images,
registry}. ``images`` maps a processor to its repository and tag.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sagemaker.core import image_uris

Json = dict[str, Any]

# One instance of each kind, with the names of sagebuild.instance_facts.
INSTANCES = {
    "cpu": "ml.m5.large",
    "gpu": "ml.g5.xlarge",
    "graviton": "ml.c7g.large",
    "inf": "ml.inf2.xlarge",
    "trn": "ml.trn1.2xlarge",
}
# Tables of the SDK that hold no images of containers for jobs and endpoints.
NOT_IMAGES = {"instance_gpu_info"}
# The tables that the SDK reads when a tool or a compiler is asked for, with what to ask.
_TOOLS: dict[str, tuple[str, Json]] = {
    "huggingface-neuron": ("huggingface", {"inference_tool": "neuron"}),
    "huggingface-neuronx": ("huggingface", {"inference_tool": "neuronx"}),
    "huggingface-training-compiler": ("huggingface", {"training_compiler_config": True}),
    "pytorch-neuron": ("pytorch", {}),
    "pytorch-training-compiler": ("pytorch", {"training_compiler_config": True}),
}


def list_tables() -> list[str]:
    """Return the names of the SDK's tables."""
    folder = Path(image_uris.__file__).with_name("image_uri_config")
    return sorted(path.stem for path in folder.glob("*.json") if path.stem not in NOT_IMAGES)


def find_rows(name: str) -> Iterator[Json]:
    """Yield a row for each version, scope and Python of a table that has an image for some processor."""
    config = image_uris.config_for_framework(name)
    scopes = {scope: config for scope in config.get("scope", [])} if "versions" in config else config
    for scope, table in scopes.items():
        if scope not in ("training", "inference", "processing") or "versions" not in table:
            continue
        for version, content in table["versions"].items():
            aliases = [alias for alias, target in table.get("version_aliases", {}).items() if target == version]
            for variant, image in _variants(content):
                versions = [f"{each}-{variant}" if variant else each for each in [version, *aliases]]
                for python in image.get("py_versions") or [None]:
                    found = ask_sdk(name, scope, version, python, variant)
                    if found:
                        row = {"versions": versions, "scope": scope, "python": python, "images": found}
                        kept = {key: value for key, value in row.items() if value is not None}
                        yield kept | {"registry": image["registries"]}


def _variants(content: Json) -> Iterator[tuple[str, Json]]:
    """Yield the images of a version: one, or one for each base framework or Python."""
    if "repository" in content:
        yield "", content
        return
    for key, image in content.items():
        if isinstance(image, dict) and "repository" in image:
            yield (key, image) if key.startswith(("pytorch", "tensorflow")) else ("", image | {"py_versions": [key]})


def ask_sdk(
    name: str, scope: str, version: str, python: str | None, variant: str, region: str = "us-east-1"
) -> dict[str, str]:
    """Return the SDK's repositories and tags, by processor."""
    framework, asked = ask_options(name, scope, f"{version}-{variant}" if variant else version, python)
    found = {}
    for processor, instance in INSTANCES.items():
        uri = retrieve_uri(image_uris.retrieve, framework, region, instance_type=instance, **asked)
        if uri and _is_of_table(name, uri):
            found[processor] = uri.split("/", 1)[1]
    # The SDK has no instance for these tables: it refuses Graviton instances, which run them.
    return {"graviton": found["cpu"]} if name.endswith("-arm64") and found else found


def ask_options(name: str, scope: str, version: str, python: str | None) -> tuple[str, Json]:
    """Return the framework and options of the SDK's `retrieve` for a version, which may end with a base framework."""
    framework, options = _TOOLS.get(name, (name, {}))
    base = re.fullmatch(r"(.+)-((pytorch|tensorflow)[0-9.]+)", version)
    asked = options | {"version": base[1] if base else version, "image_scope": scope, "py_version": python}
    return framework, asked | ({"base_framework_version": base[2]} if base else {})


def retrieve_uri(retrieve: Callable[..., Any], framework: str, region: str, **options: Any) -> str:
    """Return the address, or an empty text if the SDK refuses the question."""
    try:
        return str(retrieve(framework, region, **options))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _is_of_table(name: str, uri: str) -> bool:
    """Return False when the SDK answered from another table, because the instance has no image in this one."""
    repository = uri.split("/", 1)[1].partition(":")[0]
    return f'"{repository}"' in json.dumps(image_uris.config_for_framework(name))
