"""The operations on inference components.

Its errors have AWS's words where they are known. AWS deletes an endpoint and keeps its components, which then block
their names, as https://github.com/huggingface/skills/pull/215 measured;
https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-delete-resources.html says to delete them first.
"""

from typing import Any

from moto.sagemaker.exceptions import ValidationError

from local.sagemaker.component import STATES, InferenceComponent
from local.sagemaker.endpoints import EndpointOperations
from local.sagemaker.guardrails import Shift, read_rolling_policy
from local.sagemaker.hosting import Definition
from local.sagemaker.resources import Json, list_page, refuse

_UNSUPPORTED = ("Specifications",)
_UNSUPPORTED_SPECIFICATION = (
    *("BaseInferenceComponentName", "Container", "DataCacheConfig", "InstanceType", "SchedulingConfig"),
)


class ComponentOperations(EndpointOperations):
    """CreateInferenceComponent and related operations."""

    components: dict[str, InferenceComponent]

    def create_inference_component(self, request: Json) -> Json:
        """Start the first copies of a model on an endpoint."""
        name = request["InferenceComponentName"]
        with self.lock:
            arn = self.arn("inference-component", name)
            if name in self.components:
                raise ValidationError(message=f'Cannot create already existing inference component "{arn}".')
            endpoint = self.find_endpoint(request)
            if endpoint.status != "InService" or not endpoint.hosts_components:
                raise ValidationError(
                    message=f'Cannot create the inference component "{arn}": the endpoint "{endpoint.arn}" is '
                    f"{endpoint.status}, and must be InService with a configuration that has no model."
                )
            variant = request.get("VariantName") or next(iter(endpoint.variant_names))
            if variant not in endpoint.variant_names:
                raise ValidationError(message=f"Could not find the variant {variant}.")
            specification, model = self._read_specification(request)
            copies = (request.get("RuntimeConfig") or {}).get("CopyCount", 1)
            if not copies:
                # https://github.com/stdapi-ai/stdapi.ai/issues/43 has AWS's refusal.
                raise ValidationError(message="The CopyCount of a new inference component must be larger than 0.")
            completed = {"VariantName": variant, "Specification": specification, "RuntimeConfig": {"CopyCount": copies}}
            component = self.components[name] = InferenceComponent(self, request | completed, model)
            component.create()
        return {"InferenceComponentArn": arn}

    def update_inference_component(self, request: Json) -> Json:
        """Start to replace the model, or the copies, of a component."""
        with self.lock:
            component = self._find_component(request)
            self._check_free(component, "update")
            if not request.get("Specification") and not request.get("RuntimeConfig"):
                raise ValidationError(message="UpdateInferenceComponent needs a Specification or a RuntimeConfig.")
            described: Json = component.describe()
            specification, model = self._read_specification({"Specification": described["Specification"]} | request)
            copies = int((request.get("RuntimeConfig") or {}).get("CopyCount", component.wanted))
            deployment = request.get("DeploymentConfig")
            shift = None
            if deployment:
                shift = Shift(read_rolling_policy(deployment, copies), self.region_name, component.role_arn)
                shift.check_alarms()
            component.deployment = deployment
            component.update(specification, model, copies, shift)
        return {"InferenceComponentArn": component.arn}

    def update_inference_component_runtime_config(self, request: Json) -> Json:
        """Start to change the number of copies of a component."""
        with self.lock:
            component = self._find_component(request)
            self._check_free(component, "update")
            component.scale(request["DesiredRuntimeConfig"]["CopyCount"])
        return {"InferenceComponentArn": component.arn}

    def delete_inference_component(self, request: Json) -> Json:
        """Start the deletion of a component."""
        with self.lock:
            component = self._find_component(request)
            self._check_free(component, "delete")
            component.delete(lambda: self._forget_component(component.name))
        return {}

    def describe_inference_component(self, request: Json) -> Json:
        """Describe a component."""
        return self._find_component(request).describe()

    def list_inference_components(self, request: Json) -> Json:
        """List the components of the region."""
        endpoint, variant = request.get("EndpointNameEquals"), request.get("VariantNameEquals")
        found = [
            one
            for one in list(self.components.values())
            if endpoint in (None, one.endpoint) and variant in (None, one.variant)
        ]
        summaries, token = list_page(request, found, default_order="Descending")
        return {"InferenceComponents": summaries, "NextToken": token}

    def describe_endpoint(self, request: Json) -> Json:
        """Describe an endpoint; one instance holds one copy of its components."""
        answer = super().describe_endpoint(request)
        hosted = self._list_hosted(request["EndpointName"])
        for variant in answer.get("ProductionVariants") or []:
            if hosted and (scaling := variant.get("ManagedInstanceScaling")):
                count = min(
                    max(sum(one.copies for one in hosted), scaling.get("MinInstanceCount", 1)),
                    scaling["MaxInstanceCount"],
                )
                variant |= {"CurrentInstanceCount": count, "DesiredInstanceCount": count}
        return answer

    def delete_endpoint(self, request: Json) -> Json:
        """Start the deletion of an endpoint; its components stay, without a copy that answers."""
        answer = super().delete_endpoint(request)
        for component in self._list_hosted(request["EndpointName"]):
            component.abandon()
        return answer

    def _list_hosted(self, endpoint: str) -> list[InferenceComponent]:
        """The components of an endpoint; the list is a copy, because other threads change the components."""
        return [one for one in list(self.components.values()) if one.endpoint == endpoint]

    def _read_specification(self, request: Json) -> tuple[Json, Definition]:
        refuse(request, _UNSUPPORTED, "an inference component")
        specification: Any = request.get("Specification") or {}
        refuse(specification, _UNSUPPORTED_SPECIFICATION, "the Specification of an inference component")
        if not specification.get("ModelName") or not specification.get("ComputeResourceRequirements"):
            raise ValidationError(message="local/ needs the ModelName and ComputeResourceRequirements of a component.")
        model = self.find_model(specification["ModelName"])
        if len(model.request.get("Containers") or []) > 1:
            raise ValidationError(message="An inference component has one container; the model has several.")
        return specification, model

    def _find_component(self, request: Json) -> InferenceComponent:
        name = request["InferenceComponentName"]
        component = self.components.get(name)
        if not component:
            arn = self.arn("inference-component", name)
            raise ValidationError(message=f'Could not find inference component "{arn}".')
        return component

    def _check_free(self, component: InferenceComponent, action: str) -> None:
        if state := STATES.get(component.status):
            raise ValidationError(
                message=f'Cannot {action} inference component "{component.arn}" while it is in state {state}.'
            )

    def _forget_component(self, name: str) -> None:
        with self.lock:
            del self.components[name]
