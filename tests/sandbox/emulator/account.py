"""The account's users as moto holds them: filled from a seed, told as they truly are."""

import os
import time
import uuid
from datetime import datetime, timezone

from moto.iam.models import AccessKey, AWSManagedPolicy, Group, IAMBackend, ManagedPolicy, User, iam_backends

import hazards
import other_credentials

_DEFAULT_ACCOUNT = "123456789012"
_PARTITION = "aws"
_REGION = "us-east-1"
# Of a policy that moto does not know, readers ask for the name only.
_NO_DOCUMENT = '{"Version":"2012-10-17","Statement":[]}'


def backend() -> IAMBackend:
    """IAM of the seeded account."""
    return iam_backends[os.environ.get("MOTO_ACCOUNT_ID", _DEFAULT_ACCOUNT)][_PARTITION]


def time_of(epoch_seconds: float) -> datetime:
    """moto's own form of a time: UTC without saying so."""
    return datetime.fromtimestamp(epoch_seconds, timezone.utc).replace(tzinfo=None)


def epoch_of(time: datetime | None) -> int | None:
    """Epoch seconds of one of moto's times."""
    return None if time is None else int(time.replace(tzinfo=timezone.utc).timestamp())


def clear() -> None:
    """Takes away every user and group; roles, policies and other services stay."""
    iam = backend()
    for user in iam.users.values():
        iam.tagger.delete_all_tags_for_resource(user.arn)
    iam.users.clear()
    iam.access_keys.clear()
    iam.groups.clear()
    iam.virtual_mfa_devices.clear()


def fill(seed: dict) -> None:
    """Replaces users and groups by those of the seed."""
    os.environ["MOTO_ACCOUNT_ID"] = seed["account"]
    clear()
    for group in seed.get("groups", []):
        _add_group(seed["account"], group)
    for user in seed["users"]:
        _add_user(seed["account"], user)


def truth() -> dict:
    """What is true of users and groups now, whatever readers are shown."""
    iam = backend()
    return {
        "users": [_tell_user(iam, user) for user in sorted(iam.users.values(), key=lambda user: user.name)],
        "groups": [
            {"name": group.name, "attached": sorted(group.managed_policies), "users": sorted(u.name for u in group.users)}
            for group in sorted(iam.groups.values(), key=lambda group: group.name)
        ],
    }


def secrets() -> list[str]:
    """The secret keys and passwords that users have now."""
    users = backend().users.values()
    keys = [key.secret_access_key for user in users for key in user.access_keys]
    return keys + [user.password for user in users if user.password]


def find_key(access_key_id: str) -> AccessKey | None:
    """The access key of a user by its id."""
    for user in backend().users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key_id:
                return key
    return None


def uses_of(key: AccessKey) -> list[dict]:
    """When and where the key was used, in no order: `at` (epoch seconds), `service`, `region`."""
    return key.__dict__.setdefault("uses", [])


def changed_at(key: AccessKey) -> datetime:
    """When the key was created or its status last changed."""
    return key.__dict__.get("changed") or key.create_date


def password_created(user: User) -> datetime | None:
    """When the console password was set; None where there is none."""
    return user.__dict__.get("password_created") or user.create_date if user.password else None


def sign_ins(user: User) -> list[dict]:
    """When the user signed in at the console, in no order: `at` (epoch seconds)."""
    return user.__dict__.setdefault("sign_ins", [])


def visible_sign_in(user: User) -> datetime | None:
    """The last sign-in that a reader may see already."""
    use = hazards.visible_use(sign_ins(user), time.time())
    return use and time_of(use["at"])


def set_sign_in(user: User, at: datetime | None) -> None:
    """Makes this the only sign-in, or takes all away."""
    user.sign_ins = [] if at is None else [{"at": epoch_of(at)}]


def _add_group(account: str, seed: dict) -> None:
    group = Group(account, _REGION, seed["name"], seed.get("path", "/"))
    group.id = "AGPA" + group.id[:17].upper().ljust(17, "A")
    for arn in seed.get("attached", []):
        _attach(arn, group)
    backend().groups[group.name] = group


def _add_user(account: str, seed: dict) -> None:
    iam = backend()
    user = User(account, _REGION, seed["name"], seed.get("path", "/"))
    user.id = seed["id"]
    user.create_date = time_of(seed["created"])
    iam.users[user.name] = user
    if seed.get("tags"):
        iam.tagger.tag_resource(user.arn, [{"Key": key, "Value": value} for key, value in seed["tags"].items()])
    for group in seed.get("groups", []):
        iam.groups[group].users.append(user)
    for arn in seed.get("attached", []):
        _attach(arn, user)
    if seed.get("boundary"):
        user.permissions_boundary = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": seed["boundary"],
        }
    if password := seed.get("password"):
        user.password = f"password-{uuid.uuid4()}"
        user.password_created = time_of(password["created"])
        if password.get("last_used") is not None:
            user.password_last_used = time_of(password["last_used"])
    for key in seed.get("keys", []):
        access_key = _key(account, user.name, key)
        user.access_keys.append(access_key)
        # Where moto looks for the key that it is to delete.
        iam.access_keys[access_key.access_key_id] = access_key
    other_credentials.fill(user, seed)


def _key(account: str, user_name: str, seed: dict) -> AccessKey:
    key = AccessKey(user_name, prefix="AKIA", account_id=account, status=seed["status"])
    key.access_key_id = seed["id"]
    key.create_date = time_of(seed["created"])
    if seed.get("changed") is not None:
        key.changed = time_of(seed["changed"])
    if seed.get("last_used"):
        uses_of(key).append(dict(seed["last_used"]))
    return key


def _attach(arn: str, to: User | Group) -> None:
    iam = backend()
    if arn not in iam.managed_policies:
        _, _, _, _, owner, resource = arn.split(":", 5)
        path, name = resource.removeprefix("policy").rsplit("/", 1)
        kind = AWSManagedPolicy if owner == "aws" else ManagedPolicy
        account = iam.account_id if owner == "aws" else owner
        iam.managed_policies[arn] = kind(name, account, _REGION, document=_NO_DOCUMENT, path=path + "/")
    iam.managed_policies[arn].attach_to(to)


def _tell_user(iam: IAMBackend, user: User) -> dict:
    return {
        "name": user.name,
        "id": user.id,
        "path": user.path,
        "created": epoch_of(user.create_date),
        "tags": {tag["Key"]: tag["Value"] for tag in iam.tagger.list_tags_for_resource(user.arn)["Tags"]},
        "groups": sorted(group.name for group in iam.get_groups_for_user(user.name)),
        "attached": sorted(user.managed_policies),
        "password": None
        if not user.password
        else {"created": epoch_of(password_created(user)), "last_used": max((use["at"] for use in sign_ins(user)), default=None)},
        "keys": [_tell_key(key) for key in sorted(user.access_keys, key=lambda key: key.access_key_id)],
        **other_credentials.tell(user),
    }


def _tell_key(key: AccessKey) -> dict:
    uses = sorted(uses_of(key), key=lambda use: use["at"])
    return {
        "id": key.access_key_id,
        "status": key.status,
        "created": epoch_of(key.create_date),
        "changed": epoch_of(changed_at(key)),
        "last_used": uses[-1] if uses else None,
    }
