"""Chooses what a script trains and deploys, converts it, and reports every other use of the SDK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagebuild.client.conversion.draft import Unconverted
from sagebuild.client.conversion.shared import order_parameters
from sagebuild.errors import InputError
from sagebuild.project.sdk_code.arguments import FIT, Arguments
from sagebuild.project.sdk_code.channels import convert_inputs
from sagebuild.project.sdk_code.reader import Reader
from sagebuild.project.sdk_code.serving import MODEL_NAMES, convert_deploy, convert_model
from sagebuild.project.sdk_code.state import State, unwrap
from sagebuild.project.sdk_code.training import ESTIMATORS, TRAINER_NAME, convert_estimator, convert_trainer
from sagebuild.project.sdk_code.tuning import TUNER_NAME, convert_tuner, find_trained
from sagebuild.project.sdk_code.values import Call

_ONE = "a project has one training and one model; convert the other one from a script of its own"
_STEPS = "set processing and evaluation (docs/steps.md)"
# Objects and functions whose counterparts are elsewhere.
_ADVICE = {
    "Processor": _STEPS,
    "Pipeline": "sagebuild's state machine runs the steps (docs/architecture.md)",
    "Step": "sagebuild's state machine runs the steps (docs/architecture.md)",
    "Transformer": "set batchtransform (docs/steps.md#batch-transform)",
    "transformer": "set batchtransform (docs/steps.md#batch-transform)",
    "transform": "set batchtransform (docs/steps.md#batch-transform)",
    "invoke": "invoke the endpoint with sagebuild predict or stack.predict",
    "predict": "invoke the endpoint with sagebuild predict or stack.predict",
    "register": "sagebuild registers every model (docs/deployment.md)",
    "JumpStartModel": "set framework LLM for a language model (docs/llm.md), or give the image and the model",
    "JumpStartEstimator": "give the image and the script, or deploy a language model with framework LLM (docs/llm.md)",
    "create_training_job": "sagebuild params from-request converts its JSON",
    "register_scalable_target": "set autoscaling (docs/parameters.md)",
    "class": "its base class is converted in its place; what its own methods change is not known",
    "attribute": "pass the value where the object is created",
    "delete_endpoint": "sagebuild pipelines remove deletes a pipeline's endpoint; there is no other step for it",
    "delete_model": "sagebuild deletes old models itself",
}
# What sagebuild replaces, or what has no effect on a build.
_QUIET = (
    *("Session", "LocalSession", "get_execution_role", "default_bucket", "client", "resource", "upload_data"),
    *("retrieve", "get_image_uri", "region_name", "boto_region_name", "get_session", "get_caller_identity"),
    *("latest_training_job", "wait", "analytics", "get_parameter", "set_hyperparameters", "best_estimator"),
    *("best_training_job", "describe", "create_model", "build", "deploy", "fit", "train", "tune"),
)
_SERIALIZER = ("Serializer", "Deserializer")
_SHOWN = 10


@dataclass(frozen=True)
class SdkConversion:
    """The result of a conversion.

    Parameters
    ----------
    document
        The parameter document.
    files
        The files and folders for the project's source folder, by their paths in it.
    data
        The data on this machine, by channel.
    unconverted
        What was not understood, or has no counterpart; each field begins with its line.
    given
        Arguments that sagebuild sets itself.
    notes
        Sentences about what the project changes.
    problems
        Sentences about why a build would refuse the document; empty if it is valid.
    """

    document: dict[str, Any]
    files: dict[str, Path]
    data: dict[str, Path]
    unconverted: Sequence[Unconverted]
    given: Sequence[str]
    notes: Sequence[str]
    problems: Sequence[str]


def convert_script(script: Path) -> SdkConversion:
    """Convert a script that uses the SageMaker SDK.

    Raises
    ------
    InputError
        It cannot be read, is not Python, or trains and deploys nothing with the SDK.
    """
    try:
        text = script.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{script} cannot be read: {reason}.") from None
    reader = Reader()
    reader.read(text, str(script))
    state = State(script)
    converted = _convert(state, reader.calls)
    if not converted:
        _report_rest(state, reader.calls, [])
        uses = "".join(f"\n{one.field}: {one.value}: {one.advice}" for one in state.draft.unconverted[:_SHOWN])
        raise InputError(
            f"{script} has no Estimator, ModelTrainer, HyperparameterTuner, Model or ModelBuilder of the SageMaker SDK "
            f"with which it trains or deploys; there is nothing to convert.{uses}"
        )
    _report_rest(state, reader.calls, converted)
    draft = state.draft
    return SdkConversion(
        order_parameters(draft.document),
        state.files,
        state.data,
        sorted(draft.unconverted, key=lambda entry: _read_line(entry.field)),
        draft.given,
        draft.notes,
        draft.find_problems(),
    )


def _convert(state: State, calls: Sequence[Call]) -> list[Call]:
    """Convert the first training or tuning job and the first model; return their objects."""
    tuner = _find(calls, (TUNER_NAME,))
    trained = unwrap(find_trained(tuner), *ESTIMATORS, TRAINER_NAME) if tuner else None
    trained = trained or _find(calls, (*ESTIMATORS, TRAINER_NAME))
    model = _find(calls, MODEL_NAMES)
    if trained:
        convert = convert_trainer if trained.name == TRAINER_NAME else convert_estimator
        convert(state, trained)
        _put_defaults(state, trained)
    if tuner:
        _convert_tuner(state, tuner)
    if model:
        convert_model(state, model, trained)
    found = [call for call in (trained, tuner, model) if call]
    for call in found:
        _report_loop(state, call)
    deployed = [method for call in found for method in _list_methods(call) if method.name == "deploy"]
    for method in deployed:
        if method.owner is not model:
            convert_deploy(state, method)
    if found and not deployed:
        state.draft.put("deployEndpoint", False, "the script, which has no deploy()")
    if "framework" not in state.draft.document and found:
        state.draft.note("The framework is not known; set framework.")
    return found


def _report_loop(state: State, call: Call) -> None:
    """Report that a loop trains or deploys more than once."""
    repeated = next((one for one in (call, *call.calls) if one.loop), None)
    if repeated:
        advice = f"the loop in line {repeated.loop} may run it several times, and a build runs it once"
        state.draft.refuse(repeated.locate(), repeated.text, f"{advice}; set configtrain to SAGEMAKERHPO to tune")


def _put_defaults(state: State, trained: Call) -> None:
    """Set the limits that the SDK sends when the script names none, because sagebuild's own are lower or higher.

    sdk 2.x, estimator.py: 30 GB and 24 hours; sdk 3, train/defaults.py: 30 GB and 1 hour.
    """
    for name, value in {"trainvolumesize": 30, "trainmaxrun": 1 if trained.name == TRAINER_NAME else 24}.items():
        if name not in state.draft.document:
            state.draft.put(name, value, "the SDK's default")
            state.draft.note(f"{name} is {value}, the default of the SDK.")


def _convert_tuner(state: State, tuner: Call) -> None:
    convert_tuner(state, tuner)
    for method in tuner.calls:
        if method.name in ("fit", "tune"):
            arguments = Arguments(state.draft, method, ("inputs",))
            origin = arguments.locate("inputs")
            convert_inputs(state, arguments.take("inputs"), origin)
            arguments.finish(FIT)


def _find(calls: Sequence[Call], names: Sequence[str]) -> Call | None:
    """Return the first object of one of the classes; one whose methods are called is preferred."""
    found = [call for call in calls if call.name in names]
    return next((call for call in found if call.calls), next(iter(found), None))


def _list_methods(call: Call) -> Iterator[Call]:
    for method in call.calls:
        yield method
        yield from _list_methods(method)


def _report_rest(state: State, calls: Sequence[Call], converted: list[Call]) -> None:
    """Report every use of the SDK that is not part of what was converted."""
    used = {id(part) for call in converted for part in _list_parts(call)}
    for call in calls:
        if id(call) not in used:
            _report(state, call, _ONE if call.name in (*ESTIMATORS, TRAINER_NAME, TUNER_NAME, *MODEL_NAMES) else "")
        for method in _list_methods(call):
            if id(call) in used or call.name in ("Session", "client"):
                _report(state, method)


def _report(state: State, call: Call, advice: str = "") -> None:
    is_quiet = call.name in _QUIET or call.name.endswith(_SERIALIZER) or call.name.startswith("with_")
    advice = advice or next((text for name, text in _ADVICE.items() if call.name.endswith(name)), "")
    if advice or not is_quiet:
        state.draft.refuse(call.locate(), call.text, advice or "sagebuild does not know this call")


def _list_parts(value: Any) -> Iterator[Call]:
    """Yield an object of the SDK, and all objects in its arguments and in those of its methods."""
    if isinstance(value, Call):
        yield value
        for inner in (*value.arguments, *value.keywords.values(), *value.calls):
            yield from _list_parts(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _list_parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _list_parts(inner)


def _read_line(field: str) -> int:
    digits = field.removeprefix("line ").partition(":")[0]
    return int(digits) if digits.isdecimal() else 0
