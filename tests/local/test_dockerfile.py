"""Images built from Dockerfiles without Docker: copied files, variables, settings and refusals."""

import io
import tarfile
from pathlib import Path

import pytest

from local.codebuild.dockerfile import Builder, DockerfileError
from local.images import Image

FILES = {"a.py": "a", "b.py": "b", "sub/c.py": "c", "run.sh": "#!/bin/sh\n", "with space.txt": "s"}


class Maker:
    """Builds images from a context with a few files."""

    def __init__(self, folder: Path) -> None:
        self.context, self.files = folder / "context", folder / "files"
        for name, content in FILES.items():
            (self.context / name).parent.mkdir(parents=True, exist_ok=True)
            (self.context / name).write_text(content)
        with tarfile.open(self.context / "packed.tar.gz", "w:gz") as tar:
            tar.addfile(tarfile.TarInfo("from-archive"), io.BytesIO())
        self.files.mkdir()
        self.log: list[str] = []

    def make(self, text: str, **arguments: str) -> Image:
        return Builder(self.context, self.files, arguments, self.log.append).build(f"FROM base\n{text}")

    def copied(self) -> set[str]:
        return {path.relative_to(self.files).as_posix() for path in self.files.rglob("*") if path.is_file()}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("COPY a.py /opt/", {"opt/a.py"}),
        ("COPY a.py /opt/other.py", {"opt/other.py"}),
        ("COPY a.py b.py /opt/", {"opt/a.py", "opt/b.py"}),
        ("COPY *.py /opt/", {"opt/a.py", "opt/b.py"}),
        ("COPY sub /opt", {"opt/c.py"}),
        ("COPY sub/ /opt/new/", {"opt/new/c.py"}),
        ("WORKDIR /opt\nWORKDIR in\nCOPY a.py .", {"opt/in/a.py"}),
        ('COPY ["with space.txt", "/opt/"]', {"opt/with space.txt"}),
        ("COPY a.py /../../escape/", {"escape/a.py"}),
        ("ADD packed.tar.gz /opt", {"opt/from-archive"}),
        ("COPY packed.tar.gz /opt/", {"opt/packed.tar.gz"}),
        ("ARG where=/opt\nCOPY a.py ${where}/$missing", {"opt/a.py"}),
        ("COPY a.py \\\n  # in between\n  b.py \\\n  /opt/", {"opt/a.py", "opt/b.py"}),
    ],
)
def test_files_are_copied_to_the_same_paths_as_with_docker(maker: Maker, text: str, copied: set[str]) -> None:
    maker.make(text)
    assert maker.copied() == copied


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("ENV A=1 B='two words'", {"A": "1", "B": "two words"}),
        ("ENV A the rest", {"A": "the rest"}),
        ("ENV A=1\nENV B=${A}2 C=$A D=${none:-default} E=${A:+set}", {"B": "12", "D": "default", "C": "1", "E": "set"}),
        ("ENV F=\\$A", {"F": "$A"}),
        ("ARG V=old\nENV A=$V", {"A": "given"}),
        (
            "ENV PATH=/opt/program:$PATH",
            {"PATH": "/opt/program:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        ),
    ],
)
def test_variables_are_set_and_substituted(maker: Maker, text: str, image: dict[str, str]) -> None:
    environment = maker.make(text, V="given").environment
    assert image.items() <= environment.items()


def test_the_settings_are_kept(maker: Maker) -> None:
    image = maker.make('WORKDIR /opt\nCMD ["old"]\nENTRYPOINT ["python", "a.py"]\nCMD b')
    assert (image.base, image.workdir) == ("base", "/opt")
    assert (image.entrypoint, image.command) == (["python", "a.py"], ["/bin/sh", "-c", "b"])
    assert maker.make("ENTRYPOINT exec python a.py").entrypoint == ["/bin/sh", "-c", "exec python a.py"]


def test_skipped_instructions_are_logged(maker: Maker) -> None:
    maker.make("RUN <<EOF\nrm -rf /\nEOF\nRUN rm -rf / \\\n  && true\nUSER nobody\nLABEL a=b")
    assert sum("RUN WAS SKIPPED" in line for line in maker.log) == 2
    assert any("USER has no effect" in line for line in maker.log)
    assert any("base is not used" in line for line in maker.log)


def test_scripts_are_executable(maker: Maker) -> None:
    maker.make("COPY run.sh a.py /opt/\nCOPY --chmod=700 b.py /opt/")
    modes = {name: (maker.files / "opt" / name).stat().st_mode & 0o111 for name in ("run.sh", "a.py", "b.py")}
    assert modes == {"run.sh": 0o111, "a.py": 0, "b.py": 0o100}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("COPY absent.py /", 'line 2: COPY absent.py: "/absent.py": not found'),
        ("COPY ../outside /", '"/outside": not found'),
        ("COPY *.none /", "not found"),
        ("COPY a.py", "at least a source and a destination"),
        ("COPY --from=other a.py /", "--from of COPY needs Docker"),
        ("FROM second", r"several stages \(a second FROM\) need Docker"),
        ("ADD https://example.com/x /", "ADD of a remote address needs Docker"),
        ("COPY <<EOF /x\ntext\nEOF", "here-document in COPY needs Docker"),
        ("COPPY a.py /", "line 2: unknown instruction: COPPY"),
        ("ENV A='unclosed", "No closing quotation"),
        ("ONBUILD RUN true", "unknown instruction: ONBUILD"),
    ],
)
def test_an_invalid_or_unsupported_instruction_is_refused_with_the_reason(maker: Maker, text: str, reason: str) -> None:
    with pytest.raises(DockerfileError, match=reason):
        maker.make(text)


def test_a_link_that_leads_outside_the_context_is_refused(maker: Maker) -> None:
    (maker.context / "link").symlink_to("/etc/hostname")
    with pytest.raises(DockerfileError, match="not found"):
        maker.make("COPY link /")


@pytest.mark.parametrize(("text", "reason"), [("", "no instructions"), ("RUN true", "no build stage")])
def test_a_dockerfile_must_start_with_from(maker: Maker, text: str, reason: str) -> None:
    with pytest.raises(DockerfileError, match=reason):
        Builder(maker.context, maker.files, {}, maker.log.append).build(text)
