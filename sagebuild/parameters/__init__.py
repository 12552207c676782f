"""The build parameters: one JSON document, read and checked before anything is paid for."""

from sagebuild.parameters.common import BuildParameters, Range
from sagebuild.parameters.document import default_document, parse_document, parse_parameters
from sagebuild.parameters.frameworks import (
    MODELS,
    AmazonParameters,
    ByodParameters,
    HuggingFaceParameters,
    MxnetParameters,
    ScriptModeParameters,
    TensorFlowParameters,
)
from sagebuild.parameters.groups import CategoricalRange, Channel, NumericRange

__all__ = [
    "MODELS",
    "AmazonParameters",
    "BuildParameters",
    "ByodParameters",
    "CategoricalRange",
    "Channel",
    "HuggingFaceParameters",
    "MxnetParameters",
    "NumericRange",
    "Range",
    "ScriptModeParameters",
    "TensorFlowParameters",
    "default_document",
    "parse_document",
    "parse_parameters",
]
