"""Finds the stacks of sagebuild in an account and region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def list_stack_names(create_client: Callable[[str], Any]) -> list[str]:
    """Return the names of the CloudFormation stacks that have sagebuild's outputs, sorted."""
    pages = create_client("cloudformation").get_paginator("describe_stacks").paginate()
    return sorted(
        stack["StackName"]
        for page in pages
        for stack in page["Stacks"]
        if {"BuildsTable", "LaunchTopicArn"} <= {output["OutputKey"] for output in stack.get("Outputs", [])}
    )
