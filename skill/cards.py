"""The cards in the Alexa app that several intents share, and how a card joins its lines."""

from functools import reduce
from typing import TYPE_CHECKING

from skill.conversation import Card
from skill.speech import Quote, Sentence, Value
from skill.words import write_reason, write_time

if TYPE_CHECKING:
    from sagebuild.builds.status import BuildStatus


def write_build_card(build: "BuildStatus") -> Card:
    """Write everything that is known of a build, with the link to the console."""
    return Card(Sentence("card.title", number=build.number), _describe(build))


def write_launch_card(number: int, waiting: int) -> Card:
    """Write which build runs, and how many requests the next build covers."""
    return Card(
        Sentence("card.title", number=number),
        Sentence("card.queued", count=waiting) if waiting else Sentence("card.started"),
    )


def join_lines(lines: list[Sentence]) -> Sentence:
    """Join the lines of a card."""
    return reduce(lambda above, below: Sentence("card.lines", above=above, below=below), lines)


def name_outcome(outcome: str) -> Value:
    """Name a build's outcome."""
    match outcome:
        case "running" | "launching":
            return Sentence("outcome.running")
        case "succeeded":
            return Sentence("outcome.succeeded")
        case "failed":
            return Sentence("outcome.failed")
        case "stopped":
            return Sentence("outcome.stopped")
        case "withheld":
            return Sentence("outcome.withheld")
    return Quote(outcome)


def _describe(build: "BuildStatus") -> Sentence:
    outcome, url = name_outcome(build.outcome), build.console_url
    step = Quote(build.step) if build.step else Sentence("card.step.none")
    started = write_time(build.started_at)
    if build.outcome == "running":
        return Sentence("card.running", outcome=outcome, step=step, started=started, url=url)
    ended = write_time(build.ended_at) if build.ended_at else Sentence("card.time.unrecorded")
    if build.outcome == "succeeded":
        return Sentence("card.succeeded", outcome=outcome, started=started, ended=ended, url=url)
    reason = write_reason(build.reason)
    return Sentence("card.failed", outcome=outcome, reason=reason, step=step, started=started, ended=ended, url=url)
