"""What decides how a function runs: when any of it changes, new processes take the place of the old ones."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import clients, config, processes

# Lambda sets these itself and refuses a function that wants to.
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
    """One function version as it is deployed now."""

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
    variables: tuple[tuple[str, str], ...]

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
            variables=tuple(sorted(function.environment_vars.items())),
        )

    def environment(self, task_root: Path, scratch: Path, runtime_api: str, log_stream: str) -> dict[str, str]:
        """The whole environment of a process of this function: what Lambda sets, and nothing of this machine's.

        Returns
        -------
        dict
            PATH finds the interpreter of the engine, whose libraries stand for the function's layers: PYTHONPATH,
            which Lambda sets for its own, names them. The two devices in the place of AWS's configuration files keep
            the developer's own from being found through the home folder.
        """
        key, secret, token = clients.credentials(self.role_arn)
        return dict(self.variables) | {
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
            "PYTHONPATH": processes.LIBRARIES,
            "TMPDIR": str(scratch),
            "TZ": ":UTC",
        }
