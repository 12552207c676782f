"""The dashboard and the alarms look at everything that the service has."""

import json
import re
from typing import Any

import yaml

from sagebuild.finish.build_metrics import NAMESPACE
from tests.contract.test_service import FUNCTIONS
from tests.engine import ROOT

RESOURCES: dict[str, Any] = yaml.safe_load((ROOT / "resources" / "operations.yml").read_text(encoding="utf-8"))[
    "Resources"
]
BODY, PARTS = RESOURCES["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
WIDGET: str = PARTS["BuildsWidget"]["Fn::If"][1]["Fn::Sub"]
DASHBOARD: dict[str, Any] = json.loads(BODY.replace("${BuildsWidget}", WIDGET))
# CloudFormation alone calls the first two, whose failure fails the deployment or the removal. The third one answers the
# dashboard itself, which shows its failure, and only some stacks have it. Only some have the fourth one, too, whose
# failures are in the dead-letter queue.
NOT_SHOWN = {"seedParameters", "removeLeftovers", "showBuilds", "promoteBuild"}


def find_widget(title: str) -> dict[str, Any]:
    (found,) = (each["properties"] for each in DASHBOARD["widgets"] if each["properties"]["title"].startswith(title))
    return dict(found)


def test_the_dashboard_shows_the_errors_of_every_function() -> None:
    shown = re.findall(r"\$\{(\w+)LambdaFunction\}", json.dumps(find_widget("Functions: errors")))
    assert {name[0].lower() + name[1:] for name in shown} == FUNCTIONS.keys() - NOT_SHOWN


def test_one_query_reads_the_logs_of_every_function_for_one_build() -> None:
    query = find_widget("The functions' log")["query"]
    sources = re.findall(r"SOURCE '\$\{(\w+)LogGroup\}'", query)
    assert {name[0].lower() + name[1:] for name in sources} == FUNCTIONS.keys() - NOT_SHOWN
    patterns = {each["pattern"] for each in DASHBOARD["variables"] if each["type"] == "pattern"}
    assert patterns == {"PIPELINE_NAME", "BUILD_NUMBER"}
    assert all(query.count(pattern) == 1 for pattern in patterns)
    assert find_widget("Table of builds")["params"] == {"pipeline": "PIPELINE_NAME"}, "one input for both"


def test_the_dashboard_searches_the_metrics_that_a_build_writes() -> None:
    searched = set(re.findall(r"SEARCH\('\{(\w+),([\w,]+)\} [^']*MetricName=\"(\w+)\"", BODY.replace('\\"', '"')))
    assert searched == {
        (NAMESPACE, "Outcome,Pipeline,Stack", "Builds"),
        (NAMESPACE, "Pipeline,Stack", "Duration"),
        (NAMESPACE, "Pipeline,Stack", "Cost"),
    }


def test_widgets_do_not_overlap() -> None:
    cells = [
        (x, y)
        for each in DASHBOARD["widgets"]
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_each_alarm_names_a_section_of_the_runbook() -> None:
    sections = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "resources").glob("*.yml")]
    alarms = [
        each["Properties"]["AlarmDescription"]["Fn::Sub"]
        for file in files
        for each in file["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    ]
    named = [re.findall(r"docs/operations\.md#([\w-]+)", alarm) for alarm in alarms]
    assert len(named) >= 3
    assert all(len(each) == 1 and each[0] in sections for each in named), named
