"""The numbers of GPUs are those of the SageMaker SDK's table, which has fewer instance types."""

import json
from pathlib import Path

from sagemaker.core import image_uris

from sagebuild.instance_facts import count_gpus


def test_the_numbers_of_gpus_are_those_of_the_sdk() -> None:
    path = Path(image_uris.__file__).parent / "image_uri_config" / "instance_gpu_info.json"
    regions = json.loads(path.read_text(encoding="utf-8"))
    theirs = {name: facts["Count"] for types in regions.values() for name, facts in types.items()}
    del theirs["ml.g5n.xlarge"]  # no instance type of SageMaker's service model; its g5.xlarge is missing
    assert len(theirs) > 20
    assert {name: count_gpus(name) for name in theirs} == theirs
