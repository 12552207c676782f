"""Checks that the environment of each function fits into Lambda, before anything is uploaded.

tools/environment-size.cjs runs this module when serverless packages; `sagebuild up` calls it:

python -m sagebuild.deployment.environment_size < environment.json

The input has `template`, `region`, `stack`, and `lists` (name -> text). The output is one sentence, or nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sagebuild.partitions import find_partition

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables of a function. Lambda
# measures their JSON, as its message shows: https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
LIMIT = 4096
# Of the names and values that AWS generates: CloudFormation adds 13 characters to a name; an id has 36.
_SUFFIX = "-" + "x" * 12
_ID = "x" * 36
_ACCOUNT = "1" * 12
_LONG = 100  # characters; shorter values are not worth naming
_KINDS = {"AWS::IAM::Role": "role/", "AWS::Lambda::Function": "function:"}
_REFERRED_BY_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine", "AWS::SQS::Queue")  # a URL is as long


def find_size_problem(template: Mapping[str, Any], region: str, stack: str, lists: Mapping[str, str]) -> str:
    """Return one sentence about the function with the largest environment if Lambda would refuse it; else nothing.

    Parameters
    ----------
    template
        The whole template; the defaults of its parameters are their values.
    lists
        The deploy parameters that are in the variable BUCKET_ACCESS in another form than their own.
    """
    place = _Place(template, region, stack)
    name, variables, size = max(_measure(template, place), key=lambda measured: measured[2])
    if size <= LIMIT:
        return ""
    parameters = sorted(_list_parameters(variables, template, lists), key=lambda one: -one[1])
    long = ", ".join(f"{parameter} ({length} characters)" for parameter, length in parameters if length >= _LONG)
    return (
        f"The environment of the function {name} would have about {size} bytes, and Lambda allows {LIMIT}; shorten "
        f"{long or 'the name of the stage'}; common prefixes of addresses and fewer ARNs help."
    )


def _measure(template: Mapping[str, Any], place: _Place) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            values = {name: place.evaluate(value) for name, value in variables.items()}
            text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
            yield resource["Properties"]["FunctionName"], variables, len(text.encode())


def _list_parameters(
    variables: Mapping[str, Any], template: Mapping[str, Any], lists: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    """Yield the deploy parameters in a function's environment, and their lengths."""
    parameters = template.get("Parameters", {})
    for value in variables.values():
        name = value.get("Ref", "") if isinstance(value, dict) else ""
        if name in parameters:
            yield f"{name[0].lower()}{name[1:]}", len(str(parameters[name].get("Default", "")))
    if "BUCKET_ACCESS" in variables:
        yield from ((name, len(text)) for name, text in lists.items())


class _Place:
    """Evaluates the functions of a template to texts as long as the values will be."""

    def __init__(self, template: Mapping[str, Any], region: str, stack: str) -> None:
        self._parameters, self._resources = template.get("Parameters", {}), template["Resources"]
        self._region, self._stack, self._partition = region, stack, find_partition(region)
        arn = f"arn:{self._partition.name}:cloudformation:{region}:{_ACCOUNT}:stack/{stack}/{_ID}"
        self._pseudo = {
            "AWS::AccountId": _ACCOUNT,
            "AWS::Partition": self._partition.name,
            "AWS::Region": region,
            "AWS::StackName": stack,
            "AWS::StackId": arn,
            "AWS::URLSuffix": self._partition.domain,
        }

    def evaluate(self, value: Any) -> str:
        """Return the text for a value of the template."""
        match value:
            case {"Ref": str() as name}:
                return self._refer(name)
            case {"Fn::GetAtt": [str() as name, *_]}:
                return self._locate(name)
            case {"Fn::Sub": [str() as text, dict() as own]}:
                return re.sub(r"\$\{([^}]+)\}", self._make_substitute(own), text)
            case {"Fn::Sub": str() as text}:
                return re.sub(r"\$\{([^}]+)\}", self._make_substitute({}), text)
            case dict() | list():
                return json.dumps(value)  # an upper bound of Fn::If, Fn::Join and others
        return str(value)

    def _make_substitute(self, own: Mapping[str, Any]) -> Callable[[re.Match[str]], str]:
        def substitute(found: re.Match[str]) -> str:
            if found[1] in own:
                return self.evaluate(own[found[1]])
            resource, _, attribute = found[1].partition(".")
            return self._locate(resource) if attribute else self._refer(resource)

        return substitute

    def _refer(self, name: str) -> str:
        if name in self._parameters:
            return str(self._parameters[name].get("Default", ""))
        if name in self._pseudo:
            return self._pseudo[name]
        is_arn = self._resources[name]["Type"] in _REFERRED_BY_ARN
        return self._locate(name) if is_arn else f"{self._stack}-{name}{_SUFFIX}"

    def _locate(self, name: str) -> str:
        """Return a text for the ARN of a resource, or another attribute, which is no longer."""
        kind = self._resources[name]["Type"]
        service = "iam::" if kind == "AWS::IAM::Role" else f"{kind.split('::')[1].lower()}:{self._region}:"
        own = f"{_KINDS.get(kind, '')}{self._stack}-{name}{_SUFFIX}"
        return f"arn:{self._partition.name}:{service}{_ACCOUNT}:{own}"


if __name__ == "__main__":
    print(find_size_problem(**json.load(sys.stdin)))
