"""Container side of a script-mode training job.

It runs in its own process, in a folder that represents /opt/ml, and does not import the engine. It follows SageMaker's
framework containers: hyperparameters as arguments, SM_* variables, and the script's error in output/failure.
"""

import importlib.util
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any

# With these, a framework's container runs the script with a distributed launcher.
_LAUNCHERS = (
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_distribution_instance_groups",
    "sagemaker_instance_groups",
    "sagemaker_mpi_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_use_mpi",
)
# https://github.com/aws/sagemaker-training-toolkit 5.1.4: _entry_point_type.py, entry_point.py, process.py
_PACKAGE, _SCRIPT, _COMMAND = "package", "script", "command"
_PROGRAM = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*$")
# Enough of standard error for a complete traceback.
_KEPT_LINES = 200
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(:|$)")


class ContainerError(Exception):
    """The script cannot be started."""


def main(base: Path) -> int:
    """Run the script of the job with this folder; return the exit code."""
    # On a stop the whole process group gets SIGTERM. The script may then save its model, so this program must outlive
    # it. The script does not inherit a handler, unlike SIG_IGN.
    signal.signal(signal.SIGTERM, lambda *_: None)
    environment = _load("environment.py").read(base)
    try:
        _check_launcher(environment.framework)
        program = _find_program(base / "code", environment.properties["user_entry_point"])
        kind = choose_kind(base / "code", program)
        python = _install(base, kind)
    except ContainerError as error:
        return _fail(base, str(error), 1)
    command = [*_build_command(base / "code", program, kind, python), *environment.arguments]
    if environment.properties["log_level"] in range(logging.INFO + 1):
        print(f"Invoking user script: {shlex.join(command)}", flush=True)
    exit_code, error_lines = _run(command, base / "code", _add_variables(base, environment.variables))
    if exit_code == 0:
        return 0
    reason = f'ErrorMessage "{_quote_error(error_lines)}"\nCommand "{" ".join(command)}"'
    return _fail(base, f"ExecuteUserScriptError:\nExitCode {exit_code}\n{reason}", exit_code)


def _fail(base: Path, reason: str, exit_code: int) -> int:
    (base / "output" / "failure").write_text(reason)
    print(reason, file=sys.stderr, flush=True)
    return 128 - exit_code if exit_code < 0 else exit_code


def _load(file: str) -> ModuleType:
    """Load a module beside this program, whose folder is not on Python's path."""
    spec = importlib.util.spec_from_file_location(f"_{Path(file).stem}", Path(__file__).with_name(file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _check_launcher(hyperparameters: dict[str, Any]) -> None:
    launchers = [name for name in _LAUNCHERS if hyperparameters.get(name)]
    if launchers:
        raise ContainerError(
            f"local/ starts a script once per instance and has no distributed launchers: take {launchers[0]} out"
        )


def _find_program(code: Path, name: Any) -> str:
    """Return the script's path in the code folder."""
    if not isinstance(name, str):
        raise ContainerError("script mode needs the hyperparameter sagemaker_program, the name of the script")
    if not is_valid_program(name):
        raise ContainerError(
            f"sagemaker_program {name!r} must be a path in the code folder, such as src/train.py, of letters, digits "
            "and . _ + - that begins with none of + - /"
        )
    if not (code / name).is_file():
        raise ContainerError(f"sagemaker_submit_directory does not hold {name}")
    return name


def is_valid_program(name: str) -> bool:
    """False for a path that leads out of the code folder, or with characters that the toolkit refuses."""
    return bool(_PROGRAM.match(name)) and not {".", ".."} & set(name.split("/"))


def choose_kind(code: Path, program: str) -> str:
    """Return the kind of a program: _entry_point_type.py of the training toolkit."""
    if not program.endswith(".sh") and (code / "setup.py").is_file():
        return _PACKAGE
    return _SCRIPT if program.endswith(".py") else _COMMAND


def _install(base: Path, kind: str) -> str:
    """Install the requirements or the package of the code folder; return the Python interpreter that has them.

    As on AWS (entry_point.py of the training toolkit), a command installs its requirements itself.
    """
    code = base / "code"
    if kind == _COMMAND or (kind == _SCRIPT and not (code / "requirements.txt").is_file()):
        return sys.executable
    installer = Path(__file__).with_name("requirements.py")
    wanted = ["."] if kind == _PACKAGE else []
    command = [sys.executable, "-P", str(installer), str(code), str(base / "packages"), *wanted]
    if subprocess.run(command, check=False).returncode:
        name = "the package of setup.py" if kind == _PACKAGE else "requirements.txt"
        raise ContainerError(f"{name} could not be installed; the log says why")
    return str(base / "packages/bin/python")


def _build_command(code: Path, program: str, kind: str, python: str) -> list[str]:
    """Return the command without its arguments, as process.py of the training toolkit; it runs in the code folder."""
    if kind == _PACKAGE:
        return [python, "-m", program.replace(".py", "")]
    if kind == _SCRIPT:
        return [python, program]
    (code / program).chmod(0o777)
    # The shell runs a file without #! as a shell script.
    return ["/bin/sh", "-c", f'./{shlex.quote(program)} "$@"', program]


def _add_variables(base: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return this program's variables with those of the script."""
    # The code folder comes first, so that a script in a folder imports modules at the top (entry_point.py, install).
    # The interpreter in packages/ has the other libraries, too.
    others = [] if (base / "packages/bin").is_dir() else [os.environ["PYTHONPATH"]]
    libraries = os.pathsep.join([str(base / "code"), *others])
    # Without /opt/ml, this replaces it for paths without an SM_* variable, such as checkpoints.
    place = {} if base == Path("/opt/ml") else {"SAGEMAKER_BASE_DIR": str(base)}
    # Hugging Face's libraries then need no network, and a script can train from scratch in place of a model of the Hub.
    hub = {"HF_HUB_OFFLINE": "1"}
    return {**hub, **os.environ, **variables, **place, "PYTHONPATH": libraries}


def _run(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, list[str]]:
    """Run the script and forward its output; return its exit code and the end of its standard error."""
    process = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True, errors="replace")
    kept: deque[str] = deque(maxlen=_KEPT_LINES)

    def forward() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            kept.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()

    reader = threading.Thread(target=forward, daemon=True)
    reader.start()
    exit_code = process.wait()
    reader.join(timeout=5)
    return exit_code, list(kept)


def _quote_error(lines: list[str]) -> str:
    """The exception's line and the lines after it; without a traceback, the last line."""
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith("Traceback (most recent call last)"):
            for position in range(index + 1, len(lines)):
                if _EXCEPTION.match(lines[position]):
                    return "".join(lines[position:]).strip()
    return lines[-1].strip() if lines else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
