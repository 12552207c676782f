"""The common life of processing and transform jobs, from InProgress to an end."""

import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable

from local import config
from local.console import print_line
from local.sagemaker.resources import JobError, Json, Store, emit_status, now

STOP_SECONDS = 120  # between the signal and SIGKILL, as for training jobs
_REASON_LIMIT = 1024
_ENDED = ("Completed", "Failed", "Stopped")


class Job(ABC):
    """A job that runs in the background.

    Parameters
    ----------
    store
        The backend of the job's region.
    kind
        ``Processing`` or ``Transform``.
    request
        The Create request, completed with defaults.
    """

    def __init__(self, store: Store, kind: str, request: Json) -> None:
        self.name: str = request[f"{kind}JobName"]
        self.arn = store.arn(f"{kind.lower()}-job", self.name)
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time = self.last_modified_time = now()
        self.status = "InProgress"
        self.request = {key: value for key, value in request.items() if key != "Tags"}
        self.region = store.region_name
        self.lock = threading.RLock()
        self._kind = kind
        self._facts: Json = {}
        self._stop_requested = False

    @property
    def has_ended(self) -> bool:
        """False while the job can still change."""
        return self.status in _ENDED

    @property
    def is_stopping(self) -> bool:
        """False until a person or the time limit requests the stop."""
        return self._stop_requested

    def describe(self) -> Json:
        """The answer of the Describe call."""
        with self.lock:
            return {
                **self.request,
                **self._facts,
                f"{self._kind}JobArn": self.arn,
                f"{self._kind}JobStatus": self.status,
                "CreationTime": self.creation_time,
            }

    def summary(self) -> Json:
        """The job's entry in the List call."""
        shown = ("JobName", "JobArn", "JobStatus", "EndTime")
        names = [*(f"{self._kind}{name}" for name in shown), "CreationTime", "FailureReason", "ExitMessage"]
        described = self.describe()
        facts = {name: described[name] for name in names if name in described}
        return facts | {"LastModifiedTime": self.last_modified_time}

    def start(self) -> None:
        """Run in the background."""
        detail = self.describe()
        threading.Thread(target=self._run, args=(detail,), name=f"{self._kind} {self.name}", daemon=True).start()

    def stop(self) -> bool:
        """Request the stop of the job; False when it is not in progress."""
        with self.lock:
            if self.status != "InProgress":
                return False
            self._stop_requested = True
            detail = self._set_status("Stopping")
        self.interrupt()
        self.start_timer(config.scale_seconds(STOP_SECONDS), self.kill)
        self._publish(detail)
        return True

    @abstractmethod
    def work(self) -> None:
        """Do the job; raise JobError with the reason of a failure. It returns early after a stop."""

    @abstractmethod
    def interrupt(self) -> None:
        """Request the end of the running processes."""

    @abstractmethod
    def kill(self) -> None:
        """End the processes that still run."""

    @abstractmethod
    def clean(self) -> None:
        """Delete the job's files."""

    def note(self, **facts: object) -> None:
        """Add members to the answer of the Describe call."""
        with self.lock:
            self._facts |= facts

    def start_timer(self, seconds: float, action: Callable[[], object]) -> threading.Timer:
        """Run an action later, in the background."""
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), action)
        timer.daemon = True
        timer.start()
        return timer

    def _run(self, starting: Json) -> None:
        reason = ""
        try:
            self._publish(starting)
            self.work()
        except JobError as error:
            reason = str(error)
        except Exception as error:  # after any error of this engine, the job must end with the reason
            print_line(traceback.format_exc())
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        self.kill()
        self.clean()
        with self.lock:
            if reason:
                self._facts["FailureReason"] = reason[:_REASON_LIMIT]
            self._facts[f"{self._kind}EndTime"] = now()
            detail = self._set_status("Failed" if reason else "Stopped" if self._stop_requested else "Completed")
        self._publish(detail)

    def _set_status(self, status: str) -> Json:
        """Set the status; return the event detail, to publish without the lock."""
        with self.lock:
            self.status, self.last_modified_time = status, now()
            return self.describe()

    def _publish(self, detail: Json) -> None:
        emit_status(f"{self._kind} Job", self, detail, self.region)
