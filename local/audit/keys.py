"""Audits the use of KMS keys: the permissions for them that calls of S3, SageMaker and KMS need, and who gives them.

A key's policy decides first. It names a role or user, or it names the account, whose IAM policies then count; a grant
allows the operations that it lists. https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
Keys that AWS manages need no permission, and the policies of keys of other accounts are not known here.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from moto.kms.models import kms_backends
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends

from local import accounts
from local.audit import encryption
from local.audit.conditions import Context
from local.audit.permissions import Permission
from local.audit.policies import Verdict, decide
from local.audit.principals import names_account, names_identity
from local.callers import Caller
from local.calls import Call

MOTO_NAMES = (
    "moto.kms.models.Key.list_grants",
    "moto.kms.models.KmsBackend.any_id_to_key_id",
    "moto.kms.models.kms_backends",
    "moto.sagemaker.exceptions.ValidationError",
    "moto.sagemaker.models.sagemaker_backends",
)

_CONTEXT = "kms:EncryptionContext:"


def combine(caller: Caller, needed: Permission, context: Context, identity: Verdict) -> Verdict:
    """Decide the use of a key, from the verdict of the caller's own policies, the key's policy and its grants."""
    if needed.resource in (None, "*") or identity.reason.startswith("explicit"):
        return identity
    arn, account = str(needed.resource), str(needed.resource).split(":")[4]
    if account != accounts.current():
        return Verdict(None, "the policy of a key in another account is not known here")
    key = kms_backends[accounts.current()][arn.split(":")[3]].keys.get(arn.rpartition("/")[2])
    if key is None or key.arn != arn:
        return Verdict(False, "the key does not exist")
    statements, own = json.loads(key.policy)["Statement"], caller.arn or ""
    named = [each for each in statements if names_identity(each.get("Principal"), own)]
    shared = [each for each in statements if names_account(each.get("Principal"))]
    denied = decide([each for each in shared if each["Effect"] == "Deny"], needed.action, arn, context)
    by_name = denied if denied.reason.startswith("explicit") else decide(named, needed.action, arn, context)
    if by_name.allowed is not False or by_name.reason.startswith("explicit"):
        return by_name
    if any(_allows(each, own, needed.action, context) for each in key.grants.values()):
        return Verdict(True)
    by_account = decide(shared, needed.action, arn, context)
    if by_account.allowed:
        return identity
    return by_account if by_account.allowed is None else Verdict(False, "no resource-based policy allows it")


def _allows(grant: Any, arn: str, action: str, context: Context) -> bool:
    """False when a grant is for another principal, operation or encryption context.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
    """
    if grant.grantee_principal != arn or action.removeprefix("kms:") not in grant.operations:
        return False
    actual = {name.removeprefix(_CONTEXT): value for name, value in context.items() if name.startswith(_CONTEXT)}
    constraints = grant.constraints or {}
    exact, part = constraints.get("EncryptionContextEquals"), constraints.get("EncryptionContextSubset", {})
    return exact in (None, actual) and all(actual.get(name) == value for name, value in part.items())


def of_jobs(call: Call) -> Iterator[dict[Caller, Permission]]:
    """Yield, for each key in a request that creates a job or an endpoint, who needs which permission for it.

    One of them is enough.

    https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html and the KmsKeyId members of
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Types.html: an execution role needs kms:Encrypt for
    the key of an output. For the volume of a job the execution role or the caller needs kms:CreateGrant, and for the
    volumes of an endpoint the caller. AWS documents the error of neither.
    """
    if call.prefix != "sagemaker":
        return
    by_caller = encryption.via(call, "sagemaker")
    if call.operation.name in ("CreateEndpoint", "UpdateEndpoint"):
        key = _endpoint_key(call)
        if key:
            yield {call.caller: _grant(call, key, by_caller)}
    elif call.operation.name.startswith("Create"):
        roles = [Caller(role, "SageMaker") for role in _roles(call)]
        for name in _members(call.parameters, "VolumeKmsKeyId"):
            yield {role: _grant(call, name, None) for role in roles} | {call.caller: _grant(call, name, by_caller)}
        outputs = {member: value for member, value in call.parameters.items() if member != "KmsKeyId"}
        for name in _members(outputs, "KmsKeyId"):
            needed = Permission("kms:Encrypt", encryption.key_arn(call.region, name), {"kms:ViaService": None})
            yield from ({role: needed} for role in roles)


def _grant(call: Call, name: str, service: str | None) -> Permission:
    """SageMaker's grant. AWS does not document the service of an execution role's call."""
    keys: Context = {"kms:GrantIsForAWSResource": "true", "kms:ViaService": service}
    return Permission("kms:CreateGrant", encryption.key_arn(call.region, name), keys)


def _endpoint_key(call: Call) -> str:
    backend: Any = sagemaker_backends[accounts.current()][call.region]
    with suppress(ValidationError):  # the call itself refuses the name
        return str(backend.find_endpoint_config(call.parameters["EndpointConfigName"]).request.get("KmsKeyId") or "")
    return ""


def _roles(call: Call) -> list[str]:
    """The execution roles of a request: its own, that of its model, or those of the models of its variants."""
    backend: Any = sagemaker_backends[accounts.current()][call.region]
    roles = [*_members(call.parameters, "RoleArn"), *_members(call.parameters, "ExecutionRoleArn")]
    for name in _members(call.parameters, "ModelName"):
        with suppress(ValidationError):  # as above
            roles.append(str(backend.find_model(name).request["ExecutionRoleArn"]))
    return list(dict.fromkeys(roles))


def _members(value: Any, member: str) -> Iterator[str]:
    """The texts of a member, at any depth of a request."""
    if isinstance(value, list):
        for each in value:
            yield from _members(each, member)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == member and isinstance(each, str) and each:
                yield each
            yield from _members(each, member)
