"""Is my build done yet: the latest build's outcome, its step or its reason."""

from typing import TYPE_CHECKING

from skill import builds
from skill.cards import write_build_card
from skill.conversation import Answer, Turn
from skill.speech import Sentence, tell_time_since

if TYPE_CHECKING:
    from sagebuild.status import BuildStatus


def tell_status(turn: Turn) -> Answer:
    """Tell how the latest build is doing."""
    build = builds.describe_latest_build()
    if build is None:
        return Answer(Sentence("status.none"))
    # What has ended without a recorded end has ended just now: Finish, which records it, is still on its way.
    since = tell_time_since((build.started_at if build.outcome == "running" else build.ended_at) or turn.now, turn.now)
    return Answer(_tell_outcome(build, since), card=write_build_card(build))


def _tell_outcome(build: "BuildStatus", since: Sentence) -> Sentence:
    match build.outcome:
        case "running" if build.step:
            return Sentence("status.running", step=build.step, since=since)
        case "running":
            return Sentence("status.starting", since=since)
        case "succeeded":
            return Sentence("status.succeeded", since=since)
        case "failed":
            return Sentence("status.failed", since=since, reason=build.reason or Sentence("reason.unrecorded"))
        case "stopped":
            return Sentence("status.stopped", since=since)
    raise ValueError(f"a build's outcome is running, succeeded, failed or stopped, not {build.outcome!r}")
