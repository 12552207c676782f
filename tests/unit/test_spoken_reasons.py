"""Reasons as people hear them: one plain sentence, without command lines and secrets."""

import pytest

from sagebuild.redaction import redact_secrets
from sagebuild.voice.reasons import shorten_reason

SCRIPT = (
    'AlgorithmError: ExecuteUserScriptError:\nExitCode 2\nErrorMessage "usage: train.py [-h] [--epochs EPOCHS]\n'
    "train.py: error: argument --epochs: invalid int value: 'many'\"\n"
    'Command "/miniconda3/bin/python3 train.py --api-key sk-1234567890abcdefghij --epochs many", exit code: 2'
)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (SCRIPT, "train.py said: argument --epochs: invalid int value: 'many'."),
        (
            'AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage "Traceback (most recent call last):\n'
            '  File "train.py", line 3\nValueError: no rows" Command "/usr/bin/python3 train.py --epochs 3"',
            "ValueError: no rows.",
        ),
        ("The script ended.\n\nThe last lines of the log:\n  password=hunter2", "The script ended."),
        ("The training ran out of memory; raise it. Then try again.", "The training ran out of memory; raise it."),
        ("No data at s3://bucket/train/ for the channel.", "No data at an AWS resource for the channel."),
        ("ClientError: The role arn:aws:iam::1:role/x is missing", "The role an AWS resource is missing."),
        ("The script failed: token=abc123", "The script failed: token=(hidden)."),
        ("", "."),
    ],
)
def test_a_reason_is_one_plain_sentence(reason: str, said: str) -> None:
    assert shorten_reason(reason) == said


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "password=hunter2",
        "--api-key hunter2",
        '"aws_secret_access_key": "hunter2"',
        "Authorization: Bearer hunter2",
        "https://zoe:hunter2@example.com/x",
        "DB_PASSWORD='hunter2'",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2",
    ],
)
def test_secrets_are_hidden(secret: str) -> None:
    shown = redact_secrets(f"The script failed: {secret} was refused.")
    assert "hunter2" not in shown
    assert "(hidden)" in shown
    assert "AKIA" not in shown
    assert shown.startswith("The script failed: ")


@pytest.mark.parametrize("plain", ["The token is too long.", "Set traininstancetype to ml.m5.large.", "no key"])
def test_plain_text_stays(plain: str) -> None:
    assert redact_secrets(plain) == plain
