"""What moto's IAM differs in from AWS, mended."""

import random
import string
import time

import moto.iam.models
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import DeleteConflictException, NotFoundException, ValidationError
from moto.iam.models import User
from moto.iam.responses import IamResponse

import account
import credential_report
import hazards
import other_credentials
import paging
import stale_lists

_ID_ALPHABET = string.ascii_uppercase + "234567"
_ID_LENGTH = 17

# Actions on a user's own things. AWS lets a user leave out its own name, and refuses that to everybody else; here no
# request reaches the emulator in a user's name.
_OF_A_USER = (
    "create_access_key", "list_access_keys", "update_access_key", "delete_access_key", "get_login_profile",
    "create_login_profile", "list_service_specific_credentials", "create_service_specific_credential",
    "update_service_specific_credential", "reset_service_specific_credential", "delete_service_specific_credential",
    "list_ssh_public_keys", "list_signing_certificates", "upload_signing_certificate", "update_signing_certificate",
    "delete_signing_certificate", "delete_login_profile",
)  # fmt: skip

_desk = credential_report.Desk()


def mend() -> None:
    """Puts every mended action into moto."""
    # AWS does not count a wrong signature or an inactive key as a use; uses are told by `POST /_use` only.
    moto.iam.models.mark_account_as_visited = lambda **_: None
    mended = {
        "create_user": _with_id(IamResponse.create_user, "User", "AIDA"),
        "create_group": _with_id(IamResponse.create_group, "Group", "AGPA"),
        "delete_user": _delete_user,
        "create_login_profile": _create_login_profile,
        "get_login_profile": _get_login_profile,
        "update_login_profile": _update_login_profile,
        "delete_login_profile": IamResponse.delete_login_profile,
        "list_access_keys": _list_access_keys,
        "create_access_key": stale_lists.remembering("key", _true_keys, IamResponse.create_access_key),
        "update_access_key": stale_lists.remembering("key", _true_keys, _update_access_key),
        "delete_access_key": stale_lists.remembering("key", _true_keys, IamResponse.delete_access_key),
        "get_access_key_last_used": _get_access_key_last_used,
        "generate_credential_report": _generate_credential_report,
        "get_credential_report": _get_credential_report,
        **other_credentials.mend(),
    }
    for name, method in mended.items():
        setattr(IamResponse, name, _of_a_named_user(method) if name in _OF_A_USER else method)
    User.password_last_used = property(account.visible_sign_in, account.set_sign_in)
    paging.cut_lists()


def forget() -> None:
    """Forgets reports and what lists showed before."""
    global _desk
    _desk = credential_report.Desk()
    stale_lists.forget()


def _of_a_named_user(act):
    def acted(response: IamResponse) -> ActionResult:
        if not response._get_param("UserName") and not response._get_param("AllUsers"):
            raise ValidationError("Must specify userName when calling with non-User credentials")
        return act(response)

    return acted


def _with_id(create, member: str, prefix: str):
    def created(response: IamResponse) -> ActionResult:
        result = create(response)
        result.result[member].id = prefix + "".join(random.choices(_ID_ALPHABET, k=_ID_LENGTH))
        return result

    return created


def _delete_user(response: IamResponse) -> ActionResult:
    iam, name = response.backend, response._get_param("UserName")
    user = iam.get_user(name)
    left = {
        "access keys": user.access_keys,
        "login profile": user.password,
        "MFA devices": user.mfa_devices,
        "signing certificates": user.signing_certificates,
        "SSH public keys": user.ssh_public_keys,
        "service-specific credentials": other_credentials.service_credentials(user),
        "groups": iam.get_groups_for_user(name),
    }
    for what, found in left.items():
        if found:
            raise DeleteConflictException(f"Cannot delete entity, must remove {what} first.")
    iam.delete_user(name)
    return EmptyResult()


def _create_login_profile(response: IamResponse) -> ActionResult:
    user = response.backend.create_login_profile(response._get_param("UserName"), response._get_param("Password"))
    user.password_created = account.time_of(time.time())
    # Whether AWS keeps the last sign-in of an earlier profile is written nowhere.
    if not hazards.now.sign_in_outlives_profile:
        user.password_last_used = None
    user.password_reset_required = bool(response._get_param("PasswordResetRequired"))
    return _login_profile(user)


def _get_login_profile(response: IamResponse) -> ActionResult:
    return _login_profile(response.backend.get_login_profile(response._get_param("UserName")))


def _update_login_profile(response: IamResponse) -> ActionResult:
    user = response.backend.get_login_profile(response._get_param("UserName"))
    if response._get_param("Password"):
        user.password = response._get_param("Password")
        user.password_created = account.time_of(time.time())
    user.password_reset_required = bool(response._get_param("PasswordResetRequired"))
    return EmptyResult()


def _login_profile(user: User) -> ActionResult:
    profile = {
        "UserName": user.name,
        "CreateDate": account.password_created(user),
        "PasswordResetRequired": user.password_reset_required,
    }
    return ActionResult({"LoginProfile": profile})


def _list_access_keys(response: IamResponse) -> ActionResult:
    name = response._get_param("UserName")
    response.backend.get_user(name)
    return ActionResult({"AccessKeyMetadata": stale_lists.visible("key", name, _true_keys)})


def _true_keys(user_name: str) -> list[dict]:
    return [
        {
            "UserName": user_name,
            "AccessKeyId": key.access_key_id,
            "Status": key.status,
            "CreateDate": key.create_date,
        }
        for key in account.backend().get_user(user_name).access_keys
    ]


def _update_access_key(response: IamResponse) -> ActionResult:
    user = response.backend.get_user(response._get_param("UserName"))
    key = user.get_access_key_by_id(response._get_param("AccessKeyId"))
    if key.status != response._get_param("Status"):
        key.status = response._get_param("Status")
        key.changed = account.time_of(time.time())
    return EmptyResult()


def _get_access_key_last_used(response: IamResponse) -> ActionResult:
    access_key_id = response._get_param("AccessKeyId")
    key = account.find_key(access_key_id)
    if key is None:
        raise NotFoundException(f"The Access Key with id {access_key_id} cannot be found")
    use = hazards.visible_use(account.uses_of(key), time.time())
    last_used = {"Region": "N/A", "ServiceName": "N/A"}
    if use:
        last_used = {"LastUsedDate": account.time_of(use["at"]), "Region": use["region"], "ServiceName": use["service"]}
    return ActionResult({"UserName": key.user_name, "AccessKeyLastUsed": last_used})


def _generate_credential_report(response: IamResponse) -> ActionResult:
    state = _desk.generate()
    if state == "COMPLETE":
        return ActionResult({"State": state})
    return ActionResult({"State": state, "Description": "The report is being generated."})


def _get_credential_report(response: IamResponse) -> ActionResult:
    made_at, report = _desk.get()
    return ActionResult({"Content": report, "ReportFormat": "text/csv", "GeneratedTime": account.time_of(made_at)})
