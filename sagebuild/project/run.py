"""Runs a project's training on this machine, in the contract of SageMaker's containers, and serves its model.

`sagebuild.container` has the programs, which the laptop's AWS also starts. They find everything in a folder that stands
for /opt/ml: `.sagebuild/run` in the project.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagebuild.builds.context import BuildContext
from sagebuild.child_process import running
from sagebuild.container import SERVE, TRAIN, frameworks, opt_ml
from sagebuild.container.environment import describe_resources
from sagebuild.errors import InputError, RunError
from sagebuild.images.containers import choose_image
from sagebuild.images.table import Scope
from sagebuild.parameters import ScriptModeParameters
from sagebuild.project.apply import create_data
from sagebuild.project.content import Content, read_content
from sagebuild.project.file import Definition
from sagebuild.project.offline import open_offline
from sagebuild.requests.bodies import build_model, build_training_job, read_channels

_FOLDERS = (
    "input/config",
    "input/data",
    "model",
    "output/data",
    "output/intermediate",
    "code",
    "packages",
    "checkpoints",
)
_HOST = "algo-1"
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Run:
    """The result of a training on this machine.

    Parameters
    ----------
    metrics
        The last value of each metric.
    folder
        The folder that stands for /opt/ml; the model is in its folder ``model``.
    """

    definition: Definition
    metrics: Mapping[str, float]
    folder: Path

    @property
    def model(self) -> Path:
        """The folder with the files of the trained model."""
        return self.folder / "model"


def run_training(definition: Definition, report: Callable[[str], Any] = print) -> Run:
    """Run the training script; its output is reported line by line.

    Raises
    ------
    ProjectFileError
        The project is invalid.
    InputError
        The project has no script, or this machine lacks what it needs.
    RunError
        The script failed.
    """
    create_data(definition)
    content = read_content(definition, open_offline(None))
    context = _require_script(content)
    image = _find_image(context, "training", frameworks.TRAINING)
    if note := frameworks.explain_versions(image):
        report(note)
    base = (definition.folder / ".sagebuild" / "run").resolve()
    request = build_training_job(context, None)
    _fill(base, content, request)
    metrics: dict[str, float] = {}
    command = _build_command(base, TRAIN)
    given = {"TRAINING_JOB_NAME": definition.name, **request.get("Environment", {})}
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with running(command, cwd=base, env=_build_environment(base, image, given), errors="replace", **streams) as process:
        assert process.stdout is not None
        for line in process.stdout:
            report(line.rstrip("\n"))
            metrics.update(_find_metrics(content, line))
        process.wait()
    if process.returncode:
        failure = base / "output" / "failure"
        reason = failure.read_text(errors="replace") if failure.is_file() else f"exit code {process.returncode}"
        raise RunError(f"The training failed: {reason}")
    if not any((base / "model").iterdir()):
        raise RunError("The script saved no model; it must write to the folder that SM_MODEL_DIR names.")
    return Run(definition, metrics, base)


@contextmanager
def serving_model(run: Run, port: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[subprocess.Popen[str]]:
    """Serve a trained model on 127.0.0.1 until the block ends.

    Parameters
    ----------
    port
        Default of the containers: 8080.

    Yields
    ------
    subprocess.Popen
        The process of the endpoint, which answers /ping and /invocations.

    Raises
    ------
    InputError
        This machine cannot serve the model.
    RunError
        The script failed to load the model, or the port is not free.
    """
    context = _require_script(read_content(run.definition, open_offline(None)))
    image = _find_image(context, "inference", frameworks.SERVING | frameworks.SAVED_MODEL)
    repository = frameworks.name_repository(image)
    environment = build_model(context, None)["PrimaryContainer"]["Environment"]
    script = context.parameters.hostentrypoint or context.parameters.trainentrypoint
    if repository not in frameworks.SAVED_MODEL:
        if "/" in str(script):
            raise InputError(f"{script} is in a folder; 'sagebuild run --serve' serves a script at the top of source.")
        environment |= {"SAGEMAKER_PROGRAM": str(script)}
    given = environment | {"SAGEMAKER_BIND_TO_PORT": str(port)}
    command = _build_command(run.folder, SERVE, *frameworks.list_responder(repository))
    (run.folder / "port").unlink(missing_ok=True)
    with running(command, cwd=run.folder, env=_build_environment(run.folder, image, given)) as process:
        while not (run.folder / "port").is_file():  # the program writes it when it listens
            if process.poll() is not None:
                raise RunError("The model cannot be served; the lines above say why.")
            sleep(_POLL_SECONDS)
        yield process


def _require_script(content: Content) -> BuildContext[ScriptModeParameters]:
    context = BuildContext(content.service, 1, content.parameters).narrow(ScriptModeParameters)
    name = content.parameters.framework
    if context is None:
        raise InputError(
            f"Framework {name} runs no script, so there is nothing to run here; 'sagebuild up --local' starts an AWS "
            "on this machine, which runs its containers."
        )
    if not content.archive or not context.parameters.trainentrypoint:
        raise InputError("The project needs source and trainentrypoint to run here.")
    if context.parameters.trainentrypoint not in {file for _, file in content.archive.listing.files}:
        raise InputError(f"source has no file {context.parameters.trainentrypoint}, which trainentrypoint names.")
    return context


def _find_image(context: BuildContext[ScriptModeParameters], scope: Scope, packages: Mapping[str, str]) -> str:
    """Return the project's image, for which this Python has the package."""
    image = choose_image(context, scope).uri
    repository = frameworks.name_repository(image)
    package = packages.get(repository)
    if package is None:
        raise InputError(f"The image {repository} cannot run here; images that can: {', '.join(packages)}.")
    if not importlib.util.find_spec(package):
        raise InputError(f"The image {repository} has the package {package}, which this Python lacks; install it.")
    return image


