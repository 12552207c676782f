"""The files that an evaluation wrote beside its report: plots and HTML, which a notebook shows."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape

from sagebuild.builds.records import BuildRecord
from sagebuild.s3_uri import split_s3_uri
from sagebuild.service import Service, aws_call
from sagebuild.view.html import Html, render_heading, render_table

# A notebook stores what it shows.
_LARGEST_MB = 5
_PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml"}
_PAGES = ("html", "htm")


@dataclass(frozen=True)
class ReportFile:
    """A file in the folder of a report.

    Parameters
    ----------
    name
        Its path in the folder.
    uri
        Its S3 address.
    content
        Of a picture or an HTML page of at most 5 MB; otherwise None.
    """

    name: str
    uri: str
    content: bytes | None = None

    def render(self) -> Html:
        """Render a picture or a page; of another file, its address.

        A page is in a frame without rights, so that its scripts do not run in the notebook.
        """
        kind = self.name.rpartition(".")[2].lower()
        if self.content is None:
            return Html(escape(self.uri))
        if kind in _PICTURES:
            data = b64encode(self.content).decode()
            return Html(f"<img alt='{escape(self.name)}' src='data:{_PICTURES[kind]};base64,{data}'/>")
        page = escape(self.content.decode(errors="replace"))
        return Html(f"<iframe sandbox='' srcdoc='{page}' width='100%' height='400'></iframe>")


@dataclass(frozen=True)
class EvaluationReport:
    """The numbers of an evaluation, and the files in the folder of its report."""

    number: int
    metrics: dict[str, float]
    files: tuple[ReportFile, ...]

    def __str__(self) -> str:
        lines = [f"{name} {value:g}" for name, value in self.metrics.items()]
        return "\n".join([*lines, *(file.uri for file in self.files)])

    def _repr_html_(self) -> str:
        title = render_heading(f"Evaluation of build {self.number}", "")
        numbers = render_table([(name, f"{value:g}") for name, value in self.metrics.items()], ("metric", "value"))
        return title + numbers + render_table([(file.name, file.render()) for file in self.files], ("file", ""))


def read_report_files(service: Service, record: BuildRecord) -> EvaluationReport:
    """Read the folder of a build's report; without an evaluation, there are no files."""
    report = next((job.report for job in record.step_jobs if job.report), "")
    files = tuple(_list_files(service, report.rpartition("/")[0] + "/")) if report else ()
    return EvaluationReport(record.number, record.evaluation_metrics, files)


def _list_files(service: Service, folder: str) -> list[ReportFile]:
    bucket, prefix = split_s3_uri(folder)
    with aws_call(f"list {folder}"):
        pages = service.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", [])]
        return [_read_file(service, bucket, key, key.removeprefix(prefix), size) for key, size in found]


def _read_file(service: Service, bucket: str, key: str, name: str, size: int) -> ReportFile:
    is_shown = name.rpartition(".")[2].lower() in (*_PICTURES, *_PAGES) and size <= _LARGEST_MB * 1024 * 1024
    content = service.s3.get_object(Bucket=bucket, Key=key)["Body"].read() if is_shown else None
    return ReportFile(name, f"s3://{bucket}/{key}", content)
