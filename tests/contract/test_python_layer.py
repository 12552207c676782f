"""The archive of the layer is kept, and packed again as soon as anything differs that it is made from."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine import ROOT

# Runs the plugin's hooks around a stand-in for osls, which packs a layer that has no archive yet.
PACKAGE = """
const fs = require('node:fs');
const { serviceDir, version, provider, layer, meanwhile } = JSON.parse(process.argv[1]);
const service = { provider, custom: { pythonLayer: { awsServices: ['s3'] } }, getLayer: () => layer };
const Plugin = require(`${serviceDir}/tools/python-layer.cjs`);
const create = () => new Plugin({ serviceDir, version, service, classes: { Error } }, {}, { log: { notice() {} } });
const { hooks } = create();
const archive = `${serviceDir}/.serverless/dependencies.zip`;
fs.rmSync(`${serviceDir}/.serverless`, { recursive: true, force: true });
hooks['before:package:createDeploymentArtifacts']();
const isPacked = !layer.package.artifact;
if (isPacked) {
  fs.mkdirSync(`${serviceDir}/.serverless`);
  fs.copyFileSync(`${serviceDir}/.layer/dependencies/python/installed`, archive);
}
if (meanwhile) {
  fs.writeFileSync(`${serviceDir}/requirements.txt`, meanwhile);
  create().hooks['before:package:createDeploymentArtifacts']();
}
hooks['after:package:createDeploymentArtifacts']();
console.log(JSON.stringify([isPacked, isPacked ? archive : layer.package.artifact, fs.readFileSync(archive, 'utf8')]));
"""
# Stand-ins: uv "installs" the requirements into the folder of --target, and Python prints what the code calls.
PROGRAMS = {
    "uv": 'mkdir -p "$8"; cp requirements.txt "$8/installed"',
    "python": "cat calls.json",
}


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The folder of a service."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, script in PROGRAMS.items():
        (tmp_path / ".venv" / "bin" / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / ".venv" / "bin" / name).chmod(0o755)
    (tmp_path / "tools").mkdir()
    for name in ("python-layer.cjs", "lambda_package.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    (tmp_path / "requirements.txt").write_text("six==1.16.0", encoding="utf-8")
    (tmp_path / "calls.json").write_text('{"compiled": true}', encoding="utf-8")
    return tmp_path


def package(
    service: Path, runtime: str = "python3.13", version: str = "4.3.1", pattern: str = "**", meanwhile: str = ""
) -> tuple[bool, str]:
    """Whether the layer was packed anew, and the content of the archive that is deployed.

    Meanwhile, another deployment can build the layer of other requirements.
    """
    provider = {"runtime": runtime, "architecture": "arm64"}
    given = {"serviceDir": str(service), "version": version, "provider": provider}
    given |= {"layer": {"package": {"patterns": [pattern]}}, "meanwhile": meanwhile}
    command = ["node", "-e", PACKAGE, json.dumps(given)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    is_packed, artifact, content = json.loads(ended.stdout)
    assert artifact == str(service / ".serverless" / "dependencies.zip")
    return is_packed, content


def test_an_unchanged_layer_is_packed_once(service: Path) -> None:
    assert package(service) == (True, "six==1.16.0")
    assert package(service) == (False, "six==1.16.0")


def test_a_changed_requirement_is_packed(service: Path) -> None:
    package(service)
    (service / "requirements.txt").write_text("six==1.17.0", encoding="utf-8")
    assert package(service) == (True, "six==1.17.0")


def test_an_archive_is_not_kept_for_the_layer_that_another_deployment_has_built(service: Path) -> None:
    assert package(service, meanwhile="six==1.17.0") == (True, "six==1.16.0")
    assert package(service) == (True, "six==1.17.0")


@pytest.mark.parametrize("changed", ["calls.json", "tools/lambda_package.py", "tools/python-layer.cjs"])
def test_a_changed_file_that_the_layer_is_made_with_is_noticed(service: Path, changed: str) -> None:
    package(service)
    (service / changed).write_text((service / changed).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert [package(service)[0], package(service)[0]] == [True, False]


@pytest.mark.parametrize("changed", [{"runtime": "python3.14"}, {"version": "4.3.2"}, {"pattern": "!six.py"}])
def test_a_changed_version_of_python_or_osls_or_pattern_is_noticed(service: Path, changed: dict[str, str]) -> None:
    package(service)
    assert [package(service, **changed)[0], package(service, **changed)[0]] == [True, False]
