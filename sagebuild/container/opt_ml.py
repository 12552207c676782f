"""Gives a program the folder /opt/ml, which only this program and its children see.

The program starts in a user namespace and a mount namespace of its own (user_namespaces(7), mount_namespaces(7)). In
it, a folder of this machine is mounted at /opt/ml, and the user is root, as in SageMaker's containers. Process ids,
signals, ports and all other files are those of this machine. Where the kernel does not allow this, as on macOS and in
many containers, the program gets the folder by its own path.
"""

import shutil
import subprocess
from functools import cache
from pathlib import Path

PATH = Path("/opt/ml")
_LIMIT_SECONDS = 10

# A user namespace must not write to the machine's /opt. So an empty folder covers it, and gets the entries of the old
# one, in which the inner shell still is.
_SCRIPT = """
base=$1 folder=$2
shift 2
(
  PATH=/usr/sbin:/usr/bin:/sbin:/bin
  cd /opt
  mount -t tmpfs -o mode=755 tmpfs /opt
  for name in * .[!.]*; do
    [ -e "$name" ] || continue
    if [ -d "$name" ]; then mkdir "/opt/$name"; else : > "/opt/$name"; fi
    mount --no-canonicalize --rbind "./$name" "/opt/$name"
  done
  mkdir -p /opt/ml
  mount --rbind "$base" /opt/ml
)
cd "$folder"
exec "$@"
"""


def locate(base: Path) -> Path:
    """Return the path by which a program finds the folder: /opt/ml, or the folder's own path."""
    return base if explain_absence() else PATH


def enter(base: Path, folder: Path, command: list[str]) -> list[str]:
    """Return the command line that runs a command with ``base`` as /opt/ml; unchanged where that is not possible.

    Parameters
    ----------
    base
        The folder of this machine.
    folder
        The working directory, as the command finds it.
    command
        The program and its arguments. The program replaces the processes before it, so it has their process id.
    """
    return command if explain_absence() else _build_command(base, folder, command)


@cache
def explain_absence() -> str:
    """Return why programs do not get /opt/ml here, or ""."""
    if not shutil.which("unshare"):
        return "this machine has no command unshare"
    this = Path(__file__)
    command = _build_command(this.parent, PATH, ["test", "-f", this.name])
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0:
        return ""
    return " ".join(tried.stderr.split()) or f"unshare ended with exit code {tried.returncode}"


def _build_command(base: Path, folder: Path, command: list[str]) -> list[str]:
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-ec", _SCRIPT, "sh"]
    return [shutil.which(unshare[0]) or unshare[0], *unshare[1:], str(base), str(folder), *command]
