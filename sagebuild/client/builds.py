"""A list of builds, from Python: a table in a notebook, their metrics, and plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from sagebuild.builds.records import BuildRecord
from sagebuild.client.build import Build
from sagebuild.client.descriptions import COLUMNS, describe_row
from sagebuild.client.metrics import Curves, collect_metrics
from sagebuild.client.public_record import describe_publicly
from sagebuild.view.html import render_badge, render_table


@dataclass(frozen=True)
class Builds(Sequence[Build]):
    """Builds, newest first; a notebook shows a table."""

    builds: tuple[Build, ...] = field(repr=False)
    records: tuple[BuildRecord, ...] = field(repr=False)

    @overload
    def __getitem__(self, index: int) -> Build: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Build]: ...
    def __getitem__(self, index: int | slice) -> Build | Sequence[Build]:
        return self.builds[index]

    def __len__(self) -> int:
        return len(self.builds)

    def metrics(self) -> Curves:
        """Return each metric's last value in every build; a notebook plots them."""
        return collect_metrics(self.records)

    def to_list(self) -> list[dict[str, Any]]:
        """Return the records as JSON values, as `Build.to_dict` does, also for a pandas.DataFrame."""
        urls = (build.console_url for build in self.builds)
        return [describe_publicly(one) | {"console_url": url} for one, url in zip(self.records, urls, strict=True)]

    def __repr__(self) -> str:
        return "\n".join(repr(build) for build in self.builds) or "<no builds>"

    def _repr_html_(self) -> str:
        rows = []
        for number, status, *cells in map(describe_row, self.records):
            rows.append((number, render_badge(status), *cells))
        return render_table(rows, COLUMNS)
