"""The build parameters of each framework; names and defaults must not change: stored documents use them."""

# The names are those of parameter documents and of AWS.
# ruff: noqa: N815

from typing import Annotated, Literal

from pydantic import Field

from sagebuild.parameters.common import BuildParameters
from sagebuild.parameters.git_options import GitOptions
from sagebuild.parameters.groups import BUCKET, PATH, ImageAddress, ImagesToBuild, RelativePath, SourceArchive
from sagebuild.parameters.instances import InstanceType
from sagebuild.parameters.kinds import Choice, Flag, WholeNumber
from sagebuild.parameters.llm import LlmParameters
from sagebuild.parameters.options import Distributed
from sagebuild.parameters.text_kinds import Text, Version

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

Folder = Text("a relative path such as training/docker, or . for the top", rf"\.|{PATH}")
DockerSource = Text(
    "source.zip or folder/ (a key of the code bucket, or s3://bucket/key), https://github.com/owner/repository, or "
    "codecommit::repository",
    rf"(?:{BUCKET}/)?[^/\s:][^:]*(\.zip|/)|https://github\.com/[\w.-]+/[\w.-]+|codecommit(::|://)[\w.-]+",
)
SourceVersion = Text("a branch, tag or commit, or the version of an S3 object", r"[\w./+=-]+", 256)


class ScriptModeParameters(BuildParameters, GitOptions):
    """The parameters of the frameworks that run your script in a container of AWS."""

    trainentrypoint: Annotated[str | None, RelativePath] = Field(
        default=None, description="Path of the training script in trainsourcefile."
    )
    trainsourcefile: Annotated[str | None, SourceArchive] = Field(
        default=None, description="Archive with the training script."
    )
    hostentrypoint: Annotated[str | None, RelativePath] = Field(
        default=None, description="Path of the serving script in hostsourcefile. Default: trainentrypoint."
    )
    hostsourcefile: Annotated[str | None, SourceArchive] = Field(
        default=None, description="Archive with the serving script. Default: trainsourcefile."
    )
    pyversion: Annotated[str, Text('a Python such as "py3" or "py312"', r"py[23][0-9]{0,2}")] = Field(
        default="py3",
        description="Python version of the container. If a framework version has only one Python, the build uses that.",
    )
    enablecloudwatchmetrics: Annotated[bool, Flag()] = Field(
        default=False, description="true lets the container send its own metrics to CloudWatch."
    )
    containerloglevel: Annotated[int, WholeNumber(0, 1000)] = Field(
        default=200,
        description="Lowest level of Python's logging that the container prints; 20 is INFO. Above 40, which is ERROR, "
        "the container gets 40, so that it always prints errors.",
    )
    trainimage: Annotated[str | None, ImageAddress] = Field(
        default=None,
        description="Your own training image, or the name of one of AWS's. It runs the script like the framework's "
        "image of the given version.",
    )
    hostimage: Annotated[str | None, ImageAddress] = Field(
        default=None,
        description="Your own inference image, or the name of one of AWS's. It serves like the framework's image of "
        "the given version.",
    )


class TensorFlowParameters(ScriptModeParameters, Distributed):
    """TensorFlow."""

    framework: Annotated[Literal["TENSORFLOW"], Choice(Literal["TENSORFLOW"])]
    tensorflowversion: Annotated[str, Version()] = Field(
        default="1.8", description="TensorFlow version of the container."
    )
    trainingsteps: Annotated[int, WholeNumber(1, 2**31 - 1)] = Field(
        default=1000,
        description="Number of training steps. In versions after 1.10, the script gets it as --training_steps unless "
        "it is the default; hyperparameters.training_steps passes any value.",
    )
    evaluationsteps: Annotated[int, WholeNumber(0, 2**31 - 1)] = Field(
        default=100,
        description="Number of evaluation steps. In versions after 1.10, the script gets it as --evaluation_steps "
        "unless it is the default; hyperparameters.evaluation_steps passes any value.",
    )
    requirementsfile: Annotated[str | None, RelativePath] = Field(
        default=None,
        description="File in the archive with the packages to install before the script runs. In versions after "
        "1.10, it must be requirements.txt at the top of the archive.",
    )


class MxnetParameters(ScriptModeParameters, Distributed):
    """Apache MXNet."""

    framework: Annotated[Literal["MXNET"], Choice(Literal["MXNET"])]
    mxnetversion: Annotated[str, Version()] = Field(default="1.1", description="MXNet version of the container.")


