"""A script is read without running it, and the notes name what it expects and does not get."""

import pytest

from sagebuild.plan.scripts import ScriptUnreadableError, find_script_notes, read_script

ARGPARSE = "import argparse\nparser = argparse.ArgumentParser()\n"


def notes_of(text: str, *hyperparameters: str, channels: tuple[str, ...] = ("training",)) -> list[str]:
    return list(find_script_notes("train.py", read_script(text.encode()), channels, hyperparameters))


@pytest.mark.parametrize(
    ("text", "channels", "missing"),
    [
        (
            "os.environ['SM_CHANNEL_TRAIN']",
            ("training",),
            "reads SM_CHANNEL_TRAIN, and the training has no channel train",
        ),
        ("os.environ.get('SM_CHANNEL_TRAIN')", ("training", "test"), "(its channels: test, training)"),
        ("os.environ.get('SM_CHANNEL_TRAIN', None)", (), "(its channels: none)"),
        ("os.getenv('SM_CHANNEL_TEST')", ("training",), "no channel test"),
        ("env = os.environ\nenv['SM_CHANNEL_TRAIN']", ("training",), "no channel train"),
        ("os.environ['SM_CHANNEL_TRAINING']", ("training",), None),
        ("os.environ['SM_CHANNEL_MY-DATA']", ("my-data",), None),
        ("os.environ.get('SM_CHANNEL_TRAIN', 'data')", ("training",), None),
        ("'SM_CHANNEL_TEST' in os.environ and os.environ['SM_CHANNEL_TEST']", ("training",), None),
        ("# SM_CHANNEL_TRAIN", ("training",), None),
        (
            "open('/opt/ml/input/data/train/rows.csv')",
            ("training",),
            "/opt/ml/input/data/train, and the training has no",
        ),
        ("open('/opt/ml/input/data/training')", ("training",), None),
        ("open('/opt/ml/input/data/training_0')", ("training",), None),
    ],
)
def test_a_channel_that_the_training_lacks_is_noted(text: str, channels: tuple[str, ...], missing: str | None) -> None:
    notes = notes_of(f"import os\n{text}", channels=channels)
    assert len(notes) == bool(missing)
    assert not missing or missing in notes[0]


@pytest.mark.parametrize(
    ("arguments", "hyperparameters", "note"),
    [
        (
            "'--epochs', required=True",
            (),
            "train.py requires the argument --epochs, which hyperparameters does not have.",
        ),
        ("'-e', '--epochs', required=True", ("epochs",), None),
        ("'--epochs', required=False", (), None),
        ("'--epochs'", ("epochs",), None),
        ("'--epochs'", ("epo",), None),
        ("'-e'", ("e",), None),
        ("'--learning-rate'", ("learning_rate",), "it accepts --learning-rate, so rename the hyperparameter"),
        ("'--epochs'", ("rate",), "refuses the argument --rate, which the training passes; add the argument to"),
        ("'--epochs'", ("model_dir",), "add the argument to the script, or set hyperparameters.model_dir to false."),
        ("'--fast', action='store_true'", ("fast",), "takes --fast without a value, and the training passes"),
    ],
)
def test_arguments_that_do_not_match_the_hyperparameters_are_noted(
    arguments: str, hyperparameters: tuple[str, ...], note: str | None
) -> None:
    notes = notes_of(f"{ARGPARSE}parser.add_argument({arguments})\nparser.parse_args()", *hyperparameters)
    assert len(notes) == bool(note)
    assert not note or note in notes[0]


@pytest.mark.parametrize(
    "rest",
    [
        "parser.parse_known_args()",
        "add_more(parser)\nparser.parse_args()",
        "for name in NAMES:\n    parser.add_argument(name)\nparser.parse_args()",
        "parser.parse_args(['--epochs', '3'])",
        "print('no arguments')",
    ],
)
def test_a_script_that_may_take_other_arguments_is_not_noted(rest: str) -> None:
    assert notes_of(f"{ARGPARSE}parser.add_argument('--epochs')\n{rest}", "rate") == []


def test_a_hyperparameter_s_variable_is_expected_like_an_argument() -> None:
    text = "import os\nos.environ['SM_HP_EPOCHS'], os.environ.get('SM_HP_RATE', 1), os.environ['SM_HP_LAYERS']"
    assert notes_of(text, "layers") == ["train.py reads SM_HP_EPOCHS, and hyperparameters has no epochs."]


@pytest.mark.parametrize("content", [b"print 'Python 2'", b"\xff\xfe", b"a\x00b", b"(" * 100_000])
def test_what_is_no_python_3_is_reported(content: bytes) -> None:
    with pytest.raises(ScriptUnreadableError, match="it is not valid Python 3"):
        read_script(content)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def model_fn(folder): ...", {"model_fn"}),
        ("from serving import model_fn", {"model_fn"}),
        ("import serving\nmodel_fn = serving.load", {"serving", "model_fn"}),
        ("try:\n    import fast as model_fn\nexcept ImportError:\n    pass", {"model_fn"}),
        ("from serving import *", None),
    ],
)
def test_the_names_of_a_script_include_imported_ones(text: str, names: set[str] | None) -> None:
    assert read_script(text.encode()).names == names
