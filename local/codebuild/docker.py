"""The ``docker`` command of builds: this machine's Docker if it runs, else a substitute without isolation.

In both cases a push goes to the engine's ECR, and the image into the engine's folder of images.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from local import images
from local.codebuild.dockerfile import Builder, DockerfileError

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_ADDRESS = re.compile(r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+)/(?P<name>[^:@]+)")
_COMMANDS = ("build", "login", "push", "tag")


class DockerError(Exception):
    """The command fails."""


class Docker:
    """One build's Docker.

    Parameters
    ----------
    own
        The build's folder of images that are not pushed, by a hash of their tag.
    pushed
        The engine's folder of images, by digest.
    real
        This machine's ``docker``, if it runs.
    """

    def __init__(self, own: Path, pushed: Path, real: str | None) -> None:
        self._own, self._pushed, self._real = own, pushed, real

    def login(self, arguments: list[str]) -> None:
        """Store the registry; any password is accepted."""
        parser = _parser("login")
        parser.add_argument("-u", "--username")
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("registry")
        given = parser.parse_args(arguments)
        if given.username != "AWS" or not sys.stdin.read().strip():
            raise DockerError(f"{given.registry} needs the user AWS and the password of aws ecr get-login-password")
        (self._own / "logins").open("a").write(f"{given.registry}\n")
        print("Login Succeeded")

    def build(self, arguments: list[str]) -> None:
        """Build an image from a folder."""
        parser = _parser("build")
        parser.add_argument("-t", "--tag", required=True)
        parser.add_argument("-f", "--file")
        parser.add_argument("--build-arg", action="append", default=[])
        parser.add_argument("--platform")
        parser.add_argument("--pull", action="store_true")
        parser.add_argument("--no-cache", action="store_true")
        parser.add_argument("context")
        given = parser.parse_args(arguments)
        folder = self._folder(given.tag)
        files = images.create(folder)
        if self._real:
            subprocess.run([self._real, "build", *arguments], check=True)
            inspect = [self._real, "image", "inspect", "--format", "{{.Id}}", given.tag]
            docker_id = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
            images.save(images.Image(docker_id=docker_id), folder)
            return
        print("WARNING: there is no Docker here: COPY and ADD are carried out, RUN is skipped", flush=True)
        context = Path(given.context)
        dockerfile = Path(given.file) if given.file else context / "Dockerfile"
        if not dockerfile.is_file():
            raise DockerError(f"failed to read dockerfile: open {dockerfile}: no such file or directory")
        values = dict(value.partition("=")[::2] for value in given.build_arg)
        builder = Builder(context, files, values, lambda line: print(line, flush=True))
        images.save(builder.build(dockerfile.read_text()), folder)
        print(f"Successfully tagged {given.tag}")

    def tag(self, arguments: list[str]) -> None:
        """Add a tag to an image."""
        source, target = arguments
        self._find(source)
        shutil.copytree(self._folder(source), self._folder(target), dirs_exist_ok=True)

    def push(self, arguments: list[str]) -> None:
        """Send an image to ECR, layer by layer as Docker does."""
        (name,) = arguments
        image = self._find(name)
        address = _ADDRESS.match(name)
        if not address:
            raise DockerError(f"{name} is not in an ECR repository; local/ has no other registry")
        logins = self._own / "logins"
        if not logins.is_file() or address["registry"] not in logins.read_text().splitlines():
            raise DockerError(f"no basic auth credentials for {address['registry']}; run docker login first")
        layer, facts = _pack(image.files), (image.folder / "image.json").read_bytes()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, "size": len(facts), "digest": _digest(facts)},
                "layers": [{"mediaType": _LAYER, "size": len(layer), "digest": _digest(layer)}],
            }
        )
        digest, tag = _digest(manifest.encode()), name.removeprefix(address[0]).removeprefix(":") or "latest"
        # Before the push: a client that finds the image in ECR may run it at once.
        shutil.copytree(image.folder, images.folder_of(self._pushed, digest), dirs_exist_ok=True)
        _send(address["region"], address["name"], (layer, facts), manifest, tag)
        print(f"{tag}: digest: {digest} size: {len(manifest)}")

    def _find(self, name: str) -> images.StoredImage:
        image = images.load(self._folder(name))
        if not image:
            raise DockerError(f"An image does not exist locally with the tag: {name}")
        return image

    def _folder(self, name: str) -> Path:
        return self._own / hashlib.sha256(name.encode()).hexdigest()


def _parser(command: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"docker {command}", allow_abbrev=False)


def _send(region: str, repository: str, blobs: tuple[bytes, ...], manifest: str, tag: str) -> None:
    # Importing boto3 takes as long as everything else, and only a push needs it.
    import boto3
    from botocore.exceptions import ClientError

    ecr = boto3.client("ecr", region_name=region)
    try:
        for blob in blobs:
            _upload(ecr, repository, blob)
        digest = _digest(manifest.encode())
        ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag, imageDigest=digest)
    except ClientError as error:
        raise DockerError(str(error)) from error


def _upload(ecr: Any, repository: str, blob: bytes) -> None:
    if ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[_digest(blob)])["layers"]:
        return
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    place = {"repositoryName": repository, "uploadId": upload}
    ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob)
    ecr.complete_layer_upload(**place, layerDigests=[_digest(blob)])


def _pack(folder: Path) -> bytes:
    """Pack a folder reproducibly, so that the same files give the same digest."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(path, str(path.relative_to(folder)))
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if path.is_file():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def find_docker(path: str) -> str | None:
    """The ``docker`` on this path; None when its daemon does not respond."""
    program = shutil.which("docker", path=path)
    quiet = subprocess.DEVNULL
    if program and subprocess.run([program, "info"], stdout=quiet, stderr=quiet, check=False).returncode == 0:
        return program
    return None


def main(own: Path, pushed: Path, path: str, arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    command = arguments[0] if arguments else ""
    if command not in _COMMANDS:
        print(f"ERROR: local/ has no docker {command}; builds can use {', '.join(_COMMANDS)}", file=sys.stderr)
        return 1
    own.mkdir(parents=True, exist_ok=True)
    try:
        getattr(Docker(own, pushed, find_docker(path)), command)(arguments[1:])
    except (DockerfileError, DockerError) as error:
        print(f"ERROR: failed to {command}: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    _own, _pushed, _path, *_arguments = sys.argv[1:]
    sys.exit(main(Path(_own), Path(_pushed), _path, _arguments))
