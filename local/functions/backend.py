"""The backend of Lambda: moto stores the functions; this module runs them."""

import json
import uuid
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.utils import make_function_arn

from local.functions import archive
from local.functions.asynchronous import EventInvocation
from local.functions.deployment import Deployment
from local.functions.pool import Pool
from local.functions.sandbox import Outcome, Request
from local.functions.validation import check_mapping, check_package, check_specification
from local.messaging import mappings, streams

pool = Pool()


class StatementExistsError(LambdaClientError):  # type: ignore[misc]
    """A function's policy has a statement with this id already."""

    code = 409

    def __init__(self, statement_id: str) -> None:
        message = (
            f"The statement id ({statement_id}) provided already exists. Please provide a new statement id, or remove "
            "the existing statement."
        )
        super().__init__("ResourceConflictException", message)


class LambdaFunction(models.LambdaFunction):  # type: ignore[misc]
    """moto's function, with the properties that moto ignores."""

    __module__ = models.LambdaFunction.__module__

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        super().__init__(account_id, spec, region, version)
        self.dead_letter_config: dict[str, str] = spec.get("DeadLetterConfig") or {}
        self.logging_config = self._complete(spec.get("LoggingConfig") or {})

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """The answer of GetFunctionConfiguration."""
        configuration: dict[str, Any] = super().get_configuration(on_create) | {"LoggingConfig": self.logging_config}
        return configuration | ({"DeadLetterConfig": self.dead_letter_config} if self.dead_letter_config else {})

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Apply the changes of UpdateFunctionConfiguration."""
        self.dead_letter_config = config_updates.get("DeadLetterConfig", self.dead_letter_config)
        self.logging_config = self._complete(config_updates.get("LoggingConfig", self.logging_config))
        self.tracing_config: dict[str, str] = config_updates.get("TracingConfig", self.tracing_config)
        if storage := config_updates.get("EphemeralStorage"):
            self.ephemeral_storage = storage["Size"]
        self.last_modified = models.iso_8601_datetime_with_nanoseconds()
        return super().update_configuration(config_updates)  # type: ignore[no-any-return]

    def invoke(self, body: Any, *_headers: Any) -> str:
        """Invoke the function asynchronously for another service of moto."""
        backend = models.lambda_backends[self.account_id][self.region]
        backend.invoke_event(self.function_arn, None, body.encode() if isinstance(body, str) else body)
        return ""

    def _get_layers_data(self, layers_versions_arns: list[str]) -> Any:
        """Describe the layers, and keep them: a function has its layers even after their deletion."""
        backend = models.lambda_backends[self.account_id][self.region]
        described = super()._get_layers_data(layers_versions_arns)
        self.layer_versions = [backend.layers_versions_by_arn(arn) for arn in layers_versions_arns]
        return described

    def _complete(self, logging_config: dict[str, str]) -> dict[str, str]:
        return {"LogFormat": "Text", "LogGroup": self.logs_group_name} | logging_config


class LambdaBackend(models.LambdaBackend):  # type: ignore[misc]
    """moto's Lambda, with functions that really run."""

    __module__ = models.LambdaBackend.__module__

    def create_function(self, spec: dict[str, Any]) -> Any:
        """Create a function; refuse one that cannot run here."""
        check_package(spec)
        check_specification(spec)
        try:
            function = super().create_function(spec)
        except ValueError as error:  # moto's error for a missing S3 object
            raise InvalidParameterValueException(str(error.args[-1])) from error
        try:
            archive.check(function.code_bytes)
        except InvalidParameterValueException:
            super().delete_function(function.function_name)
            raise
        return function

    def publish_layer_version(self, spec: dict[str, Any]) -> Any:
        """Publish a version of a layer; refuse one that cannot be unpacked."""
        version = super().publish_layer_version(spec)
        try:
            archive.check(version.code_bytes)
        except InvalidParameterValueException:
            super().delete_layer_version(version.name, str(version.version))
            raise
        return version

    def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        """Replace the code from the next invocation on."""
        function = self.get_function(function_name, qualifier)
        before = {name: getattr(function, name) for name in ("code_bytes", "code_size", "code_sha_256", "code_digest")}
        try:
            answer = super().update_function_code(function_name, qualifier, body)
            archive.check(function.code_bytes)
        except ValueError as error:
            raise InvalidParameterValueException(str(error.args[-1])) from error
        except InvalidParameterValueException:
            vars(function).update(before)
            raise
        function.last_modified = models.iso_8601_datetime_with_nanoseconds()
        return answer

    def update_function_configuration(self, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        """Change the configuration from the next invocation on."""
        check_specification(body)
        return super().update_function_configuration(function_name, qualifier, body)

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a function and end its sandboxes."""
        function = self.get_function(function_name, qualifier)
        super().delete_function(function_name, qualifier)
        pool.retire(Deployment.of(function).function_arn)

    def put_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Replace the settings of asynchronous invocations, which moto never does."""
        self.get_function(function_name).event_invoke_config.clear()
        return super().put_function_event_invoke_config(function_name, config)

    def update_function_event_invoke_config(self, function_name: str, config: dict[str, Any]) -> Any:
        """Update some settings of asynchronous invocations."""
        function = self.get_function(function_name)
        return self.put_function_event_invoke_config(function_name, self.event_invoke_settings(function) | config)

    def event_invoke_settings(self, function: Any) -> dict[str, Any]:
        """The settings of a function's asynchronous invocations."""
        settings = self.get_function(function.function_name).event_invoke_config
        return dict(settings[0].config) if settings else {}

    def create_event_source_mapping(self, spec: dict[str, Any]) -> Any:
        """Map a queue or a stream to a function, and start to poll it."""
        check_mapping(spec)
        mappings.check(self, spec)
        mapping = super().create_event_source_mapping(spec)
        if mappings.is_stream(mapping.event_source_arn):
            streams.prepare(self, mapping)
        mappings.start(self, mapping)
        return mapping

    def update_event_source_mapping(self, uuid: str, spec: dict[str, Any]) -> Any:
        """Update a mapping, and poll it if it is enabled."""
        known = self.get_event_source_mapping(uuid)
        if known is None:
            return None
        unchanged = {"EventSourceArn": known.event_source_arn, "StartingPosition": known.starting_position}
        check_mapping(unchanged | spec)
        mapping = super().update_event_source_mapping(uuid, spec)
        mappings.start(self, mapping)
        return mapping

    def add_permission(self, function_name: str, qualifier: str, raw: str) -> dict[str, Any]:
        """Permit invocations of a function; with a qualifier only of that version or alias."""
        _, name, qualifier_in_name = self._lambdas.split_function_arn(function_name)
        effective = qualifier_in_name or qualifier
        given = json.loads(raw).get("StatementId")
        if any(one["Sid"] == given for one in self.get_function(name, effective).policy.statements):
            raise StatementExistsError(given)
        statement: dict[str, Any] = super().add_permission(name, effective, raw)
        arn = make_function_arn(self.region_name, self.account_id, name)
        statement["Resource"] = f"{arn}:{effective}" if effective else arn
        return statement

    def run(self, name: str, qualifier: str | None, request: Request) -> Outcome:
        """Run a function to the end of one invocation."""
        function = self.get_function(name, qualifier)
        reserved = self.get_function(function.function_name).reserved_concurrency
        limit = None if reserved is None else int(reserved)
        with pool.sandbox(Deployment.of(function), function.code_bytes, function.layer_versions, limit) as sandbox:
            return sandbox.invoke(request)

    def request(self, name: str, qualifier: str | None, payload: bytes, client_context: str | None = None) -> Request:
        """The request for an invocation of a function."""
        function = self.get_function(name, qualifier)
        _, _, qualifier_in_name = self._lambdas.split_function_arn(name)
        arn = make_function_arn(self.region_name, self.account_id, function.function_name)
        effective = qualifier_in_name or qualifier
        return Request(str(uuid.uuid4()), payload or b"{}", f"{arn}:{effective}" if effective else arn, client_context)

    def invoke_event(
        self, name: str, qualifier: str | None, payload: bytes, client_context: str | None = None
    ) -> Request:
        """Queue an asynchronous invocation."""
        request = self.request(name, qualifier, payload, client_context)
        EventInvocation(self, name, qualifier, request).start()
        return request
