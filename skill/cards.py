"""Cards: the details of a build, and the way to it in the console, for the Alexa app."""

from typing import TYPE_CHECKING

from skill.conversation import Card
from skill.speech import Sentence, write_time

if TYPE_CHECKING:
    from sagebuild.status import BuildStatus
    from sagebuild.stop import Stopped


def write_build_card(build: "BuildStatus") -> Card:
    """All that is known of a build."""
    return Card(Sentence("card.title", number=build.number), _describe(build))


def write_stop_card(stopped: "Stopped") -> Card:
    """What AWS said last of the build that was stopped."""
    return Card(
        Sentence("card.title", number=stopped.number),
        Sentence("card.stop", job=stopped.job_status or Sentence("job.none")),
    )


def write_launch_card(number: int, waiting: int) -> Card:
    """The build that runs, and how many requests the build after it holds."""
    return Card(
        Sentence("card.title", number=number),
        Sentence("card.noted", count=waiting) if waiting else Sentence("card.started"),
    )


def _describe(build: "BuildStatus") -> Sentence:
    step, url = build.step or Sentence("step.unknown"), build.console_url
    started = write_time(build.started_at)
    ended = write_time(build.ended_at) if build.ended_at else Sentence("time.unrecorded")
    reason = build.reason or Sentence("reason.unrecorded")
    match build.outcome:
        case "running":
            return Sentence("card.running", step=step, started=started, url=url)
        case "succeeded":
            return Sentence("card.succeeded", started=started, ended=ended, url=url)
        case "failed":
            return Sentence("card.failed", reason=reason, step=step, started=started, ended=ended, url=url)
        case "stopped":
            return Sentence("card.stopped", reason=reason, step=step, started=started, ended=ended, url=url)
    raise ValueError(f"a build's outcome is running, succeeded, failed or stopped, not {build.outcome!r}")
