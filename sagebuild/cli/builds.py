"""The commands about builds: start, stop, follow, list, read."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from sagebuild.cli.completion import complete_assignment, complete_number
from sagebuild.cli.live import watch
from sagebuild.cli.params import read_assignments
from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.cli.show import show_build, show_builds, show_comparison, show_curves, show_steps
from sagebuild.client.build import Build
from sagebuild.client.watching import describe_outcome
from sagebuild.cost.spent import format_cost
from sagebuild.errors import InputError
from sagebuild.launch.triggers import PREVIOUS
from sagebuild.steps.approval import describe_request

Running = Annotated[
    int | None,
    typer.Argument(help="Number of the build; whichever runs if left out.", min=1, autocompletion=complete_number),
]
Number = Annotated[
    int | None,
    typer.Argument(help="Number of the build; the newest if left out.", min=1, autocompletion=complete_number),
]
Asked = Annotated[
    int | None,
    typer.Argument(help="Number of the build; the one that asks if left out.", min=1, autocompletion=complete_number),
]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why, for the record and the notification.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Follow = Annotated[bool, typer.Option("--watch", "-w", help="Show the build until it has ended.")]


def add_commands(app: typer.Typer) -> None:
    """Make them commands of the application."""
    for function in (start, stop, approve, reject, rollback, status, watch_build, builds, show, compare, cost, logs):
        command(app, function.__name__.partition("_")[0])(function)


def start(
    session: Session,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="A parameter for this build alone; may be repeated. Values as in 'sagebuild params set'.",
            autocompletion=complete_assignment,
        ),
    ] = None,
    follow: Follow = False,
) -> None:
    """Start a build; if one runs, another follows it."""
    tell_started(session, session.stack.start(read_assignments(assignments or ())), follow)


def rollback(
    session: Session,
    to: Annotated[
        str, typer.Argument(help="Number of a build, or 'previous'.", autocompletion=complete_number)
    ] = PREVIOUS,
    follow: Follow = False,
) -> None:
    """Have the endpoint serve an earlier build's model again, checked like any deployment."""
    tell_started(session, session.stack.rollback(to), follow)


def approve(
    session: Session, number: Asked = None, comment: Comment = "", yes: Yes = False, follow: Follow = False
) -> None:
    """Let a build that waits for an answer deploy its model."""
    build = answer_request(session, True, number, comment, yes)
    if follow:
        watch(session, build)


def reject(session: Session, number: Asked = None, comment: Comment = "", yes: Yes = False) -> None:
    """Have a build that waits for an answer end without deploying its model."""
    answer_request(session, False, number, comment, yes)


def answer_request(session: Session, approved: bool, number: int | None, comment: str, yes: bool) -> Build:
    """Show what the build asks, ask whether the answer is meant unless ``yes``, and give it."""
    asking = session.stack.build(number) if number else session.stack.awaiting_approval()
    if asking and asking.record.awaits_approval and not yes:
        means = "deploys its model" if approved else "ends it without a deployment"
        if not session.is_live:
            raise InputError(f"{describe_request(asking.record)} This answer {means}; say --yes if that is meant.")
        session.say(describe_request(asking.record))
        session.say(f"Cost: {format_cost(asking.cost())}")
        typer.confirm("Deploy it?" if approved else "End it without a deployment?", abort=True)
    answer = session.stack.approve if approved else session.stack.reject
    build = answer(asking.number if asking else number, comment)
    record = build.record
    told = {"number": record.number, "approval": record.approval, "by": record.approval_by, "comment": comment}
    session.answer(told, lambda: session.say(f"Build {record.number} is {record.approval}."))
    return build


