"""The operations on endpoints."""

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.endpoint import Endpoint
from local.sagemaker.fleet import Fleet
from local.sagemaker.guardrails import Shift, read_policy
from local.sagemaker.hosting import HostingOperations
from local.sagemaker.hosting_checks import is_bare
from local.sagemaker.resources import Json, list_page, refuse


class EndpointOperations(HostingOperations):
    """CreateEndpoint and related operations."""

    endpoints: dict[str, Endpoint]

    def create_endpoint(self, request: Json) -> Json:
        """Start the creation of an endpoint."""
        name = request["EndpointName"]
        with self.lock:
            arn = self.arn("endpoint", name)
            # The case of the name does not count here:
            # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
            if name.lower() in map(str.lower, self.endpoints):
                raise ValidationError(message=f'Cannot create already existing endpoint "{arn}".')
            endpoint = self.endpoints[name] = Endpoint(self, request, self._fleet(name, request, {}))
            endpoint.create()
        return {"EndpointArn": arn}

    def update_endpoint(self, request: Json) -> Json:
        """Start the update of an endpoint to another configuration."""
        with self.lock:
            endpoint = self.find_endpoint(request)
            self._check_not_in_progress(endpoint)
            if endpoint.status != "InService":
                raise ValidationError(message=f'Cannot update endpoint "{endpoint.arn}" with status {endpoint.status}.')
            excluded = {one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties") or []}
            retained = endpoint.retained(excluded) if request.get("RetainAllVariantProperties") else {}
            fleet = self._fleet(endpoint.name, request, retained)
            if bool(fleet.bare) != endpoint.hosts_components:
                raise ValidationError(message="local/ does not update an endpoint to or from inference components.")
            # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions
            if fleet.is_serverless and not endpoint.is_serverless:
                raise ValidationError(message=f'Cannot update endpoint "{endpoint.arn}" to a serverless one.')
            deployment = request.get("DeploymentConfig")
            if request.get("RetainDeploymentConfig"):
                deployment = deployment or endpoint.deployment
            shift = self._shift(endpoint, fleet, deployment)
            endpoint.update(fleet, deployment, shift)
        return {"EndpointArn": endpoint.arn}

    def _shift(self, endpoint: Endpoint, fleet: Fleet, deployment: Json | None) -> Shift:
        if deployment and endpoint.variant_names != fleet.variant_names:
            raise ValidationError(
                message="With a DeploymentConfig the variants must have the same names as the present ones: "
                f"{sorted(endpoint.variant_names)}."
            )
        shift = Shift(read_policy(deployment, fleet.variants[0]), self.region_name, fleet.role_arn)
        shift.check_alarms()
        return shift

    def update_endpoint_weights_and_capacities(self, request: Json) -> Json:
        """Start to change the instance counts of an endpoint; only an asynchronous one can have no instance."""
        with self.lock:
            endpoint = self.find_endpoint(request)
            self._check_not_in_progress(endpoint)
            counts = {}
            for wanted in request["DesiredWeightsAndCapacities"]:
                refuse(wanted, ("DesiredWeight", "ServerlessUpdateConfig"), "UpdateEndpointWeightsAndCapacities")
                if wanted["VariantName"] not in endpoint.variant_names:
                    raise ValidationError(message=f"Could not find the variant {wanted['VariantName']}.")
                if endpoint.hosts_components:
                    raise ValidationError(message="local/ scales the copies of inference components only.")
                counts[wanted["VariantName"]] = wanted["DesiredInstanceCount"]
            if 0 in counts.values() and not endpoint.queue:
                raise ValidationError(message="Only an asynchronous endpoint can have a DesiredInstanceCount of 0.")
            endpoint.scale(counts)
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, request: Json) -> Json:
        """Start the deletion of an endpoint."""
        with self.lock:
            endpoint = self.find_endpoint(request)
            self._check_not_in_progress(endpoint)
            endpoint.delete(lambda: self._forget_endpoint(endpoint.name))
        return {}

    def describe_endpoint(self, request: Json) -> Json:
        """Describe an endpoint."""
        return self.find_endpoint(request).describe()

    def list_endpoints(self, request: Json) -> Json:
        """List the endpoints of the region."""
        summaries, token = list_page(request, list(self.endpoints.values()), default_order="Descending")
        return {"Endpoints": summaries, "NextToken": token}

    def _fleet(self, endpoint: str, request: Json, retained: dict[str, Json]) -> Fleet:
        configuration = self.find_endpoint_config(request["EndpointConfigName"])
        variants = [
            (
                variant | retained.get(variant["VariantName"], {}),
                None if is_bare(variant) else self.find_model(variant["ModelName"]),
            )
            for variant in configuration.request["ProductionVariants"]
        ]
        return Fleet(endpoint, configuration, variants, self.region_name)

    def find_endpoint(self, request: Json) -> Endpoint:
        """The endpoint that a request names; raise AWS's ValidationError if it does not exist."""
        name = request["EndpointName"]
        endpoint = self.endpoints.get(name)
        if not endpoint:
            raise ValidationError(message=f'Could not find endpoint "{self.arn("endpoint", name)}".')
        return endpoint

    def _check_not_in_progress(self, endpoint: Endpoint) -> None:
        if endpoint.status in ("Creating", "Updating", "Deleting"):
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')

    def _forget_endpoint(self, name: str) -> None:
        with self.lock:
            del self.endpoints[name]
