"""How long each function takes to start: the processor time of its imports and clients, next to those clients alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import ROOT, Result, compare, count_start

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
_EMPTY_SKILL = "from ask_sdk_core.skill_builder import SkillBuilder; SkillBuilder().lambda_handler()"
# What a question for the status imports and creates after the start.
_STATUS = "from skill.intents import check_status; from sagebuild.builds import status; "
_STATUS += "from sagebuild.voice import access, pipelines"
_STATUS_CLIENTS = ("dynamodb", "sagemaker", "ssm", "stepfunctions")


def measure_functions() -> Iterator[Result]:
    """Measure the imports and clients of each function, against those clients alone."""
    for function in sorted(path.stem for path in (ROOT / "handlers").glob("[!_]*.py")):
        base = _create(_CLIENTS.get(function, _USUAL_CLIENTS))
        yield _compare(f"start of {function}", f"import handlers.{function}; {base}", base, "bare boto3")
    yield _compare("start of the skill", "import skill.app", _EMPTY_SKILL, "an empty ask-sdk-core skill")
    create = _create(_STATUS_CLIENTS)
    answer, base = f"import skill.app; {_STATUS}; {create}", f"{_EMPTY_SKILL}; {create}"
    yield _compare("start of the skill for a status", answer, base, "an empty skill, and boto3")


def _compare(name: str, measured: str, base: str, compared_with: str) -> Result:
    return compare(name, lambda: count_start(measured), lambda: count_start(base), _GOAL, compared_with)


def _create(clients: tuple[str, ...]) -> str:
    return f"import boto3; session = boto3.Session(); [session.client(name) for name in {clients}]"
