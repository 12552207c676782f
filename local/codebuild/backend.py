"""moto's CodeBuild backend, with builds that really run."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.codebuild.exceptions import (
    InvalidInputException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from moto.codebuild.models import CodeBuildBackend as MotoBackend
from moto.codebuild.models import codebuild_backends
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult

from local import clients, partitions
from local.codebuild.build import Build
from local.codebuild.source import Json

_OPERATIONS = (
    *("create_project", "update_project", "delete_project", "batch_get_projects", "list_projects"),
    *("start_build", "stop_build", "batch_get_builds", "list_builds", "list_builds_for_project"),
)
_PROJECT = (
    *("name", "description", "source", "sourceVersion", "artifacts", "cache", "environment", "serviceRole", "tags"),
    *("timeoutInMinutes", "queuedTimeoutInMinutes", "encryptionKey", "logsConfig"),
)
_BUILD = (
    *("projectName", "sourceVersion", "sourceTypeOverride", "sourceLocationOverride", "buildspecOverride"),
    *("environmentVariablesOverride", "timeoutInMinutesOverride", "idempotencyToken"),
    *("computeTypeOverride", "privilegedModeOverride"),  # of a container, which a build here does not have
)
_TOKEN_SECONDS = 300
_PAGE = 100


class CodeBuildBackend(MotoBackend):  # type: ignore[misc]
    """CodeBuild in one region. The operations take the request and return the answer as JSON objects."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._projects: dict[str, Json] = {}
        self._builds: dict[str, Build] = {}
        self._tokens: dict[str, tuple[float, Json, Build]] = {}
        self._lock = threading.RLock()

    def create_project(self, request: Json) -> Json:
        """Store a project."""
        name = request["name"]
        with self._lock:
            if name in self._projects:
                raise ResourceAlreadyExistsException(f"Project already exists: {self._arn(name)}")
            project = self._projects[name] = self._complete({"created": time.time()}, request)
        return {"project": project}

    def update_project(self, request: Json) -> Json:
        """Change a project."""
        with self._lock:
            project = self._find_project(request["name"])
            project = self._projects[request["name"]] = self._complete(project, request)
        return {"project": project}

    def delete_project(self, request: Json) -> Json:
        """Delete a project; its builds continue."""
        with self._lock:
            self._projects.pop(request["name"], None)
        return {}

    def batch_get_projects(self, request: Json) -> Json:
        """The projects with these names or ARNs."""
        names = {name: name.rpartition("/")[2] for name in request["names"]}
        found = [self._projects[name] for name in names.values() if name in self._projects]
        return {"projects": found, "projectsNotFound": [given for given in names if names[given] not in self._projects]}

    def list_projects(self, _: Json) -> Json:
        """The names of all projects."""
        return {"projects": sorted(self._projects)}

    def start_build(self, request: Json) -> Json:
        """Start a build."""
        _refuse(request, _BUILD, "StartBuild")
        with self._lock:
            token = request.get("idempotencyToken")
            known = self._tokens.get(token) if token else None
            if known and time.monotonic() - known[0] < _TOKEN_SECONDS:
                if known[1] != request:
                    raise InvalidInputException("The idempotency token was used with other parameters")
                return {"build": known[2].describe()}
            project = self._find_project(request["projectName"])
            count = sum(build.startswith(f"{project['name']}:") for build in self._builds)
            version = request.get("sourceVersion") or project.get("sourceVersion")
            build = Build(_override(project, request), version, count + 1, self.region_name)
            self._builds[build.id] = build
            if token:
                self._tokens[token] = (time.monotonic(), request, build)
        described = build.describe()
        build.start()
        return {"build": described}

    def stop_build(self, request: Json) -> Json:
        """Stop a build."""
        build = self._builds.get(request["id"].removeprefix(f"{self._arn('')[: -len('project/')]}build/"))
        if not build:
            raise ResourceNotFoundException(f"Build {request['id']} does not exist")
        build.stop()
        return {"build": build.describe()}

    def batch_get_builds(self, request: Json) -> Json:
        """The builds with these ids or ARNs."""
        ids = {given: given.rpartition("/")[2] for given in request["ids"]}
        found = [self._builds[one].describe() for one in ids.values() if one in self._builds]
        return {"builds": found, "buildsNotFound": [given for given in ids if ids[given] not in self._builds]}

    def list_builds(self, request: Json) -> Json:
        """The ids of all builds, newest first by default."""
        return _page(self._builds, request)

    def list_builds_for_project(self, request: Json) -> Json:
        """The ids of a project's builds, newest first by default."""
        name = self._find_project(request["projectName"])["name"]
        return _page((build for build in self._builds if build.startswith(f"{name}:")), request)

    def _arn(self, name: str) -> str:
        return f"arn:{partitions.of(self.region_name)}:codebuild:{self.region_name}:{self.account_id}:project/{name}"

    def _find_project(self, name: str) -> Json:
        project = self._projects.get(name.rpartition("/")[2])
        if not project:
            raise ResourceNotFoundException(f"Project cannot be found: {self._arn(name)}")
        return project

    def _complete(self, before: Json, request: Json) -> Json:
        _refuse(request, _PROJECT, "a project")
        place = self.region_name
        project = {
            "timeoutInMinutes": 60,
            "queuedTimeoutInMinutes": 480,
            "cache": {"type": "NO_CACHE"},
            "encryptionKey": f"arn:{partitions.of(place)}:kms:{place}:{self.account_id}:alias/aws/s3",
            **before,
            **request,
            "arn": self._arn(request["name"]),
            "lastModified": time.time(),
        }
        if project["cache"]["type"] != "NO_CACHE":
            raise InvalidInputException("local/ does not support the cache of a project")
        if project["source"]["type"] != "NO_SOURCE" and not project["source"].get("location"):
            raise InvalidInputException("Project source location is required")
        _check_role(project["serviceRole"])
        return project


