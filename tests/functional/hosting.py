"""SageMaker's endpoints and inference components, whose status may settle or not; moto cannot update one."""

from typing import Any

from botocore.exceptions import ClientError

Json = dict[str, Any]


class FakeHosting:
    """One endpoint and one inference component at most, their configurations and their models.

    Parameters
    ----------
    rest
        moto's client, for all that is not about these.
    outcomes
        The statuses in which the next updates and creations come to rest, the first one first; then InService.
    """

    def __init__(self, rest: Any, *outcomes: str) -> None:
        self._rest = rest
        self.outcomes = list(outcomes)
        self.models: dict[str, Json] = {}
        self.configs: dict[str, Json] = {}
        self.endpoint: Json | None = None
        self.component: Json | None = None
        self.requests: list[tuple[str, Json]] = []
        self.scales_at_update = False  # autoscaling begins to change the copies before the next update of the component
        self._left = 500  # calls of DescribeEndpoint, of which a loop without an end would make more
        self._ahead: list[Json | None] = []
        self._component_ahead: list[Json | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def create_model(self, **request: Any) -> None:
        """CreateModel."""
        self.models[request["ModelName"]] = request

    def create_endpoint_config(self, **request: Any) -> None:
        """CreateEndpointConfig."""
        self.configs[request["EndpointConfigName"]] = request

    def describe_model(self, ModelName: str) -> Json:  # noqa: N803
        """DescribeModel."""
        return _find(self.models, ModelName)

    def describe_endpoint_config(self, EndpointConfigName: str) -> Json:  # noqa: N803
        """DescribeEndpointConfig."""
        return _find(self.configs, EndpointConfigName)

    def delete_model(self, ModelName: str) -> None:  # noqa: N803
        """DeleteModel."""
        del self.models[_find(self.models, ModelName)["ModelName"]]

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:  # noqa: N803
        """DeleteEndpointConfig."""
        del self.configs[_find(self.configs, EndpointConfigName)["EndpointConfigName"]]

    def list_endpoints(self) -> Json:
        """ListEndpoints."""
        return {"Endpoints": [self.endpoint] if self.endpoint else []}

    def describe_endpoint(self, EndpointName: str) -> Json:  # noqa: N803
        """DescribeEndpoint; the status may settle with each call."""
        self._left -= 1
        assert self._left > 0, "the endpoint is described without end"
        answer = _find({EndpointName: self.endpoint} if self.endpoint else {}, EndpointName)
        if self._ahead:
            self.endpoint = self._ahead.pop(0)
        config = self.configs.get(answer["EndpointConfigName"], {})
        return answer | {"ProductionVariants": config.get("ProductionVariants", [])}

    def describe_inference_component(self, InferenceComponentName: str) -> Json:  # noqa: N803
        """DescribeInferenceComponent; the status may settle with each call."""
        answer = _find({InferenceComponentName: self.component} if self.component else {}, InferenceComponentName)
        if self._component_ahead:
            self.component = self._component_ahead.pop(0)
        return answer

    def create_inference_component(self, **request: Any) -> None:
        """CreateInferenceComponent."""
        assert self.component is None
        assert self.endpoint
        self._deploy("create component", "Creating", request)

    def update_inference_component(self, **request: Any) -> None:
        """UpdateInferenceComponent; the old model is described until the new one serves."""
        assert self.component
        if self.scales_at_update:
            scaling = self.component | {"InferenceComponentStatus": "Updating"}
            self.scales_at_update, self._component_ahead = False, [scaling, scaling, self.component]
            self.component = scaling
            raise _refuse("Cannot update the inference component while it is in state UPDATE_IN_PROGRESS.")
        assert self.component["InferenceComponentStatus"] == "InService"
        self._deploy("update component", "Updating", self.component | request, self.component["Specification"])

    def delete_inference_component(self, **request: Any) -> None:
        """DeleteInferenceComponent."""
        assert self.component
        assert not self.component["InferenceComponentStatus"].endswith("ing")
        self.requests.append(("delete component", request))
        self.component = self.component | {"InferenceComponentStatus": "Deleting"}
        self._component_ahead = [None]

    def settle_component(self, status: str, model: str, copies: int = 1, reason: str = "") -> None:
        """Set the component's status, its model, the number of its copies, and the reason of a failure."""
        specification = {"ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}
        self.component = {
            "InferenceComponentName": "sagebuild-test",
            "InferenceComponentStatus": status,
            "Specification": specification,
            "RuntimeConfig": {"CurrentCopyCount": copies, "DesiredCopyCount": copies},
            "FailureReason": reason,
        }
        self._component_ahead = []

    def _deploy(self, kind: str, status: str, request: Json, shown: Json | None = None) -> None:
        self.requests.append((kind, request))
        specification, copies = request["Specification"], request["RuntimeConfig"]["CopyCount"]
        _find(self.models, specification["ModelName"])
        counts = {"CurrentCopyCount": copies, "DesiredCopyCount": copies}
        described = {"InferenceComponentName": request["InferenceComponentName"], "RuntimeConfig": counts}
        self.component = described | {"InferenceComponentStatus": status, "Specification": shown or specification}
        outcome = self.outcomes.pop(0) if self.outcomes else "InService"
        self._component_ahead = [
            described | {"InferenceComponentStatus": outcome, "Specification": specification},
        ]

    def create_endpoint(self, **request: Any) -> None:
        """CreateEndpoint."""
        assert self.endpoint is None
        self._begin("create", "Creating", request, request["EndpointConfigName"])

    def update_endpoint(self, **request: Any) -> None:
        """UpdateEndpoint."""
        assert self.endpoint
        assert self.endpoint["EndpointStatus"] == "InService"
        self._begin("update", "Updating", request, self.endpoint["EndpointConfigName"])

    def delete_endpoint(self, **request: Any) -> None:
        """DeleteEndpoint."""
        assert self.endpoint
        assert not self.endpoint["EndpointStatus"].endswith("ing")
        self.requests.append(("delete", request))
        self.endpoint = self.endpoint | {"EndpointStatus": "Deleting"}
        self._ahead = [None]

    def settle(self, status: str, config: str) -> None:
        """Set the endpoint's status."""
        described = {"EndpointName": "sagebuild-test", "EndpointStatus": status, "EndpointConfigName": config}
        self.endpoint, self._ahead = described, []

    def _begin(self, kind: str, status: str, request: Json, shown: str) -> None:
        self.requests.append((kind, request))
        _find(self.configs, request["EndpointConfigName"])
        name = {"EndpointName": request["EndpointName"]}
        self.endpoint = name | {"EndpointStatus": status, "EndpointConfigName": shown}
        outcome = self.outcomes.pop(0) if self.outcomes else "InService"
        self._ahead = [name | {"EndpointStatus": outcome, "EndpointConfigName": request["EndpointConfigName"]}]


def _find(things: dict[str, Json], name: str) -> Json:
    if name not in things:
        raise _refuse(f"Could not find {name}.")
    return things[name]


def _refuse(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Describe")
