"""Prints which operations of AWS's services this engine carries out itself, and which moto does: a Markdown table."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from local import server

_OWN = str(Path(__file__).parent)
# Parts of moto that are no services.
_NO_SERVICES = {"core", "moto_server", "settings", "utilities"}
_NAMED_BY_BACKEND = {"s3"}  # its response class has other names for many operations
MOTO_NAMES = (
    "moto.core.base_backend.BackendDict",
    "moto.core.responses.BaseResponse",
    "moto.core.utils.camelcase_to_underscores",
)


@dataclass(frozen=True)
class Coverage:
    """The numbers of a service's operations: all of them, those from this package, and those from moto."""

    service: str
    operations: int
    own: int
    moto: int

    @property
    def row(self) -> str:
        """The service's row of the table."""
        missing = self.operations - self.own - self.moto
        return f"| {self.service} | {self.operations} | {self.own} | {self.moto} | {missing} |"


def list_services() -> list[str]:
    """moto's names of the services of which this package replaces or uses a part."""
    import local

    names: set[str] = set()
    for path in sorted(Path(_OWN).rglob("*.py")):
        module = ".".join([local.__name__, *path.relative_to(_OWN).with_suffix("").parts])
        if path.stem != "__main__" and "MOTO_NAMES" in path.read_text(encoding="utf-8"):
            found = importlib.import_module(module.removesuffix(".__init__"))
            names |= {name.split(".")[1] for name in getattr(found, "MOTO_NAMES", ())}
    return sorted(names - _NO_SERVICES)


def measure(service: str) -> Coverage:
    """Count a service's operations by the place of their code; `server.install_services` comes first."""
    from moto.core.utils import camelcase_to_underscores, get_service_model

    from local.calls import botocore_name

    name = botocore_name(service)
    assert name, f"botocore has no service for moto.{service}"
    responses, backends = list(_list_responses(service)), list(_list_backends(service))
    own = moto = 0
    operations = get_service_model(name).operation_names
    for operation in operations:
        method = camelcase_to_underscores(operation)
        answers, calls = list(_list_files(responses, method)), list(_list_files(backends, method))
        if answers or (calls and service in _NAMED_BY_BACKEND):
            is_own = any(file.startswith(_OWN) for file in answers + calls)
            own, moto = own + is_own, moto + (not is_own)
    return Coverage(name, len(operations), own, moto)


def _list_responses(service: str) -> Iterator[type]:
    from moto.core.responses import BaseResponse

    handlers = importlib.import_module(f"moto.{service}.urls").url_paths.values()
    served = {owner for handler in handlers if isinstance(owner := getattr(handler, "__self__", None), type)}
    yield from (found for found in served if issubclass(found, BaseResponse))


def _list_backends(service: str) -> Iterator[type]:
    from moto.core.base_backend import BackendDict

    models: ModuleType = importlib.import_module(f"moto.{service}.models")
    found = [each.backend for each in vars(models).values() if isinstance(each, BackendDict)]
    yield from (backend for backend in found if backend.__module__.startswith(f"moto.{service}."))


def _list_files(classes: list[type], method: str) -> Iterator[str]:
    for owner in classes:
        found: Any = getattr(owner, method, None)
        if code := getattr(getattr(found, "__func__", found), "__code__", None):
            yield code.co_filename


def write_table() -> str:
    """Return the table as Markdown."""
    server.install_services()
    rows = [measure(service) for service in list_services()]
    rows.sort(key=lambda row: row.service)
    head = "| service | operations | by `local/` | by moto | not served |\n|---|---|---|---|---|"
    return "\n".join([head, *(row.row for row in rows)])


if __name__ == "__main__":
    print(write_table())
