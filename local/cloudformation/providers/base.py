"""The interface of providers: a `Provider` per resource type, and the `Task` that it gets."""

import json
import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local import clients

Attributes = dict[str, Any]


@dataclass
class Task:
    """One resource to create, update or delete.

    Parameters
    ----------
    properties, before
        The evaluated properties, and the resource's present ones.
    physical_id
        Empty until the resource exists; a provider that fails after creating something sets it.
    cancelled
        Set when another resource of the operation failed; a waiting provider gives up.
    """

    service: str
    stack_id: str
    logical_id: str
    type: str
    properties: dict[str, Any]
    before: dict[str, Any] = field(default_factory=dict)
    physical_id: str = ""
    region: str = ""
    role_arn: str | None = None
    access_key: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def api(self) -> Any:
        """A client of the resource's service, in the role of the stack or as the operation's caller."""
        return self.client(self.service)

    def client(self, service: str) -> Any:
        """A client of any service, in the role of the stack or as the operation's caller."""
        return clients.client(service, self.region, self.role_arn, self.access_key)

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A property, or its default."""
        return self.properties.get(name, default)

    def pick(self, names: str, **defaults: Any) -> dict[str, Any]:
        """Those of these properties that are set, and all with a default."""
        return defaults | {name: self[name] for name in [*names.split(), *defaults] if name in self.properties}

    def changed(self, *names: str) -> bool:
        """False when none of these properties has changed."""
        return any(self.properties.get(name) != self.before.get(name) for name in names)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the resource and its stack."""
        return dict(self.properties.get("Tags", {}))

    def retag(self, tag: Callable[[dict[str, str]], Any], untag: Callable[[list[str]], Any]) -> None:
        """Add, change and remove tags."""
        before = self.before.get("Tags", {})
        if added := {key: value for key, value in self.tags.items() if before.get(key) != value}:
            tag(added)
        if removed := sorted(set(before) - set(self.tags)):
            untag(removed)


@dataclass(frozen=True)
class Provider:
    """Creates, updates and deletes resources of one type.

    Parameters
    ----------
    service
        The boto3 service of the type.
    takes
        The supported properties, separated by spaces; others are refused.
    create
        Creates the resource and returns its attributes, including ``Ref`` (the physical id).
    delete
        Deletes it.
    configure
        Makes the calls that follow ``create`` and every ``update``.
    update
        Updates in place what ``create`` set; may return new attributes.
    name
        The property that CloudFormation generates if it is missing.
    replaces
        Properties that force a replacement, in addition to those in AWS's schema.
    lower
        Whether a generated name is in lower case.
    suffix
        The end of a generated name.
    has_versions
        Whether a replacement may keep the name, because each resource is a version of what has the name.
    """

    service: str
    takes: str
    create: Callable[[Task], Attributes]
    delete: Callable[[Task], Any]
    configure: Callable[[Task], Any] | None = None
    update: Callable[[Task], Attributes | None] | None = None
    name: str = ""
    replaces: str = ""
    lower: bool = False
    suffix: Callable[[Task], str] = lambda _: ""
    has_versions: bool = False


def document(value: Any) -> str:
    """A policy or other JSON document as text."""
    return value if isinstance(value, str) else json.dumps(value)


def camel(value: Any) -> Any:
    """A structure with keys in camelCase, as the newer AWS APIs use."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    return value


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a list of pairs."""
    return [{key: name, value: content} for name, content in tags.items()]


def is_gone(error: ClientError) -> bool:
    """True for an error that means "does not exist", False for other errors."""
    code = str(error.response["Error"]["Code"])
    return code.startswith("NoSuch") or any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist"))


def delete_if_exists(call: Callable[..., Any], **arguments: Any) -> None:
    """Make a call that deletes something; succeed if it does not exist."""
    try:
        call(**arguments)
    except ClientError as error:
        if not is_gone(error):
            raise


def random_suffix() -> str:
    """The random end of the names that CloudFormation generates."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
