"""Assigns invocations to sandboxes: a warm one if possible, else a new one, within the concurrency limits."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from moto.awslambda.exceptions import LambdaClientError

from local.functions.deployment import Deployment
from local.functions.sandbox import Sandbox
from local.messaging.background import Background

_ACCOUNT_CONCURRENCY = 50  # for a laptop; an AWS account starts at 10 and can have 1000
_MAX_WARM = 16  # one for each function of the service; an idle process has about 45 MB of its own
_IDLE_SECONDS = 300.0


class TooManyRequestsError(LambdaClientError):  # type: ignore[misc]
    """The invocation exceeds the concurrency of the function or of this engine."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class Pool:
    """All sandboxes of the engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._busy: set[Sandbox] = set()
        self._running: Counter[str] = Counter()
        self._reaper = Background("lambda-reaper", workers=1)

    @contextmanager
    def sandbox(
        self, deployment: Deployment, code: bytes, layers: Sequence[Any], reserved: int | None
    ) -> Iterator[Sandbox]:
        """Provide a sandbox of this deployment, with its code and moto's LayerVersions, for one invocation.

        Raises
        ------
        TooManyRequestsError
            When the concurrency limit is reached.
        """
        with self._count(deployment, reserved):
            sandbox = self._take_warm(deployment) or Sandbox(deployment, code, layers)
            with self._lock:
                self._busy.add(sandbox)
            try:
                yield sandbox
            finally:
                self._release(sandbox)

    def retire(self, function_arn: str) -> None:
        """End the sandboxes of a function after their present invocations."""
        with self._lock:
            found = {each for each in (*self._idle, *self._busy) if each.deployment.function_arn == function_arn}
            for sandbox in found:
                sandbox.outdated = True
            for sandbox in found & self._busy:
                sandbox.retired = True
            ended = found - self._busy
            self._idle = [sandbox for sandbox in self._idle if sandbox not in ended]
        for sandbox in ended:
            sandbox.end()

    def kill(self, trace: str) -> bool:
        """Kill the process of the invocation with this trace id; False when there is none."""
        with self._lock:
            found = next((sandbox for sandbox in self._busy if trace and sandbox.trace == trace), None)
        if found:
            found.end()
        return found is not None

    @contextmanager
    def _count(self, deployment: Deployment, reserved: int | None) -> Iterator[None]:
        key = deployment.function_arn
        with self._lock:
            limited = reserved is not None and self._running[key] >= reserved
            if limited or self._running.total() >= _ACCOUNT_CONCURRENCY:
                raise TooManyRequestsError
            self._running[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[key] -= 1

    def _take_warm(self, deployment: Deployment) -> Sandbox | None:
        """The idle sandbox of this deployment that was used last; ends those of earlier deployments."""
        found = None
        with self._lock:
            same = [sandbox for sandbox in self._idle if sandbox.deployment.arn == deployment.arn]
            fit = [sandbox for sandbox in same if sandbox.deployment == deployment and sandbox.alive]
            if fit:
                found = max(fit, key=lambda sandbox: sandbox.idle_since)
            outdated = [sandbox for sandbox in same if sandbox not in fit]
            self._idle = [sandbox for sandbox in self._idle if sandbox is not found and sandbox not in outdated]
        for sandbox in outdated:
            sandbox.end()
        return found

    def _release(self, sandbox: Sandbox) -> None:
        ended = []
        with self._lock:
            self._busy.discard(sandbox)
            if sandbox.alive:
                sandbox.idle_since = time.monotonic()
                self._idle.append(sandbox)
                self._reaper.run(self._end_idle, after=_IDLE_SECONDS + 1)
                ended = self._idle[:-_MAX_WARM]
                self._idle = self._idle[-_MAX_WARM:]
            else:
                ended = [sandbox]
        for each in ended:
            each.end()

    def _end_idle(self) -> None:
        with self._lock:
            ended = [sandbox for sandbox in self._idle if time.monotonic() - sandbox.idle_since > _IDLE_SECONDS]
            self._idle = [sandbox for sandbox in self._idle if sandbox not in ended]
        for sandbox in ended:
            sandbox.end()
