"""Examines the source archives of a script-mode build: they exist, contain the scripts, and the scripts fit."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import ScriptModeParameters
from sagebuild.plan.archives import ArchiveError, Unreadable, read_scripts
from sagebuild.plan.findings import Findings
from sagebuild.plan.scripts import Script, ScriptUnreadableError, find_script_notes, read_script
from sagebuild.requests.bodies import build_hyperparameters, read_channels
from sagebuild.requests.git_source import find_git_problems, needs_source
from sagebuild.requests.script_mode import find_script_problems, is_legacy, locate_source, serves_a_script

Archive = tuple[str, str]  # the parameter that names it, and its S3 URI


def examine_sources(context: BuildContext[ScriptModeParameters], findings: Findings) -> None:
    """Examine the scripts of the training and the endpoint."""
    findings.problems += [*_find_missing_scripts(context), *find_script_problems(context.parameters)]
    findings.problems += find_git_problems(context)
    training, serving = _locate_training_script(context), _locate_serving_script(context)
    git = context.parameters.git_config
    if git and needs_source(context.parameters):
        findings.notes.append(f"The source was not examined before the build: it is fetched from {git.shown}.")
    wanted: dict[Archive, set[str]] = {}
    for archive, path in (each for each in (training, serving) if each):
        if not git or archive[0] != "trainsourcefile":  # which the build packs
            wanted.setdefault(archive, set()).add(path)
    scripts: dict[tuple[Archive, str], Script] = {}
    for archive, paths in wanted.items():
        scripts |= {(archive, path): script for path, script in _read_archive(context, archive, paths, findings)}
    if training in scripts and not is_legacy(context.parameters):
        _examine_training(context, training[1], scripts[training], findings)
    if serving in scripts:
        _examine_serving(context.parameters, serving[1], scripts[serving], findings)


def _examine_training(
    context: BuildContext[ScriptModeParameters], path: str, script: Script, findings: Findings
) -> None:
    passed = build_hyperparameters(context).keys() | context.parameters.tuning_ranges.keys()
    arguments = [name for name in passed if not name.startswith("sagemaker_")]
    for note in find_script_notes(path, script, read_channels(context), arguments):
        findings.add_note(note)


def _examine_serving(parameters: ScriptModeParameters, path: str, script: Script, findings: Findings) -> None:
    facts = parameters.facts
    if script.names is None or "model_fn" in script.names or not parameters.deployEndpoint:
        return
    if facts.needs_model_fn:
        findings.problems.append(
            f"{path} defines no function model_fn, which the container of {parameters.framework} needs to load the "
            "model; define model_fn(model_dir) there, give another script in hostentrypoint, or set deployEndpoint to "
            "false."
        )
    elif facts.default_model:
        findings.add_note(
            f"{path} defines no function model_fn; the container of {parameters.framework} then loads "
            f"{facts.default_model} from the model's folder."
        )


def _find_missing_scripts(context: BuildContext[ScriptModeParameters]) -> Iterator[str]:
    service, parameters = context.service, context.parameters
    serves_only = not parameters.has_training
    if serves_only and not serves_a_script(parameters):
        return
    if not parameters.trainentrypoint and not (serves_only and parameters.hostentrypoint):
        use = "serves the model" if serves_only else "trains"
        yield (
            f"{'hostentrypoint' if serves_only else 'trainentrypoint'} is not set; framework {parameters.framework} "
            f"{use} with your script; set it to the script's path in the archive, such as train.py."
        )
    if not parameters.trainsourcefile and not (serves_only and parameters.hostsourcefile):
        name = "hostsourcefile" if serves_only else "trainsourcefile"
        yield (
            f"{name} is not set; pack the script into an archive, upload it to the code bucket "
            f"({service.settings.code_bucket}), and set {name} to its key, such as source.tar.gz."
        )


def _locate_training_script(context: BuildContext[ScriptModeParameters]) -> tuple[Archive, str] | None:
    """Return the archive and path of the training's script; None without a training, or if one is missing."""
    parameters = context.parameters
    source = locate_source(context.service, parameters.trainsourcefile)
    if not parameters.has_training or not source or not parameters.trainentrypoint:
        return None
    return ("trainsourcefile", source), parameters.trainentrypoint


def _locate_serving_script(context: BuildContext[ScriptModeParameters]) -> tuple[Archive, str] | None:
    """Return the archive and path of the endpoint's script; None if the server needs none, or if one is missing."""
    parameters = context.parameters
    name = "hostsourcefile" if parameters.hostsourcefile else "trainsourcefile"
    source = locate_source(context.service, parameters.hostsourcefile or parameters.trainsourcefile)
    path = parameters.hostentrypoint or parameters.trainentrypoint
    return ((name, source), path) if source and path and serves_a_script(parameters) else None


def _read_archive(
    context: BuildContext[ScriptModeParameters], archive: Archive, paths: set[str], findings: Findings
) -> Iterator[tuple[str, Script]]:
    """Yield the Python scripts in an archive, by path."""
    name, source = archive
    try:
        contents = read_scripts(context.service, source, sorted(paths))
    except Unreadable as reason:
        findings.notes.append(str(reason))
        return
    except ArchiveError as problem:
        findings.problems.append(f"{name} names {source}, which {problem}.")
        return
    for path, content in contents.items():
        if not path.endswith(".py") or not content.strip():
            continue
        try:
            yield path, read_script(content)
        except ScriptUnreadableError as reason:
            findings.add_note(f"{path} was not examined: {reason}.")
