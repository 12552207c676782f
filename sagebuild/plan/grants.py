"""Examines whether the deployment grants the topics and the CodeCommit repository that a parameter document names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sagebuild.bucket_access import BucketAccess
from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import list_images_to_build
from sagebuild.parameters import BuildParameters, ByodParameters
from sagebuild.plan.findings import Findings
from sagebuild.plan.members import list_texts, name_member, name_texts
from sagebuild.requests.bodies import Bodies

# The members of CreateEndpointConfig that are topics.
TOPICS = ("SuccessTopic", "ErrorTopic")


def split_list(text: str) -> list[str]:
    """Return the values of a deploy parameter that is a list."""
    return [value for value in text.split(",") if value]


def advise_parameter(name: str, present: str, values: Iterable[str]) -> str:
    """Return the option of the deployment that adds values to the present ones of a deploy parameter."""
    return f'--param="{name}={",".join(dict.fromkeys([*split_list(present), *values]))}"'


def examine_topics(context: BuildContext[BuildParameters], bodies: Bodies, findings: Findings) -> None:
    """Examine whether the endpoint's role may publish to the topics of an asynchronous endpoint."""
    settings = context.service.settings
    granted = {settings.results_topic_arn, *split_list(settings.async_topics)}
    names = name_texts(context.parameters, lambda path, _: path[-1].endswith("topic"))
    topics = {
        topic: names.get(topic) or name_member("endpointConfig", path)
        for path, topic in list_texts(bodies.get("endpointConfig", {}))
        if path[-1] in TOPICS
    }
    denied = [topic for topic in topics if topic not in granted and topic != settings.launch_topic_arn]
    advice = advise_parameter("asyncTopics", settings.async_topics, denied)
    policies = BucketAccess.of(context.service).find_policies("HostingRole")
    for topic, name in topics.items():
        if topic == settings.launch_topic_arn:
            findings.problems.append(
                f"{name} is {topic}, the launch topic, on which each message starts a build; name another topic."
            )
    for topic in denied:
        problem = f"{topics[topic]} is {topic}, to which HostingRole may not publish"
        if policies:
            findings.add_note(f"{problem}, unless a policy in {policies} allows it; that was not examined.")
        else:
            findings.problems.append(
                f"{problem}; deploy the service with {advice}, or use the results topic, {settings.results_topic_arn}."
            )


def examine_repository(context: BuildContext[BuildParameters], findings: Findings) -> None:
    """Examine whether the image builds may clone the CodeCommit repository of the Dockerfiles."""
    byod, settings = context.narrow(ByodParameters), context.service.settings
    location = byod.parameters.sourcelocation if byod else None
    if not location or not location.startswith("codecommit:") or not list_images_to_build(context.parameters):
        return
    repository = re.sub("^codecommit(::|://)", "", location)
    if repository not in [settings.codecommit_repository, *split_list(settings.codecommit_repositories)]:
        advice = advise_parameter("codecommitRepositories", settings.codecommit_repositories, [repository])
        findings.problems.append(
            f"sourcelocation is {location}, which ImageProjectRole may not clone; deploy the service with {advice}."
        )
