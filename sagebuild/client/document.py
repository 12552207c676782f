"""Reads, checks, changes and restores the parameter document in SSM."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from sagebuild.builds.pipelines import record_spoken_names
from sagebuild.client.differences import Change, Version, remove_path, set_path
from sagebuild.client.html import render_table
from sagebuild.cost.offered import fit_to_region
from sagebuild.errors import InputError, ParameterError
from sagebuild.parameters import BuildParameters, default_document, parse_document, parse_parameters
from sagebuild.parameters.json_text import format_document, read_leniently, read_raw_document
from sagebuild.parameters.store import name_document, read_document, write_text
from sagebuild.service import Service, aws_call, suppress_code


class Parameters(Mapping[str, Any]):
    """The parameters of the next build, read from SSM at every access."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def name(self) -> str:
        """The name of the SSM parameter that holds the document."""
        return name_document(self._service)

    @property
    def document(self) -> dict[str, Any]:
        """The document as written, without defaults.

        Raises
        ------
        ParameterError
            There is no document, or a build would refuse its JSON.
        """
        return read_raw_document(self.text)

    @property
    def text(self) -> str:
        """The stored text, which may not be JSON."""
        return read_document(self._service)

    def check(self, document: Mapping[str, Any] | None = None) -> BuildParameters:
        """Return the parameters that a build would read from a document; default: the stored one.

        Raises
        ------
        ParameterError
            The document is invalid; the message has a line for every problem.
        """
        framework = self._service.settings.framework
        if document is None:
            return parse_document(self.text, default_framework=framework)
        parameters = parse_parameters(document, default_framework=framework)
        format_document(document)  # refuses what is too large to store
        return parameters

    def set(self, changes: Mapping[str, Any] | None = None, /, **more: Any) -> Change:
        """Set parameters; a dotted name sets a value inside one: ``set({"hyperparameters.epochs": 20})``.

        Returns
        -------
        Change
            The document before and after.

        Raises
        ------
        ParameterError
            The new document is invalid; the stored one is unchanged.
        """
        return self.change({**(changes or {}), **more})

    def remove(self, *names: str) -> Change:
        """Remove parameters from the document, so that their defaults apply.

        Raises
        ------
        InputError
            A parameter is not in the document.
        ParameterError
            The new document is invalid; the stored one is unchanged.
        """
        return self.change({}, names)

    def change(self, changes: Mapping[str, Any], removed: Iterable[str] = ()) -> Change:
        """Set parameters and remove others in one write; see `set` and `remove`."""
        before = self.document
        after: dict[str, Any] = deepcopy(before)
        for path, value in changes.items():
            set_path(after, path, value)
        for path in removed:
            remove_path(after, path)
        return self._write(before, after)

    def replace(self, document: Mapping[str, Any]) -> Change:
        """Replace the whole document.

        Raises
        ------
        ParameterError
            The new document is invalid; the stored one is unchanged.
        """
        return self._write(read_leniently(self.text), dict(document))

    def replace_text(self, text: str) -> Change:
        """Make this text the whole document, and keep its layout.

        Raises
        ------
        ParameterError
            A build would refuse it; the stored document stays.
        """
        before = self.text
        parameters = parse_document(text, default_framework=self._service.settings.framework)
        if text != before:
            self._store(text, parameters)
        return Change(read_leniently(before), read_raw_document(text))

    def reset(self, framework: str | None = None) -> Change:
        """Replace the document with the defaults of a framework; default: the current framework."""
        return self.replace(self.defaults(framework))

    def defaults(self, framework: str | None = None) -> dict[str, Any]:
        """Return the document that a first deployment writes for a framework; default: the current framework."""
        current = read_leniently(self.text).get("framework")
        document = default_document(framework or str(current or self._service.settings.framework))
        return fit_to_region(document, self._service.region)

    def history(self) -> list[Version]:
        """Return the versions that SSM keeps, up to 100, newest first, without those that are not JSON objects."""
        versions = []
        with aws_call("read the history of the build parameters"):
            for page in self._service.ssm.get_paginator("get_parameter_history").paginate(Name=self.name):
                for one in page["Parameters"]:
                    try:
                        document = read_raw_document(one["Value"])
                    except ParameterError:
                        continue
                    author = one.get("LastModifiedUser", "")
                    versions.append(Version(one["Version"], one["LastModifiedDate"], author, document))
        return sorted(versions, key=lambda version: version.number, reverse=True)

    def version(self, number: int) -> Version:
        """Return one version of the history.

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
        raise InputError(f"There is no version {number} of {self.name}; the versions are {known}.")

    def undo(self, version: int | None = None) -> Change:
        """Restore a version; default: the one before the last change.

        Raises
        ------
        InputError
            There is no such version.
        """
        restored = self.previous() if version is None else self.version(version)
        return self.replace(restored.document)

    def previous(self) -> Version:
        """Return the newest version that differs from the current document.

        Raises
        ------
        InputError
            There is no such version.
        """
        current = read_leniently(self.text)
        for version in self.history():
            if version.document != current:
                return version
        raise InputError(f"{self.name} has no earlier version.")

    def diff(self, other: Mapping[str, Any]) -> Change:
        """Compare the document with an earlier or other one."""
        return Change(other, self.document)

    def _write(self, before: dict[str, Any], after: dict[str, Any]) -> Change:
        parameters = self.check(after)
        change = Change(before, after)
        if change.differences:
            self._store(format_document(after), parameters)
        return change

    def _store(self, text: str, parameters: BuildParameters) -> None:
        write_text(self._service, text, overwrite=True)
        # The next build stores the spoken names for users who may write the document and not the builds table.
        with suppress_code("AccessDeniedException"):
            record_spoken_names(self._service, parameters.spokennames)

    def __getitem__(self, name: str) -> Any:
        return self.document[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)

    def __repr__(self) -> str:
        return json.dumps(self.document, indent=2)

    def _repr_html_(self) -> str:
        rows = [(name, json.dumps(value)) for name, value in self.document.items()]
        return render_table(rows, ("parameter", "value"), title=self.name)
