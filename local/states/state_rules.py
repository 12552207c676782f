"""Checks the fields of states before they are parsed: types, required and unsupported fields, query languages.

The words are the service's, from its recorded answers and https://github.com/floci-io/floci/issues/2968.
"""

from collections.abc import Iterator
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ActivityResource,
    Resource,
    ServiceResource,
)

from local.states.integrations import TOKEN, find_call
from local.states.problems import Problem, invalid
from local.states.waits import read_timestamp

_TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
_REQUIRED = {"Task": "Resource", "Choice": "Choices", "Parallel": "Branches"}
_ENDLESS = ("Choice", "Succeed", "Fail")
# The fields of only some types.
_FIELD_TYPES = {
    "TimeoutSeconds": ("Task",),
    "Retry": ("Task", "Parallel", "Map"),
    "Catch": ("Task", "Parallel", "Map"),
}
_ARRAYS = ("Branches", "Choices", "Retry", "Catch")
_OBJECTS = ("ItemProcessor", "Iterator", "ItemReader", "ItemBatcher", "ResultWriter", "Credentials")
_LANGUAGE_FIELDS = {
    "JSONata": ("Output", "Arguments", "Items"),
    "JSONPath": ("InputPath", "OutputPath", "Parameters", "ResultPath", "ResultSelector", "ItemsPath"),
}


def state_problems(location: str, state: Any, language: str, is_express: bool) -> Iterator[Problem]:
    """The problems of one state, without those of nested workflows.

    Parameters
    ----------
    location
        Such as ``/States/Train``.
    state
        The definition of the state.
    language
        The query language of the whole machine.
    is_express
        Whether the machine is of type EXPRESS.
    """
    if not isinstance(state, dict) or "Type" not in state:
        yield invalid("These fields are required: [Type]", location)
        return
    kind = state["Type"]
    if kind not in _TYPES:
        allowed = f"The field 'Type' should have one of these values: [{', '.join(_TYPES)}]"
        yield invalid(allowed, f"{location}/Type")
        return
    wrong = list(_type_problems(location, state))
    yield from wrong
    if wrong:
        return
    yield from _field_problems(location, state, kind)
    yield from _language_problems(location, state, language)
    if kind == "Task" and isinstance(state.get("Resource"), str):
        yield from _resource_problems(f"{location}/Resource", state["Resource"], is_express)
    if isinstance(moment := state.get("Timestamp"), str) and not moment.startswith("{%") and not read_timestamp(moment):
        yield invalid("String does not match RFC3339 timestamp", f"{location}/Timestamp")


def _type_problems(location: str, state: dict[str, Any]) -> Iterator[Problem]:
    for fields, kind, name in ((_ARRAYS, list, "an array"), (_OBJECTS, dict, "an object")):
        for field in fields:
            if field in state and not isinstance(state[field], kind):
                yield invalid(f"The field '{field}' must be {name}", f"{location}/{field}")
    for index, branch in enumerate(state["Branches"] if isinstance(state.get("Branches"), list) else ()):
        if not isinstance(branch, dict):
            yield invalid("A branch must be an object", f"{location}/Branches[{index}]")
    reader = state.get("ItemReader")
    if isinstance(reader, dict) and not isinstance(reader.get("ReaderConfig", {}), dict):
        yield invalid("The field 'ReaderConfig' must be an object", f"{location}/ItemReader/ReaderConfig")


def _field_problems(location: str, state: dict[str, Any], kind: str) -> Iterator[Problem]:
    if kind in _REQUIRED and _REQUIRED[kind] not in state:
        yield invalid(f"These fields are required: [{_REQUIRED[kind]}]", location)
    if kind == "Map" and not {"ItemProcessor", "Iterator"} & state.keys():
        yield invalid("These fields are required: [ItemProcessor]", location)
    for field, kinds in _FIELD_TYPES.items():
        if field in state and kind not in kinds:
            yield invalid(f"Field '{field}' is not supported", location)
    for field in ("Branches", "Choices"):
        if state.get(field) == []:
            yield invalid("Value cannot be empty", f"{location}/{field}")
    if kind not in _ENDLESS and "Next" not in state and not state.get("End"):
        yield invalid("The state has neither Next nor End", location)
    if "Credentials" in state and not {"RoleArn", "RoleArn.$"} & state["Credentials"].keys():
        yield invalid("The field 'RoleArn' is required but was missing", f"{location}/Credentials")


def _language_problems(location: str, state: dict[str, Any], language: str) -> Iterator[Problem]:
    own = state.get("QueryLanguage", language)
    if language == "JSONata" and own == "JSONPath":
        yield invalid("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location)
    for other, fields in _LANGUAGE_FIELDS.items():
        for field in fields if own != other else ():
            if field in state:
                only = f"field '{field}' is only supported for the '{other}' QueryLanguage"
                yield invalid(f"The QueryLanguage is set to '{own}', but {only}", location)
    for field in ("ItemProcessor", "Iterator"):
        if "QueryLanguage" in state.get(field, {}):
            yield invalid("Field 'QueryLanguage' is not supported", f"{location}/{field}")


def _resource_problems(location: str, arn: str, is_express: bool) -> Iterator[Problem]:
    try:
        resource = Resource.from_resource_arn(arn)
        if isinstance(resource, ServiceResource):
            find_call(resource)
    except ValueError as error:
        yield invalid(str(error), location)
        return
    if not is_express:
        return
    if isinstance(resource, ActivityResource):
        yield invalid("Express state machine does not support Activity ARN", location)
    elif isinstance(resource, ServiceResource) and resource.condition:
        # The space at the end is the service's.
        pattern = f"'.{TOKEN}' service integration " if resource.condition == TOKEN else "'.sync' service integration"
        yield invalid(f"Express state machine does not support {pattern}", location)
