"""The parameters of a schedule, compared with AWS's examples and with the laptop's AWS, which reads them by itself."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from local.events.expressions import InvalidExpressionError, parse
from sagebuild.errors import ParameterError
from sagebuild.parameters import parse_parameters
from sagebuild.parameters.overrides import check_overrides
from sagebuild.settings import Settings

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html, and EventBridge's
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html with the same expressions.
RIGHT = [
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(7 days)",
    "cron(15 10 ? * 6L 2022-2023)",
    "cron(0 10 * * ? *)",
    "cron(15 12 * * ? *)",
    "cron(0 18 ? * MON-FRI *)",
    "cron(0 8 1 * ? *)",
    "cron(0/15 * * * ? *)",
    "cron(0/10 * ? * MON-FRI *)",
    "cron(0/5 8-17 ? * MON-FRI *)",
    "cron(0 9 ? * 2#1 *)",
    "cron(0 6 3W * ? *)",
    "cron(0 6 L JAN,MAR,12 ? *)",
    "cron(0 6 ? * L *)",
    "cron(*/20 0-6/2,12 1,15 1/3 ? 2026/2)",
]
WRONG = [
    "",
    "rate()",
    "rate(0 days)",
    "rate(-1 days)",
    "rate(7 day)",
    "rate(1.5 hours)",
    "rate(1 weeks)",
    "cron()",
    "cron(0 6 * * MON *)",
    "cron(0 6 ? * ? *)",
    "cron(0 6 ? * MON)",
    "cron(60 6 ? * MON *)",
    "cron(0 24 ? * MON *)",
    "cron(0 6 0 * ? *)",
    "cron(0 6 32 * ? *)",
    "cron(0 6 1 13 ? *)",
    "cron(0 6 ? * 8 *)",
    "cron(0 6 ? * MON#6 *)",
    "cron(0 6 ? * MON,TUE#1 *)",
    "cron(0 6 ? * 2/2 *)",
    "cron(0 6 ? * MON 2200)",
    "cron(0/60 6 ? * MON *)",
    "cron(17-8 6 ? * MON *)",
    "cron(0,,5 6 ? * MON *)",
    "cron(? 6 ? * MON *)",
    "cron(٣ 6 ? * MON *)",
]


def read(schedule: Any, **others: Any) -> str | None:
    """The schedule of a document."""
    return parse_parameters({"framework": "SCIKIT", "schedule": schedule, **others}).schedule


@pytest.mark.parametrize("expression", RIGHT)
def test_aws_examples_are_right(expression: str) -> None:
    assert read(expression) == expression
    assert parse(expression)


@pytest.mark.parametrize("expression", WRONG)
def test_wrong_expressions_are_refused_here_and_on_the_laptops_aws(expression: str) -> None:
    with pytest.raises(ParameterError, match=r"^schedule "):
        read(expression)
    with pytest.raises(InvalidExpressionError):
        parse(expression)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("  rate( 7   days )", "rate(7 days)"),
        ("rate(1 days)", "rate(1 day)"),
        ("rate(1 minutes)", "rate(1 minute)"),
        ("rate(11 hours)", "rate(11 hours)"),
        ("cron(0 6 ? jan-mar mon *)", "cron(0 6 ? JAN-MAR MON *)"),
        ("none", None),
        (None, None),
    ],
)
def test_scheduler_gets_the_form_that_its_documentation_has(given: Any, sent: str | None) -> None:
    assert read(given) == sent


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern"])
def test_time_zones_are_those_of_the_iana_database(zone: str) -> None:
    parameters = parse_parameters({"framework": "SCIKIT", "schedule": "rate(1 day)", "scheduletimezone": zone})
    assert parameters.scheduletimezone == zone


@pytest.mark.parametrize("changes", [{"schedule": "rate(1 day)", "trainmaxrun": 1}, {"spokennames": ["cheating"]}])
def test_a_request_for_one_build_changes_nothing_of_the_pipeline(changes: dict[str, object]) -> None:
    document = '{"framework": "SCIKIT", "trainentrypoint": "train.py"}'
    name = next(iter(changes))
    with pytest.raises(ParameterError, match=rf"^{name} is not a parameter of one build; change it in the parameter"):
        check_overrides(Settings({"FRAMEWORK": "SCIKIT"}), document, changes)


@pytest.mark.parametrize(
    ("expression", "zone", "times"),
    [
        ("cron(0 6 ? * MON *)", "UTC", ["2026-03-02 06:00", "2026-03-09 06:00"]),
        ("cron(0 6 ? * MON *)", "Europe/Berlin", ["2026-03-02 05:00", "2026-03-09 05:00"]),
        ("cron(30 2 29,30 3 ? 2026)", "Europe/Berlin", ["2026-03-30 00:30"]),  # the clocks skip 02:30 on March 29
        ("cron(0 0 L * ? *)", "UTC", ["2026-03-31 00:00", "2026-04-30 00:00"]),
        ("cron(0 0 1W * ? *)", "UTC", ["2026-03-02 00:00", "2026-04-01 00:00"]),  # March 1 is a Sunday
        ("cron(0 0 31W * ? *)", "UTC", ["2026-03-31 00:00", "2026-05-29 00:00"]),  # May 31 is a Sunday
        ("cron(0 0 ? * 6L *)", "UTC", ["2026-03-27 00:00", "2026-04-24 00:00"]),
        ("cron(0 0 ? * WED#2 *)", "UTC", ["2026-03-11 00:00", "2026-04-08 00:00"]),
        ("cron(0/30 23 ? * L *)", "UTC", ["2026-03-07 23:00", "2026-03-07 23:30"]),
        ("cron(0 0 1 1 ? 2027)", "UTC", ["2027-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", "UTC", []),
        ("rate(12 hours)", "UTC", ["2026-03-01 12:00", "2026-03-02 00:00"]),
        ("at(2026-03-05T01:00:00)", "Europe/Berlin", ["2026-03-05 00:00"]),
    ],
)
def test_the_laptops_aws_computes_the_times(expression: str, zone: str, times: list[str]) -> None:
    timetable = parse(expression, zone)

    def find_times() -> Any:
        at: datetime | None = datetime(2026, 3, 1, tzinfo=UTC)
        while at and (at := timetable.find_next(at)):
            yield f"{at:%Y-%m-%d %H:%M}"

    assert list(islice(find_times(), 2)) == times
