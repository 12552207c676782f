"""The commands for builds: start, stop, approve, follow, list, show."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from sagebuild.cli.assignments import read_assignments
from sagebuild.cli.completion import complete_assignment, complete_number
from sagebuild.cli.live import watch
from sagebuild.cli.session import FAILED, Session, command, print_json
from sagebuild.cli.show import show_build, show_builds, show_comparison, show_curves, show_steps
from sagebuild.cli.show_trials import show_trials
from sagebuild.client.build import Build
from sagebuild.client.descriptions import suggest
from sagebuild.client.doctor import BUILD_CHECKS
from sagebuild.cost.spent import format_cost
from sagebuild.errors import InputError
from sagebuild.launch.triggers import PREVIOUS
from sagebuild.steps.approval import describe_request

RunningBuild = Annotated[
    int | None,
    typer.Argument(help="Number of the build; default: the running one.", min=1, autocompletion=complete_number),
]
BuildNumber = Annotated[
    int | None,
    typer.Argument(help="Number of the build; default: the newest.", min=1, autocompletion=complete_number),
]
WaitingBuild = Annotated[
    int | None,
    typer.Argument(
        help="Number of the build; default: the one that waits for approval.", min=1, autocompletion=complete_number
    ),
]
Comment = Annotated[str, typer.Option("--comment", "-m", help="The reason, for the record and the notification.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show the build until it has ended.")]
_CHECKED = f"{', '.join(BUILD_CHECKS[:-1])} and {BUILD_CHECKS[-1]}"


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the application."""
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
    check: Annotated[
        bool, typer.Option("--check/--no-check", help=f"First check {_CHECKED} of this build, as 'doctor' does.")
    ] = True,
    follow: Watch = False,
) -> None:
    """Start a build. If one is running, the new build follows it."""
    changes = read_assignments(assignments or ())
    with session.showing_status(f"Checking {_CHECKED}" if check else "Starting"):
        build = session.stack.start(changes, check=check)
    report_start(session, build, follow)


def rollback(
    session: Session,
    to: Annotated[
        str, typer.Argument(help="Number of a build, or 'previous'.", autocompletion=complete_number)
    ] = PREVIOUS,
    follow: Watch = False,
) -> None:
    """Deploy an earlier build's model again, with the same checks as any deployment."""
    report_start(session, session.stack.rollback(to), follow)


def approve(
    session: Session,
    number: WaitingBuild = None,
    comment: Comment = "",
    yes: Yes = False,
    follow: Watch = False,
) -> None:
    """Let a build that waits for approval deploy its model."""
    build = answer_request(session, True, number, comment, yes)
    if follow:
        watch(session, build)


def reject(session: Session, number: WaitingBuild = None, comment: Comment = "", yes: Yes = False) -> None:
    """Let a build that waits for approval end without deploying its model."""
    answer_request(session, False, number, comment, yes)


def answer_request(session: Session, approved: bool, number: int | None, comment: str, yes: bool) -> Build:
    """Approve or reject a build; unless ``yes``, show its request and ask for confirmation first."""
    waiting = session.stack.build(number) if number else session.stack.awaiting_approval()
    if waiting and waiting.record.awaits_approval and not yes:
        effect = "deploys its model" if approved else "ends it without a deployment"
        if not session.is_live:
            raise InputError(f"{describe_request(waiting.record)} This answer {effect}; pass --yes to confirm.")
        session.print(describe_request(waiting.record))
        session.print(f"Cost: {format_cost(waiting.cost())}")
        typer.confirm("Deploy it?" if approved else "End it without a deployment?", abort=True)
    answer = session.stack.approve if approved else session.stack.reject
    build = answer(waiting.number if waiting else number, comment)
    record = build.record
    result = {"number": record.number, "approval": record.approval, "by": record.approval_by, "comment": comment}
    session.output(result, lambda: session.print(f"Build {record.number} is {record.approval}."))
    return build


def report_start(session: Session, build: Build, follow: bool) -> None:
    """Print which build was started; with ``follow``, show it until it has ended."""
    record = build.record
    target = record.trigger.rollback
    if record.status == "waiting":
        sentence = str(build)
    else:
        sentence = f"Build {build.number} has started" + (f": a rollback to build {target}." if target else ".")
    if not follow:
        hint = "" if record.status == "waiting" else f" '{suggest(session.stack.service, 'watch')}' shows it."
        restores = {"restores": int(target)} if target else {}
        result = {"number": build.number, "status": record.status, **restores}
        session.output(result, lambda: session.print(f"{sentence}{hint}"))
        return
    if not session.as_json:
        session.print(sentence)
    watch(session, build)


