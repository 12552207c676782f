"""A gated model of the hub: the commands that copy it, and where its token is."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import parse_parameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.preflight import examine_inputs
from sagebuild.requests.bodies import build_model
from sagebuild.requests.git_source import list_source_tags, plan_source
from sagebuild.requests.training import plan_training
from tests.e2e.git import write_files
from tests.functional.conftest import Stack

NUMBER = 7
MODEL = "meta-llama/Llama-3.2-1B"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-test/hub-Ab"
TOKEN = "hf_t0ken"
FILES = {
    "config.json": b"{}",
    "model.safetensors": bytes(200_000),
    "a folder/b.txt": b"b",
    "pytorch_model.bin": b"same",
}
# Instead of AWS's command line: the upload stores its standard input and its options, and the secret is a variable.
AWS = """#!/bin/sh
case "$1" in
  s3) for last; do :; done
      path="$FOLDER/${last#s3://*/models/*/0/hub/}"
      mkdir -p "$(dirname "$path")" && cat > "$path" && echo "$@" >> "$OPTIONS" ;;
  secretsmanager) [ -n "$SECRET" ] && printf '%s' "$SECRET" ;;
esac
"""


def context_of(stack: Stack, **document: Any) -> BuildContext[Any]:
    given = {"framework": "LLM", "engine": "VLLM", "hubmodel": MODEL, "hubsecret": SECRET, **document}
    return BuildContext(stack.service, NUMBER, parse_parameters(given))


@contextmanager
def hub(files: dict[str, bytes], *, elsewhere: str = "") -> Iterator[tuple[str, list[str]]]:
    """A hub, and the Authorization of each request; with another address, it redirects there to the files."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization", ""))
            path = self.path.partition("?")[0].replace("%20", " ")
            if asked[-1] != f"Bearer {TOKEN}" and not path.startswith("/cdn/"):
                self.send_error(401)
            elif path == f"/api/models/{MODEL}/revision/main":
                siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
                self.answer(json.dumps({"sha": "c0ffee", "siblings": siblings}).encode())
            elif elsewhere and not path.startswith("/cdn/"):
                self.send_response(302)
                self.send_header("Location", self.path.replace(f"/{MODEL}/resolve/c0ffee/", f"{elsewhere}/cdn/"))
                self.end_headers()
            elif (name := path.rpartition("/resolve/c0ffee/")[2].removeprefix("/cdn/")) in files:
                self.answer(files[name])
            else:
                self.send_error(404)

        def answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if content != b"cut" else b"c")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def fetch(
    stack: Stack, tmp_path: Path, address: str, secret: str = TOKEN, **document: Any
) -> tuple[int, str, dict[str, bytes]]:
    """Run the commands; return the exit code, the log, and the files in S3."""
    request = plan_source(context_of(stack, **document))["request"]
    (command,) = yaml.safe_load(request["BuildspecOverride"])["phases"]["build"]["commands"]
    work, folder = tmp_path / "work", tmp_path / "s3"
    (work / "source").mkdir(parents=True)
    write_files(work, {"bin/aws": AWS})
    (work / "bin" / "aws").chmod(0o755)
    variables = {each["Name"]: each["Value"] for each in request["EnvironmentVariablesOverride"]}
    variables |= {"PATH": f"{work}/bin:{os.environ['PATH']}", "HF_ENDPOINT": address, "SECRET": secret}
    ended = subprocess.run(
        ["bash", "-c", f"{command}\necho resolved=$SOURCE_COMMIT token=$HUB_TOKEN"],
        cwd=work / "source",
        env=variables | {"FOLDER": str(folder), "OPTIONS": str(work / "options")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return ended.returncode, ended.stdout, found


def test_the_files_are_copied_once_in_one_format(stack: Stack, tmp_path: Path) -> None:
    with hub(FILES) as (address, _):
        code, log, found = fetch(stack, tmp_path, address)
    assert code == 0, log
    assert found == {name: content for name, content in FILES.items() if not name.endswith(".bin")}
    assert "resolved=c0ffee token=\n" in log
    assert TOKEN not in log


def test_other_formats_are_copied_without_safetensors(stack: Stack, tmp_path: Path) -> None:
    with hub({"pytorch_model.bin": b"weights"}) as (address, _):
        assert fetch(stack, tmp_path, address)[2] == {"pytorch_model.bin": b"weights"}


def test_the_key_of_the_document_encrypts_the_copies(stack: Stack, tmp_path: Path) -> None:
    with hub({"config.json": b"{}"}) as (address, _):
        fetch(stack, tmp_path, address, outputkmskey="alias/own")
    options = (tmp_path / "work" / "options").read_text()
    assert "--expected-size 2 --sse aws:kms --sse-kms-key-id alias/own -" in options


def test_the_token_does_not_follow_a_redirect_to_another_host(stack: Stack, tmp_path: Path) -> None:
    with hub(FILES) as (other, there), hub(FILES, elsewhere=other.replace("127.0.0.1", "localhost")) as (address, here):
        code, log, found = fetch(stack, tmp_path, address)
    assert (code, found["a folder/b.txt"]) == (0, b"b"), log
    assert set(here) == {f"Bearer {TOKEN}"}
    assert set(there) == {""}


@pytest.mark.parametrize(
    ("files", "secret", "reason"),
    [
        (FILES, "", f"the secret {SECRET} cannot be read"),
        (FILES, "wrong", f"the hub does not give {MODEL}; check its id, the token in {SECRET}, and that the token's "
         "account accepted the terms of the model"),
        ({"config.json": b"cut"}, TOKEN, "config.json was not copied; the hub does not give"),
    ],
)  # fmt: skip
def test_the_reason_is_named(stack: Stack, tmp_path: Path, files: dict[str, bytes], secret: str, reason: str) -> None:
    with hub(files) as (address, _):
        code, log, _ = fetch(stack, tmp_path, address, secret)
    assert code == 1
    assert [line for line in log.splitlines() if line.startswith(f"ERROR: {reason}")], log


def test_the_container_serves_the_copy_offline_and_never_gets_the_secret(stack: Stack) -> None:
    context = context_of(stack, networkisolation=True)
    training, model = plan_training(context, None), build_model(context, "image:1")
    folder = f"s3://{stack.service.settings.model_bucket}/models/"
    assert training.artifacts
    assert training.artifacts.startswith(folder)
    assert training.artifacts.endswith(f"-{NUMBER}/0/hub/")
    assert training.notes == (f"Nothing was trained: the build copies {MODEL} from the Hugging Face hub.",)
    assert model["PrimaryContainer"]["Environment"] == {
        "SM_VLLM_MODEL": "/opt/ml/model", "HF_HUB_OFFLINE": "1", "SM_VLLM_TENSOR_PARALLEL_SIZE": "1",
        "HF_HOME": "/tmp", "HUGGINGFACE_HUB_CACHE": "/tmp",
    }  # fmt: skip
    assert SECRET not in json.dumps(model)
    assert len(list_source_tags(context)) == 1
    assert list_source_tags(context_of(stack, hubsecret=None)) == []


def test_a_secret_that_the_role_cannot_read_is_refused_before_the_build(stack: Stack) -> None:
    other, findings = SECRET.replace("sagebuild-test/", "other/"), Findings()
    context = context_of(stack, hubsecret=other)
    examine_inputs(context, plan_training(context, None).artifacts, findings)
    (problem,) = findings.problems
    assert problem.startswith(f"hubsecret is {other}; the stack's role may read only secrets whose name begins with")
    examine_inputs(context_of(stack), context_of(stack).parameters.ModelArtifacts, findings)
    assert len(findings.problems) == 1
