"""A project's own resources become a stack, once, which follows the template and disappears with it."""

import re
from pathlib import Path
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import PipelineState, change_state
from sagebuild.client.pipeline_removal import delete_own_resources, describe_removal
from sagebuild.client.resources_stacks import list_resources_stacks
from sagebuild.errors import AccessDeniedError, ConflictError, InputError
from sagebuild.parameters import default_document
from sagebuild.parameters.store import write_document
from sagebuild.project.apply import ProjectChanges, apply_changes, find_changes
from sagebuild.project.check import check_project
from sagebuild.project.file import FILE, read_project
from sagebuild.service import Service
from tests.functional.conftest import STACK, Stack, client

PROJECT = """parameters:
  framework: SCIKIT
  frameworkversion: "1.9-0"
  trainentrypoint: train.py
source: src
resources: resources.yml
"""
TEMPLATE = """
Parameters:
  DataBucket: { Type: String }
  PipelineName: { Type: String }
  SourceArchive: { Type: String }
  TrainingImage: { Type: String }
  Depth: { Type: String, Default: "4" }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Sub "${DataBucket} ${PipelineName} ${Depth}"
  Facts:
    Type: AWS::SSM::Parameter
    Properties: { Name: facts, Type: String, Value: !Sub "${SourceArchive} ${TrainingImage}" }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {FILE: PROJECT, "src/train.py": "1", "resources.yml": TEMPLATE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def service(stack: Stack) -> Service:
    write_document(stack.service, default_document("SCIKIT"), overwrite=False)
    images = {"IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/images"}
    return Service({**stack.settings, **images}, client)


def compare(project: Path, service: Service) -> ProjectChanges:
    return find_changes(read_project(project), service)


def apply(project: Path, service: Service) -> list[str]:
    changes = compare(project, service)
    apply_changes(changes)
    return changes.lines


def read_values(name: str = f"{STACK}-resources") -> dict[str, str]:
    (found,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}


def read_facts() -> str:
    return client("ssm").get_parameter(Name="facts")["Parameter"]["Value"]  # type: ignore[no-any-return]


def test_the_stack_is_created_once_with_the_values_of_the_pipeline(project: Path, service: Service) -> None:
    lines = apply(project, service)
    assert lines[1] == f"+ resources: stack {STACK}-resources of resources.yml"
    values = read_values()
    assert values["DataBucket"] == f"{STACK}-data"
    assert values["PipelineName"] == ""
    assert values["Depth"] == "4"
    archive, image = read_facts().split()
    assert client("s3").head_object(Bucket=f"{STACK}-code", Key=archive)
    assert image.endswith("sagemaker-scikit-learn:1.9-0-cpu-py3")
    assert compare(project, service).is_empty


def test_a_changed_template_or_script_updates_the_stack(project: Path, service: Service) -> None:
    apply(project, service)
    before = read_values()["SourceArchive"]
    (project / "src" / "train.py").write_text("2", encoding="utf-8")
    assert apply(project, service)[1] == f"~ resources: stack {STACK}-resources of resources.yml"
    assert read_values()["SourceArchive"] != before
    (project / "resources.yml").write_text(TEMPLATE.replace('"4"', '"5"'), encoding="utf-8")
    changes = compare(project, service)
    assert (len(changes.lines), changes.to_dict()["resources"]) == (1, "update")
    apply_changes(changes)
    assert compare(project, service).is_empty


def test_a_project_without_the_template_deletes_the_stack(project: Path, service: Service) -> None:
    apply(project, service)
    (project / FILE).write_text(PROJECT.replace("resources: resources.yml\n", ""), encoding="utf-8")
    assert apply(project, service) == [f"- resources: stack {STACK}-resources"]
    with pytest.raises(ClientError, match="does not exist"):
        read_values()
    assert compare(project, service).is_empty


def test_pipelines_have_stacks_of_their_own(project: Path, service: Service) -> None:
    fraud = service.for_pipeline("fraud")
    write_document(fraud, default_document("SCIKIT"), overwrite=False)
    apply(project, fraud)
    values = read_values(f"{STACK}-fraud-resources")
    assert values["PipelineName"] == "fraud"
    assert values["SourceArchive"].startswith("fraud/")
    assert compare(project, service).to_dict()["resources"] == "create", "the default pipeline has none yet"


def test_a_stack_of_another_owner_is_left_alone(project: Path, service: Service) -> None:
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    client("cloudformation").create_stack(StackName=f"{STACK}-resources", TemplateBody=template)
    with pytest.raises(InputError, match=f"The stack {STACK}-resources exists, and no project created it"):
        compare(project, service)
    (project / FILE).write_text(PROJECT.replace("resources: resources.yml\n", ""), encoding="utf-8")
    assert not compare(project, service).resources


def test_the_removal_of_a_pipeline_names_and_deletes_its_stack(project: Path, service: Service) -> None:
    fraud = service.for_pipeline("fraud")
    state = PipelineState(created_at="2026-01-01T00:00:00+00:00", pipeline="fraud")
    assert change_state(fraud, PipelineState(), state)
    write_document(fraud, default_document("SCIKIT"), overwrite=False)
    client("sagemaker").create_model_package_group(ModelPackageGroupName=f"{STACK}-fraud")
    apply(project, service)
    client("ssm").delete_parameter(Name="facts")
    apply(project, fraud)
    stack = f"{STACK}-fraud-resources"
    assert f"the stack {stack} with its project's own resources" in describe_removal(fraud).deleted
    delete_own_resources(fraud, lambda _: None)
    assert list_resources_stacks(client("cloudformation"), STACK) == [f"{STACK}-resources"], "the default pipeline's"
    assert not any("own resources" in line for line in describe_removal(fraud).deleted)


def deny(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS refuse to describe any stack, as the policy for one pipeline does for other stacks than sagebuild's."""
    cloudformation = service.open_client("cloudformation")
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "DescribeStacks")
    monkeypatch.setattr(
        cloudformation, "describe_stacks", mock.Mock(spec=cloudformation.describe_stacks, side_effect=error)
    )
    monkeypatch.setattr(
        service, "open_client", lambda name: cloudformation if name == "cloudformation" else client(name)
    )


