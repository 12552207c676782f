"""SSM Parameter Store: moto stores the parameters; this module reports their changes to EventBridge.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
"""

from typing import Any

from local import accounts, partitions

MOTO_NAMES = (
    "moto.ssm.models.ParameterDict.normalize_name",
    "moto.ssm.models.SimpleSystemManagerBackend.delete_parameter",
    "moto.ssm.models.SimpleSystemManagerBackend.delete_parameters",
    "moto.ssm.models.SimpleSystemManagerBackend.put_parameter",
    "moto.ssm.models.ssm_backends",
)


def install() -> None:
    """Replace moto's Parameter Store by this one."""
    from moto.ssm import models

    class SimpleSystemManagerBackend(models.SimpleSystemManagerBackend):  # type: ignore[misc]
        """moto's Systems Manager, which also sends the changes of parameters."""

        __module__ = models.SimpleSystemManagerBackend.__module__

        def put_parameter(self, *arguments: Any, **named: Any) -> Any:
            """Create or update a parameter, and report it."""
            parameter = super().put_parameter(*arguments, **named)
            _report("Create" if parameter.version == 1 else "Update", parameter, self.region_name)
            return parameter

        def delete_parameter(self, name: str) -> None:
            """Delete a parameter, and report it."""
            parameter = self._find_parameter(name)
            super().delete_parameter(name)
            _report("Delete", parameter, self.region_name)

        def delete_parameters(self, names: list[str]) -> Any:
            """Delete parameters, and report those that existed."""
            parameters = {name: self._find_parameter(name) for name in names}
            deleted = super().delete_parameters(names)
            for name in deleted:
                _report("Delete", parameters[name], self.region_name)
            return deleted

        def _find_parameter(self, name: str) -> Any:
            """The newest version of a parameter; None if there is none."""
            versions = self._parameters.get(self._parameters.normalize_name(name))
            return versions[-1] if versions else None

    models.ssm_backends.backend = SimpleSystemManagerBackend


def _report(operation: str, parameter: Any, region: str) -> None:
    from local import events

    arn = f"arn:{partitions.of(region)}:ssm:{region}:{accounts.current()}:parameter/{parameter.name.lstrip('/')}"
    detail = {"operation": operation, "name": parameter.name, "type": parameter.parameter_type}
    if parameter.description:
        detail["description"] = parameter.description
    events.emit("aws.ssm", "Parameter Store Change", [arn], detail, region)
