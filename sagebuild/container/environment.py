"""Container side: the arguments and variables that a training script gets, in the contract of SageMaker's toolkit.

It follows environment.py, params.py and mapping.py of https://github.com/aws/sagemaker-training-toolkit 5.1.4.
tests/sdk/test_training_toolkit.py compares it with the toolkit.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FRAMEWORK_PREFIX = "sagemaker_"
_FRAMEWORK_NAMES = ("_tuning_objective_metric", "default_user_module_name")
# Hyperparameters with a use of their own; the others with the prefix are parameters of the framework.
_TOOLKIT_NAMES = frozenset(
    {
        *("sagemaker_program", "sagemaker_submit_directory", "sagemaker_enable_cloudwatch_metrics"),
        *("sagemaker_region", "sagemaker_container_log_level", "sagemaker_job_name", "sagemaker_s3_output"),
        *_FRAMEWORK_NAMES,
    }
)
_DEFAULT_GROUP = "homogeneousCluster"
_INFO = 20  # of the module logging
# Properties that have no variable of this name; all are in SM_TRAINING_ENV.
_WITHOUT_VARIABLE = frozenset(
    {
        *(
            "additional_framework_parameters",
            "channel_input_dirs",
            "distribution_hosts",
            "hyperparameters",
            "is_master",
        ),
        *("is_modelparallel_enabled", "is_smddpmprun_installed", "is_smddprun_installed", "job_name"),
        *("master_hostname", "topology"),
    }
)


@dataclass(frozen=True)
class TrainingEnvironment:
    """What a job gives to its script.

    Parameters
    ----------
    hyperparameters
        Those of the script.
    framework
        Those of the container.
    properties
        The content of SM_TRAINING_ENV.
    """

    hyperparameters: dict[str, Any]
    framework: dict[str, Any]
    properties: dict[str, Any]

    @property
    def arguments(self) -> list[str]:
        """The arguments of the script."""
        return list(_to_arguments(self.hyperparameters))

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of the script."""
        values = {name: value for name, value in self.properties.items() if name not in _WITHOUT_VARIABLE}
        values |= {
            "channels": sorted(self.properties["channel_input_dirs"]),
            "framework_params": self.properties["additional_framework_parameters"],
            "hps": self.hyperparameters,
            "training_env": self.properties,
            "user_args": self.arguments,
        }
        values |= {f"channel_{name}": path for name, path in self.properties["channel_input_dirs"].items()}
        values |= {f"hp_{name}": value for name, value in self.hyperparameters.items()}
        named = {f"SM_{name.upper()}": _encode(value) for name, value in values.items()}
        region = self.framework.get("sagemaker_region") or os.environ.get("AWS_DEFAULT_REGION", "")
        return {
            **named,
            "CURRENT_HOST": self.properties["current_host"],
            "SAGEMAKER_JOB_NAME": str(self.framework.get("sagemaker_job_name", "")),
            "SAGEMAKER_REGION": str(region),
        }


def read(base: Path) -> TrainingEnvironment:
    """Read the environment of the job with this folder."""
    config = base / "input" / "config"
    given, resources, channels = (
        json.loads((config / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("hyperparameters", "resourceconfig", "inputdataconfig")
    )
    decoded = {name: _decode(value) for name, value in given.items()}
    framework = {name: value for name, value in decoded.items() if _is_framework(name)}
    own = {name: value for name, value in decoded.items() if name not in framework}
    program = os.environ.get("SAGEMAKER_PROGRAM") or framework.get("sagemaker_program")
    properties = {
        "additional_framework_parameters": {name: framework[name] for name in framework if name not in _TOOLKIT_NAMES},
        "channel_input_dirs": {name: f"{base}/input/data/{name}" for name in channels},
        "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
        "hyperparameters": own,
        "input_config_dir": str(config),
        "input_data_config": channels,
        "input_dir": str(base / "input"),
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": os.environ.get("TRAINING_JOB_NAME"),
        "log_level": framework.get("sagemaker_container_log_level", _INFO),
        "model_dir": str(base / "model"),
        "module_dir": str(framework.get("sagemaker_submit_directory", base / "code")),
        "module_name": str(program).removesuffix(".py"),
        "num_cpus": os.cpu_count(),
        "num_gpus": 0,
        "num_neurons": 0,
        "output_data_dir": str(base / "output" / "data"),
        "output_dir": str(base / "output"),
        "output_intermediate_dir": str(base / "output" / "intermediate"),
        "user_entry_point": program,
        **_describe_hosts(resources),
    }
    return TrainingEnvironment(own, framework, properties)


def describe_resources(host: str, hosts: Sequence[str], instance_type: str | None) -> dict[str, Any]:
    """Return the content of resourceconfig.json for one of the instances, all of one type.

    The members are those that the toolkit reads; the network interface is this machine's own.
    """
    group = {"instance_group_name": _DEFAULT_GROUP, "instance_type": instance_type, "hosts": list(hosts)}
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": _DEFAULT_GROUP,
        "hosts": list(hosts),
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _describe_hosts(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the instances; without a distributed launcher, none of them is in a distribution."""
    groups = {group["instance_group_name"]: group for group in resources.get("instance_groups", [])}
    current = resources.get("current_group_name", _DEFAULT_GROUP)
    return {
        "current_host": resources["current_host"],
        "current_instance_group": current,
        "current_instance_group_hosts": groups[current]["hosts"] if current in groups else [],
        "current_instance_type": resources.get("current_instance_type", "local"),
        "distribution_hosts": [] if groups else resources["hosts"],
        "distribution_instance_groups": [],
        "hosts": resources["hosts"],
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": len(groups) > 1,
        "is_master": resources["current_host"] == resources["hosts"][0],
        "master_hostname": resources["hosts"][0],
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "resource_config": resources,
        "topology": resources.get("topology", []),
    }


def _decode(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _is_framework(name: str) -> bool:
    return name.startswith(_FRAMEWORK_PREFIX) or name in _FRAMEWORK_NAMES


def _to_arguments(hyperparameters: dict[str, Any]) -> Iterator[str]:
    for name, value in sorted(hyperparameters.items()):
        if name:
            yield f"--{name}" if len(name) > 1 else f"-{name}"
        else:
            yield ""
        if isinstance(value, dict):
            yield ",".join(f"{key}={each}" for key, each in sorted(value.items()))
        else:
            yield "" if value is None else str(value)


def _encode(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))
