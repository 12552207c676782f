"""Writes docs/project.md and its JSON Schema from the project file's model, and docs/pipelines.md: ``make docs``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from sagebuild.parameters.groups import StrictModel
from sagebuild.project.file import FILE, ProjectData, ProjectFile, read_project

DOCS = Path(__file__).parents[1] / "docs"
PIPELINES = DOCS.parent / "pipelines"
GALLERY = """# Ready pipelines

<!-- Written by tools/generate_project_docs.py (make docs) from pipelines/*/README.md; change it there. -->

Each folder of `pipelines/` is a [project](project.md) that works as it is. Copy one, and change what you need.
[CONTRIBUTING.md](../CONTRIBUTING.md#add-a-pipeline) explains how to add one.

"Runs" says where a pipeline runs: everywhere, also on a laptop; on a laptop after `make examples`, which installs large
libraries; or on AWS only.

| pipeline | what it does | framework | runs |
|---|---|---|---|"""
RESOURCES = """## resources

The template creates what the pipeline needs beside its builds, such as the alarms of `guardrails`, a schedule, or a
state machine of your own. `sagebuild apply` deploys it as the CloudFormation stack `STACK-resources`, or
`STACK-PIPELINE-resources` for a pipeline with a name, before it checks the project and writes the document. It needs
your own permissions for CloudFormation and the resources.

```yaml
# resources.yml
Parameters:
  EndpointName: { Type: String }
Resources:
  ErrorsAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/SageMaker
      MetricName: Invocation5XXErrors
      Dimensions: [{ Name: EndpointName, Value: { Ref: EndpointName } }, { Name: VariantName, Value: AllTraffic }]
      ...
```

sagebuild sets the parameters of the template that have these names. Each other parameter needs a `Default`.

| parameter | value |
|---|---|
| any output or deploy parameter of sagebuild's stack, such as `DataBucket` or `TrainingRoleArn` | its value |
| `StackName` | the name of sagebuild's stack |
| `PipelineName` | the name of the pipeline; empty for the default one |
| `PipelineFolder` | the folder of the pipeline in the buckets, such as `fraud/`; empty for the default one |
| `EndpointName` | the name of the pipeline's endpoint |
| `SourceArchive` | the key of the source archive in the code bucket |
| `TrainingImage` | the image of the training |

- The stack is updated if the template or a value changes. If CloudFormation fails, it restores the resources, and
  `apply` reports its reasons and writes nothing else but the source archive.
- To delete the stack, remove `resources` from the project file and apply the project again. The removal of the pipeline
  and that of sagebuild's stack delete it, too, and name it before.
- A template has at most 51,200 bytes. Roles in it must not have names of their own (`CAPABILITY_IAM`).
- To start a build of the pipeline, send an event with the source `sagebuild` and the detail-type
  `StackName/PipelineName` to the default event bus ([triggers.md](triggers.md#a-named-pipeline)).
"""
HEAD = "| name | value | default | meaning |\n|---|---|---|---|"
TYPES = {
    "parameters": "an object",
    "source": "a folder",
    "data": "an object; each value a path, or [an object](#data)",
    "resources": "a YAML or JSON file",
    "deploy": "an object; each value a string, number or boolean",
    "path": "a file or folder",
    "script": "a Python file",
}
INTRODUCTION = f"""# The project file

<!-- Written by tools/generate_project_docs.py (make docs) from sagebuild/project/file.py; change it there. -->

A project is a folder that describes a pipeline as code. Its file `{FILE}` names the parameters, the source code and
the data. Paths are relative to the file, and stay inside its folder; so do symbolic links in `source` and `data`,
because a clone of the project lacks what is outside.

```yaml
# sagebuild.yaml
parameters:
  framework: SCIKIT
  frameworkversion: "1.9-0"  # a version needs quotation marks: 1.10 would be the number 1.1
  trainentrypoint: train.py
  hyperparameters:
    epochs: 20
source: src
data:
  training: data/train.csv
```

The file is YAML, because you write it by hand and can explain your choices in comments. sagebuild never rewrites it.
It is read with the rules of YAML 1.2: `true` and `false` are the only booleans, so `no` is text. A number with a
leading zero is text. JSON is valid, too. Tags, anchors and repeated names are refused.

From nothing to a first prediction on your machine, in four commands:

```bash
pip install sagebuild scikit-learn
sagebuild init digits mine
sagebuild run mine --serve
head -2 mine/data/train.csv | cut -d, -f1-64 | curl --fail --data-binary @- --header content-type:text/csv http://127.0.0.1:8080/invocations
```

With two cores and without pip's cache they took 136 seconds, 112 of them for `pip install`. `make measure` repeats the
measurement.

`sagebuild check` examines a project without AWS, and `sagebuild apply` makes a pipeline of a stack match it;
[command-line.md](command-line.md#projects) has the details.

With the JSON Schema in [project.schema.json](project.schema.json), editors complete and check the file. The first line
`# yaml-language-server: $schema=.../project.schema.json` selects it in Visual Studio Code.
"""

GITHUB = """\
## On GitHub

`sagebuild init` and `sagebuild convert` write `.github/workflows/build.yml`. On a pull request it checks the project,
and comments on what a merge changes, what a build costs, and what is live. A later run edits this comment. On a push
to main it applies the project, starts a build and watches it. The header of the file lists the repository's
variables. With the variable `SAGEBUILD_TRAIN`, it trains pull requests on GitHub's machine, and the comment has their
metrics beside those of the live model.

The workflow signs in with OpenID Connect, so GitHub stores no secret. Create the
[identity provider](triggers.md#github) once for each account, and a role with this trust policy. Its permissions are
those for [one pipeline](access.md). The stack's own `GithubRole` is too small: it cannot change parameters.

```json
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": { "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" },
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {
          "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
          "token.actions.githubusercontent.com:sub": [
            "repo:octo/house-prices:ref:refs/heads/main",
            "repo:octo/house-prices:pull_request"
          ]
        }
      }
    }
  ]
}
```

A repository whose subject [has ids](triggers.md#github) needs `repo:octo@123456/house-prices@456789:` at the beginning
of both. Everyone who may open a pull request from a branch of the repository can run code with this role. A pull
request from a fork gets no token of GitHub: it is checked without AWS, and has no comment. For a build of more than an
hour, allow longer sessions of the role and set `AWS_SESSION_SECONDS`.

"""


def write_page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION, GITHUB + "## Names\n", HEAD, *_write_rows(ProjectFile), ""]
    parts += ["## data\n\nAn object describes the data of one channel or input.\n", HEAD, *_write_rows(ProjectData), ""]
    parts += [RESOURCES]
    return "\n".join(parts)


def write_gallery(folder: Path = PIPELINES) -> str:
    """Return the page about the ready pipelines as Markdown, from their README.md and expect.json."""
    readmes = sorted(folder.glob("*/README.md"))
    rows = [_write_pipeline_row(readme) for readme in readmes]
    sections = [_write_pipeline(readme) for readme in readmes]
    return "\n".join([GALLERY, *rows, "", *sections])


