"""A request for one build may tighten the safeguards of the parameter document, and not loosen them."""

import json
from typing import Any

import pytest

from sagebuild.errors import ParameterError
from sagebuild.parameters.overrides import check_overrides, parse_build
from sagebuild.settings import Settings

METRIC = {"Name": "accuracy", "Regex": "acc=([0-9.]+)"}
OTHER = {"Name": "other", "Regex": "other=([0-9.]+)"}
DOCUMENT = {
    "framework": "SCIKIT",
    "trainentrypoint": "train.py",
    "trainsourcefile": "source.tar.gz",
    "hostinstancecount": 2,
    "metrics": [METRIC, OTHER],
}
GATE = {"metric": "accuracy", "minimum": 0.8, "maximum": 1}
IMPROVEMENT = {"metric": "accuracy", "margin": 0.1}
SMOKE = {"contenttype": "text/csv", "body": "1,2", "latency": 500, "answertype": "text/csv"}
SHIFT = {"shifting": "CANARY", "percent": 10, "wait": 60, "alarms": ["errors"]}
NETWORK = {"subnets": ["subnet-1", "subnet-2"], "securitygroups": ["sg-1"]}

# The document's safeguard, what a request may set instead, and what it may not.
CASES: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"approval": "manual"}, ["manual", " MANUAL "], ["none", "NONE"]),
    ({"qualitygate": GATE}, [GATE | {"minimum": 0.9}, GATE | {"maximum": 0.95}], [
        None,  GATE | {"minimum": 0.7}, GATE | {"maximum": 2}, {"metric": "accuracy", "minimum": 0.9},
        {"metric": "other", "minimum": 0.8, "maximum": 1},
    ]),
    ({"mustimprove": IMPROVEMENT}, [IMPROVEMENT | {"margin": 0.2}], [
        None, IMPROVEMENT | {"margin": 0}, IMPROVEMENT | {"goal": "Minimize"}, IMPROVEMENT | {"metric": "other"},
    ]),
    ({"smoketest": SMOKE}, [SMOKE | {"latency": 100}], [
        None, SMOKE | {"body": "3"}, SMOKE | {"status": 500}, SMOKE | {"latency": 501},
        {"contenttype": "text/csv", "body": "1,2", "latency": 500},
    ]),
    ({"guardrails": SHIFT}, [SHIFT | {"wait": 90}, SHIFT | {"alarms": ["errors", "latency"]}], [
        None, SHIFT | {"alarms": []}, SHIFT | {"wait": 0}, SHIFT | {"percent": 50}, {"wait": 60, "alarms": ["errors"]},
    ]),
    ({"deployEndpoint": False}, [False], [True, "true"]),
    ({"keepbuilds": 20}, [20, 21], [10, 1]),
    ({"maxcost": 5}, [5, 4.5], [None, 5.01, "none"]),
    ({"networkisolation": True}, [True, "True"], [False, "false"]),
    (NETWORK, [["subnet-1"]], [[], ["subnet-3"], ["subnet-1", "subnet-3"]]),
    ({"trafficencryption": True}, [True], [False]),
    ({"volumekmskey": "alias/one"}, ["alias/one"], [None, "alias/two"]),
    ({"outputkmskey": "alias/one"}, ["alias/one"], [None, "alias/two"]),
    ({"hostkmskey": "alias/one"}, ["alias/one"], [None, "alias/two"]),
]  # fmt: skip


def settings(may_loosen: str = "false") -> Settings:
    return Settings({"FRAMEWORK": "SCIKIT", "OVERRIDES_MAY_LOOSEN": may_loosen})


def apply(document: dict[str, Any], overrides: dict[str, Any], may_loosen: str = "false") -> None:
    """Check a request's overrides as the launch does, then as the plan of the build does."""
    text = json.dumps(DOCUMENT | document)
    check_overrides(settings(may_loosen), text, overrides)
    parse_build(settings(may_loosen), text, json.dumps(overrides))


@pytest.mark.parametrize(("document", "allowed", "_refused"), CASES, ids=lambda case: str(case)[:40])
def test_a_request_may_keep_or_tighten_a_safeguard(
    document: dict[str, Any],
    allowed: list[Any],
    _refused: list[Any],
) -> None:
    name = next(iter(document))
    for value in [*allowed, document[name]]:
        apply(document, {name: value})
        apply({}, document | {name: value})  # the document has none, so any one is tighter, but for deployEndpoint
    apply(document, {"trainmaxrun": 1})


