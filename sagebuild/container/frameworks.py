"""Which Python package stands for a framework container, and how its endpoint answers."""

# By repository of a SageMaker framework container: the package that its scripts need.
TRAINING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-tensorflow-scriptmode": "tensorflow",
    "tensorflow-training": "tensorflow",
    "sagemaker-pytorch": "torch",
    "pytorch-training": "torch",
    "huggingface-pytorch-training": "transformers",
    "mxnet-training": "mxnet",
}
# Containers that serve a script; defaults.py has each framework's defaults.
SERVING = {
    "sagemaker-scikit-learn": "sklearn",
    "sagemaker-xgboost": "xgboost",
    "sagemaker-pytorch": "torch",
    "pytorch-inference": "torch",
    "huggingface-pytorch-inference": "transformers",
}
# Containers whose server reads the script only from the model's archive.
CODE_IN_MODEL = frozenset(
    {"pytorch-inference", "huggingface-pytorch-inference", "sagemaker-tensorflow-serving", "tensorflow-inference"}
)
SAVED_MODEL = {"sagemaker-tensorflow-serving": "tensorflow", "tensorflow-inference": "tensorflow"}


def list_responder(repository: str) -> list[str]:
    """Return the arguments of serve.py after the folder, for the repository of an inference image."""
    return ["savedmodel.py"] if repository in SAVED_MODEL else ["defaults.py", SERVING[repository]]


def name_repository(image: str) -> str:
    """Return the repository of an image: "pytorch-training" of an address that ends in /pytorch-training:2.0-cpu."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
