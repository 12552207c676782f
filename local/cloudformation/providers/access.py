"""IAM roles and policies, and KMS keys."""

from typing import Any

from local.cloudformation.providers.base import Attributes, Provider, Task, delete_if_exists, document, tag_list

_PRINCIPALS = ("Role", "User", "Group")


def _create_role(task: Task) -> Attributes:
    role = task.api.create_role(
        **task.pick("RoleName Path Description MaxSessionDuration PermissionsBoundary"),
        AssumeRolePolicyDocument=document(task["AssumeRolePolicyDocument"]),
        Tags=tag_list(task.tags),
    )["Role"]
    return {"Ref": role["RoleName"], "Arn": role["Arn"], "RoleId": role["RoleId"]}


def _update_role(task: Task) -> None:
    role = {"RoleName": task.physical_id}
    task.api.update_role(**role, **task.pick("", Description="", MaxSessionDuration=3600))
    if task.changed("AssumeRolePolicyDocument"):
        trust = document(task["AssumeRolePolicyDocument"])
        task.api.update_assume_role_policy(**role, PolicyDocument=trust)
    if task.changed("PermissionsBoundary"):
        if boundary := task.get("PermissionsBoundary"):
            task.api.put_role_permissions_boundary(**role, PermissionsBoundary=boundary)
        else:
            delete_if_exists(task.api.delete_role_permissions_boundary, **role)
    task.retag(
        lambda tags: task.api.tag_role(**role, Tags=tag_list(tags)),
        lambda keys: delete_if_exists(task.api.untag_role, **role, TagKeys=keys),
    )


def _configure_role(task: Task) -> None:
    role = {"RoleName": task.physical_id}
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in task.get("Policies", [])}
    former = {policy["PolicyName"]: policy["PolicyDocument"] for policy in task.before.get("Policies", [])}
    for name in policies:
        if policies[name] != former.get(name):
            task.api.put_role_policy(**role, PolicyName=name, PolicyDocument=document(policies[name]))
    for name in former.keys() - policies.keys():
        delete_if_exists(task.api.delete_role_policy, **role, PolicyName=name)
    attached, detached = _difference(task, "ManagedPolicyArns")
    for arn in attached:
        task.api.attach_role_policy(**role, PolicyArn=arn)
    for arn in detached:
        delete_if_exists(task.api.detach_role_policy, **role, PolicyArn=arn)


def _delete_role(task: Task) -> None:
    role = {"RoleName": task.physical_id}
    for policy in task.get("Policies", []):
        delete_if_exists(task.api.delete_role_policy, **role, PolicyName=policy["PolicyName"])
    for arn in task.get("ManagedPolicyArns", []):
        delete_if_exists(task.api.detach_role_policy, **role, PolicyArn=arn)
    task.api.delete_role(**role)


def _difference(task: Task, name: str) -> tuple[list[str], list[str]]:
    after, before = task.get(name, []), task.before.get(name, [])
    return [item for item in after if item not in before], [item for item in before if item not in after]


def _put_policy(task: Task) -> None:
    for kind in _PRINCIPALS:
        for name in task.get(f"{kind}s", []):
            put = getattr(task.api, f"put_{kind.lower()}_policy")
            put(**{f"{kind}Name": name}, **task.pick("PolicyName"), PolicyDocument=document(task["PolicyDocument"]))
        same_name = not task.changed("PolicyName")
        for name in task.before.get(f"{kind}s", []):
            if not (same_name and name in task.get(f"{kind}s", [])):
                delete = getattr(task.api, f"delete_{kind.lower()}_policy")
                delete_if_exists(delete, **{f"{kind}Name": name}, PolicyName=task.before["PolicyName"])


def _delete_policy(task: Task) -> None:
    for kind in _PRINCIPALS:
        for name in task.get(f"{kind}s", []):
            delete_if_exists(
                getattr(task.api, f"delete_{kind.lower()}_policy"), **{f"{kind}Name": name}, **task.pick("PolicyName")
            )


