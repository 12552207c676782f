"""Converts the inputs of a training: addresses, files on this machine, `TrainingInput` and `InputData`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagebuild.project.sdk_code.arguments import TRAINING_HOOK, Arguments, Missing, Own, Table
from sagebuild.project.sdk_code.state import S3, State, unwrap
from sagebuild.project.sdk_code.values import Call, find_unknown

_ONLY = "training"  # sdk 2.x, estimator.py: the name of the channel of a single input
_TRAINING_INPUT = ("s3_data", "distribution", "compression", "content_type", "record_wrapping", "s3_data_type")
# The names in a document, and the values that need no entry.
_OPTIONS = {
    "distribution": ("dist", "FullyReplicated"),
    "s3_data_distribution_type": ("dist", "FullyReplicated"),
    "compression": ("CompressionType", "None"),
    "compression_type": ("CompressionType", "None"),
    "content_type": ("contentType", None),
    "record_wrapping": ("RecordWrapperType", "None"),
    "record_wrapper_type": ("RecordWrapperType", "None"),
    "s3_data_type": ("type", "S3Prefix"),
    "input_mode": ("InputMode", None),
    "attribute_names": ("AttributeNames", None),
    "instance_groups": ("instancegroups", None),
    "instance_group_names": ("instancegroups", None),
}
_FILE_SYSTEM = {
    "file_system_id": "id",
    "file_system_type": "type",
    "directory_path": "directory",
    "file_system_access_mode": "access",
}
_REST: Table = {
    "target_attribute_name": Missing("give it as a hyperparameter, if the script reads it"),
    "shuffle_config": Missing("set ShuffleConfig of the channel (docs/parameters.md)"),
    "hub_access_config": Missing(TRAINING_HOOK),
    "model_access_config": Missing(TRAINING_HOOK),
    "channel_name": Own(),
}


def convert_inputs(state: State, inputs: Any, origin: str) -> None:
    """Set the channels of the argument `inputs` or `input_data_config`; data on this machine becomes the project's."""
    channels = dict(_read_channels(state, inputs, origin))
    if channels:
        known = state.draft.document.setdefault("channels", {})
        known |= {name: channel for name, channel in channels.items() if name not in known}
        state.draft.trace("channels", origin)


def _read_channels(state: State, inputs: Any, origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(inputs, dict):
        for name, value in inputs.items():
            if isinstance(name, str):
                yield name, _read_channel(state, name, value, origin)
            else:
                state.draft.refuse(origin, str(name), "only the running program knows the channel's name; set channels")
    elif isinstance(inputs, list):
        for entry in inputs:
            yield from _read_entry(state, entry, origin)
    elif inputs is not None:
        yield _ONLY, _read_channel(state, _ONLY, inputs, origin)


def _read_entry(state: State, entry: Any, origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    call = unwrap(entry, "InputData", "Channel")
    name = call.keywords.get("channel_name") if call else None
    if call and isinstance(name, str):
        yield name, _read_channel(state, name, call, origin)
    else:
        state.draft.refuse(origin, str(entry), "only the running program knows this input; set channels")


def _read_channel(state: State, name: str, value: Any, origin: str) -> dict[str, Any]:
    if isinstance(value, str):
        return _read_place(state, name, value, origin)
    call = value if isinstance(value, Call) else None
    if call and call.owner and call.name == "upload_data":
        return _read_upload(state, name, call)
    if call := unwrap(value, "TrainingInput", "s3_input", "InputData", "Channel", "S3DataSource", "DataSource"):
        return _read_input(state, name, call)
    if call := unwrap(value, "FileSystemInput", "FileSystemDataSource"):
        return {"filesystem": _read_file_system(Arguments(state.draft, call, tuple(_FILE_SYSTEM)))}
    return _leave_open(state, name, value, origin)


def _read_input(state: State, name: str, call: Call) -> dict[str, Any]:
    arguments = Arguments(state.draft, call, _TRAINING_INPUT)
    channel: dict[str, Any] = {}
    for place in ("s3_data", "s3_uri", "data_source", "s3_data_source", "file_system_data_source"):
        origin = arguments.locate(place)
        if (value := arguments.take(place)) is not None:
            channel |= _read_channel(state, name, value, origin)
    for option, (part, default) in _OPTIONS.items():
        value = arguments.take_known(option, f"channels.{name}.{part}")
        if value not in (None, default):
            channel[part] = value
    arguments.finish(_REST)
    return channel


def _read_file_system(arguments: Arguments) -> dict[str, Any]:
    found = {part: arguments.take_known(option, f"filesystem.{part}") for option, part in _FILE_SYSTEM.items()}
    arguments.finish(_REST)
    return {part: value for part, value in found.items() if value is not None}


def _read_upload(state: State, name: str, call: Call) -> dict[str, Any]:
    arguments = Arguments(state.draft, call, ("path", "bucket", "key_prefix", "extra_args"))
    origin, path = arguments.locate("path"), arguments.take_known("path", f"data.{name}")
    return _read_place(state, name, path, origin) if isinstance(path, str) else _choose_prefix(name)


def _read_place(state: State, name: str, place: str, origin: str) -> dict[str, Any]:
    """Return a channel at an S3 address, or one that gets the data of a path on this machine."""
    if place.startswith(S3):
        return {"uri": place}
    if found := state.find(place):
        state.data[name] = found
    else:
        advice = f"there is no such file or folder here; put the data into the project, and name it as data.{name}"
        state.draft.refuse(origin, place, advice)
    return _choose_prefix(name)


def _leave_open(state: State, name: str, value: Any, origin: str) -> dict[str, Any]:
    advice = (
        f"only the running program knows the data's address; set channels.{name}.uri, or name a file as data.{name}"
    )
    state.draft.refuse(origin, str(find_unknown(value) or value), advice)
    return _choose_prefix(name)


def _choose_prefix(name: str) -> dict[str, Any]:
    return {"path": f"train/{name}/"}
