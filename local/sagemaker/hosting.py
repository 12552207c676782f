"""The operations on models and endpoint configurations."""

from datetime import datetime

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.hosting_checks import check_configuration, check_serverless_model, is_bare, read_containers
from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json, Store, check_role, list_page, now, refuse


def locate_model_data(container: Json) -> tuple[str, bool]:
    """Return the address of a container's model, empty without one, and whether it is a folder of files.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3ModelDataSource.html
    """
    source: Json = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    refuse(source, ("ModelAccessConfig", "HubAccessConfig", "ManifestS3Uri"), "an S3DataSource")
    address = source.get("S3Uri") or container.get("ModelDataUrl") or ""
    form = (source.get("S3DataType"), source.get("CompressionType"))
    if source and container.get("ModelDataUrl"):
        raise ValidationError(message="A container has either ModelDataUrl or ModelDataSource.")
    if source and form not in (("S3Prefix", "None"), ("S3Object", "Gzip")):
        raise ValidationError(
            message=f"local/ does not support the S3DataType {form[0]} with CompressionType {form[1]}."
        )
    if form[0] == "S3Prefix" and not address.endswith("/"):
        raise ValidationError(message=f"The S3Uri {address} of an S3Prefix must end with a slash.")
    return address, form[0] == "S3Prefix"


class Definition:
    """A model or an endpoint configuration: the stored request."""

    status = ""

    def __init__(self, kind: str, name: str, arn: str, request: Json) -> None:
        self.name, self.arn = name, arn
        self.tags: list[dict[str, str]] = list(request.get("Tags") or [])
        self.creation_time: datetime = now()
        self.last_modified_time = self.creation_time
        self.request = {key: value for key, value in request.items() if key != "Tags"}
        self._kind = kind

    def describe(self) -> Json:
        """The answer of the Describe call."""
        return {**self.request, f"{self._kind}Arn": self.arn, "CreationTime": self.creation_time}

    def summary(self) -> Json:
        """The entry in the List call."""
        return {f"{self._kind}Name": self.name, f"{self._kind}Arn": self.arn, "CreationTime": self.creation_time}


class HostingOperations(Store):
    """CreateModel, CreateEndpointConfig and related operations."""

    _models: dict[str, Definition]
    endpoint_configs: dict[str, Definition]

    def create_model(self, request: Json) -> Json:
        """Store a model whose data exists and may be read by the model's role."""
        containers = read_containers(request)
        check_role(request.get("ExecutionRoleArn"))
        self._check_model_data(request.get("ExecutionRoleArn"), containers)
        name = request["ModelName"]
        with self.lock:
            arn = self.arn("model", name)
            if name in self._models:
                raise ValidationError(message=f'Cannot create already existing model "{arn}".')
            completed = {"EnableNetworkIsolation": False, **request}
            self._models[name] = Definition("Model", name, arn, completed)
        return {"ModelArn": arn}

    def _check_model_data(self, role_arn: str | None, containers: list[Json]) -> None:
        # https://github.com/aws/sagemaker-python-sdk/issues/608 has AWS's message.
        objects = Objects(self.region_name, role_arn)
        for container in containers:
            address, is_folder = locate_model_data(container)
            try:
                if is_folder and not objects.list_prefix(address):
                    raise ObjectError(f"{address} has no objects")
                if address and not is_folder:
                    objects.check(address)
            except ObjectError as error:
                raise ValidationError(message=f"Could not find model data at {address}.") from error

    def describe_model(self, request: Json) -> Json:
        """Describe a model."""
        return self.find_model(request["ModelName"]).describe()

    def delete_model(self, request: Json) -> Json:
        """Delete a model; its endpoints continue to serve."""
        with self.lock:
            del self._models[self.find_model(request["ModelName"]).name]
        return {}

    def list_models(self, request: Json) -> Json:
        """List the models of the region."""
        summaries, token = list_page(request, list(self._models.values()), default_order="Descending")
        return {"Models": summaries, "NextToken": token}

    def find_model(self, name: str) -> Definition:
        """A model by its name; raise AWS's ValidationError if it does not exist."""
        model = self._models.get(name)
        if not model:
            raise ValidationError(message=f'Could not find model "{self.arn("model", name)}".')
        return model

    def create_endpoint_config(self, request: Json) -> Json:
        """Store an endpoint configuration."""
        check_configuration(request)
        name = request["EndpointConfigName"]
        with self.lock:
            for variant in request["ProductionVariants"]:
                self._check_model(variant)
            arn = self.arn("endpoint-config", name)
            if name in self.endpoint_configs:
                raise ValidationError(message=f'Cannot create already existing endpoint configuration "{arn}".')
            self.endpoint_configs[name] = Definition("EndpointConfig", name, arn, request)
        return {"EndpointConfigArn": arn}

    def _check_model(self, variant: Json) -> None:
        if is_bare(variant):
            return
        model = self.find_model(variant.get("ModelName") or "")
        if variant.get("ServerlessConfig"):
            check_serverless_model(model.request)

    def describe_endpoint_config(self, request: Json) -> Json:
        """Describe an endpoint configuration."""
        return self.find_endpoint_config(request["EndpointConfigName"]).describe()

    def delete_endpoint_config(self, request: Json) -> Json:
        """Delete a configuration; its endpoints continue to serve."""
        with self.lock:
            del self.endpoint_configs[self.find_endpoint_config(request["EndpointConfigName"]).name]
        return {}

    def list_endpoint_configs(self, request: Json) -> Json:
        """List the endpoint configurations of the region."""
        summaries, token = list_page(request, list(self.endpoint_configs.values()), default_order="Descending")
        return {"EndpointConfigs": summaries, "NextToken": token}

    def find_endpoint_config(self, name: str) -> Definition:
        """A configuration by its name; raise AWS's ValidationError if it does not exist."""
        found = self.endpoint_configs.get(name)
        if not found:
            arn = self.arn("endpoint-config", name)
            raise ValidationError(message=f'Could not find endpoint configuration "{arn}".')
        return found
