"""How long each function takes to start: the processor time of its imports and clients, next to those clients alone.

A function runs as it is packaged; the clients alone, and the smallest skills, run with the libraries as pip installs
them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3

from bench.measure import ROOT, Result, compare, count_start
from bench.package import make_package
from tests.alexa import SKILL_ID, load_request

# The clients that a function creates for an ordinary event, and those of the functions with others.
_USUAL_CLIENTS = ("dynamodb", "sagemaker")
_CLIENTS = {
    "answer_approval": ("dynamodb",),
    "apply_schedule": ("scheduler", "ssm"),
    "finish_build": ("dynamodb", "logs", "sagemaker", "sns"),
    "launch_build": ("dynamodb", "stepfunctions"),
    "pack_model": ("dynamodb", "s3"),
    "plan_build": ("application-autoscaling", "dynamodb", "lambda", "s3", "sagemaker", "service-quotas", "ssm"),
    "promote_build": ("dynamodb", "s3", "sagemaker", "stepfunctions"),
    "publish_events": ("events",),
    "register_model": ("dynamodb", "s3", "sagemaker"),
    "remove_leftovers": ("dynamodb", "s3", "sagemaker", "ssm"),
    "request_approval": ("dynamodb", "sns"),
    "run_smoke_test": ("sagemaker-runtime",),
    "seed_parameters": ("sagemaker", "ssm"),
    "sweep_builds": ("codebuild", "dynamodb", "sagemaker", "stepfunctions"),
    "verify_model": ("dynamodb", "s3"),
}
_GOAL = 1.15
_REPLIES = 100
# The smallest skill that answers.
_HELLO_WORLD = """
from ask_sdk_core.skill_builder import SkillBuilder
from ask_sdk_core.utils import is_request_type
builder = SkillBuilder()
@builder.request_handler(is_request_type("LaunchRequest"))
def launch(handler_input):
    return handler_input.response_builder.speak("Hello?").ask("Hello?").response
handler = builder.lambda_handler()
"""
_SKILL = "from skill.app import handler"
_EMPTY_SKILL = "from ask_sdk_core.skill_builder import SkillBuilder; SkillBuilder().lambda_handler()"
# What a question for the status imports and creates after the start.
_STATUS = "from skill.intents import check_status; from sagebuild.builds import status; "
_STATUS += "from sagebuild.voice import access, pipelines"
_STATUS_CLIENTS = ("dynamodb", "sagemaker", "ssm", "stepfunctions")


def measure_functions() -> Iterator[Result]:
    """Measure the imports and clients of each function, against those clients alone."""
    with tempfile.TemporaryDirectory() as folder:
        package = make_package(Path(folder))
        for function in sorted(path.stem for path in (ROOT / "handlers").glob("[!_]*.py")):
            base = _create(_CLIENTS.get(function, _USUAL_CLIENTS))
            code = f"import handlers.{function}; {base}"
            yield _compare(f"start of {function}", package, code, base, "bare boto3")
        first, hello = _reply(_SKILL, 1), _reply(_HELLO_WORLD, 1)
        yield _compare("first reply of the skill", package, first, hello, "the smallest skill")
        reply = (count_start(_reply(_SKILL, _REPLIES + 1), *package) - count_start(first, *package)) / _REPLIES
        yield Result("reply of the started skill", round(reply * 1000, 1), "ms", 5.0)
        create = _create(_STATUS_CLIENTS)
        answer, base = f"import skill.app; {_STATUS}; {create}", f"{_EMPTY_SKILL}; {create}"
        yield _compare("start of the skill for a status", package, answer, base, "an empty skill, and boto3")


def _compare(name: str, package: tuple[Path, ...], measured: str, base: str, compared_with: str) -> Result:
    installed = Path(boto3.__file__).parents[1]
    return compare(
        name, lambda: count_start(measured, *package), lambda: count_start(base, installed), _GOAL, compared_with
    )


def _reply(skill: str, times: int) -> str:
    """Return code that imports a skill and answers its launch."""
    begin = f"import json, os; os.environ['SKILL_ID'] = {SKILL_ID!r}; envelope = {json.dumps(load_request('launch'))!r}"
    return f"{begin}\n{skill}\nfor _ in range({times}): handler(json.loads(envelope), None)"


def _create(clients: tuple[str, ...]) -> str:
    return f"import boto3; session = boto3.Session(); [session.client(name) for name in {clients}]"