def stop(
    session: Session,
    number: RunningBuild = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the training has ended.", min=0)] = 150,
) -> None:
    """Stop the running build and its paid jobs."""
    stopped = session.stack.stop(number, wait)
    job = f"its job is {stopped.job_status}" if stopped.job_status else "it had no job yet"
    if steps := [part for part in stopped.parts if part.name.startswith("processing job ")]:
        job = f"its {steps[-1].name} is {steps[-1].status}" if not stopped.job_status else job
    if stopped.confirmed:
        sentence = f"Build {stopped.number} is stopped; {job}."
    else:
        sentence = f"Build {stopped.number} is still stopping; {job}. Its notification reports when it has stopped."
    session.output(asdict(stopped), lambda: session.print(sentence))
    if not stopped.confirmed:
        raise typer.Exit(FAILED)


def status(session: Session) -> None:
    """Show the state of the newest build, and what is live."""
    stack_status = session.stack.status()
    session.output(stack_status.to_dict(), lambda: session.print("\n".join(stack_status.lines)))


def watch_build(session: Session, number: BuildNumber = None) -> None:
    """Show a build's steps, times and metrics until it has ended. Ctrl-C leaves it running."""
    watch(session, session.stack.build(number))


def builds(
    session: Session, limit: Annotated[int, typer.Option("--limit", "-n", help="How many.", min=1, max=1000)] = 20
) -> None:
    """List the builds, newest first."""
    found = session.stack.builds(limit)
    session.output(
        found.to_list(),
        lambda: (
            session.console.print(show_builds(found.records, session.console.width))
            if found
            else session.print(f"There are no builds yet; start one: {suggest(session.stack.service, 'start')}.")
        ),
    )


def show(session: Session, number: BuildNumber = None) -> None:
    """Show everything that is known of a build."""
    build = session.stack.build(number)
    steps, curves, trials = build.steps(), build.curves(), build.trials()
    if session.as_json:
        tuning = {"trials": trials.to_list()} if trials else {}
        print_json(build.to_dict() | {"steps": steps.to_list(), "curves": dict(curves), **tuning})
        return
    session.print_pairs(partial(show_build, build.record, build.console_url))
    session.console.print(show_steps(steps.shown))
    if trials:
        session.console.print(show_trials(trials))
    if curves or curves.notes:
        session.console.print(show_curves(curves))


def compare(
    session: Session,
    first: Annotated[int, typer.Argument(help="Number of a build.", min=1, autocompletion=complete_number)],
    second: Annotated[int, typer.Argument(help="Number of another.", min=1, autocompletion=complete_number)],
) -> None:
    """Show two builds side by side, and the differences of their parameters."""
    comparison = session.stack.compare(first, second)
    session.output(comparison.to_dict(), lambda: session.console.print(show_comparison(comparison)))


def cost(
    session: Session,
    number: BuildNumber = None,
    planned: Annotated[
        bool, typer.Option("--next", help="Estimate the next build, with the current parameters.")
    ] = False,
) -> None:
    """Estimate a build's cost so far and its maximum, and name what the estimate leaves out."""
    if number and planned:
        raise InputError(f"--next estimates the next build, and {number} is an existing build; pass only one of them.")
    build = None if planned else session.stack.build(number)
    estimate = build.cost() if build else session.stack.estimate()
    sentence = f"Build {build.number}: {format_cost(estimate)}" if build else f"The next build: {format_cost(estimate)}"
    result = {"build": build.number if build else None, **asdict(estimate)}
    session.output(result, lambda: session.print(sentence))


def logs(
    session: Session,
    number: BuildNumber = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more lines until the build ends.")] = False,
) -> None:
    """Print a build's logs, sorted by time: functions, image builds, jobs, endpoint."""
    build = session.stack.build(number)
    for line in build.logs(follow=follow):
        if session.as_json:
            where = {"source": line.source, "part": line.part}
            print_json({"time": line.time.isoformat(), **where, "text": line.text}, indent=None)
        else:
            session.print(str(line), wrap=False)
