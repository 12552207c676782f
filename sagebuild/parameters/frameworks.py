"""The build parameters of each framework; names and defaults are the contract's, letter for letter."""

# The names are the contract's and AWS's.
# ruff: noqa: N815

from typing import Annotated, Literal

from pydantic import Field

from sagebuild.parameters.common import BuildParameters, InstanceType
from sagebuild.parameters.groups import BUCKET, PATH, ImagesToBuild, RelativePath
from sagebuild.parameters.kinds import Choice, Flag, Text, Version, WholeNumber
from sagebuild.parameters.options import Distributed

Algorithm = Literal[
    "blazingtext",
    "factorization-machines",
    "forecasting-deepar",
    "image-classification",
    "ipinsights",
    "kmeans",
    "knn",
    "lda",
    "linear-learner",
    "ntm",
    "object-detection",
    "object2vec",
    "pca",
    "randomcutforest",
    "semantic-segmentation",
    "seq2seq",
    "xgboost",
]

SourceArchive = Text(
    "an archive's S3 address (s3://bucket/source.tar.gz) or its key in the code bucket", rf"{BUCKET}/.+|[^/\s:][^:]*"
)
Folder = Text("a relative path such as training/docker", PATH)
DockerSource = Text(
    "source.zip or folder/ (a key of the code bucket, or s3://bucket/key), https://github.com/owner/repository, or "
    "codecommit::repository",
    rf"(?:{BUCKET}/)?[^/\s:][^:]*(\.zip|/)|https://github\.com/[\w.-]+/[\w.-]+|codecommit(::|://)[\w.-]+",
)
SourceVersion = Text("a branch, tag or commit, or the version of an S3 object", r"[\w./+=-]+", 256)
ImageAddress = Text("an image's address without spaces", r"[^\s]+", 255)


class ScriptModeParameters(BuildParameters):
    """What frameworks have that run a person's script in a container of AWS's."""

    trainentrypoint: Annotated[str | None, RelativePath] = Field(
        default=None, description="The training script, in its archive."
    )
    trainsourcefile: Annotated[str | None, SourceArchive] = Field(
        default=None, description="Archive of the training's source."
    )
    hostentrypoint: Annotated[str | None, RelativePath] = Field(
        default=None, description="The serving script, in its archive."
    )
    hostsourcefile: Annotated[str | None, SourceArchive] = Field(
        default=None, description="Archive of the serving's source."
    )
    pyversion: Annotated[str, Text('a Python such as "py3" or "py312"', r"py[23][0-9]{0,2}")] = Field(
        default="py3", description="The container's Python; where the version ships a single one, that one is taken."
    )
    enablecloudwatchmetrics: Annotated[bool, Flag()] = Field(
        default=False, description="Whether the container sends its own metrics to CloudWatch."
    )
    containerloglevel: Annotated[int, WholeNumber(0, 1000)] = Field(
        default=200, description="The least level of Python's logging that the container prints; 20 is INFO."
    )


class TensorFlowParameters(ScriptModeParameters, Distributed):
    """TensorFlow."""

    framework: Annotated[Literal["TENSORFLOW"], Choice(Literal["TENSORFLOW"])]
    tensorflowversion: Annotated[str, Version()] = Field(default="1.8", description="The container's TensorFlow.")
    trainingsteps: Annotated[int, WholeNumber(1, 2**31 - 1)] = Field(
        default=1000,
        description="Steps of the training; after TensorFlow 1.10 the script gets them as --training_steps, if they "
        "are given.",
    )
    evaluationsteps: Annotated[int, WholeNumber(0, 2**31 - 1)] = Field(
        default=100,
        description="Steps of the evaluation; after TensorFlow 1.10 the script gets them as --evaluation_steps, if "
        "they are given.",
    )
    requirementsfile: Annotated[str | None, RelativePath] = Field(
        default=None,
        description="File of packages in the archive, installed before the script runs; after TensorFlow 1.10 it must "
        "be requirements.txt at the archive's top.",
    )


class MxnetParameters(ScriptModeParameters, Distributed):
    """Apache MXNet."""

    framework: Annotated[Literal["MXNET"], Choice(Literal["MXNET"])]
    mxnetversion: Annotated[str, Version()] = Field(default="1.1", description="The container's MXNet.")


class FrameworkVersionParameters(ScriptModeParameters):
    """What the script-mode frameworks share that came after the contract's groups."""

    requirementsfile: Annotated[str | None, RelativePath] = Field(
        default=None,
        description="requirements.txt at the archive's top, installed before the script runs; no other name is read.",
    )


