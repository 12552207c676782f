"""What the person asked of this engine when it was started."""

from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "123456789012"
DEFAULT_PORT = 4577


@dataclass(frozen=True)
class Config:
    """One engine's settings.

    Parameters
    ----------
    host, port
        Where the endpoint listens. Port 0 takes a free one.
    data
        The one folder that holds everything the engine writes.
    region
        The region of everything that is not told another one.
    time_scale
        How many times faster than real time Wait states and retry delays pass; 1 is real time.
    log_calls
        Whether every AWS call is printed as one line.
    enforce_iam
        Whether a role's call that its policies do not allow is refused, instead of noted in the audit.
    faults
        A file of faults that are to strike from the beginning.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data: Path = Path(".local")
    region: str = "us-east-1"
    time_scale: float = 1.0
    log_calls: bool = False
    enforce_iam: bool = False
    faults: Path | None = None

    @property
    def endpoint_url(self) -> str:
        """The address that AWS clients take as AWS_ENDPOINT_URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


_current = Config()


def current() -> Config:
    """The settings of the engine that runs in this process."""
    return _current


def use(config: Config) -> None:
    """Make these the settings of this process."""
    global _current
    _current = config
