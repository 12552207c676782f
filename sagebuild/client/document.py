"""Reads, checks, changes and restores the parameter document in SSM."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sagebuild.builds.pipelines import record_spoken_names
from sagebuild.client.differences import Change
from sagebuild.client.versions import Version, describe_restored, find_undone, find_version, read_versions
from sagebuild.cost.offered import fit_to_region
from sagebuild.errors import InputError
from sagebuild.parameters import BuildParameters, default_document, parse_document, parse_parameters
from sagebuild.parameters.changes import change_document, combine_problems
from sagebuild.parameters.dotted import read_path
from sagebuild.parameters.json_text import format_document, read_framework, read_leniently, read_raw_document
from sagebuild.parameters.store import DESCRIPTION, name_document, read_document, write_text
from sagebuild.service import Service, suppress_code
from sagebuild.view.html import render_table


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

        The new document is checked as a whole. With another framework, the parameters that are not for it are removed.

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
        """Remove parameters and set others in one write; see `set` and `remove`."""
        before = self.document
        return self._write(before, self._change(before, changes, removed))

    def replace(self, document: Mapping[str, Any], *, description: str = DESCRIPTION) -> Change:
        """Replace the whole document.

        Parameters
        ----------
        description
            What SSM keeps with the new version.

        Raises
        ------
        ParameterError
            The new document is invalid; the stored one is unchanged.
        """
        return self._write(read_leniently(self.text), dict(document), description)

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

    def reset(self, framework: str | None = None, changes: Mapping[str, Any] | None = None) -> Change:
        """Replace the document with the defaults of a framework.

        Parameters
        ----------
        framework
            Default: the current framework.
        changes
            Parameters to set in the new document, as `set` does.

        Raises
        ------
        ParameterError
            There is no such framework, or the new document is invalid; the stored one is unchanged.
        """
        return self._write(read_leniently(self.text), self.preview_reset(framework, changes))

    def preview_reset(self, framework: str | None = None, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the document that `reset` would write; it raises the same errors."""
        after = self._change(self.defaults(framework), changes or {})
        self.check(after)
        return after

    def defaults(self, framework: str | None = None) -> dict[str, Any]:
        """Return the document that a first deployment writes for a framework; default: the current framework."""
        current = read_leniently(self.text).get("framework")
        document = default_document(framework or str(current or self._service.settings.framework))
        return fit_to_region(document, self._service.region)

    def history(self) -> list[Version]:
        """Return the versions that SSM keeps, up to 100, newest first, without those that are not JSON objects."""
        return read_versions(self._service)

    def version(self, number: int) -> Version:
        """Return one version of the history.

        Raises
        ------
        InputError
            There is no such version.
        """
        return find_version(self.history(), number, self.name)

    def undo(self, version: int | None = None) -> Change:
        """Undo the last change that is not undone yet, so that each further call goes one version further back.

        Parameters
        ----------
        version
            Restore this version instead; a version that was undone is restored in this way.

        Returns
        -------
        Change
            Its ``restored`` is the number of the restored version, ``undone`` that of the version before.

        Raises
        ------
        InputError
            There is no such version.
        ParameterError
            A build would refuse the document of that version.
        """
        versions = self.history()
        restored = self._find_undone(versions) if version is None else find_version(versions, version, self.name)
        change = self._write(read_leniently(self.text), restored.document, describe_restored(restored.number))
        return replace(change, restored=restored.number, undone=versions[0].number)

    def previous(self) -> Version:
        """Return the version that `undo` would restore.

        Raises
        ------
        InputError
            There is no such version.
        """
        return self._find_undone(self.history())

    def _find_undone(self, versions: Sequence[Version]) -> Version:
        found = find_undone(versions, read_leniently(self.text))
        if found is None:
            raise InputError(f"{self.name} has no earlier version; 'sagebuild params history' lists the versions.")
        return found

    def diff(self, other: Mapping[str, Any]) -> Change:
        """Compare the document with an earlier or other one."""
        return Change(other, self.document)

    def _change(
        self, base: Mapping[str, Any], changes: Mapping[str, Any], removed: Iterable[str] = ()
    ) -> dict[str, Any]:
        after, problems = change_document(base, changes, removed, self._service.settings.framework)
        if problems:
            raise combine_problems(problems, lambda: self.check(after))
        return after

    def _write(self, before: dict[str, Any], after: dict[str, Any], description: str = DESCRIPTION) -> Change:
        parameters = self.check(after)
        change = Change(before, after)
        if change.differences:
            self._store(format_document(after), parameters, description)
        return change

    def _store(self, text: str, parameters: BuildParameters, description: str = DESCRIPTION) -> None:
        write_text(self._service, text, overwrite=True, description=description)
        # The next build stores the spoken names for users who may write the document and not the builds table.
        with suppress_code("AccessDeniedException"):
            record_spoken_names(self._service, parameters.spokennames)

    def __getitem__(self, name: str) -> Any:
        document = self.document
        return read_path(document, name, read_framework(document, self._service.settings.framework))

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)

    def __repr__(self) -> str:
        return json.dumps(self.document, indent=2)

    def _repr_html_(self) -> str:
        rows = [(name, json.dumps(value)) for name, value in self.document.items()]
        return render_table(rows, ("parameter", "value"), title=self.name)
