"""The look-ups of builds that several intents share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skill.domain import reading

if TYPE_CHECKING:
    from sagebuild.builds.records import BuildRecord
    from sagebuild.builds.status import BuildStatus


def describe_latest_build() -> BuildStatus | None:
    """Describe the latest build; None if there has been none."""
    from sagebuild.builds import status
    from sagebuild.errors import NoBuildsError

    with reading() as service:
        try:
            return status.describe_latest_build(service)
        except NoBuildsError:
            return None


def describe_build(number: int) -> BuildStatus | None:
    """Describe one build; None if there is no such build."""
    from sagebuild.builds import status
    from sagebuild.builds.records import read_build
    from sagebuild.errors import BuildNotFoundError

    with reading() as service:
        try:
            return status.describe_build(service, read_build(service, number))
        except BuildNotFoundError:
            return None


def list_builds() -> list[BuildRecord]:
    """List the newest builds, newest first."""
    from sagebuild.builds import records

    with reading() as service:
        return records.list_builds(service)
