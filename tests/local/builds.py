"""Helpers for tests of CodeBuild: a project, a repository, archives and waiting."""

import io
import json
import textwrap
import uuid
import zipfile
from pathlib import Path
from typing import Any

from tests.engine import Engine
from tests.local.sagemaker_world import World, wait_until

Json = dict[str, Any]
BUILD_AND_PUSH = """
    aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"
    docker build --tag "$REPOSITORY:$TAG" "$FOLDER"
    docker push "$REPOSITORY:$TAG"
"""


def write_buildspec(**phases: str) -> str:
    """A buildspec with one command per line."""
    lines = ["version: 0.2", "phases:"]
    for name, commands in phases.items():
        lines += [f"  {name}:", "    commands:"]
        lines += [
            f"      - {json.dumps(command.strip())}" for command in textwrap.dedent(commands).strip().splitlines()
        ]
    return "\n".join(lines) + "\n"


def pack_zip(files: dict[str, str], *, executable: bool = False) -> bytes:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if executable else 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


class Builder(World):
    """Starts builds and follows them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.codebuild: Any = engine.client("codebuild")
        self.ecr: Any = engine.client("ecr")
        self.project = f"project-{uuid.uuid4().hex[:8]}"
        self.repository: str = self.ecr.create_repository(repositoryName=self.project)["repository"]["repositoryUri"]
        self.codebuild.create_project(**self.describe_project())

    def describe_project(self, **changes: Any) -> Json:
        environment = {"type": "LINUX_CONTAINER", "image": "any", "computeType": "BUILD_GENERAL1_SMALL"}
        variables = [{"name": "REPOSITORY", "value": self.repository}, {"name": "COLOUR", "value": "red"}]
        return {
            "name": self.project,
            "serviceRole": self.role,
            "source": {"type": "NO_SOURCE", "buildspec": write_buildspec(build="true")},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": environment | {"environmentVariables": variables},
        } | changes

    def start(self, buildspec: str | None = None, **changes: Any) -> str:
        """Start a build; return its id."""
        given = {"buildspecOverride": buildspec} if buildspec else {}
        build: str = self.codebuild.start_build(projectName=self.project, **given, **changes)["build"]["id"]
        return build

    def describe(self, build: str) -> Json:
        described: Json = self.codebuild.batch_get_builds(ids=[build])["builds"][0]
        return described

    def finish(self, build: str) -> Json:
        return wait_until(lambda: self.describe(build), lambda one: one["buildComplete"])

    def run(self, buildspec: str | None = None, **changes: Any) -> Json:
        return self.finish(self.start(buildspec, **changes))

    def lines(self, build: Json) -> list[str]:
        """The lines of the build's log."""
        return self.read_logs(build["logs"]["groupName"], build["logs"]["streamName"])

    def make_image(self, files: dict[str, str], tag: str) -> Json:
        """Build and push an image of these files."""
        location = self.put(f"{tag}.zip", pack_zip(files)).removeprefix("s3://")
        return self.run(
            write_buildspec(build=BUILD_AND_PUSH),
            sourceTypeOverride="S3",
            sourceLocationOverride=location,
            environmentVariablesOverride=[{"name": "TAG", "value": tag}, {"name": "FOLDER", "value": "."}],
        )

    def digest(self, tag: str) -> str:
        """The digest of the image with this tag."""
        (image,) = self.ecr.describe_images(repositoryName=self.project, imageIds=[{"imageTag": tag}])["imageDetails"]
        return str(image["imageDigest"])


def failure(build: Json) -> tuple[str, str]:
    """The failed phase and the reason."""
    (phase,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    (context,) = phase["contexts"]
    return phase["phaseType"], f"{context['statusCode']}: {context['message']}"


def make_repository(folder: Path, run: Any) -> tuple[str, str]:
    """Create a git repository with a file on a branch; return its address and the branch's commit."""
    git = ["git", "-C", str(folder), "-c", "user.name=me", "-c", "user.email=me@example.com"]
    run(["git", "init", "--quiet", "--initial-branch=main", str(folder)])
    for name in ("main", "other"):
        run([*git, "checkout", "--quiet", "-B", name])
        (folder / "file.txt").write_text(f"on {name}\n")
        run([*git, "add", "."])
        run([*git, "commit", "--quiet", "--message", name])
    commit = run([*git, "rev-parse", "other"]).strip()
    run([*git, "checkout", "--quiet", "main"])
    return f"file://{folder}", commit
