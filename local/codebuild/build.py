"""One build: it runs the phases and describes itself for BatchGetBuilds."""

import threading
import traceback
import uuid
from datetime import UTC, datetime

from local import accounts, clients, config, events, partitions
from local.codebuild import buildspec, source
from local.codebuild.machine import Machine
from local.codebuild.source import Json

_ENDED = ("SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED")
_DESCRIBED = ("source", "artifacts", "cache", "environment", "serviceRole", "timeoutInMinutes", "encryptionKey")


class BuildError(Exception):
    """A phase fails with this status code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Build:
    """A build whose commands run on this machine.

    Parameters
    ----------
    project
        The project with the overrides of the request.
    version
        The requested version of the source.
    number
        The build's number in the project.
    region
        The build's region.
    """

    def __init__(self, project: Json, version: str | None, number: int, region: str) -> None:
        key = str(uuid.uuid4())
        self.id = f"{project['name']}:{key}"
        self.arn = f"arn:{partitions.of(region)}:codebuild:{region}:{accounts.current()}:build/{self.id}"
        self._project, self._version, self._number, self._region = project, version, number, region
        self._role: str = project["serviceRole"]
        self._log = _choose_log(project, key)
        folder = config.current().data / "codebuild" / region / key
        self._machine = Machine(folder, self._role, region, self._log)
        self._facts: Json = {"startTime": _now()}
        self._phases: list[Json] = []
        self._end_status: str | None = None
        self._lock = threading.RLock()
        self.status = "IN_PROGRESS"

    def describe(self) -> Json:
        """The build's entry in BatchGetBuilds."""
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
                **{name: self._project[name] for name in _DESCRIBED},
                **self._facts,
            }

    def start(self) -> None:
        """Run in the background."""
        threading.Thread(target=self._run, name=f"build {self.id}", daemon=True).start()

    def stop(self, ending: str = "STOPPED") -> None:
        """End a running build; an ended build does not change."""
        with self._lock:
            if self._end_status or self.status in _ENDED:
                return
            self._end_status = ending
        self._machine.stop()

    def _run(self) -> None:
        seconds = min(self._project["timeoutInMinutes"] * 60, threading.TIMEOUT_MAX)
        limit = threading.Timer(seconds, lambda: self.stop("TIMED_OUT"))
        limit.daemon = True
        limit.start()
        self._publish("SUBMITTED")
        try:
            status = self._run_phases()
        except BuildError:
            status = "FAILED"
        except Exception:  # after any error of this engine, the build must end with the reason
            status = "FAULT"
            self._end_phase("FAULT", BuildError("INTERNAL_SERVICE_ERROR", traceback.format_exc()))
        limit.cancel()
        self._machine.remove()
        with self._lock:
            self.status = self._end_status or status
            self._phases.append({"phaseType": "COMPLETED", "startTime": _now()})
            self._facts["endTime"] = _now()
        self._publish("COMPLETED")

    def _run_phases(self) -> str:
        """Run all phases; return the final status unless the build is stopped."""
        for name in ("SUBMITTED", "QUEUED", "PROVISIONING"):
            self._record_phase(name)
        spec = self._download()
        for name in ("install", "pre_build"):
            if not self._run_phase(name, spec, succeeding=True):
                self._record_phase("FINALIZING")
                return "FAILED"
        built = self._run_phase("build", spec, succeeding=True)
        # POST_BUILD also runs after a failed BUILD, unlike after the earlier phases.
        succeeded = self._run_phase("post_build", spec, succeeding=built) and built
        if succeeded:
            self._record_phase("UPLOAD_ARTIFACTS")
        self._record_phase("FINALIZING")
        return "SUCCEEDED" if succeeded else "FAILED"

    def _download(self) -> buildspec.Buildspec:
        self._begin_phase("DOWNLOAD_SOURCE")
        failure = None
        try:
            self._machine.prepare()
            s3 = clients.client("s3", self._region, self._role)
            folder = self._machine.source
            version = source.fetch(self._project["source"], self._version, folder, s3, self._machine.run_quietly)
            self._facts |= {"resolvedSourceVersion": version} if version else {}
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
            exported = self._machine.read_variables(spec.exported)
            self._facts["exportedEnvironmentVariables"] = [{"name": n, "value": v} for n, v in exported.items()]
        failure = BuildError("COMMAND_EXECUTION_ERROR", reason) if reason else None
        self._end_phase("FAILED" if failure else "SUCCEEDED", failure)
        return not reason

    def _record_phase(self, name: str) -> None:
        self._begin_phase(name)
        self._end_phase("SUCCEEDED")

    def _begin_phase(self, name: str) -> None:
        with self._lock:
            self._phases.append({"phaseType": name, "startTime": _now()})

    def _end_phase(self, status: str, failure: BuildError | None = None) -> None:
        with self._lock:
            phase, ended = self._phases[-1], _now()
            seconds = round((ended - phase["startTime"]).total_seconds())
            phase |= {"phaseStatus": self._end_status or status, "endTime": ended, "durationInSeconds": seconds}
            if failure and not self._end_status:
                phase["contexts"] = [{"statusCode": failure.code, "message": str(failure)}]

    def _describe_logs(self) -> Json:
        if not self._log:
            return {"cloudWatchLogs": {"status": "DISABLED"}}
        group, stream = self._log["groupName"], self._log["streamName"]
        place = f"{self._region}:{accounts.current()}:log-group:{group}:log-stream:{stream}"
        link = (
            f"https://console.aws.amazon.com/cloudwatch/home?region={self._region}#logsV2:log-groups/log-group/{group}"
        )
        return self._log | {
            "cloudWatchLogs": {"status": "ENABLED", "groupName": group},
            "cloudWatchLogsArn": f"arn:{partitions.of(self._region)}:logs:{place}",
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
    given = (project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    if given.get("status") == "DISABLED":
        return None
    prefix = f"{given['streamName']}/" if given.get("streamName") else ""
    return {"groupName": given.get("groupName") or f"/aws/codebuild/{project['name']}", "streamName": f"{prefix}{key}"}
