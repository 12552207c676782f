"""The ready pipeline of BYOD, with changes of its Dockerfiles and parameters."""

import io
import json
import zipfile
from typing import Any

from tests.e2e.stack import NAME, DeployedStack
from tests.ready_pipelines import FOLDER, ReadyPipeline

PIPELINE = ReadyPipeline(FOLDER / "bring-your-own-container")
SOURCE_FOLDER = PIPELINE.folder / "src"
SOURCE = "byod.zip"
# Two flowers of the first kind and one of the last.
FLOWERS = "5.1,3.5,1.4,0.2\n4.7,3.2,1.3,0.2\n6.7,3.3,5.7,2.5\n"
# Takes half a minute, unless it is stopped.
SLOW = "FROM python:3.13-slim\n" + "COPY train.py /\n" * 50_000
KINDS = ["setosa", "setosa", "virginica"]

PARAMETERS: dict[str, Any] = PIPELINE.document | {"sourcelocation": SOURCE, "hyperparameters": {"trees": 20}}


def pack(**changes: str) -> bytes:
    """A zip of the example, with other contents of the files whose path ends so (dots and slashes as underscores)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(SOURCE_FOLDER.rglob("*/docker/*")):
            name = path.relative_to(SOURCE_FOLDER).as_posix()
            changed = changes.get(name.replace("/docker/", "_").replace(".", "_"))
            archive.writestr(name, path.read_text() if changed is None else changed)
    return buffer.getvalue()


class Byod:
    """The deployed service with the example's source and data uploaded."""

    def __init__(self, stack: DeployedStack) -> None:
        self.stack = stack
        self.s3, self.ecr = stack.client("s3"), stack.client("ecr")
        self.s3.put_object(
            Bucket=stack.outputs["DataBucket"],
            Key="iris/iris.csv",
            Body=(PIPELINE.folder / "data/iris.csv").read_bytes(),
        )
        self.upload()

    @property
    def repository(self) -> str:
        """The URI of the image repository."""
        return str(self.stack.outputs["ImageRepositoryUri"])

    def upload(self, key: str = SOURCE, **changes: str) -> str:
        """Put the example's source into the code bucket."""
        self.s3.put_object(Bucket=self.stack.outputs["CodeBucket"], Key=key, Body=pack(**changes))
        return key

    def set_parameters(self, **changes: Any) -> None:
        """Make the document the example's with these changes."""
        self.stack.client("ssm").put_parameter(
            Name=self.stack.outputs["ParametersName"],
            Value=json.dumps(PARAMETERS | changes),
            Type="String",
            Overwrite=True,
        )

    def build(self, **changes: Any) -> dict[str, Any]:
        """A whole build; its record."""
        self.set_parameters(**changes)
        return self.stack.finish(self.stack.start_by_voice())

    def digest(self, tag: str) -> str:
        """The digest of the image with this tag."""
        name = self.repository.partition("/")[2]
        (image,) = self.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"]
        return str(image["imageDigest"])

    def image_builds(self, number: int) -> list[dict[str, Any]]:
        """A build's builds in CodeBuild."""
        codebuild = self.stack.client("codebuild")
        ids = codebuild.list_builds()["ids"]
        builds = codebuild.batch_get_builds(ids=ids)["builds"] if ids else []
        return [build for build in builds if f"build-{number}-" in json.dumps(build["environment"])]

    def ask_endpoint(self) -> list[str]:
        """The kinds of the flowers."""
        answer = self.stack.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=NAME, ContentType="text/csv", Body=FLOWERS
        )
        return json.load(answer["Body"])  # type: ignore[no-any-return]
