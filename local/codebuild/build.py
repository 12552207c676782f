"""One build: its status as BatchGetBuilds tells it, and its life from the source to the last phase."""

import threading
import traceback
import uuid
from datetime import UTC, datetime
from typing import Any

from local import clients, config, events
from local.codebuild import buildspec, source
from local.codebuild.machine import Machine

Json = dict[str, Any]

_ENDED = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_TOLD = ("source", "artifacts", "cache", "environment", "serviceRole", "timeoutInMinutes", "encryptionKey")


class BuildError(Exception):
    """A phase fails, with the status code and the message of its context."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Build:
    """A build whose commands run on this machine.

    Parameters
    ----------
    project
        The project, with what the request overrides.
    version
        The version of the source that is asked for.
    number
        Counts the project's builds.
    region
        Where it runs.
    """

    def __init__(self, project: Json, version: str | None, number: int, region: str) -> None:
        key = str(uuid.uuid4())
        self.id = f"{project['name']}:{key}"
        self.arn = f"arn:aws:codebuild:{region}:{config.ACCOUNT}:build/{self.id}"
        self._project, self._version, self._number, self._region = project, version, number, region
        self._role: str = project["serviceRole"]
        self._log = _choose_log(project, key)
        folder = config.current().data / "codebuild" / region / key
        self._machine = Machine(folder, self._role, region, self._log)
        self._facts: Json = {"startTime": _now()}
        self._phases: list[Json] = []
        self._ended_as: str | None = None
        self._lock = threading.RLock()
        self.status = "IN_PROGRESS"

    def describe(self) -> Json:
        """The Build of BatchGetBuilds."""
        with self._lock:
            return {
                "id": self.id,
                "arn": self.arn,
                "buildNumber": self._number,
                "projectName": self._project["name"],
                "currentPhase": self._phases[-1]["phaseType"] if self._phases else "SUBMITTED",
                "buildStatus": self.status,
                "buildComplete": self.status in _ENDED,
                "phases": [dict(phase) for phase in self._phases],
                "logs": self._describe_logs(),
                "queuedTimeoutInMinutes": self._project["queuedTimeoutInMinutes"],
                "initiator": "local",
                **({"sourceVersion": self._version} if self._version else {}),
                **{name: self._project[name] for name in _TOLD},
                **self._facts,
            }

    def start(self) -> None:
        """Run in the background."""
        threading.Thread(target=self._live, name=f"build {self.id}", daemon=True).start()

    def stop(self, ending: str = "STOPPED") -> None:
        """End a build that runs; one that has ended stays as it is."""
        with self._lock:
            if self._ended_as or self.status in _ENDED:
                return
            self._ended_as = ending
        self._machine.stop()

    def _live(self) -> None:
        seconds = min(self._project["timeoutInMinutes"] * 60, threading.TIMEOUT_MAX)
        limit = threading.Timer(seconds, lambda: self.stop("TIMED_OUT"))
        limit.daemon = True
        limit.start()
        self._publish("SUBMITTED")
        try:
            status = self._work()
        except BuildError:
            status = "FAILED"
        except Exception:  # whatever goes wrong in this engine, the build must end and say so
            status = "FAULT"
            self._end_phase("FAULT", BuildError("INTERNAL_SERVICE_ERROR", traceback.format_exc()))
        limit.cancel()
        self._machine.remove()
        with self._lock:
            self.status = self._ended_as or status
            self._phases.append({"phaseType": "COMPLETED", "startTime": _now()})
            self._facts["endTime"] = _now()
        self._publish("COMPLETED")

    def _work(self) -> str:
        """Go through the phases; returns how the build ends if nobody has ended it."""
        for name in ("SUBMITTED", "QUEUED", "PROVISIONING"):
            self._pass(name)
        spec = self._download()
        for name in ("install", "pre_build"):
            if not self._run_phase(name, spec, succeeding=True):
                self._pass("FINALIZING")
                return "FAILED"
        built = self._run_phase("build", spec, succeeding=True)
        # Unlike the phases before, BUILD may fail and still be followed.
        succeeded = self._run_phase("post_build", spec, succeeding=built) and built
        if succeeded:
            self._pass("UPLOAD_ARTIFACTS")
        self._pass("FINALIZING")
        return "SUCCEEDED" if succeeded else "FAILED"

    def _download(self) -> buildspec.Buildspec:
        self._begin_phase("DOWNLOAD_SOURCE")
        failure = None
        try:
            self._machine.prepare()
            s3 = clients.client("s3", self._region, self._role)
            where = self._machine.source
            taken = source.fetch(self._project["source"], self._version, where, s3, self._machine.run_quietly)
            self._facts |= {"resolvedSourceVersion": taken} if taken else {}
            spec = buildspec.read(self._read_buildspec())
        except source.SourceError as error:
            failure = BuildError("CLIENT_ERROR", str(error))
        except buildspec.BuildspecError as error:
            failure = BuildError("YAML_FILE_ERROR", str(error))
        self._end_phase("FAILED" if failure else "SUCCEEDED", failure)
        if failure:
            raise failure
        return spec

    def _read_buildspec(self) -> str:
        given: str = self._project["source"].get("buildspec") or "buildspec.yml"
        if "\n" in given:
            return given
        path = (self._machine.source / given).resolve()
        if not path.is_relative_to(self._machine.source.resolve()) or not path.is_file():
            raise buildspec.BuildspecError(f"the source has no file {given}")
        return path.read_text()

    def _run_phase(self, name: str, spec: buildspec.Buildspec, *, succeeding: bool) -> bool:
        self._begin_phase(name.upper())
        given = self._project["environment"].get("environmentVariables") or []
        variables = {
            "CODEBUILD_BUILD_ARN": self.arn,
            "CODEBUILD_BUILD_ID": self.id,
            "CODEBUILD_BUILD_NUMBER": str(self._number),
            "CODEBUILD_RESOLVED_SOURCE_VERSION": self._facts.get("resolvedSourceVersion", ""),
            **{one["name"]: one["value"] for one in given},
        }
        reason = ""
        if name in spec.phases:
            reason = self._machine.run_phase(name, spec, variables, succeeding=succeeding)
        failure = BuildError("COMMAND_EXECUTION_ERROR", reason) if reason else None
        self._end_phase("FAILED" if failure else "SUCCEEDED", failure)
        return not reason

    def _pass(self, name: str) -> None:
        self._begin_phase(name)
        self._end_phase("SUCCEEDED")

    def _begin_phase(self, name: str) -> None:
        with self._lock:
            self._phases.append({"phaseType": name, "startTime": _now()})

    def _end_phase(self, status: str, failure: BuildError | None = None) -> None:
        with self._lock:
            phase, ended = self._phases[-1], _now()
            seconds = round((ended - phase["startTime"]).total_seconds())
            phase |= {"phaseStatus": self._ended_as or status, "endTime": ended, "durationInSeconds": seconds}
            if failure and not self._ended_as:
                phase["contexts"] = [{"statusCode": failure.code, "message": str(failure)}]

    def _describe_logs(self) -> Json:
        if not self._log:
            return {"cloudWatchLogs": {"status": "DISABLED"}}
        group, stream = self._log["groupName"], self._log["streamName"]
        place = f"{self._region}:{config.ACCOUNT}:log-group:{group}:log-stream:{stream}"
        link = (
            f"https://console.aws.amazon.com/cloudwatch/home?region={self._region}#logsV2:log-groups/log-group/{group}"
        )
        return self._log | {
            "cloudWatchLogs": {"status": "ENABLED", "groupName": group},
            "cloudWatchLogsArn": f"arn:aws:logs:{place}",
            "deepLink": f"{link}/log-events/{stream}",
        }

    def _publish(self, phase: str) -> None:
        events.emit(
            source="aws.codebuild",
            detail_type="CodeBuild Build State Change",
            resources=[self.arn],
            detail={
                "build-status": self.status,
                "project-name": self._project["name"],
                "build-id": self.arn,
                "current-phase": phase,
                "version": "1",
            },
            region=self._region,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _choose_log(project: Json, key: str) -> Json | None:
    asked = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    if asked.get("status") == "DISABLED":
        return None
    prefix = f"{asked['streamName']}/" if asked.get("streamName") else ""
    return {"groupName": asked.get("groupName") or f"/aws/codebuild/{project['name']}", "streamName": f"{prefix}{key}"}
