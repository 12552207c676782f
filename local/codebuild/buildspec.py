"""Parses a buildspec, and writes the shell script of each phase."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_SHELLS = ("bash", "sh")


class BuildspecError(Exception):
    """The buildspec is invalid, or uses an unsupported feature; the message says which."""


@dataclass(frozen=True)
class Buildspec:
    """A parsed buildspec.

    Parameters
    ----------
    shell
        The program that runs the commands.
    variables
        The environment variables.
    phases
        The commands of each phase.
    exported
        The names of the variables whose values the build reports.
    """

    shell: str
    variables: dict[str, str]
    phases: dict[str, tuple[str, ...]]
    exported: tuple[str, ...] = ()


def read(text: str) -> Buildspec:
    """Parse a buildspec.

    Raises
    ------
    BuildspecError
        When it is invalid or unsupported.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is not YAML: {error}") from error
    if not isinstance(given, dict) or str(given.get("version")) != "0.2":
        raise BuildspecError("the buildspec must be a map with version: 0.2")
    _check(given, "the buildspec", "version", "env", "phases")
    environment, phases = given.get("env") or {}, given.get("phases") or {}
    _check(environment, "env", "shell", "variables", "exported-variables")
    _check(phases, "phases", *PHASES)
    for name, phase in phases.items():
        _check(phase, name, "commands")
    shell = environment.get("shell", "sh")
    if shell not in _SHELLS:
        raise BuildspecError(f"the shell must be one of {', '.join(_SHELLS)}, not {shell}")
    return Buildspec(
        shell,
        {name: str(value) for name, value in (environment.get("variables") or {}).items()},
        {name: tuple(map(str, phase["commands"])) for name, phase in phases.items()},
        tuple(environment.get("exported-variables") or ()),
    )


def _check(given: Any, name: str, *known: str) -> None:
    if not isinstance(given, dict):
        raise BuildspecError(f"{name} must be a map")
    if unknown := sorted(given.keys() - set(known)):
        raise BuildspecError(f"local/ does not support {', '.join(unknown)} of {name}; use {', '.join(known)}")


def write_script(phase: str, commands: tuple[str, ...], state: Path, *, succeeding: bool) -> str:
    """The shell script of a phase.

    The phases share environment and working directory: each script loads them from the state folder and saves them
    there, with the command that failed.
    """
    place = shlex.quote(str(state))
    lines = [
        "set -a",
        f"if [ -f {place}/environment ]; then . {place}/environment; fi",
        f"CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}",
        f'cd "$(cat {place}/folder)"',
        f"_leave() {{ _status=$?; export -p > {place}/environment; env -0 > {place}/values; pwd > {place}/folder; "
        f'if [ "$_status" != 0 ]; then printf "%s" "$_command" > {place}/failed; fi; }}',
        "trap _leave EXIT",
        f"echo '[Container] Entering phase {phase.upper()}'",
    ]
    for command in commands:
        lines += [
            f"_command={shlex.quote(command.strip())}",
            'printf "[Container] Running command %s\\n" "$_command"',
            command,
            '_status=$?; if [ "$_status" != 0 ]; then exit "$_status"; fi',
        ]
    return "\n".join(lines) + "\n"
