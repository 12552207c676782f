"""Checks run events with the classes of openlineage-python, which are made from OpenLineage's JSON Schemas."""

import importlib
import pkgutil
from functools import cache
from typing import Any

from openlineage.client import generated
from openlineage.client.generated.base import BaseFacet, EventType, InputDataset, Job, OutputDataset, Run, RunEvent

_OWN = "_producer", "_schemaURL"


@cache
def _facet_classes() -> dict[str, type[BaseFacet]]:
    """Each class of a facet by the address of its schema."""
    modules = [
        importlib.import_module(f"{generated.__name__}.{each.name}")
        for each in pkgutil.iter_modules(generated.__path__)
    ]
    classes = [each for module in modules for each in vars(module).values()]
    facets = [each for each in classes if isinstance(each, type) and issubclass(each, BaseFacet)]
    return {each._get_schema(): each for each in facets}


def _check_facets(facets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: _check_facet(facet) for name, facet in facets.items()}


def _check_facet(facet: dict[str, Any]) -> Any:
    found, content = _facet_classes()[facet["_schemaURL"]], {k: v for k, v in facet.items() if k not in _OWN}
    if found._get_schema().endswith("/RunFacet"):  # a facet of our own, which has more members
        return found(producer=facet["_producer"]).with_additional_properties(**content)
    return found(producer=facet["_producer"], **content)


def check_event(event: dict[str, Any]) -> RunEvent:
    """Make the event of the library; an unknown, missing or wrong member raises TypeError or ValueError."""
    assert event["schemaURL"] == RunEvent._get_schema()
    datasets: dict[str, list[Any]] = {
        name: [
            kind(
                each["namespace"], each["name"], _check_facets(each.get(own, {})), facets=_check_facets(each["facets"])
            )
            for each in event[name]
        ]
        for name, kind, own in (("inputs", InputDataset, "inputFacets"), ("outputs", OutputDataset, "outputFacets"))
    }
    own = {"eventTime", "eventType", "inputs", "job", "outputs", "producer", "run", "schemaURL"}
    assert event.keys() == own
    return RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=EventType(event["eventType"]),
        run=Run(event["run"]["runId"], _check_facets(event["run"]["facets"])),
        job=Job(event["job"]["namespace"], event["job"]["name"], _check_facets(event["job"]["facets"])),
        inputs=datasets["inputs"],
        outputs=datasets["outputs"],
    )