@pytest.mark.parametrize(("document", "_allowed", "refused"), CASES, ids=lambda case: str(case)[:40])
def test_a_request_may_not_loosen_a_safeguard(
    document: dict[str, Any],
    _allowed: list[Any],
    refused: list[Any],
) -> None:
    name, text = next(iter(document)), json.dumps(DOCUMENT | document)
    for value in refused:
        overrides = {name: value} | ({"securitygroups": []} if value == [] else {})
        with pytest.raises(
            ParameterError, match=rf"(?s)may not loosen a safeguard: {name} is .*overridesMayLoosen=true"
        ):
            check_overrides(settings(), text, overrides)
        with pytest.raises(ParameterError, match="may not loosen a safeguard"):
            parse_build(settings(), text, json.dumps(overrides))
        apply(document, overrides, may_loosen="true")


def test_a_request_may_not_send_a_secret_to_another_repository() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-dev/git"
    git = {"repo": "https://example.com/a", "secret": secret}
    document = {"trainsourcefile": None, "git_config": git}
    apply(document, {"git_config": git | {"branch": "next"}})
    apply(document, {"git_config": {"repo": "https://example.com/b"}})
    for wanted in ({"repo": "https://example.com/b", "secret": secret}, git | {"secret": f"{secret}-2"}):
        with pytest.raises(ParameterError, match=r"git_config\.secret would be sent to a repository that"):
            apply(document, {"git_config": wanted})
    with pytest.raises(ParameterError, match=r"git_config\.secret would be sent"):
        apply({}, {"trainsourcefile": None, "git_config": git})


def test_a_request_may_not_send_another_secret_to_the_hub() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sagebuild-dev/hub"
    document = {"framework": "LLM", "engine": "VLLM", "hubmodel": "a/b"}
    named = json.dumps(document | {"hubsecret": secret})
    check_overrides(settings(), named, {"hubsecret": secret, "hubmodel": "a/c"})
    for text in (json.dumps(document), named.replace("dev/hub", "dev/git")):
        with pytest.raises(ParameterError, match="hubsecret would send a secret to the hub that the"):
            check_overrides(settings(), text, {"hubsecret": secret})


@pytest.mark.parametrize("gate", [{"qualitygate": GATE}, {"mustimprove": IMPROVEMENT}])
@pytest.mark.parametrize(
    "change",
    [
        {"metrics": [{"Name": "accuracy", "Regex": "acc(1)"}]},
        {"metrics": [OTHER, {"Name": "accuracy", "Regex": "(1)"}]},
    ],
)
def test_a_request_may_not_redefine_the_metric_of_a_gate(gate: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="decides about the deployment, and its Regex would change"):
        apply(gate, change)
    apply(gate, {"metrics": [METRIC, {"Name": "loss", "Regex": "loss=(.*)"}]})
    apply({}, change)


def test_a_request_that_repairs_the_document_may_not_loosen_it() -> None:
    broken = json.dumps(DOCUMENT | {"trainmaxrun": -1, "approval": "manual"})
    assert parse_build(settings(), broken, '{"trainmaxrun": 1}').approval == "manual"
    with pytest.raises(ParameterError, match="approval is"):
        parse_build(settings(), broken, '{"trainmaxrun": 1, "approval": "none"}')
    unknown = json.dumps(DOCUMENT | {"approval": "perhaps"})
    with pytest.raises(ParameterError, match="invalid without approval, so its safeguards are unknown"):
        parse_build(settings(), unknown, '{"approval": "none"}')


def test_the_plan_refuses_what_the_document_forbids_since_the_request() -> None:
    check_overrides(settings(), json.dumps(DOCUMENT), {"approval": "none"})
    with pytest.raises(ParameterError, match='approval is "manual" in the parameter document, and "none" is looser'):
        parse_build(settings(), json.dumps(DOCUMENT | {"approval": "manual"}), '{"approval": "none"}')


def test_a_value_that_is_not_json_is_named() -> None:
    with pytest.raises(ParameterError, match="trainmaxrun"):
        check_overrides(settings(), json.dumps(DOCUMENT), {"trainmaxrun": {1, 2}})
