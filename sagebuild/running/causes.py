"""Finds the cause of a failure in the lines of a container's log, and explains known causes in a plain sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

LINES_SHOWN = 8
_LINE_LENGTH = 300  # characters
# The escape sequences of terminals: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TRACEBACK = "Traceback (most recent call last)"
# The line of an exception: "ValueError: no", "botocore.exceptions.ClientError: An error occurred".
_EXCEPTION = re.compile(r"^(?:\S*\s+)?(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit|NotFound|Timeout)\b(?::|$)")
_ERROR = re.compile(r"^(?:error|fatal)\b|\berror: ", re.IGNORECASE)
# Lines that come after the cause, or say nothing: of the model server, of pip, of AWS's training toolkit.
_NOISE = re.compile(
    r"GET /ping|^\[notice\]|^WARNING: Running pip|Reporting training FAILURE|^ExitCode |^Command \"|\d%\|"
    r"|ExecuteUserScriptError|^\s*$"
)


class Cause(NamedTuple):
    """A pattern in the log of a training or an endpoint, and the sentence that explains it."""

    pattern: re.Pattern[str]
    training: str
    endpoint: str


def _cause(pattern: str, training: str, endpoint: str) -> Cause:
    return Cause(re.compile(pattern, re.MULTILINE), training, endpoint)


NO_MODEL = "Could not find model data"  # how SageMaker's CreateModel begins, when the training saved nothing
# The first match counts. A group in the pattern replaces {0}.
_CAUSES = (
    _cause(
        r"CUDA(?: error:)? out of memory|CUDA_ERROR_OUT_OF_MEMORY|OutOfMemoryError: CUDA",
        "The GPU ran out of memory; use a smaller batch, or set traininstancetype to one whose GPU has more memory.",
        "The GPU ran out of memory; set hostinstancetype to one whose GPU has more memory.",
    ),
    _cause(
        r"MemoryError|Cannot allocate memory|std::bad_alloc|Unable to allocate|OutOfMemory|[Oo]ut of memory"
        r"|[Ee]xit ?[Cc]ode:? ?(?:137|-9)\b|SIGKILL|^Killed|instance type with more memory",
        "The training ran out of memory; set traininstancetype to one with more memory, or read less data at a time.",
        "The model's container ran out of memory; set hostinstancetype to one with more memory, or raise the memory in "
        "serverless.",
    ),
    _cause(
        r"No space left on device|Errno 28\b|ENOSPC|[Dd]isk (?:is )?full|[Dd]isk usage .*exceed|larger volume",
        "The disk of the training instance is full; raise trainvolumesize.",
        "The disk of the endpoint's instance is full; set hostinstancetype to one with a larger disk, or make "
        "the model smaller.",
    ),
    _cause(
        r"(?:No matching distribution found for|Could not find a version that satisfies the requirement) (\S+)",
        "pip could not install {0} from requirements.txt; correct its name or version in the archive that "
        "trainsourcefile names. With networkisolation or subnets, pip may also have no internet.",
        "pip could not install {0} from requirements.txt; correct its name or version in the archive that "
        "hostsourcefile names (default: trainsourcefile). With networkisolation or subnets, pip may also have no "
        "internet.",
    ),
    _cause(
        r"requirements\.txt could not be installed|pip install .*requirements\.txt.* failed|InstallRequirementsError",
        "The packages of requirements.txt could not be installed; correct the file in the archive that "
        "trainsourcefile names.",
        "The packages of requirements.txt could not be installed; correct the file in the archive that "
        "hostsourcefile names (default: trainsourcefile).",
    ),
    _cause(
        r"No module named '?([\w.]+)",
        "The container has no Python module {0}; add its package to requirements.txt beside the script, in the archive "
        "that trainsourcefile names.",
        "The container has no Python module {0}; add its package to requirements.txt beside the script, in the archive "
        "that hostsourcefile names (default: trainsourcefile).",
    ),
    _cause(
        r"must define model_fn|provide a model_fn|model_fn implementation|attribute 'model_fn'|without a model_fn",
        "",
        "The serving script has no function model_fn, which loads the model; add it to the script that hostentrypoint "
        "names (default: trainentrypoint).",
    ),
    _cause(
        NO_MODEL,
        "",
        "The training saved no model: its folder SM_MODEL_DIR (/opt/ml/model) was empty at the end. Let the script of "
        "trainentrypoint save the model there.",
    ),
    _cause(
        r"No such file or directory: '[^']*(?:/model/[^']*|/model)'|model must have one \w+ file.*has 0"
        r"|[Mm]odel (?:directory|archive) is empty|No model file|Cannot find model",
        "",
        "The model's archive lacks a file that the server reads, or is empty; let the script of trainentrypoint save "
        "the model in the folder SM_MODEL_DIR (/opt/ml/model), or correct ModelArtifacts.",
    ),
)


def strip_escapes(text: str) -> str:
    """Return a text without the escape sequences of terminals."""
    return _ESCAPES.sub("", text)


def clean_lines(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log without terminal sequences, control characters and lines that say nothing."""
    plain = (strip_escapes(line) for text in lines for line in text.splitlines())
    printable = ("".join(c if c.isprintable() or c == "\t" else " " for c in line).rstrip() for line in plain)
    return [_shorten(line) for line in printable if not _NOISE.search(line)]


def _shorten(line: str) -> str:
    return line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]} ..."


def pick_lines(lines: Sequence[str]) -> list[str]:
    """Return the last lines, at most eight; after a traceback, those around its exception."""
    begin = next((index for index in range(len(lines) - 1, -1, -1) if _TRACEBACK in lines[index]), None)
    if begin is None:
        return list(lines[-LINES_SHOWN:])
    exceptions = (index for index in range(begin + 1, len(lines)) if _EXCEPTION.search(lines[index]))
    end = next(exceptions, len(lines) - 1)
    return list(lines[max(begin, end - 3) : end + LINES_SHOWN - 3])


def find_error(lines: Sequence[str]) -> str:
    """Return the last line that names an error: an exception, or else a line that begins with "error"."""
    for pattern in (_EXCEPTION, _ERROR):
        if found := next((line.strip() for line in reversed(lines) if pattern.search(line.strip())), ""):
            return found
    return ""


def explain_cause(text: str, *, is_endpoint: bool) -> str:
    """Return a plain sentence for a known cause, with the parameter to change; empty for any other cause."""
    for cause in _CAUSES:
        sentence = cause.endpoint if is_endpoint else cause.training
        if sentence and (match := cause.pattern.search(text)):
            return sentence.format(*match.groups())
    return ""
