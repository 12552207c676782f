"""Map states: the fields that moto does not parse, and distributed ones as Map Runs."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.reader_config.max_items_decl import (
    MaxItemsPath,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_map.tolerated_failure import (
    ToleratedFailureCountDecl,
    ToleratedFailurePercentageDecl,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import Resource
from moto.stepfunctions.parser.asl.component.state.state_props import StateProps
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from local.states.errors import query_failure
from local.states.map_runs import MapRun
from local.states.shapes import to_text

Json = dict[str, Any]
# The unparsed fields of the Map states of the definition that is being read, by the states' names.
unparsed_fields: ContextVar[dict[str, Json]] = ContextVar("unparsed_fields")
_PERCENTAGE = "ToleratedFailurePercentage"
_INPUT_TYPES = ("CSV", "JSON", "JSONL", "MANIFEST")


class Template:
    """A part of a Map state that moto does not parse, evaluated like an ItemSelector.

    Parameters
    ----------
    value
        The JSON with expressions or paths.
    language
        The query language of the state.
    resource
        The ARN of the action that uses the value.
    """

    def __init__(self, value: Json, language: str, parse: Callable[[str], Any], resource: str | None = None) -> None:
        done = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
        carrier = {"Type": "Map", "ItemSelector": value, "ItemProcessor": done, "End": True}
        machine = {"QueryLanguage": language, "StartAt": "Template", "States": {"Template": carrier}}
        self._selector = parse(json.dumps(machine, ensure_ascii=False)).states.states["Template"].item_selector
        self.resource = Resource.from_resource_arn(resource) if resource else None

    def evaluate(self, env: Environment) -> Json:
        """The value."""
        self._selector.eval(env)
        return dict(env.stack.pop())


@dataclass(frozen=True)
class MapFields:
    """What a Map Run needs in addition to moto's fields of the state."""

    reader_config: Json
    batcher: Template | None
    writer: Template | None
    has_count: bool
    has_percentage: bool


def install(parse: Callable[[str], Any]) -> None:
    """Replace moto's distributed Map states by these; ``parse`` reads a definition."""
    Map.parse = staticmethod(parse)
    DistributedIterationComponent._eval_body = _run
    MaxItemsPath._validate_value = _validate_limit


def take_unparsed(machine: Any) -> dict[str, Json]:
    """Remove the fields that moto does not parse from all Map states; return them by the states' names."""
    taken: dict[str, Json] = {}
    for name, state in _map_states(machine):
        fields = {field: state.pop(field) for field in ("ItemBatcher", "ResultWriter") if field in state}
        reader = state.get("ItemReader", {})
        if "ReaderConfig" in reader:
            fields["ReaderConfig"] = config = reader["ReaderConfig"]
            limits = {field: config[field] for field in ("MaxItems", "MaxItemsPath") if field in config}
            reader["ReaderConfig"] = {"InputType": "JSON"} | limits
        if isinstance(state.get(_PERCENTAGE), int):
            # The grammar knows only numbers with a decimal point here.
            state[_PERCENTAGE] = float(state[_PERCENTAGE])
        taken[name] = fields
    return taken


def _map_states(value: Any) -> Any:
    if isinstance(value, dict):
        for name, state in value.get("States", {}).items():
            if state.get("Type") == "Map":
                yield name, state
        for inner in value.values():
            yield from _map_states(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _map_states(inner)


class Map(StateMap):  # type: ignore[misc]
    """Keeps the fields that moto does not parse, and reports items that are no array as JSON."""

    parse: Callable[[str], Any]

    def from_state_props(self, state_props: StateProps) -> None:
        super().from_state_props(state_props)
        unparsed = unparsed_fields.get({}).get(self.name, {})
        config = unparsed.get("ReaderConfig", {})
        if config.get("InputType", "JSON") not in _INPUT_TYPES:
            raise ValueError(f"The InputType '{config['InputType']}' is not served here; use {', '.join(_INPUT_TYPES)}")
        self.iteration_component.fields = MapFields(
            reader_config=config,
            batcher=self._batcher(unparsed.get("ItemBatcher")),
            writer=self._writer(unparsed.get("ResultWriter")),
            has_count=state_props.get(ToleratedFailureCountDecl) is not None,
            has_percentage=state_props.get(ToleratedFailurePercentageDecl) is not None,
        )

    @property
    def _language(self) -> str:
        return "JSONPath" if self._is_language_query_jsonpath() else "JSONata"

    def _batcher(self, given: Json | None) -> Template | None:
        if given is None:
            return None
        paths = {name: name.removesuffix("Path") + ".$" for name in given if name.endswith("PerBatchPath")}
        value = {paths.get(name, name): item for name, item in given.items()}
        return Template(value, self._language, self.parse)

    def _writer(self, given: Json | None) -> Template | None:
        if given is None:
            return None
        value = {"WriterConfig": given.get("WriterConfig", {})}
        if target := given.get("Parameters") or given.get("Arguments"):
            value["Target"] = target
        return Template(value, self._language, self.parse, given.get("Resource"))

    def _eval_execution(self, env: Environment) -> None:
        has_source = self.items or self.items_path or self.item_reader
        if not has_source and not isinstance(env.stack[-1], list):
            raise query_failure(env, f"Map state input must be an array but was: {to_text(env.stack[-1])}")
        super()._eval_execution(env)


def _run(self: Any, env: Environment) -> None:
    given = env.stack.pop()
    MapRun(env, given, self.fields, self._get_iteration_program()).run()


def _validate_limit(self: Any, env: Environment, value: Any) -> None:
    path = self.string_sampler.literal_value
    if isinstance(value, bool) or not isinstance(value, int):
        cause = f'The MaxItemsPath field refers to value "{value}" which is not a valid integer: {path}'
        raise _limit_failure(env, HistoryEventType.ExecutionFailed, "States.Runtime", cause)
    if value < 0:
        cause = "field MaxItems must be positive"
        raise _limit_failure(env, HistoryEventType.MapRunFailed, "States.ItemReaderFailed", cause)


def _limit_failure(env: Environment, event_type: HistoryEventType, error: str, cause: str) -> FailureEventException:
    details = EventDetails(executionFailedEventDetails={"error": error, "cause": cause})
    return FailureEventException(
        FailureEvent(env=env, error_name=ErrorName(error), event_type=event_type, event_details=details)
    )