# moto finds the URLs of a service by the module of its backend.
CodeBuildBackend.__module__ = "moto.codebuild.models"


def install() -> None:
    """Replace the backend, and route its operations to it."""
    codebuild_backends.backend = CodeBuildBackend
    for name in _OPERATIONS:
        setattr(CodeBuildResponse, name, _answer(name))


def _answer(name: str) -> Callable[[Any], ActionResult]:
    def operation(response: Any) -> ActionResult:
        request: Json = json.loads(response.body or "{}")
        return ActionResult(getattr(response.codebuild_backend, name)(request))

    return operation


def _override(project: Json, request: Json) -> Json:
    """The project with the overrides of one build."""
    if project["artifacts"]["type"] != "NO_ARTIFACTS":
        raise InvalidInputException("local/ does not support artifacts of builds")
    source = dict(project["source"])
    members = {"type": "sourceTypeOverride", "location": "sourceLocationOverride", "buildspec": "buildspecOverride"}
    source |= {member: request[name] for member, name in members.items() if name in request}
    environment = dict(project["environment"])
    variables = {one["name"]: one for one in environment.get("environmentVariables") or []}
    variables |= {one["name"]: one for one in request.get("environmentVariablesOverride") or []}
    if secret := [name for name, one in variables.items() if one.get("type", "PLAINTEXT") != "PLAINTEXT"]:
        raise InvalidInputException(f"local/ does not support environment variables that name secrets: {secret[0]}")
    environment["environmentVariables"] = list(variables.values())
    minutes = request.get("timeoutInMinutesOverride", project["timeoutInMinutes"])
    return project | {"source": source, "environment": environment, "timeoutInMinutes": minutes}


def _refuse(request: Json, known: Iterable[str], owner: str) -> None:
    if unknown := sorted(name for name in request.keys() - set(known) if request[name]):
        raise InvalidInputException(f"local/ does not support {', '.join(unknown)} of {owner}")


def _check_role(role: str) -> None:
    if not clients.role_exists(role):
        raise InvalidInputException(f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}")


def _page(builds: Iterable[str], request: Json) -> Json:
    ids = list(builds)
    if request.get("sortOrder", "DESCENDING") == "DESCENDING":
        ids.reverse()
    start = int(request.get("nextToken") or 0)
    following = {"nextToken": str(start + _PAGE)} if start + _PAGE < len(ids) else {}
    return {"ids": ids[start : start + _PAGE], **following}
