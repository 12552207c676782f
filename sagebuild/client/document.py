"""The parameter document as a person changes it: checked before it is written, told as a difference, undone again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sagebuild.client.differences import Change, Version, read_leniently, read_object, remove_path, set_path
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters import BuildParameters, default_document, parse_parameters
from sagebuild.parameters.store import read_document, write_document
from sagebuild.service import Service, aws_call


class Parameters(Mapping[str, Any]):
    """The parameters of the next build, read anew at each look."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def name(self) -> str:
        """The name of the SSM parameter that holds them."""
        return self._service.settings.parameters_name

    @property
    def document(self) -> dict[str, Any]:
        """What a person has written, without the defaults of the rest.

        Raises
        ------
        ParameterError
            It is not there, or no JSON object.
        """
        return read_object(self.text)

    @property
    def text(self) -> str:
        """The document as it lies in SSM, JSON or not."""
        return read_document(self._service)

    def check(self, document: Mapping[str, Any] | None = None) -> BuildParameters:
        """What a build would make of the document, or of another one.

        Raises
        ------
        ParameterError
            With a line for everything that is wrong.
        """
        content = self.document if document is None else document
        return parse_parameters(content, default_framework=self._service.settings.framework)

    def set(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> Change:
        """Set parameters; a dotted name reaches into one: ``set({"hyperparameters.epochs": 20})``.

        Returns
        -------
        Change
            What it changed.

        Raises
        ------
        ParameterError
            The document would be wrong; it stays as it is.
        """
        return self.change({**(changes or {}), **more})

    def remove(self, *names: str) -> Change:
        """Take parameters out of the document, so that their defaults hold.

        Raises
        ------
        InputError
            One is not in it.
        ParameterError
            The document would be wrong; it stays as it is.
        """
        return self.change({}, names)

    def change(self, changes: Mapping[str, Any], removed: Iterable[str] = ()) -> Change:
        """Set parameters and take others out, at once; see `set` and `remove`."""
        before = self.document
        after: dict[str, Any] = json.loads(json.dumps(before))
        for path, value in changes.items():
            set_path(after, path, value)
        for path in removed:
            remove_path(after, path)
        return self._write(before, after)

    def replace(self, document: Mapping[str, Any]) -> Change:
        """Make this the whole document.

        Raises
        ------
        ParameterError
            It is wrong; the one that is there stays.
        """
        return self._write(read_leniently(self.text), dict(document))

    def reset(self, framework: str | None = None) -> Change:
        """Make it the defaults of a framework; default: of its own."""
        return self.replace(self.defaults(framework))

    def defaults(self, framework: str | None = None) -> dict[str, Any]:
        """The document that a first deployment writes; default: for the framework of this one."""
        own = read_leniently(self.text).get("framework")
        return default_document(framework or str(own or self._service.settings.framework))

    def history(self) -> list[Version]:
        """The versions that SSM keeps, up to 100, newest first; those that are no JSON object are left out."""
        versions = []
        with aws_call("read the history of the build parameters"):
            for page in self._service.ssm.get_paginator("get_parameter_history").paginate(Name=self.name):
                for one in page["Parameters"]:
                    try:
                        document = read_object(one["Value"])
                    except ParameterError:
                        continue
                    who = one.get("LastModifiedUser", "")
                    versions.append(Version(one["Version"], one["LastModifiedDate"], who, document))
        return sorted(versions, key=lambda version: version.number, reverse=True)

    def version(self, number: int) -> Version:
        """One version of the history.

        Raises
        ------
        InputError
            There is no such version.
        """
        versions = self.history()
        for version in versions:
            if version.number == number:
                return version
        known = ", ".join(str(version.number) for version in versions)
        raise InputError(f"There is no version {number} of {self.name}; there are {known}.")

    def undo(self, version: int | None = None) -> Change:
        """Go back to a version; default: to what was there before the last change.

        Raises
        ------
        InputError
            There is no such version.
        """
        wanted = self.previous() if version is None else self.version(version)
        return self.replace(wanted.document)

    def previous(self) -> Version:
        """What was there before the last change.

        Raises
        ------
        InputError
            Nothing was.
        """
        now = read_leniently(self.text)
        for version in self.history():
            if version.document != now:
                return version
        raise InputError(f"{self.name} has no earlier version.")

    def diff(self, other: Mapping[str, Any]) -> Change:
        """Where the document differs from an earlier or other one."""
        return Change(other, self.document)

    def _write(self, before: dict[str, Any], after: dict[str, Any]) -> Change:
        self.check(after)
        change = Change(before, after)
        if change.differences:
            write_document(self._service, after, overwrite=True)
        return change

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)

    def __repr__(self) -> str:
        return json.dumps(self.document, indent=2)

    def _repr_html_(self) -> str:
        from sagebuild.client.drawing import draw_document

        return draw_document(self.name, self.document)
