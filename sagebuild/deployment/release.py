"""Reads the files of the service that `make dist` packs into the wheel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagebuild.errors import InputError

FOLDER = Path(__file__).parent / "release"
# The stage with which `make dist` packages the service; template.py puts the real one in its place.
STAGE = "0stage0"
CREATION, TEMPLATE = "cloudformation-template-create-stack.json", "cloudformation-template-update-stack.json"
ARCHIVES = ("sagebuild.zip", "dependencies.zip")
_OTHER_NAMES = {"LaunchSchedule": "schedule"}
FILES = (CREATION, TEMPLATE, *ARCHIVES)


@dataclass(frozen=True)
class Release:
    """The packaged service.

    Parameters
    ----------
    creation
        The template that creates the deployment bucket alone.
    template
        The template of the whole stack.
    archives
        The archives of the functions and of their layer, by name.
    """

    creation: Mapping[str, Any]
    template: Mapping[str, Any]
    archives: Mapping[str, Path]

    @property
    def rules(self) -> dict[str, dict[str, Any]]:
        """The template's parameter for each deploy parameter: VpcAccess for vpcAccess."""
        return {name_parameter(name): rule for name, rule in self.template["Parameters"].items()}

    @property
    def defaults(self) -> dict[str, str]:
        """The default of each deploy parameter."""
        framework = self.template["Outputs"]["Framework"]["Value"]
        return {name: str(rule["Default"]) for name, rule in self.rules.items()} | {"framework": framework}


def name_parameter(name: str) -> str:
    """Return the deploy parameter of a parameter of the template: vpcAccess for VpcAccess."""
    return _OTHER_NAMES.get(name, f"{name[0].lower()}{name[1:]}")


def read_release() -> Release:
    """Read the packaged service.

    Raises
    ------
    InputError
        This installation has none: it is a clone.
    """
    folder = FOLDER
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise InputError(
            f"This installation of sagebuild has no packaged service ({missing[0]}). Install a release of sagebuild; "
            "in a clone, run 'npx serverless deploy', or 'make dist' first."
        )
    creation, template = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (CREATION, TEMPLATE))
    return Release(creation, template, {name: folder / name for name in ARCHIVES})
