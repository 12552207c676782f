"""What becomes of the names of a document of aws-sagemaker-build that are no parameters of sagebuild."""

from __future__ import annotations

from typing import NamedTuple

# Values by which the old stack says that an option is not used.
UNSET = (None, "", "none", "EMPTY", "NONE", "CREATE_BUCKET", "CREATE_REPO", "USE_CODECOMMIT_REPO", "False", False)
NUMBERS = (
    "hostinstancecount",
    "traininstancecount",
    "trainvolumesize",
    "trainmaxrun",
    "maxtrainingjobs",
    "maxparalleltrainingjobs",
    "containerloglevel",
    "trainingsteps",
    "evaluationsteps",
)
FLAGS = ("enablecloudwatchmetrics", "train", "skiptrain", "deployEndpoint")
# Resources of the old stack, and what a build adds to its own copy of the document.
OWN = {
    "accountid": "the build knows its account",
    "artifactbucket": "the new stack has its own bucket: output ModelBucket",
    "assetbucket": "the new stack needs no bucket with its own files",
    "assetprefix": "the new stack needs no bucket with its own files",
    "codebucket": "the new stack has its own bucket: output CodeBucket",
    "databucket": "the new stack has its own bucket: output DataBucket; copy the data there",
    "ecrrepo": "the new stack has its own repository: output ImageRepositoryUri",
    "endpointname": "the new stack has its own endpoint: output EndpointName",
    "modelrole": "the new stack has its own role: output HostingRoleArn",
    "projectname": "the new stack has its own CodeBuild project: output ImageProject",
    "stackname": "the new stack has its own name",
    "statustopic": "the new stack has its own topic: output ResultsTopicArn",
    "trainingrole": "the new stack has its own role: output TrainingRoleArn",
    "configdeploy": "SAGEMAKER was its only value",
    "type": "DockerTrainDeploy was its only value",
    **dict.fromkeys(
        ("version", "id", "name", "timestamp", "TrainingTag", "InferenceTag", "model", "models", "endpoint_config"),
        "a build sets it for itself",
    ),
}


class Deployed(NamedTuple):
    """A deploy parameter of sagebuild, and what to know about it."""

    parameter: str
    note: str


_FUNCTION = "the function's event and answer have another form: docs/hooks.md"
DEPLOYED = {
    "buckettriggerbuild": Deployed("uploadTrigger=true", "docs/triggers.md"),
    "externallaunchtopic": Deployed("triggerTopic={}", "docs/triggers.md"),
    "endpointconfiglambda": Deployed("endpointConfigFunction={}", _FUNCTION),
    "trainingconfiglambda": Deployed("trainingConfigFunction={}", _FUNCTION),
    "modelconfiglambda": Deployed("modelConfigFunction={}", _FUNCTION),
    "etlstepfuction": Deployed("preprocessStateMachine={}", "docs/hooks.md"),
    "postprocessstepfuction": Deployed("postprocessStateMachine={}", "docs/hooks.md"),
}
# Options of the old stack for which sagebuild has something else.
ELSEWHERE = {
    "externaltrainingpolicy": "the training role has its own policies; docs/operations.md lists them",
    "externalhostingpolicy": "the hosting role has its own policies; docs/operations.md lists them",
    "notebookinstancetype": "it is a deploy parameter, notebookInstanceType",
    "externaldatabucket": "channels name their bucket by uri; the training role must be able to read it",
    "externalcodebucket": "give the source of the Dockerfiles as sourcelocation",
}