class FrameworkVersionParameters(ScriptModeParameters):
    """The parameters of the script-mode frameworks whose version is ``frameworkversion``."""

    requirementsfile: Annotated[str | None, RelativePath] = Field(
        default=None,
        description="requirements.txt at the top of the archive: packages to install before the script runs.",
    )


class PytorchParameters(FrameworkVersionParameters, Distributed):
    """PyTorch."""

    framework: Annotated[Literal["PYTORCH"], Choice(Literal["PYTORCH"])]
    frameworkversion: Annotated[str, Version()] = Field(
        default="2.6.0", description="PyTorch version of the container."
    )


class ScikitParameters(FrameworkVersionParameters):
    """scikit-learn."""

    framework: Annotated[Literal["SCIKIT"], Choice(Literal["SCIKIT"])]
    frameworkversion: Annotated[str, Version()] = Field(
        default="1.9-0", description="scikit-learn version of the container."
    )


class ChainerParameters(FrameworkVersionParameters, Distributed):
    """Chainer."""

    framework: Annotated[Literal["CHAINER"], Choice(Literal["CHAINER"])]
    frameworkversion: Annotated[str, Version()] = Field(
        default="5.0.0", description="Chainer version of the container."
    )


class XgboostParameters(FrameworkVersionParameters):
    """XGBoost with your own script; the algorithm xgboost of framework AMAZON needs no script."""

    framework: Annotated[Literal["XGBOOST"], Choice(Literal["XGBOOST"])]
    frameworkversion: Annotated[str, Version()] = Field(
        default="3.2-0", description="XGBoost version of the container."
    )


class HuggingFaceParameters(FrameworkVersionParameters, Distributed):
    """Hugging Face transformers on PyTorch or TensorFlow."""

    framework: Annotated[Literal["HUGGINGFACE"], Choice(Literal["HUGGINGFACE"])]
    traininstancetype: Annotated[str, InstanceType] = Field(
        default="ml.g4dn.xlarge", description="Type of the training instances; AWS has images for GPUs only."
    )
    frameworkversion: Annotated[str, Version()] = Field(
        default="4.48.0", description="Transformers version of the container."
    )
    baseframework: Annotated[
        str, Text('a framework and its version such as "pytorch2.3.0"', r"(pytorch|tensorflow)[0-9]+(\.[0-9]+)+")
    ] = Field(default="pytorch2.3.0", description="Framework that the transformers run on.")


class AmazonParameters(BuildParameters):
    """A built-in algorithm of SageMaker."""

    framework: Annotated[Literal["AMAZON"], Choice(Literal["AMAZON"])]
    algorithm: Annotated[Algorithm, Choice(Algorithm)] = Field(description="Name of the algorithm.")
    frameworkversion: Annotated[str | None, Version()] = Field(
        default=None,
        description='Version of the algorithm\'s image, such as "1.7-1" of xgboost, whose version "1" is 0.72. '
        "Default: the newest.",
    )


class ByodParameters(BuildParameters):
    """Bring your own Docker: training and inference images from your Dockerfiles."""

    framework: Annotated[Literal["BYOD"], Choice(Literal["BYOD"])]
    dockerfile_path_Training: Annotated[str, Folder] = Field(
        default="training/docker",
        description="Folder of the training Dockerfile in the source.",
    )
    dockerfile_path_Inference: Annotated[str, Folder] = Field(
        default="inference/docker",
        description="Folder of the inference Dockerfile in the source.",
    )
    sourcelocation: Annotated[str | None, DockerSource] = Field(
        default=None,
        description="Source of the Dockerfiles: a .zip or folder/ in S3 (an address, or a key of the code bucket), a "
        "GitHub repository, or a CodeCommit repository of the deploy parameter codecommitRepositories.",
    )
    sourceversion: Annotated[str | None, SourceVersion] = Field(
        default=None,
        description="Branch, tag or commit of the repository, or version of the S3 object. Default: the newest.",
    )
    train: Annotated[bool, Flag()] = Field(
        default=True, description="false deploys the newest model of an earlier build instead of training one."
    )
    # A call of ImagesToBuild would compile its validator at each cold start.
    build: ImagesToBuild = Field(default=ImagesToBuild.model_construct(), description="Which images to build.")
    TrainingImage: Annotated[str | None, ImageAddress] = Field(
        default=None, description="A finished training image, by its address or its name, instead of building one."
    )
    InferenceImage: Annotated[str | None, ImageAddress] = Field(
        default=None, description="A finished inference image, by its address or its name, instead of building one."
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
    "LLM": LlmParameters,
    "BYOD": ByodParameters,
}
