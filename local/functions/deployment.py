"""The settings with which a function runs; after a change, new sandboxes replace the old ones."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import clients, config, processes
from local.functions.archive import DESCRIPTIONS

# Lambda sets these variables itself and refuses functions that set them.
RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)


@dataclass(frozen=True)
class Deployment:
    """The present settings of one function version."""

    arn: str
    name: str
    version: str
    region: str
    role_arn: str
    handler: str
    runtime: str
    code_sha256: str
    timeout_seconds: int
    memory_mb: int
    log_group: str
    log_format: str
    log_level: str
    layers: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]

    @property
    def function_arn(self) -> str:
        """The ARN without a version."""
        return ":".join(self.arn.split(":")[:7])

    @classmethod
    def of(cls, function: Any) -> "Deployment":
        """The deployment of one of moto's functions."""
        return cls(
            arn=function.function_arn,
            name=function.function_name,
            version=str(function.version),
            region=function.region,
            role_arn=function.role,
            handler=function.handler,
            runtime=function.run_time,
            code_sha256=function.code_sha_256,
            timeout_seconds=int(function.timeout),
            memory_mb=int(function.memory_size),
            log_group=function.logging_config["LogGroup"],
            log_format=function.logging_config["LogFormat"],
            # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html: INFO unless another
            # level was chosen; text logs have no level.
            log_level=function.logging_config.get("ApplicationLogLevel", "INFO"),
            layers=tuple(layer["Arn"] for layer in function.layers),
            variables=tuple(sorted(function.environment_vars.items())),
        )

    def environment(
        self, task_root: Path, scratch: Path, layers: list[Path], runtime_api: str, log_stream: str
    ) -> dict[str, str]:
        """The complete environment of a process of this function: Lambda's variables, none of this machine's.

        Returns
        -------
        dict
            PATH has the engine's interpreter. PYTHONPATH has the engine's libraries, and then the layers' packages.
            AWS_DATA_PATH has the layers' descriptions of AWS's services, which botocore reads before its own. The null
            devices hide the AWS configuration files of this machine's user.
        """
        key, secret, token = clients.credentials(self.role_arn)
        given = dict(self.variables)
        # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
        places = (f"python/lib/{self.runtime}/site-packages", "python")
        packages = [layer / place for layer in layers for place in places]
        described = [str(folder / DESCRIPTIONS) for folder in packages if (folder / DESCRIPTIONS).is_dir()]
        if described:
            own = [given["AWS_DATA_PATH"]] if "AWS_DATA_PATH" in given else []
            given["AWS_DATA_PATH"] = os.pathsep.join([*own, *described])
        return given | {
            "_HANDLER": self.handler,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": config.current().endpoint_url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": self.log_format,
            **({"AWS_LAMBDA_LOG_LEVEL": self.log_level} if self.log_format == "JSON" else {}),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_REGION": self.region,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "LAMBDA_TASK_ROOT": str(task_root),
            "LANG": "en_US.UTF-8",
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join([processes.LIBRARIES, *map(str, packages)]),
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
        }