def _create_managed_policy(task: Task) -> Attributes:
    names = {"PolicyName": task["ManagedPolicyName"], **task.pick("Path Description")}
    policy = task.api.create_policy(**names, PolicyDocument=document(task["PolicyDocument"]))["Policy"]
    return {"Ref": policy["Arn"], "PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}


def _update_managed_policy(task: Task) -> None:
    if not task.changed("PolicyDocument"):
        return
    policy = {"PolicyArn": task.physical_id}
    new = task.api.create_policy_version(**policy, PolicyDocument=document(task["PolicyDocument"]), SetAsDefault=True)
    for version in task.api.list_policy_versions(**policy)["Versions"]:
        if version["VersionId"] != new["PolicyVersion"]["VersionId"]:
            task.api.delete_policy_version(**policy, VersionId=version["VersionId"])


def _attach_managed_policy(task: Task) -> None:
    for kind in _PRINCIPALS:
        attached, detached = _difference(task, f"{kind}s")
        attach = getattr(task.api, f"attach_{kind.lower()}_policy")
        detach = getattr(task.api, f"detach_{kind.lower()}_policy")
        for name in attached:
            attach(**{f"{kind}Name": name}, PolicyArn=task.physical_id)
        for name in detached:
            delete_if_exists(detach, **{f"{kind}Name": name}, PolicyArn=task.physical_id)


def _delete_managed_policy(task: Task) -> None:
    for kind in _PRINCIPALS:
        for name in task.get(f"{kind}s", []):
            detach = getattr(task.api, f"detach_{kind.lower()}_policy")
            delete_if_exists(detach, **{f"{kind}Name": name}, PolicyArn=task.physical_id)
    task.api.delete_policy(PolicyArn=task.physical_id)


def _create_key(task: Task) -> Attributes:
    policy = {"Policy": document(task["KeyPolicy"])} if task.get("KeyPolicy") else {}
    tags = tag_list(task.tags, "TagKey", "TagValue")
    key = task.api.create_key(**task.pick("Description KeySpec KeyUsage MultiRegion"), **policy, Tags=tags)[
        "KeyMetadata"
    ]
    return {"Ref": key["KeyId"], "KeyId": key["KeyId"], "Arn": key["Arn"]}


def _update_key(task: Task) -> None:
    key: dict[str, Any] = {"KeyId": task.physical_id}
    task.api.update_key_description(**key, Description=task.get("Description", ""))
    if task.changed("KeyPolicy"):
        task.api.put_key_policy(**key, PolicyName="default", Policy=document(task["KeyPolicy"]))
    task.retag(
        lambda tags: task.api.tag_resource(**key, Tags=tag_list(tags, "TagKey", "TagValue")),
        lambda keys: task.api.untag_resource(**key, TagKeys=keys),
    )


def _configure_key(task: Task) -> None:
    if task.changed("EnableKeyRotation"):
        rotate = task.api.enable_key_rotation if task.get("EnableKeyRotation") else task.api.disable_key_rotation
        rotate(KeyId=task.physical_id)


def _create_alias(task: Task) -> Attributes:
    task.api.create_alias(**task.pick("AliasName TargetKeyId"))
    return {"Ref": task["AliasName"]}


def _update_alias(task: Task) -> None:
    task.api.update_alias(**task.pick("AliasName TargetKeyId"))


PROVIDERS = {
    "AWS::IAM::Role": Provider(
        "iam",
        "RoleName Path Description MaxSessionDuration PermissionsBoundary AssumeRolePolicyDocument Policies "
        "ManagedPolicyArns Tags",
        _create_role,
        _delete_role,
        _configure_role,
        _update_role,
        name="RoleName",
    ),
    "AWS::IAM::Policy": Provider(
        "iam",
        "PolicyName PolicyDocument Roles Users Groups",
        lambda task: {"Ref": task["PolicyName"], "Id": task["PolicyName"]},
        _delete_policy,
        _put_policy,
    ),
    "AWS::IAM::ManagedPolicy": Provider(
        "iam",
        "ManagedPolicyName Path Description PolicyDocument Roles Users Groups",
        _create_managed_policy,
        _delete_managed_policy,
        _attach_managed_policy,
        _update_managed_policy,
        name="ManagedPolicyName",
    ),
    "AWS::KMS::Key": Provider(
        "kms",
        "Description KeySpec KeyUsage MultiRegion KeyPolicy EnableKeyRotation PendingWindowInDays Tags",
        _create_key,
        lambda task: task.api.schedule_key_deletion(KeyId=task.physical_id, **task.pick("PendingWindowInDays")),
        _configure_key,
        _update_key,
        replaces="KeySpec KeyUsage MultiRegion",
    ),
    "AWS::KMS::Alias": Provider(
        "kms",
        "AliasName TargetKeyId",
        _create_alias,
        lambda task: task.api.delete_alias(AliasName=task.physical_id),
        update=_update_alias,
    ),
}
