"""Roles and policies for persons know each kind of job that a stop ends, and protect the files of models."""

import json
import re
from typing import Any

import pytest
import yaml

from sagebuild.running.step_jobs import STEP_LOGS
from tests.engine import ROOT

KINDS = ("TrainingJob", "HyperParameterTuningJob", "ProcessingJob", "TransformJob")


def read_role(file: str, role: str) -> list[dict[str, Any]]:
    resources = yaml.safe_load((ROOT / "resources" / file).read_text(encoding="utf-8"))["Resources"]
    (policy,) = resources[role]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"]  # type: ignore[no-any-return]


def read_policy(file: str) -> list[dict[str, Any]]:
    return json.loads((ROOT / "docs" / "policies" / file).read_text(encoding="utf-8"))["Statement"]  # type: ignore[no-any-return]


PEOPLE = {
    "the skill": read_role("access.yml", "AlexaSkillRole"),
    "the notebook": read_role("notebook.yml", "NotebookRole"),
    "a team": read_policy("one-pipeline.json"),
}


def list_texts(value: Any) -> list[str]:
    return re.findall(r'"([^"]*)"', json.dumps(value))


def list_allowed(statements: list[dict[str, Any]]) -> set[str]:
    return {text for each in statements if each["Effect"] == "Allow" for text in list_texts(each["Action"])}


@pytest.mark.parametrize("who", PEOPLE)
def test_those_who_stop_builds_may_stop_each_kind_of_job(who: str) -> None:
    needed = {f"sagemaker:{verb}{kind}" for verb in ("Describe", "Stop") for kind in KINDS}
    assert needed - list_allowed(PEOPLE[who]) == set()


def test_the_notebook_reads_the_logs_of_each_kind_of_job() -> None:
    (read,) = (each for each in PEOPLE["the notebook"] if each["Action"] == "logs:FilterLogEvents")
    groups = {text.rpartition("log-group:")[2] for text in list_texts(read["Resource"])}
    assert {f"{group}:*" for group in ("/aws/sagemaker/TrainingJobs", *STEP_LOGS.values())} <= groups


@pytest.mark.parametrize("who", ["the notebook", "a team"])
def test_people_cannot_replace_the_models_that_builds_have_copied(who: str) -> None:
    written = [
        text for each in PEOPLE[who] if "s3:PutObject" in each["Action"] for text in list_texts(each["Resource"])
    ]
    assert any("/models/*" in text for text in written)
    kept = [each for each in PEOPLE[who] if each["Effect"] == "Deny" and "s3:PutObject" in each["Action"]]
    assert any(re.search(r"/models/\S*Stack\S*-\*/\*", text) for each in kept for text in list_texts(each["Resource"]))
