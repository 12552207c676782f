"""Secrets in JSON values are hidden by their text and by the names of their members."""

from typing import Any

import pytest

from sagebuild.builds.records import BuildRecord, Trigger
from sagebuild.client.public_record import describe_publicly
from sagebuild.redaction import HIDDEN, redact_values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"epochs": 5, "api_key": "x"}, {"epochs": 5, "api_key": HIDDEN}),
        ({"hyperparameters.password": 1234}, {"hyperparameters.password": HIDDEN}),
        ({"Name": "HF_TOKEN", "Value": "x"}, {"Name": "HF_TOKEN", "Value": HIDDEN}),
        (
            {"name": "hyperparameters.secret", "before": "x", "after": "y"},
            {"name": "hyperparameters.secret", "before": HIDDEN, "after": HIDDEN},
        ),
        ([{"line": "token=x"}], [{"line": f"token={HIDDEN}"}]),
        ({"credentials": {"user": "zoe", "password": "x"}}, {"credentials": {"user": "zoe", "password": HIDDEN}}),
    ],
)
def test_a_secret_is_hidden(value: Any, expected: Any) -> None:
    assert redact_values(value) == expected


def test_other_values_stay() -> None:
    value = {"token": None, "password": "", "author_score": 0.5, "max_tokens": 512, "name": "Train Model", "seconds": 3}
    assert redact_values(value) == value


def test_no_member_of_a_build_is_hidden_by_its_name() -> None:
    record = BuildRecord(1, Trigger("command", "zoe"), "2026-01-02T03:04:05+00:00", training_job="sagebuild-dev-1")
    public = describe_publicly(record)
    assert redact_values(public) == public
