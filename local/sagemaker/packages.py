"""The model registry: model package groups, and versioned packages with their approval."""

import itertools
import re
from collections.abc import Iterable
from datetime import datetime

from moto.sagemaker.exceptions import ValidationError

from local import calls, events
from local.errors import RefusedError
from local.sagemaker.hosting import locate_model_data
from local.sagemaker.images import UnknownImageError, find_stored
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json, Store, list_page, now, refuse

_UNSUPPORTED = (
    *("ModelPackageName", "SourceAlgorithmSpecification", "ValidationSpecification", "CertifyForMarketplace"),
    *("AdditionalInferenceSpecifications", "ModelCard", "ModelLifeCycle", "SourceUri", "SecurityConfig"),
    *("ManagedStorageType", "ModelPackageRegistrationType"),
)
_UNSUPPORTED_CHANGES = (
    *("AdditionalInferenceSpecificationsToAdd", "InferenceSpecification", "ModelCard", "ModelLifeCycle"),
    *("ModelPackageRegistrationType", "SourceUri"),
)
_UNSUPPORTED_CONTAINER = ("ProductId", "AdditionalModelDataSources", "AdditionalS3DataSource")
_MAX_PROPERTIES = 50
# botocore's pattern for names and values, whose Java syntax Python cannot compile.
_PROPERTY = re.compile(r"[\w .:/=+\-@]+")


class PackageGroup:
    """A group; its packages are the versions of one model."""

    status = "Completed"

    def __init__(self, name: str, arn: str, request: Json) -> None:
        self.name, self.arn = name, arn
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.description: str | None = request.get("ModelPackageGroupDescription")
        self.creation_time = self.last_modified_time = now()
        self.versions = itertools.count(1)  # numbers of deleted packages are not reused
        self.by_token: dict[str, Package] = {}

    def summary(self) -> Json:
        """The entry in the List call, and the answer of the Describe call."""
        return {
            "ModelPackageGroupName": self.name,
            "ModelPackageGroupArn": self.arn,
            "ModelPackageGroupDescription": self.description,
            "CreationTime": self.creation_time,
            "ModelPackageGroupStatus": self.status,
        }


class Package:
    """One version of a group's model: the stored request and its approval."""

    status = "Completed"

    def __init__(self, group: PackageGroup, arn: str, version: int, request: Json) -> None:
        self.group, self.arn, self.version, self.name = group, arn, version, group.name
        self.tags: list[dict[str, str]] = []
        self.request = request
        self.facts: Json = {key: value for key, value in request.items() if key not in ("ClientToken", "Tags")}
        self.facts.setdefault("ModelApprovalStatus", "PendingManualApproval")
        self.creation_time = self.last_modified_time = now()

    def describe(self) -> Json:
        """The answer of the Describe call."""
        return self.facts | {
            "ModelPackageGroupName": self.group.name,
            "ModelPackageVersion": self.version,
            "ModelPackageArn": self.arn,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "ModelPackageStatus": self.status,
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
        }

    def summary(self) -> Json:
        """The entry in the List call."""
        names = {
            *("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription"),
            *("CreationTime", "ModelPackageStatus", "ModelApprovalStatus"),
        }
        return {key: value for key, value in self.describe().items() if key in names}

    def change(self, request: Json) -> None:
        """Apply an Update call."""
        properties: Json = (self.facts.get("CustomerMetadataProperties") or {}) | (
            request.get("CustomerMetadataProperties") or {}
        )
        for name in request.get("CustomerMetadataPropertiesToRemove") or []:
            properties.pop(name, None)
        _check_properties(properties)
        changes = {key: request[key] for key in ("ModelApprovalStatus", "ApprovalDescription") if key in request}
        self.facts |= changes | ({"CustomerMetadataProperties": properties} if properties else {})
        self.last_modified_time = now()


