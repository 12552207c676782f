"""Reads the settings of a deployed stack from its CloudFormation outputs and parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


def read_outputs(described: StackTypeDef) -> dict[str, str]:
    """Return the outputs of a stack by name, from the answer of DescribeStacks."""
    return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}


def read_settings(described: StackTypeDef) -> dict[str, str]:
    """Return the settings of a stack, as `sagebuild.settings` names them, from the answer of DescribeStacks."""
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    settings = {name_setting(key): value for key, value in (parameters | read_outputs(described)).items()}
    settings |= {"STACK_NAME": described["StackName"], "STACK_ID": described["StackId"]}
    return settings | {"AWS_REGION": described["StackId"].split(":")[3]}


def name_setting(output: str) -> str:
    """Return an output's name as a setting: serverless.yml passes BuildsTable to functions as BUILDS_TABLE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
