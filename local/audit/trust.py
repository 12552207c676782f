"""Audits trust policies: whether a service, a role or a web identity may assume a role.

A service assumes a role after the call that passes the role; AWS refuses that call if the service cannot.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from local import accounts, partitions
from local.audit import permissions, resources
from local.audit.conditions import Context
from local.audit.permissions import Permission
from local.audit.policies import Verdict, decide
from local.audit.principals import names_account, names_identity, names_provider, names_service
from local.calls import Call
from local.errors import RefusedError

MOTO_NAMES = (
    "moto.iam.models.IAMBackend.create_open_id_connect_provider",
    "moto.iam.models.Role",
    "moto.iam.models.iam_backends",
)

# The error codes and messages of AWS, from public reports:
# lambda          https://github.com/pdomala/LambdaCDDemo/issues/1
# states          https://github.com/lumigo-io/lumigo-CLI/issues/83
# sagemaker       https://github.com/awslabs/predictive-maintenance-using-machine-learning/issues/3
# scheduler       https://github.com/aws/aws-sdk-js-v3/issues/6494
# events          https://github.com/Miserlou/Zappa/issues/381
# cloudformation  https://github.com/aws-amplify/amplify-backend/pull/2325
# codebuild       https://github.com/awslabs/seed-farmer, which looks for it
_REFUSALS = {
    "lambda": ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
    "states": (
        "AccessDeniedException",
        "Neither the global service principal {service}, nor the regional one is authorized to assume the provided "
        "role.",
    ),
    "sagemaker": (
        "ValidationException",
        "Could not assume role {role}. Please ensure that the role exists and allows principal '{service}' to assume "
        "the role.",
    ),
    "scheduler": (
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    ),
    "events": ("ValidationException", "Provided role '{role}' cannot be assumed by principal '{service}'."),
    "cloudformation": ("ValidationError", "Role {role} is invalid or cannot be assumed"),
    "codebuild": ("InvalidInputException", "CodeBuild is not authorized to perform: sts:AssumeRole on {role}"),
}

# The services whose documentation names the value of aws:SourceArn; for the others, a condition on it is undecided.
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
# https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
# https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
_SENDS_SOURCE = ("codebuild", "events", "sagemaker", "scheduler", "states")


@dataclass(frozen=True)
class Assumption:
    """A service or a web identity that a call lets assume a role.

    Parameters
    ----------
    caller
        The service's principal, or the subject of the web identity.
    needed, verdict
        The permission, and whether the trust policy allows it.
    refusal
        AWS's error if the trust policy does not.
    """

    caller: str
    needed: Permission
    verdict: Verdict
    refusal: RefusedError


def of(call: Call) -> Iterator[Assumption]:
    """Yield the assumptions that a call brings about, apart from AssumeRole by its caller."""
    if call.action == "sts:AssumeRoleWithWebIdentity":
        yield _by_web_identity(call)
    elif call.prefix in _REFUSALS:
        for role in permissions.passed_roles(call.parameters):
            yield _by_service(call, role)


def combine(call: Call, identity: Verdict) -> Verdict:
    """Decide AssumeRole by a role or user, from its identity policies' verdict and the trust policy.

    A trust policy that names the caller is enough; one that names the account needs an identity policy, too.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-res.html
    """
    if identity.allowed is None or identity.reason.startswith("explicit"):
        return identity
    arn, role = call.caller.arn or "", str(call.parameters.get("RoleArn", ""))
    context = permissions.context(call)
    by_name = _decide(role, "sts:AssumeRole", context, lambda principal: names_identity(principal, arn))
    if by_name.allowed is not False or by_name.reason.startswith("explicit"):
        return by_name
    by_account = _decide(role, "sts:AssumeRole", context, names_account)
    return identity if by_account.allowed else by_account


def decide_alone(call: Call, caller: str) -> Verdict:
    """Decide AssumeRole by the trust policy alone, whether it names the caller or the account of the call."""
    context = permissions.context(call) | {"aws:PrincipalArn": caller}
    return _decide(
        str(call.parameters.get("RoleArn", "")),
        "sts:AssumeRole",
        context,
        lambda principal: names_identity(principal, caller) or names_account(principal),
    )


def _by_service(call: Call, role: str) -> Assumption:
    service = f"{call.prefix}.amazonaws.com"
    principals = {service, f"{call.prefix}.{call.region}.amazonaws.com"} if call.prefix == "states" else {service}
    verdict = _decide(
        role,
        "sts:AssumeRole",
        _source(call),
        lambda principal: any(names_service(principal, each) for each in principals),
    )
    code, message = _REFUSALS[call.prefix]
    refusal = RefusedError(code, message.format(role=role, service=service), 400)
    return Assumption(service, Permission("sts:AssumeRole", role), verdict, refusal)


def _source(call: Call) -> Context:
    """The keys about the resource for which a service assumes a role.

    Scheduler sends the ARN of the schedule's group:
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    if call.prefix not in _SENDS_SOURCE:
        return {}
    arn = next(resources.of(call)) or ""
    if call.prefix == "scheduler":
        arn = arn.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    return {"aws:SourceArn": arn, "aws:SourceAccount": accounts.current()}


def _by_web_identity(call: Call) -> Assumption:
    """A token's signature and expiry are not verified here; its issuer, audience and subject are."""
    role, claims = str(call.parameters["RoleArn"]), _read_claims(str(call.parameters["WebIdentityToken"]))
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    host = issuer.removeprefix("https://")
    provider = f"{role.partition(':role/')[0]}:oidc-provider/{host}"
    needed = Permission("sts:AssumeRoleWithWebIdentity", role)
    registered = iam_backends[accounts.of_arn(role)][role.split(":")[1]].open_id_providers.get(provider)
    if registered is None:
        # The wording: https://github.com/aws-actions/configure-aws-credentials/issues/721
        message = f"No OpenIDConnect provider found in your account for {issuer}"
        refusal = RefusedError("InvalidIdentityToken", message, 400)
        return Assumption(subject, needed, Verdict(False, f"there is no identity provider {provider}"), refusal)
    if claims.get("aud") not in registered.client_id_list:
        # The wording: https://github.com/awslabs/amazon-eks-irsa-cfn/pull/18
        refusal = RefusedError("InvalidIdentityToken", "Incorrect token audience", 400)
        return Assumption(subject, needed, Verdict(False, f"{provider} has no audience {claims.get('aud')}"), refusal)
    context: Context = {f"{host}:{name}": str(claims[name]) for name in ("aud", "sub") if name in claims}
    verdict = _decide(role, needed.action, context, lambda principal: names_provider(principal, provider))
    # The wording: https://github.com/aws-actions/configure-aws-credentials/issues/690
    refusal = RefusedError("AccessDenied", f"Not authorized to perform {needed.action}", 403)
    return Assumption(subject, needed, verdict, refusal)


def _read_claims(token: str) -> dict[str, Any]:
    """The claims of a JSON web token; empty if it is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _decide(role_arn: str, action: str, context: Context, applies: Callable[[Any], bool]) -> Verdict:
    roles = iam_backends[accounts.of_arn(role_arn)][partitions.current()].get_roles()
    document = next((role.assume_role_policy_document for role in roles if role.arn == role_arn), None)
    if document is None:
        return Verdict(False, "the role does not exist")
    statements = json.loads(document).get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    chosen = [each | {"Resource": "*"} for each in statements if applies(each.get("Principal"))]
    verdict = decide(chosen, action, role_arn, context)
    if verdict.allowed is False and not verdict.reason.startswith("explicit"):
        return Verdict(False, "the role's trust policy does not allow it")
    return verdict
