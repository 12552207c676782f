"""Writes docs/parameters.md and docs/parameters.schema.json from the parameter models: ``make docs``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema
from pydantic_core import PydanticUndefined

from sagebuild.framework_facts import FRAMEWORKS
from sagebuild.parameters import MODELS
from sagebuild.parameters.common import BuildParameters, Common, DataAndSteps, Tuning
from sagebuild.parameters.deployment_options import DeploymentOptions
from sagebuild.parameters.groups import StrictModel
from sagebuild.parameters.kinds import Dollars, Hours, Kind, WholeNumber
from sagebuild.parameters.options import EndpointOptions, NetworkOptions, TrainingOptions
from sagebuild.parameters.schedule_options import ScheduleOptions
from sagebuild.parameters.step_options import StepOptions
from sagebuild.parameters.text_kinds import JsonText
from sagebuild.parameters.transform_options import TransformOptions

DOCS = Path(__file__).parents[1] / "docs"

GROUPS: dict[str, tuple[type[StrictModel], str]] = {
    "Instances and hyperparameters": (Common, "Every build has these parameters, with any framework."),
    "Data, metrics and steps": (DataAndSteps, "The training data, the metrics, and the steps of the build."),
    "Training": (TrainingOptions, "These options apply to a training."),
    "Processing and evaluation": (StepOptions, "Jobs before and after the training; see [steps.md](steps.md)."),
    "Batch transform": (TransformOptions, "Files to score; see [steps.md](steps.md#batch-transform)."),
    "Network": (NetworkOptions, "The network of the jobs and the model. Subnets need a stack deployed with\n"
                '`--param="vpcAccess=true"`.'),
    "Endpoint": (EndpointOptions, "These options apply to an endpoint."),
    "Deployment": (DeploymentOptions, "These options apply to a deployment; see [deployment.md](deployment.md)."),
    "Schedule": (ScheduleOptions, "Builds that start by themselves; see [triggers.md](triggers.md#a-schedule)."),
    "Tuning": (Tuning, "The parameters of a tuning job. It needs `configtrain` SAGEMAKERHPO, `tuningobjective`, and\n"
               "ranges in `hyperparameters`."),
}  # fmt: skip
SCRIPT_MODE = [name for name, facts in FRAMEWORKS.items() if facts.has_script]
HEAD = "| name | value | unit | default | meaning |\n|---|---|---|---|---|"
FRAMEWORK_HEAD = "| name | value | unit | default | meaning | frameworks |\n|---|---|---|---|---|---|"
_BASE = BuildParameters.__name__
INTRODUCTION = """# Build parameters

<!-- Written by tools/generate_parameter_docs.py (make docs) from sagebuild/parameters; change it there. -->

One JSON document in SSM Parameter Store holds the parameters of a stack's builds. Its name is in the stack's output
`ParametersName`. Change the document, and the next build uses it. This is the smallest document that trains
scikit-learn:

```json
{"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
```

The script is in `source.tar.gz` in the code bucket, and the data is under `train/` in the data bucket.

- You can leave out a parameter that has a default. You can also leave out `framework`; the deployment sets its default.
- If you leave out a parameter that has no default, sagebuild does not send it to SageMaker.
- Numbers and booleans can be strings: `"4"`, `"true"`. The string `"none"` is the same as leaving a parameter out.
- Unknown names, invalid values and conflicting values end the build before it costs anything. The error message lists
  all of them.
- The document must be a JSON object of at most 8192 bytes. Each name in an object must be unique.

In script mode, the script gets each hyperparameter as an argument: `--epochs 5`. TensorFlow after 1.10 also gets
`--model_dir`, as with the SageMaker SDK; `"hyperparameters": {"model_dir": false}` leaves it out. Before a build costs
anything, sagebuild reads the script without running it. Notes on the build, and `sagebuild doctor`, name channels and
arguments that the script expects and will not get, and arguments that it refuses. If the container needs the function
`model_fn` and the serving script does not define it, the build is refused.

