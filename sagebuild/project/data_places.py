"""The places for which a project may bring data: channels, inputs of jobs, and the files of a batch transform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sagebuild.builds.context import BuildContext
from sagebuild.parameters import CODE_CHANNEL, BuildParameters
from sagebuild.parameters.evaluation_names import EVALUATION
from sagebuild.parameters.step_options import ProcessingJob
from sagebuild.parameters.step_rules import list_steps, read_inputs
from sagebuild.requests.bodies import read_channels
from sagebuild.requests.step_places import locate_input
from sagebuild.requests.transform import locate_transform_input
from sagebuild.service import Service

TRANSFORM_DATA = "batchtransform"  # the name of the parameter


@dataclass(frozen=True)
class DataPlace:
    """A place from which a build reads data.

    Parameters
    ----------
    name
        Its name below ``data`` in the project file.
    title
        Its name in a sentence, such as "the channel training".
    address
        An S3 address or a file system.
    is_channel
        Whether the training reads it.
    is_output
        Whether a processing job of the build writes it.
    """

    name: str
    title: str
    address: str
    is_channel: bool = False
    is_output: bool = False

    @property
    def opening(self) -> str:
        """The title at the beginning of a sentence."""
        return f"{self.title[0].upper()}{self.title[1:]}"


def list_places(service: Service, parameters: BuildParameters) -> dict[str, DataPlace]:
    """Return the places by their names; a channel has priority over an input with the same name."""
    context = BuildContext(service, 1, parameters)
    places = [*_list_channels(context), *_list_inputs(context)]
    if job := parameters.batchtransform:
        address = locate_transform_input(context, job)
        places.append(DataPlace(TRANSFORM_DATA, "the batch transform", address))
    named: dict[str, DataPlace] = {}
    for place in places:
        named.setdefault(place.name, place)
    return named


def _list_channels(context: BuildContext[BuildParameters]) -> Iterator[DataPlace]:
    channels = read_channels(context) if context.parameters.has_training else {}
    for name, channel in channels.items():
        if name != CODE_CHANNEL:
            address = str(channel.uri or channel.filesystem)
            yield DataPlace(name, f"the channel {name}", address, is_channel=True, is_output=bool(channel.output))


def _list_inputs(context: BuildContext[BuildParameters]) -> Iterator[DataPlace]:
    for _, step in list_steps(context.parameters):
        job = step.name if isinstance(step, ProcessingJob) else EVALUATION
        for name, given in read_inputs(context.parameters, step).items():
            if step.inputs[name].channel and context.parameters.has_training:
                continue  # the channel is a place itself
            title = f"the input {name} of the job {job}"
            yield DataPlace(f"{job}.{name}", title, locate_input(context, given), is_output=bool(given.output))