def test_a_user_who_may_not_describe_the_stack_applies_projects_without_resources(
    project: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(service, monkeypatch)
    with pytest.raises(AccessDeniedError, match="DescribeStacks"):
        compare(project, service)
    (project / FILE).write_text(PROJECT.replace("resources: resources.yml\n", ""), encoding="utf-8")
    assert not compare(project, service).resources
    (line,) = [line for line in describe_removal(service).kept if "own resources" in line]
    assert f"{STACK}-resources with its project's own resources, if there is one: " in line
    assert "DescribeStacks" in line


def test_a_parameter_without_a_value_is_refused(project: Path, service: Service) -> None:
    (project / "resources.yml").write_text(TEMPLATE.replace("Depth: { Type: String, Default: ", "Depth: { A: "))
    with pytest.raises(InputError, match=r"The parameter Depth of resources\.yml has no value: give it a Default"):
        compare(project, service)


def test_a_changed_document_keeps_the_resources_from_being_deployed(project: Path, service: Service) -> None:
    apply(project, service)
    write_document(service, {"framework": "SCIKIT", "trainmaxrun": 2}, overwrite=True)
    (project / "resources.yml").write_text(TEMPLATE.replace('"4"', '"5"'), encoding="utf-8")
    changes = compare(project, service)
    with pytest.raises(ConflictError):
        apply_changes(changes)
    assert compare(project, service).to_dict()["resources"] == "update"


@pytest.mark.parametrize(("template", "problem"), [
    (None, "cannot be read"),
    ("Parameters: {}", "is no CloudFormation template: it has no object Resources"),
    ("a: [", "is not valid YAML"),
    ("Resources: {A: &a {Type: B}, C: *a}", r"CloudFormation does not support aliases, such as \*a"),
    ("Resources: {}\n" + "#" * 51_200, "has 51214 bytes; CloudFormation accepts 51200"),
])  # fmt: skip
def test_a_file_that_is_no_template_is_found_without_aws(project: Path, template: str | None, problem: str) -> None:
    (project / "resources.yml").unlink()
    if template is not None:
        (project / "resources.yml").write_text(template, encoding="utf-8")
    (finding,) = check_project(project).findings
    assert (finding.state, finding.subject) == ("error", "project")
    assert re.search(f"resources is resources.yml, which .*{problem}", finding.message)