def _write_pipeline_row(readme: Path) -> str:
    text, expected = readme.read_text(encoding="utf-8"), json.loads(readme.with_name("expect.json").read_text("utf-8"))
    framework = read_project(readme.parent).content.parameters["framework"]
    return f"| [{readme.parent.name}](#{readme.parent.name}) | {_read_title(text)} | {framework} | {expected['runs']} |"


def _write_pipeline(readme: Path) -> str:
    text = readme.read_text(encoding="utf-8")
    link = f"[README](../pipelines/{readme.parent.name}/README.md)"
    purpose, flow = (_read_section(text, heading) for heading in ("Purpose", "Flow"))
    return f"## {readme.parent.name}\n\n{purpose}\n\n{flow}\n\nCost, adaptation and differences: {link}.\n"


def _read_title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _read_section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].strip()


def write_schema() -> str:
    """Return the JSON Schema for editors."""
    schema = ProjectFile.model_json_schema()
    schema["properties"]["parameters"] = {"$ref": "parameters.schema.json"}
    own = schema["properties"]["data"]["additionalProperties"]
    schema["properties"]["data"]["additionalProperties"] = {"anyOf": [{"type": "string"}, own]}
    schema["properties"]["deploy"]["additionalProperties"] = {"type": ["string", "number", "boolean"]}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A sagebuild project"}
    return json.dumps(head | schema | {"title": head["title"]}, indent=2) + "\n"


def _write_rows(model: type[StrictModel]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield f"| `{name}` | {TYPES[name]} | {_write_default(info.default, info.is_required())} | {info.description} |"


def _write_default(default: Any, is_required: bool) -> str:
    if is_required:
        return "(required)"
    return "" if default in (None, PydanticUndefined) else f"`{json.dumps(default)}`"


def main() -> None:
    """Write the files."""
    DOCS.joinpath("pipelines.md").write_text(write_gallery(), encoding="utf-8")
    DOCS.joinpath("project.md").write_text(write_page(), encoding="utf-8")
    DOCS.joinpath("project.schema.json").write_text(write_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