With the JSON Schema in [parameters.schema.json](parameters.schema.json), editors complete and check the document. The
setting for Visual Studio Code:
`"json.schemas": [{"fileMatch": ["parameters.json"], "url": "./docs/parameters.schema.json"}]`.
"""


def write_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([INTRODUCTION, *_write_framework(), *_write_groups(), *_write_own(), *_write_objects()])


def write_schema() -> str:
    """Return the JSON Schema for editors."""
    models: list[type[BaseModel]] = [BuildParameters, *MODELS.values()]
    references, definitions = models_json_schema([(model, "validation") for model in models])
    shared = definitions["$defs"][_BASE]["properties"]
    for model in MODELS.values():
        own = definitions["$defs"][model.__name__]["properties"]
        own.update(
            {name: {"$ref": f"#/$defs/{_BASE}/properties/{name}"} for name in own if own[name] == shared.get(name)}
        )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Build parameters of sagebuild",
        "type": "object",
        "properties": {"framework": {"enum": list(MODELS)}},
        "allOf": [
            {
                "if": {"properties": {"framework": {"const": framework}}, "required": ["framework"]},
                "then": references[model, "validation"],
            }
            for framework, model in MODELS.items()
        ],
    }
    return json.dumps(schema | definitions, indent=2) + "\n"


def _write_framework() -> Iterator[str]:
    rows = (f"| {name} | {str(model.__doc__).splitlines()[0]} |" for name, model in MODELS.items())
    yield "## framework\n\nThe framework trains and serves the model. The other parameters depend on it.\n"
    yield "\n".join(["| framework | meaning |\n|---|---|", *rows, ""])


def _write_groups() -> Iterator[str]:
    for title, (group, introduction) in GROUPS.items():
        yield f"## {title}\n\n{introduction}\n\n{HEAD}"
        yield from (_write_row(name, info) for name, info in group.model_fields.items())
        yield ""


def _write_own() -> Iterator[str]:
    """Yield the parameters of some frameworks only; a different default has its own row."""
    rows: dict[str, list[str]] = {}
    for framework, model in MODELS.items():
        for name, info in model.model_fields.items():
            usual = next((group.model_fields[name] for group, _ in GROUPS.values() if name in group.model_fields), None)
            if name != "framework" and (usual is None or usual.default != info.default):
                rows.setdefault(_write_row(name, info), []).append(framework)
    script_mode = f"Script mode means the frameworks that run your script: {', '.join(SCRIPT_MODE)}."
    yield f"## Frameworks\n\nThese parameters exist only for some frameworks. {script_mode}\n"
    yield FRAMEWORK_HEAD
    for row, frameworks in rows.items():
        yield f"{row} {'script mode' if frameworks == SCRIPT_MODE else ', '.join(frameworks)} |"
    yield ""


def _write_objects() -> Iterator[str]:
    yield "## Objects\n\nThe tables above use these objects.\n"
    for model in _find_objects():
        title, *details = str(model.__doc__).splitlines()
        yield f"### {model.__name__}\n\n{title}\n"
        yield from (f"{line.strip()}\n" for line in details if line.strip())
        yield HEAD
        yield from (_write_row(name, info) for name, info in model.model_fields.items())
        yield ""


def _find_objects() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for model in MODELS.values():
        for info in model.model_fields.values():
            for part in _models_in(info.annotation):
                found.setdefault(part.__name__, part)
                found |= {
                    inner.__name__: inner for f in part.model_fields.values() for inner in _models_in(f.annotation)
                }
    return [found[name] for name in sorted(found)]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _write_row(name: str, info: FieldInfo) -> str:
    kind = next((marker for marker in info.metadata if isinstance(marker, Kind)), None)
    cells = [
        f"`{name}`",
        kind.allowed if kind else _describe(info.annotation),
        _write_unit(kind),
        _write_default(info),
        str(info.description),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _describe(annotation: Any) -> str:
    """Return a type in words: its kind, the object's name, or the type of the entries."""
    if get_origin(annotation) is Annotated:
        of, *markers = get_args(annotation)
        kind = next((marker for marker in markers if isinstance(marker, Kind)), None)
        if isinstance(kind, JsonText):
            return "any JSON value"
        return kind.allowed if kind else _describe(of)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    arguments = [argument for argument in get_args(annotation) if argument not in (type(None), ...)]
    if get_origin(annotation) is dict:
        return f"an object; each value {_describe(arguments[1])}"
    if get_origin(annotation) is tuple:
        return f"an array of: {_describe(arguments[0])}"
    return ", or ".join(_describe(argument) for argument in arguments)


def _write_unit(kind: Kind | None) -> str:
    if isinstance(kind, Hours):
        return "hours"
    if isinstance(kind, Dollars):
        return "US dollars"
    return kind.unit if isinstance(kind, WholeNumber) else ""


def _write_default(info: FieldInfo) -> str:
    default = info.default
    if default is PydanticUndefined:
        return "(required)"
    if default is None:
        return ""
    return f"`{json.dumps(default.model_dump() if isinstance(default, StrictModel) else default)}`"


def main() -> None:
    """Write both files."""
    DOCS.joinpath("parameters.md").write_text(write_page(), encoding="utf-8")
    DOCS.joinpath("parameters.schema.json").write_text(write_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