def _fill(base: Path, content: Content, request: Mapping[str, Any]) -> None:
    """Fill the folder that stands for /opt/ml, as SageMaker does before it starts a container."""
    shutil.rmtree(base, ignore_errors=True)
    for name in _FOLDERS:
        (base / name).mkdir(parents=True)
    (base.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    _write(base, "hyperparameters", request["HyperParameters"])
    resources = describe_resources(_HOST, [_HOST], request["ResourceConfig"].get("InstanceType"))
    _write(base, "resourceconfig", resources)
    channels = read_channels(BuildContext(content.service, 1, content.parameters))
    own = [data for data in content.data if data.place.is_channel]
    if missing := [name for name in channels if name not in {data.place.name for data in own}]:
        raise InputError(_explain_missing(missing[0], channels[missing[0]].output))
    _write(base, "inputdataconfig", {name: {"TrainingInputMode": "File"} for name in channels})
    assert content.archive is not None
    copies = [(file, base / "code" / name) for file, name in content.archive.listing.files]
    for data in own:
        folder = base / "input" / "data" / data.place.name
        copies += [(file, folder / key.removeprefix(data.prefix)) for file, key in data.files]
    for source, target in copies:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _explain_missing(channel: str, output: str | None) -> str:
    if output:
        return (
            f"The channel {channel} is {output}, the output of a processing job, and only the training runs here; "
            "'sagebuild up --local' starts an AWS on this machine, which runs the whole pipeline."
        )
    return f"The project has no data for the channel {channel}; name a file or folder below data."


def _write(base: Path, name: str, content: Any) -> None:
    (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _build_command(base: Path, program: Path, *arguments: str) -> list[str]:
    """Return the command line of a program for a folder, which it finds at /opt/ml where this machine allows it."""
    place = opt_ml.locate(base)
    return opt_ml.enter(base, place, [sys.executable, "-P", str(program), str(place), *arguments])


def _build_environment(base: Path, image: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a container; of this machine's own, only those that programs need to start."""
    libraries = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(base),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join([*libraries, *frameworks.list_stand_ins(image)]),
        **given,
    }


def _find_metrics(content: Content, line: str) -> Iterator[tuple[str, float]]:
    for metric in content.parameters.metrics:
        if match := re.search(metric.Regex, line):
            try:
                yield metric.Name, float(match[1])
            except (TypeError, ValueError):
                continue