def tell_started(session: Session, build: Build, follow: bool) -> None:
    """Say which build it is, and show it until it has ended if that was asked."""
    record = build.record
    told = describe_outcome(build) if record.status == "waiting" else f"Build {build.number} has started."
    if record.trigger.rollback:
        told = f"Build {build.number} has started: a rollback to build {record.trigger.rollback}."
    if not follow:
        more = "" if record.status == "waiting" else " 'sagebuild watch' shows it."
        goes_back = {"restores": int(record.trigger.rollback)} if record.trigger.rollback else {}
        answer = {"number": build.number, "status": record.status, **goes_back}
        session.answer(answer, lambda: session.say(f"{told}{more}"))
        return
    if not session.as_json:
        session.say(told)
    watch(session, build)


def stop(
    session: Session,
    number: Running = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the training has ended.", min=0)] = 150,
) -> None:
    """Stop the running build and what it pays for."""
    stopped = session.stack.stop(number, wait)
    job = f"its job is {stopped.job_status}" if stopped.job_status else "it had no job yet"
    if stopped.confirmed:
        told = f"Build {stopped.number} is stopped; {job}."
    else:
        told = f"Build {stopped.number} was told to stop, and has not confirmed it; {job}. Its notification will."
    session.answer(asdict(stopped), lambda: session.say(told))
    if not stopped.confirmed:
        raise typer.Exit(FAILED)


def status(session: Session) -> None:
    """Tell how the newest build is, and what is live."""
    overview = session.stack.status()
    session.answer(overview.to_dict(), lambda: session.say("\n".join(overview.lines)))


def watch_build(session: Session, number: Number = None) -> None:
    """Show a build until it has ended: steps, times, metrics. Ctrl-C leaves it running."""
    watch(session, session.stack.build(number))


def builds(
    session: Session, limit: Annotated[int, typer.Option("--limit", "-n", help="How many.", min=1, max=1000)] = 20
) -> None:
    """List the builds, newest first."""
    found = session.stack.builds(limit)
    session.answer(
        found.to_list(),
        lambda: (
            session.console.print(show_builds(found.records))
            if found
            else session.say("No build was ever started; start one: sagebuild start.")
        ),
    )


def show(session: Session, number: Number = None) -> None:
    """Show all that is known of a build."""
    build = session.stack.build(number)
    steps, curves = build.steps(), build.curves()
    if session.as_json:
        print_json(build.to_dict() | {"steps": steps.to_list(), "curves": dict(curves)})
        return
    session.print_pairs(partial(show_build, build.record, build.console_url))
    session.console.print(show_steps(steps))
    if curves or curves.notes:
        session.console.print(show_curves(curves))


def compare(
    session: Session,
    first: Annotated[int, typer.Argument(help="Number of a build.", min=1, autocompletion=complete_number)],
    second: Annotated[int, typer.Argument(help="Number of another.", min=1, autocompletion=complete_number)],
) -> None:
    """Show two builds side by side, and where their parameters differ."""
    comparison = session.stack.compare(first, second)
    session.answer(comparison.to_dict(), lambda: session.console.print(show_comparison(comparison)))


def cost(
    session: Session,
    number: Number = None,
    planned: Annotated[bool, typer.Option("--next", help="Of a build with the parameters as they are.")] = False,
) -> None:
    """Tell what a build has cost and can cost at most: an estimate, with what it leaves out."""
    if number and planned:
        raise InputError(f"--next is about a build that was not started yet, and {number} was; leave one of them out.")
    build = None if planned else session.stack.build(number)
    estimate = build.cost() if build else session.stack.estimate()
    said = f"Build {build.number}: {format_cost(estimate)}" if build else f"The next build: {format_cost(estimate)}"
    session.answer({"build": build.number if build else None, **asdict(estimate)}, lambda: session.say(said))


def logs(
    session: Session,
    number: Number = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the build has ended.")] = False,
) -> None:
    """Print a build's logs, merged in time: functions, training, endpoint."""
    build = session.stack.build(number)
    for line in build.logs(follow=follow):
        if session.as_json:
            print_json({"time": line.time.isoformat(), "source": line.source, "text": line.text}, indent=None)
        else:
            session.say(str(line), as_it_is=True)