class PackageOperations(Store):
    """CreateModelPackageGroup, CreateModelPackage and related operations, for versioned packages."""

    model_package_groups: dict[str, PackageGroup]
    model_packages: dict[str, Package]

    def create_model_package_group(self, request: Json) -> Json:
        """Create a group."""
        name = request["ModelPackageGroupName"]
        with self.lock:
            arn = self.arn("model-package-group", name)
            if name in self.model_package_groups:
                raise ValidationError(message=f"Model Package Group already exists: {arn}")
            self.model_package_groups[name] = PackageGroup(name, arn, request)
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, request: Json) -> Json:
        """Describe a group."""
        return self._find_group(request).summary()

    def list_model_package_groups(self, request: Json) -> Json:
        """List the groups of the region."""
        groups = list(self.model_package_groups.values())
        summaries, token = list_page(request, groups, default_order="Ascending")
        return {"ModelPackageGroupSummaryList": summaries, "NextToken": token}

    def delete_model_package_group(self, request: Json) -> Json:
        """Delete an empty group."""
        with self.lock:
            group = self._find_group(request)
            if count := sum(package.group is group for package in self.model_packages.values()):
                message = f"Model Package Group {group.arn} cannot be deleted: it has {count} model packages."
                raise RefusedError("ConflictException", message)
            del self.model_package_groups[group.name]
        return {}

    def create_model_package(self, request: Json) -> Json:
        """Add a version to a group; a repeated ClientToken returns the same version."""
        refuse(request, _UNSUPPORTED, "a model package")
        if request.get("Tags"):
            raise ValidationError(message="A versioned model package cannot have Tags; tag its group.")
        if not request.get("InferenceSpecification"):
            raise ValidationError(message="A model package needs an InferenceSpecification.")
        with self.lock:
            group, token = self._find_group(request), str(request.get("ClientToken"))
            if earlier := group.by_token.get(token):
                if earlier.request != request:
                    raise RefusedError("ConflictException", f"The token {token} was used for another request.")
                return {"ModelPackageArn": earlier.arn}
        _check_properties(request.get("CustomerMetadataProperties") or {})
        _check_containers(request["InferenceSpecification"]["Containers"], self.region_name)
        with self.lock:
            version = next(group.versions)
            package = Package(group, self.arn("model-package", f"{group.name}/{version}"), version, request)
            self.model_packages[package.arn] = group.by_token[token] = package
        self._publish(package, [])
        return {"ModelPackageArn": package.arn}

    def describe_model_package(self, request: Json) -> Json:
        """Describe a package."""
        return self._find_package(request["ModelPackageName"]).describe()

    def list_model_packages(self, request: Json) -> Json:
        """List the packages of a group, or of all groups."""
        wanted = (request.get("ModelPackageGroupName") or "").rpartition("/")[2]
        if wanted:
            self._find_group(request)
        approval = request.get("ModelApprovalStatus")
        versioned = bool(wanted) or request.get("ModelPackageType") in ("Versioned", "Both")
        found: Iterable[Package] = list(self.model_packages.values()) if versioned else []
        found = [one for one in found if wanted in ("", one.name)]
        found = [one for one in found if approval in (None, one.facts["ModelApprovalStatus"])]
        summaries, token = list_page(request, found, default_order="Ascending")
        return {"ModelPackageSummaryList": summaries, "NextToken": token}

    def update_model_package(self, request: Json) -> Json:
        """Change a package's approval or metadata."""
        refuse(request, _UNSUPPORTED_CHANGES, "a model package's update")
        with self.lock:
            package = self._find_package(request["ModelPackageArn"])
            package.change(request)
        self._publish(package, [key for key in request if key not in ("ModelPackageArn", "ClientToken")])
        return {"ModelPackageArn": package.arn}

    def delete_model_package(self, request: Json) -> Json:
        """Delete a package; its models are kept."""
        with self.lock:
            package = self._find_package(request["ModelPackageName"])
            del self.model_packages[package.arn]
            tokens = package.group.by_token
            package.group.by_token = {token: one for token, one in tokens.items() if one is not package}
        return {}

    def _find_group(self, request: Json) -> PackageGroup:
        name = (request.get("ModelPackageGroupName") or "").rpartition("/")[2]
        found = self.model_package_groups.get(name)
        if not found:
            arn = self.arn("model-package-group", name)
            raise ValidationError(message=f"ModelPackageGroup {arn} does not exist.")
        return found

    def _find_package(self, arn: str) -> Package:
        found = self.model_packages.get(arn)
        if not found:
            raise ValidationError(message=f"ModelPackage {arn} does not exist.")
        return found

    def _publish(self, package: Package, updated: list[str]) -> None:
        """Publish AWS's event: the answer of Describe with times as text, and the names of the updated fields."""
        detail = {
            key: f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
            for key, value in package.describe().items()
        }
        events.emit(
            source="aws.sagemaker",
            detail_type="SageMaker Model Package State Change",
            resources=[package.arn],
            detail=detail | ({"UpdatedModelPackageFields": updated} if updated else {}),
            region=self.region_name,
        )


def _check_properties(properties: Json) -> None:
    if len(properties) > _MAX_PROPERTIES:
        raise ValidationError(message=f"A model package has at most {_MAX_PROPERTIES} metadata properties.")
    for text in (*properties.keys(), *properties.values()):
        if not _PROPERTY.fullmatch(text):
            raise ValidationError(message=f"{text!r} has characters that metadata properties cannot have.")


def _check_containers(containers: list[Json], region: str) -> None:
    """Raise ValidationError unless the caller can read the image and data of each container."""
    call = calls.current()
    role = call.caller.role_arn if call else None
    for container in containers:
        refuse(container, _UNSUPPORTED_CONTAINER, "a model package's container")
        if not container.get("Image"):
            raise ValidationError(message="local/ needs an Image in each container.")
        try:
            find_stored(container["Image"], role)
            address, is_folder = locate_model_data(container)
            if is_folder and not Objects(region, role).list_prefix(address):
                raise ValidationError(message=f"The folder {address} of a model package's container has no objects.")
            if address and not is_folder:
                Objects(region, role).check(address)
        except (UnknownImageError, ObjectError) as error:
            raise ValidationError(message=f"A model package's container cannot be read: {error}.") from None
