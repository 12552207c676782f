"""The build parameters: one JSON document, read and checked before anything is paid for."""

from sagebuild.parameters.common import BuildParameters, Range
from sagebuild.parameters.frameworks import (
    MODELS,
    AmazonParameters,
    ByodParameters,
    ChainerParameters,
    HuggingFaceParameters,
    MxnetParameters,
    ScriptModeParameters,
    TensorFlowParameters,
)
from sagebuild.parameters.groups import CategoricalRange, Channel, NumericRange, PipelineContainer
from sagebuild.parameters.option_rules import CODE_CHANNEL
from sagebuild.parameters.options import Distribution
from sagebuild.parameters.parse import default_document, parse_document, parse_parameters

__all__ = [
    "CODE_CHANNEL",
    "MODELS",
    "AmazonParameters",
    "BuildParameters",
    "ByodParameters",
    "CategoricalRange",
    "ChainerParameters",
    "Channel",
    "Distribution",
    "HuggingFaceParameters",
    "MxnetParameters",
    "NumericRange",
    "PipelineContainer",
    "Range",
    "ScriptModeParameters",
    "TensorFlowParameters",
    "default_document",
    "parse_document",
    "parse_parameters",
]
