"""The build parameters: one JSON document, which is read and checked before a build costs anything.

`kinds`, `text_kinds`, `schedule_kinds`, `groups`, `channels`, `instances`, `common`, `options`, `tuning_options`,
`deployment_options`, `step_options`, `transform_options`, `serving_options`, `schedule_options`, `llm` and `frameworks`
are the models. `json_text` reads JSON, and `parse` turns a document into a model. `rules`, `tuning_rules`,
`option_rules`, `step_rules`, `transform_rules`, `llm_rules` and `component_rules` check what involves several
parameters, and `problems` writes the error sentences. `places` finds what the models say about a dotted name, by which
`dotted` and `changes` change a document and `typed_text` reads what a user typed. `store` is the document in SSM, and
`overrides` is what a request sets for one build. `merging`, `shown`, `json_text` and `evaluation_names` import no
models.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagebuild.parameters.channels import Channel, FileSystem
    from sagebuild.parameters.common import BuildParameters, Range
    from sagebuild.parameters.frameworks import (
        MODELS,
        AmazonParameters,
        ByodParameters,
        HuggingFaceParameters,
        MxnetParameters,
        ScriptModeParameters,
        TensorFlowParameters,
    )
    from sagebuild.parameters.groups import CategoricalRange, NumericRange, PipelineContainer
    from sagebuild.parameters.llm import LlmParameters
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
    "Channel",
    "Distribution",
    "FileSystem",
    "HuggingFaceParameters",
    "LlmParameters",
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

_HOMES = ("channels", "common", "frameworks", "groups", "llm", "option_rules", "options", "parse")


def __getattr__(name: str) -> Any:
    """Import the models when one is used for the first time: they take longer than all else that a launch imports."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"sagebuild.parameters.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
