"""The settings of the running engine."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 4577
ACCESS_KEY_FILE = "access_key"  # in the data folder


class CannotStartError(Exception):
    """The engine cannot start with these settings; the message says why and what to change."""


@dataclass(frozen=True)
class Config:
    """One engine's settings.

    Parameters
    ----------
    host, port
        The endpoint's address. Port 0 takes a free one.
    data
        The only folder that the engine writes to.
    region
        The default region.
    time_scale
        Speed-up of Wait states and retry delays over real time; 1 is real time.
    log_calls
        Whether to print one line per AWS call.
    enforce_iam
        Whether to refuse a role's call that its policies do not allow, instead of only recording it in the audit.
    faults
        A file of faults to inject from the start.
    access_key
        The access key of the default account's owner.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data: Path = Path(".local")
    region: str = "us-east-1"
    time_scale: float = 1.0
    log_calls: bool = False
    enforce_iam: bool = False
    faults: Path | None = None
    access_key: str = ""

    @property
    def endpoint_url(self) -> str:
        """The address for AWS_ENDPOINT_URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


_current = Config()


def current() -> Config:
    """The settings of the engine in this process."""
    return _current


def scale_seconds(seconds: float) -> float:
    """Convert seconds on AWS into seconds on this machine, by the time scale."""
    return seconds / _current.time_scale


def use(config: Config) -> None:
    """Make these the settings of this process."""
    global _current
    _current = config