class PytorchParameters(FrameworkVersionParameters, Distributed):
    """PyTorch."""

    framework: Annotated[Literal["PYTORCH"], Choice(Literal["PYTORCH"])]
    frameworkversion: Annotated[str, Version()] = Field(default="2.6.0", description="The container's PyTorch.")


class ScikitParameters(FrameworkVersionParameters):
    """scikit-learn."""

    framework: Annotated[Literal["SCIKIT"], Choice(Literal["SCIKIT"])]
    frameworkversion: Annotated[str, Version()] = Field(default="1.9-0", description="The container's scikit-learn.")


class ChainerParameters(FrameworkVersionParameters, Distributed):
    """Chainer."""

    framework: Annotated[Literal["CHAINER"], Choice(Literal["CHAINER"])]
    frameworkversion: Annotated[str, Version()] = Field(default="5.0.0", description="The container's Chainer.")


class XgboostParameters(FrameworkVersionParameters):
    """XGBoost as a script's library; AMAZON's algorithm xgboost needs no script."""

    framework: Annotated[Literal["XGBOOST"], Choice(Literal["XGBOOST"])]
    frameworkversion: Annotated[str, Version()] = Field(default="3.2-0", description="The container's XGBoost.")


class HuggingFaceParameters(FrameworkVersionParameters, Distributed):
    """Hugging Face transformers on PyTorch or TensorFlow."""

    framework: Annotated[Literal["HUGGINGFACE"], Choice(Literal["HUGGINGFACE"])]
    traininstancetype: Annotated[str, InstanceType] = Field(
        default="ml.g4dn.xlarge", description="Type of the training instances; AWS has images for GPUs alone."
    )
    frameworkversion: Annotated[str, Version()] = Field(default="4.48.0", description="The container's transformers.")
    baseframework: Annotated[
        str, Text('a framework and its version such as "pytorch2.3.0"', r"(pytorch|tensorflow)[0-9]+(\.[0-9]+)+")
    ] = Field(default="pytorch2.3.0", description="What the transformers stand on.")


class AmazonParameters(BuildParameters):
    """An algorithm built into SageMaker."""

    framework: Annotated[Literal["AMAZON"], Choice(Literal["AMAZON"])]
    algorithm: Annotated[Algorithm, Choice(Algorithm)] = Field(description="The algorithm.")


class ByodParameters(BuildParameters):
    """Bring your own Docker: the training and inference images come from a person's Dockerfiles."""

    framework: Annotated[Literal["BYOD"], Choice(Literal["BYOD"])]
    dockerfile_path_Training: Annotated[str, Folder] = Field(
        default="training/docker",
        description="Folder of the training image's Dockerfile, in the source repository.",
    )
    dockerfile_path_Inference: Annotated[str, Folder] = Field(
        default="inference/docker",
        description="Folder of the inference image's Dockerfile, in the source repository.",
    )
    sourcelocation: Annotated[str | None, DockerSource] = Field(
        default=None,
        description="Where the Dockerfiles' source lies: a .zip or folder/ in S3 (an address, or a key of the code "
        "bucket), a GitHub repository, or a CodeCommit repository of the account.",
    )
    sourceversion: Annotated[str | None, SourceVersion] = Field(
        default=None,
        description="Branch, tag or commit of the repository, or the version of the S3 object; the newest by default.",
    )
    train: Annotated[bool, Flag()] = Field(
        default=True, description="Whether to train, or to deploy the last trained model."
    )
    build: ImagesToBuild = Field(default=ImagesToBuild(), description="Which images to build.")
    TrainingImage: Annotated[str | None, ImageAddress] = Field(
        default=None, description="Address of a finished training image, in place of the one built."
    )
    InferenceImage: Annotated[str | None, ImageAddress] = Field(
        default=None, description="Address of a finished inference image, in place of the one built."
    )


MODELS: dict[str, type[BuildParameters]] = {
    "TENSORFLOW": TensorFlowParameters,
    "MXNET": MxnetParameters,
    "PYTORCH": PytorchParameters,
    "SCIKIT": ScikitParameters,
    "CHAINER": ChainerParameters,
    "XGBOOST": XgboostParameters,
    "HUGGINGFACE": HuggingFaceParameters,
    "AMAZON": AmazonParameters,
    "BYOD": ByodParameters,
}
