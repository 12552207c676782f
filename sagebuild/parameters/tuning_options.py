"""The options of a tuning job: the limits of Hyperband, and when the job is complete."""

from typing import Annotated

from pydantic import Field, model_validator

from sagebuild.parameters.groups import StrictModel, refuse_object
from sagebuild.parameters.kinds import Flag, Number, WholeNumber


class Hyperband(StrictModel):
    """How long the trainings of strategy Hyperband run, in values of the objective metric, such as one an epoch.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
    """

    minresource: Annotated[int | None, WholeNumber(1, 20000)] = Field(
        default=None, description="A training is not stopped before this number of epochs."
    )
    maxresource: Annotated[int | None, WholeNumber(1, 20000)] = Field(
        default=None, description="A training is stopped after this number of epochs. Default: from hyperparameters."
    )

    @model_validator(mode="after")
    def _check_limits(self) -> "Hyperband":
        if self.minresource and self.maxresource and self.minresource >= self.maxresource:
            raise refuse_object(
                f"has minresource {self.minresource}; it must be less than maxresource, which is {self.maxresource}"
            )
        return self


class TuningCompletion(StrictModel):
    """When a tuning job is complete before all its trainings have run; each condition is enough.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TuningJobCompletionCriteria.html
    """

    targetvalue: Annotated[int | float | None, Number()] = Field(
        default=None, description="Value of the objective metric that is good enough."
    )
    notimproving: Annotated[int | None, WholeNumber(3, 10000)] = Field(
        default=None, description="Number of trainings in succession that improve the best value by less than 1%."
    )
    convergence: Annotated[bool, Flag()] = Field(
        default=False, description="true completes the job when SageMaker expects no more improvement."
    )

    @model_validator(mode="after")
    def _check_conditions(self) -> "TuningCompletion":
        if self.targetvalue is None and self.notimproving is None and not self.convergence:
            raise refuse_object("has no condition; give targetvalue, notimproving or convergence true")
        return self
