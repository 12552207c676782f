"""The reader of metrics: right values from logs as people write them, and the same ones from the laptop's SageMaker."""

import math

import pytest

from local.sagemaker.metrics import MetricReader
from sagebuild.client.metric_log import parse_number, read_log
from sagebuild.running.metrics import read_final_metrics

PROGRESS_BAR = "".join(f"\r{step:3d}%|{'█' * (step // 10)}| loss={1 / step:.4f}" for step in range(1, 101))
# The regular expression, the lines of the log, and the values in them.
LOGS = {
    "several in a line": ("loss=([0-9.]+)", ["loss=2.5 loss=2", "nothing", "loss=1"], [2.5, 2.0, 1.0]),
    "alternatives": (
        "val_loss=([0-9.]+)|validation loss ([0-9.]+)",
        ["val_loss=0.5", "validation loss 0.4"],
        [0.5, 0.4],
    ),
    "several groups in a match": ("(?:epoch ([0-9]+): )?loss ([0-9.]+)", ["loss 0.3", "epoch 7: loss 0.2"], [0.3, 7.0]),
    "a word": (r"score=(\S+)", ["score=n/a", "score=0.5"], [0.5]),
    "only words": (r"score=(\S+)", ["score=n/a"], []),
    "a decimal comma": (r"score=(\S+)", ["score=0,5"], []),
    "digits of another script": (r"score=(\S+)", ["score=\u0660.\u0665", "score=0.5"], [0.5]),
    "Python's separator of digits": (r"rows=(\S+)", ["rows=1_000"], []),
    "an empty group": ("score=([0-9]*)", ["score=", "score=3"], [3.0]),
    "scientific notation": (r"lr=(\S+)", ["lr=1e-05", "lr=-2.5E+3", "lr=+.5", "lr=5."], [1e-05, -2500.0, 0.5, 5.0]),
    "infinity": (r"loss=(\S+)", ["loss=inf", "loss=-Infinity"], [math.inf, -math.inf]),
    "a progress bar": ("loss=([0-9.]+)", [PROGRESS_BAR], [round(1 / step, 4) for step in range(1, 101)]),
    "a progress bar and a greedy group": ("loss=(.*)", ["\rloss=0.5\rloss=0.25"], [0.5, 0.25]),
    "a value cut by a carriage return": ("loss=([0-9.]+)", ["loss=\r0.5"], []),
    "AWS's own example": (
        "Loss = (.*?);",
        ["GAN_loss=0.138318;  Scaled_reg=2.654134; disc_train_loss=1.374587;  Loss = 16.020744;  Elapsed=0s"],
        [16.020744],
    ),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_has_these_values(name: str) -> None:
    regex, lines, expected = LOGS[name]
    assert read_log([{"Name": "metric", "Regex": regex}], lines).values == ({"metric": expected} if expected else {})


@pytest.mark.parametrize("name", LOGS)
def test_the_laptops_sagemaker_reads_the_same_values(name: str) -> None:
    regex, lines, expected = LOGS[name]
    reader = MetricReader(regex)
    assert [value for line in lines for value in reader.read(line)] == expected


# The regular expressions, and a line on which Python's own module searches for longer than the age of the universe.
ENDLESS = {
    "a repetition in a repetition": (r"((?:a+)+)\d", "a" * 5000),
    "alternatives that overlap": (r"((?:a|a|aa)+)$", "a" * 200 + "b"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_search_ends_and_leaves_out_the_metric(name: str) -> None:
    expression, line = ENDLESS[name]
    definitions = [{"Name": "bad", "Regex": expression}, {"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    log = read_log(definitions, [line, line, "loss=1"])
    assert log.values == {"loss": [1.0]}
    assert len(log.notes) == 1
    assert "bad: searching the log with its regular expression" in log.notes[0]
    reader = MetricReader(expression)
    assert [reader.read(each) for each in (line, line)] == [[], []]


def test_nan_is_a_value_of_the_log_and_none_of_the_record() -> None:
    log = read_log([{"Name": "loss", "Regex": r"loss=(\S+)"}], ["loss=0.5", "loss=nan"])
    assert log.values["loss"][0] == 0.5
    assert math.isnan(log.values["loss"][1])
    assert log.notes == ()
    final = [{"MetricName": name, "Value": value} for name, value in (("a", 1.5), ("b", math.nan), ("c", math.inf))]
    assert read_final_metrics(final) == {"a": 1.5}


@pytest.mark.parametrize(
    ("regex", "note"),
    [
        (r"score=(\S+)", "score: 'n/a' in the log is not a number and was left out."),
        ("score=[a-z/]+", "score: its regular expression 'score=[a-z/]+' has no group in parentheses"),
        ("score=(?P<loss", "score: Python cannot read its regular expression 'score=(?P<loss': missing >"),
    ],
)  # fmt: skip
def test_a_note_says_why_a_value_was_left_out(regex: str, note: str) -> None:
    log = read_log([{"Name": "score", "Regex": regex}], ["score=n/a", "score=n/b"])
    assert log.values == {}
    assert len(log.notes) == 1
    assert log.notes[0].startswith(note)


def test_a_bad_regular_expression_does_not_hide_the_other_metrics() -> None:
    definitions = [{"Name": "bad", "Regex": "("}, {"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    assert read_log(definitions, ["loss=1"]).values == {"loss": [1.0]}


def test_a_long_word_is_shortened_in_the_note() -> None:
    (note,) = read_log([{"Name": "score", "Regex": "score=(.*)"}], [f"score={'x' * 500}"]).notes
    assert len(note) < 120


@pytest.mark.parametrize(("text", "number"), [(" 0.5\n", 0.5), ("", None), ("93.3%", None), ("0x10", None)])
def test_a_text_is_a_number_or_not(text: str, number: float | None) -> None:
    assert parse_number(text) == number
