"""The comparison of the quality gate: which models pass, and the reasons of the others."""

from typing import Any

import pytest

from sagebuild.steps.gate import compare_metrics

NEW = {"accuracy": 0.91, "loss": 0.3}
LIVE = {"accuracy": 0.94, "loss": 0.2}


def limits(metric: str, minimum: float | None = None, maximum: float | None = None) -> dict[str, Any]:
    return {"metric": metric, "minimum": minimum, "maximum": maximum}


def better(metric: str, margin: float = 0, goal: str = "Maximize") -> dict[str, Any]:
    return {"metric": metric, "margin": margin, "goal": goal}


@pytest.mark.parametrize(("metrics", "gate", "improvement", "reason"), [
    (NEW, None, None, ""),
    (NEW, limits("accuracy", minimum=0.91), None, ""),
    (NEW, limits("accuracy", minimum=0.95), None, "accuracy 0.91 is below the minimum 0.95"),
    (NEW, limits("loss", maximum=0.3), None, ""),
    (NEW, limits("loss", maximum=0.25), None, "loss 0.3 is above the maximum 0.25"),
    (NEW, limits("loss", 0.1, 0.5), None, ""),
    (NEW, limits("loss", 0.4, 0.5), None, "loss 0.3 is below the minimum 0.4"),
    # 0.95 as SageMaker keeps it, in 32 bits.
    ({"accuracy": 0.949999988079071}, limits("accuracy", minimum=0.95), None, ""),
    ({"accuracy": 0.9499}, limits("accuracy", minimum=0.95), None, "accuracy 0.9499 is below the minimum 0.95"),
    (NEW, limits("f1", minimum=0.9), None, "the training reported no number for f1 (its metrics: accuracy, loss)"),
    ({}, limits("f1", minimum=0.9), None, "the training reported no number for f1 (its metrics: none)"),
    (NEW, None, better("accuracy"), "accuracy 0.91 is below the live 0.94"),
    ({"accuracy": 0.94}, None, better("accuracy"), "accuracy 0.94 is no better than the live 0.94"),
    ({"accuracy": 0.95}, None, better("accuracy"), ""),
    ({"accuracy": 0.95}, None, better("accuracy", 0.01), ""),
    ({"accuracy": 0.945}, None, better("accuracy", 0.01), "accuracy 0.945 is less than 0.01 above the live 0.94"),
    (NEW, None, better("loss", goal="Minimize"), "loss 0.3 is above the live 0.2"),
    ({"loss": 0.1}, None, better("loss", 0.1, "Minimize"), ""),
    ({"loss": 0.15}, None, better("loss", 0.1, "Minimize"), "loss 0.15 is less than 0.1 below the live 0.2"),
    ({"loss": 0.1}, None, better("accuracy"), "the training reported no number for accuracy (its metrics: loss)"),
    (NEW, limits("loss", maximum=0.25), better("accuracy"),
     "loss 0.3 is above the maximum 0.25; accuracy 0.91 is below the live 0.94"),
    ({}, limits("accuracy", minimum=0.9), better("accuracy"),
     "the training reported no number for accuracy (its metrics: none)"),
])  # fmt: skip
def test_a_model_is_deployed_only_if_it_passes(
    metrics: dict[str, float], gate: Any, improvement: Any, reason: str
) -> None:
    verdict = compare_metrics(metrics, LIVE, "", gate, improvement)
    assert (verdict.met, verdict.reason, verdict.notes) == (not reason, reason, ())


@pytest.mark.parametrize(("live", "unknown", "why"), [
    ({}, "nothing is live yet", "nothing is live yet"),
    ({"loss": 0.2}, "", "the live model has no accuracy"),
])  # fmt: skip
def test_without_a_live_metric_any_model_improves_and_a_note_says_why(
    live: dict[str, float], unknown: str, why: str
) -> None:
    verdict = compare_metrics(NEW, live, unknown, None, better("accuracy"))
    assert (verdict.met, verdict.notes) == (True, (f"accuracy was not compared with a live model, because {why}.",))
    assert compare_metrics({}, live, unknown, None, better("accuracy")).reason.startswith(
        "the training reported no number for accuracy"
    )
