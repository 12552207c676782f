"""Builds an image from a Dockerfile without Docker: it copies files and keeps settings, but skips RUN."""

import json
import posixpath
import re
import shlex
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from local.archives import unpack_tar
from local.images import Image

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLE = re.compile(r"\\\$|\$(?:\{(\w+)(?::([-+])([^}]*))?\}|(\w+))")
_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")
# Metadata, or settings without a meaning for the single process that represents the container.
_WITHOUT_EFFECT = ("EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL", "USER", "VOLUME")


class DockerfileError(Exception):
    """The Dockerfile is invalid, or needs Docker; the message says which."""


class Instruction(NamedTuple):
    """One instruction: its line number, its name in capitals, its flags and its arguments."""

    line: int
    name: str
    flags: dict[str, str]
    rest: str


def parse(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, in order."""
    lines = list(enumerate(text.splitlines(), 1))
    while lines:
        number, line = lines.pop(0)
        if _is_comment(line):
            continue
        while line.rstrip().endswith("\\") and lines:
            _, following = lines.pop(0)
            line = line.rstrip() if _is_comment(following) else line.rstrip()[:-1] + following
        name, _, rest = line.strip().rstrip("\\").strip().partition(" ")
        flags = {}
        while flag := re.match(r"\s*--([a-z-]+)(?:=(\S+))?\s+", rest):
            flags[flag[1]] = flag[2] or "true"
            rest = rest[flag.end() :]
        if name.upper() in ("RUN", "COPY", "ADD") and (heredoc := _HEREDOC.search(rest)):
            if name.upper() != "RUN":
                raise DockerfileError(f"line {number}: a here-document in {name} needs Docker")
            while lines and lines.pop(0)[1].strip() != heredoc[2]:
                pass
        yield Instruction(number, name.upper(), flags, rest.strip())


class Builder:
    """Carries out a Dockerfile.

    Parameters
    ----------
    context
        The folder from which COPY and ADD copy.
    files
        The folder that represents the root of the image's disk.
    arguments
        The values of ``--build-arg``.
    log
        Writes a line of the log.
    """

    def __init__(self, context: Path, files: Path, arguments: dict[str, str], log: Callable[[str], None]) -> None:
        self._context, self._files, self._given, self._log = context.resolve(), files.resolve(), arguments, log
        self._arguments: dict[str, str] = {}
        self._image = Image(environment={"PATH": _PATH})
        self._run: dict[str, Callable[[Instruction], None]] = {
            "ADD": self._add,
            "ARG": self._set_argument,
            "CMD": self._set_command,
            "COPY": self._copy,
            "ENTRYPOINT": self._set_entrypoint,
            "ENV": self._set_variable,
            "FROM": self._begin,
            "RUN": self._skip,
            "WORKDIR": self._set_folder,
        }

    def build(self, text: str) -> Image:
        """Carry out all instructions.

        Raises
        ------
        DockerfileError
            When one of them is invalid or needs Docker.
        """
        instructions = list(parse(text))
        for step, instruction in enumerate(instructions, 1):
            self._log(f"Step {step}/{len(instructions)} : {instruction.name} {instruction.rest}".rstrip())
            if instruction.name in _WITHOUT_EFFECT:
                self._log(f" ---> WARNING: {instruction.name} has no effect without Docker")
            elif instruction.name not in self._run:
                raise DockerfileError(f"line {instruction.line}: unknown instruction: {instruction.name}")
            elif not self._image.base and instruction.name not in ("FROM", "ARG"):
                raise DockerfileError(f"line {instruction.line}: no build stage in current context")
            else:
                self._run[instruction.name](instruction)
        if not self._image.base:
            raise DockerfileError("file with no instructions")
        return self._image

    def _begin(self, instruction: Instruction) -> None:
        if self._image.base:
            raise DockerfileError(f"line {instruction.line}: several stages (a second FROM) need Docker")
        self._image.base = self._fill(instruction.rest).split()[0]
        self._log(f" ---> WARNING: {self._image.base} is not used; this machine's Python replaces it")

    def _skip(self, _: Instruction) -> None:
        self._log(" ---> WARNING: RUN WAS SKIPPED without Docker; install its packages on this machine")

    def _set_argument(self, instruction: Instruction) -> None:
        for word in _split(instruction.rest):
            name, _, default = word.partition("=")
            self._arguments[name] = self._given.get(name, self._fill(default))

    def _set_variable(self, instruction: Instruction) -> None:
        if "=" in instruction.rest.split(maxsplit=1)[0]:
            pairs = [word.partition("=")[::2] for word in _split(instruction.rest)]
        else:
            pairs = [tuple(instruction.rest.split(maxsplit=1))]  # type: ignore[list-item]
        self._image.environment |= {name: self._fill(value) for name, value in pairs}

    def _set_folder(self, instruction: Instruction) -> None:
        self._image.workdir = posixpath.normpath(posixpath.join(self._image.workdir, self._fill(instruction.rest)))
        self._target(self._image.workdir).mkdir(parents=True, exist_ok=True)

    def _set_entrypoint(self, instruction: Instruction) -> None:
        self._image.entrypoint, self._image.command = _read_command(instruction.rest), []

    def _set_command(self, instruction: Instruction) -> None:
        self._image.command = _read_command(instruction.rest)

    def _add(self, instruction: Instruction) -> None:
        if re.search(r"(^|[\s\"'])(https?://|git@)", instruction.rest):
            raise DockerfileError(f"line {instruction.line}: ADD of a remote address needs Docker")
        self._copy(instruction, unpack=True)

    def _copy(self, instruction: Instruction, *, unpack: bool = False) -> None:
        if unknown := instruction.flags.keys() - {"chmod", "chown", "link"}:
            raise DockerfileError(f"line {instruction.line}: --{min(unknown)} of {instruction.name} needs Docker")
        *sources, target = [self._fill(word) for word in _read_words(instruction.rest)]
        found = [path for source in sources for path in self._find(source, instruction)]
        into_folder = target.endswith("/") or target == "." or len(found) > 1
        place = self._target(posixpath.join(self._image.workdir, target))
        for path in found:
            if unpack and path.is_file() and tarfile.is_tarfile(path):
                self._unpack(path, place, instruction)
            else:
                goal = place / path.name if path.is_file() and (into_folder or place.is_dir()) else place
                _copy(path, goal, instruction.flags.get("chmod"))

    def _unpack(self, archive: Path, place: Path, instruction: Instruction) -> None:
        try:
            unpack_tar(archive, place)
        except tarfile.TarError as error:
            raise DockerfileError(f"line {instruction.line}: ADD {archive.name}: {error}") from error

    def _find(self, source: str, instruction: Instruction) -> list[Path]:
        plain = posixpath.normpath(f"/{source}").lstrip("/")
        found = sorted(self._context.glob(plain)) if re.search(r"[*?\[]", plain) else [self._context / plain]
        if not found or not all(path.exists() and path.resolve().is_relative_to(self._context) for path in found):
            raise DockerfileError(f'line {instruction.line}: {instruction.name} {source}: "/{plain}": not found')
        return found

    def _target(self, path: str) -> Path:
        return self._files / posixpath.normpath(f"/{path}").lstrip("/")

    def _fill(self, text: str) -> str:
        values = self._arguments | self._image.environment

        def value(found: re.Match[str]) -> str:
            if found[0] == "\\$":
                return "$"
            known = values.get(found[1] or found[4], "")
            if found[2] == "+":
                return found[3] if known else ""
            return known or (found[3] or "")

        return _VARIABLE.sub(value, text)


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _read_words(rest: str) -> list[str]:
    words = _read_list(rest) or _split(rest)
    if len(words) < 2:
        raise DockerfileError(f"{rest}: at least a source and a destination are needed")
    return words


def _split(rest: str) -> list[str]:
    try:
        # _fill recognises an escaped dollar sign by its backslash, which must survive.
        return shlex.split(rest.replace("\\$", "\\\\$"))
    except ValueError as error:
        raise DockerfileError(f"{rest}: {error}") from error


def _read_command(rest: str) -> list[str]:
    return _read_list(rest) or ["/bin/sh", "-c", rest]


def _read_list(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    return [str(word) for word in words] if isinstance(words, list) else None


def _copy(source: Path, target: Path, mode: str | None) -> None:
    files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
    for path in files:
        goal = target / path.relative_to(source) if source.is_dir() else target
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, goal)
        goal.chmod(int(mode, 8) if mode else path.stat().st_mode | _executable(path))


def _executable(path: Path) -> int:
    """The execute bits for a script, because RUN chmod is skipped and a zip archive may lack the mode."""
    with path.open("rb") as file:
        return 0o111 if file.read(2) == b"#!" else 0
