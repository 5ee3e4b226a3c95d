"""Service-specific credentials, SSH public keys and signing certificates: what moto lacks of them or gets wrong."""

import random
import string
import time
from datetime import datetime

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import LimitExceededException, NotFoundException, ValidationError
from moto.iam.models import SigningCertificate, SshPublicKey, User
from moto.iam.responses import IamResponse

import account
import stale_lists

_ID_ALPHABET = string.ascii_uppercase + string.digits
# "You can have up to two sets of service-specific credentials for each supported service per user."
_PER_SERVICE = 2
# Quotas of IAM: "SSH public keys assigned to an IAM user: 5".
_SSH_KEYS = 5
_DAY = 86400
# Services whose credential is a user name with a password, and those whose credential is one key that may expire.
_PASSWORD_SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
_KEY_SERVICES = ("bedrock.amazonaws.com", "logs.amazonaws.com")
# Nothing reads what a seeded key or certificate says.
_SEEDED_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB seeded"
_SEEDED_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc2VlZGVk\n-----END CERTIFICATE-----"


class ServiceNotSupported(ServiceException):
    code = "NotSupportedService"


class InvalidPublicKey(ServiceException):
    code = "InvalidPublicKey"


class DuplicateSSHPublicKey(ServiceException):
    code = "DuplicateSSHPublicKey"


class Credential:
    """One service-specific credential."""

    def __init__(self, user_name: str, service: str, created: datetime, expires: datetime | None) -> None:
        self.id = new_id("ACCA", 21)
        self.user_name = user_name
        self.service = service
        self.created = created
        self.expires = expires
        self.set_status = "Active"

    @property
    def status(self) -> str:
        """A credential whose time is over is `Expired`, whatever it was set to."""
        over = self.expires is not None and account.epoch_of(self.expires) <= time.time()
        return "Expired" if over else self.set_status

    def metadata(self) -> dict:
        """What lists tell of it."""
        told = {
            "UserName": self.user_name,
            "Status": self.status,
            "CreateDate": self.created,
            "ServiceSpecificCredentialId": self.id,
            "ServiceName": self.service,
        }
        if self.service in _PASSWORD_SERVICES:
            told["ServiceUserName"] = f"{self.user_name}-at-{account.backend().account_id}"
        else:
            told["ServiceCredentialAlias"] = f"{self.user_name}-at-{account.backend().account_id}"
        if self.expires is not None:
            told["ExpirationDate"] = self.expires
        return told

    def with_secret(self) -> dict:
        """What its owner is told once."""
        secret = "ServicePassword" if self.service in _PASSWORD_SERVICES else "ServiceCredentialSecret"
        return {**self.metadata(), secret: "".join(random.choices(string.ascii_letters, k=43)) + "="}


def mend() -> dict:
    """The actions by the names of moto's methods."""

    def writing(kind: str, write) -> object:
        return stale_lists.remembering(kind, _TOLD[kind], write)

    return {
        "create_service_specific_credential": writing("service", _create_service_credential),
        "list_service_specific_credentials": _list_service_credentials,
        "update_service_specific_credential": writing("service", _update_service_credential),
        "reset_service_specific_credential": _reset_service_credential,
        "delete_service_specific_credential": writing("service", _delete_service_credential),
        "upload_ssh_public_key": writing("ssh", _upload_ssh_key),
        "list_ssh_public_keys": _list_ssh_keys,
        "update_ssh_public_key": writing("ssh", _settable(IamResponse.update_ssh_public_key)),
        "delete_ssh_public_key": writing("ssh", IamResponse.delete_ssh_public_key),
        "upload_signing_certificate": writing("certificate", _upload_certificate),
        "list_signing_certificates": _list_certificates,
        "update_signing_certificate": writing("certificate", _settable(_update_certificate)),
        "delete_signing_certificate": writing("certificate", IamResponse.delete_signing_certificate),
    }


def new_id(prefix: str, length: int) -> str:
    """An id of the form of IAM's: a prefix that says what it is of, then upper-case letters and digits."""
    return prefix + "".join(random.choices(_ID_ALPHABET, k=length - len(prefix)))


def fill(user: User, seed: dict) -> None:
    """Gives a user the credentials of its seed, each list of which may be absent."""
    for one in seed.get("service_specific_credentials", []):
        expires = None if one.get("expires") is None else account.time_of(one["expires"])
        credential = Credential(user.name, one["service"], account.time_of(one["created"]), expires)
        credential.id = one["id"]
        credential.set_status = one["status"]
        service_credentials(user).append(credential)
    for one in seed.get("ssh_public_keys", []):
        key = SshPublicKey(user.name, one.get("body") or f"{_SEEDED_KEY}-{one['id']}")
        key.ssh_public_key_id = one["id"]
        key.status = one["status"]
        key.upload_date = account.time_of(one["created"])
        user.ssh_public_keys.append(key)
    for one in seed.get("signing_certificates", []):
        certificate = SigningCertificate(one["id"], user.name, _SEEDED_CERTIFICATE)
        certificate.status = one["status"]
        certificate.upload_date = account.time_of(one["created"])
        if one.get("changed") is not None:
            certificate.changed = account.time_of(one["changed"])
        user.signing_certificates[certificate.id] = certificate


def tell(user: User) -> dict:
    """What is true of a user's credentials, in the form of a seed."""
    return {
        "service_specific_credentials": [
            {
                "id": one.id,
                "service": one.service,
                "status": one.status,
                "created": account.epoch_of(one.created),
                "expires": account.epoch_of(one.expires),
            }
            for one in sorted(service_credentials(user), key=lambda one: one.id)
        ],
        "ssh_public_keys": [
            {"id": one.ssh_public_key_id, "status": one.status, "created": account.epoch_of(one.upload_date)}
            for one in sorted(user.ssh_public_keys, key=lambda one: one.ssh_public_key_id)
        ],
        "signing_certificates": [
            {
                "id": one.id,
                "status": one.status,
                "created": account.epoch_of(one.upload_date),
                "changed": account.epoch_of(certificate_changed(one)),
            }
            for one in sorted(user.signing_certificates.values(), key=lambda one: one.id)
        ],
    }


def service_credentials(user: User) -> list[Credential]:
    """The service-specific credentials of a user."""
    return user.__dict__.setdefault("service_specific_credentials", [])


def certificate_changed(certificate: SigningCertificate) -> datetime:
    """When the certificate was uploaded or its status last changed."""
    return certificate.__dict__.get("changed") or certificate.upload_date


def _create_service_credential(response: IamResponse) -> ActionResult:
    name, service = response._get_param("UserName"), response._get_param("ServiceName")
    user = response.backend.get_user(name)
    if service not in _PASSWORD_SERVICES + _KEY_SERVICES:
        raise ServiceNotSupported(f"The service {service} is not supported.")
    days = response._get_param("CredentialAgeDays")
    if days is not None and service not in _KEY_SERVICES:
        raise ValidationError(f"CredentialAgeDays is not supported for {service}.")
    if sum(1 for one in service_credentials(user) if one.service == service) >= _PER_SERVICE:
        raise LimitExceededException(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {_PER_SERVICE}")
    now = time.time()
    expires = None if days is None else account.time_of(now + int(days) * _DAY)
    credential = Credential(name, service, account.time_of(now), expires)
    service_credentials(user).append(credential)
    return ActionResult({"ServiceSpecificCredential": credential.with_secret()})


def _list_service_credentials(response: IamResponse) -> ActionResult:
    name, service = response._get_param("UserName"), response._get_param("ServiceName")
    everybody = str(response._get_param("AllUsers")).lower() == "true"
    if everybody and name:
        raise ValidationError("UserName and AllUsers cannot be specified together.")
    if service and service not in _PASSWORD_SERVICES + _KEY_SERVICES:
        raise ServiceNotSupported(f"The service {service} is not supported.")
    if not everybody:
        response.backend.get_user(name)
    names = sorted(response.backend.users) if everybody else [name]
    found = [one for name in names for one in stale_lists.visible("service", name, _tell_service_credentials)]
    return ActionResult(
        {"ServiceSpecificCredentials": [one for one in found if service in (None, "", one["ServiceName"])]}
    )


def _update_service_credential(response: IamResponse) -> ActionResult:
    _service_credential(response).set_status = _wanted_status(response)
    return EmptyResult()


def _reset_service_credential(response: IamResponse) -> ActionResult:
    return ActionResult({"ServiceSpecificCredential": _service_credential(response).with_secret()})


def _delete_service_credential(response: IamResponse) -> ActionResult:
    credential = _service_credential(response)
    service_credentials(response.backend.get_user(credential.user_name)).remove(credential)
    return EmptyResult()


def _service_credential(response: IamResponse) -> Credential:
    wanted = response._get_param("ServiceSpecificCredentialId")
    for one in service_credentials(response.backend.get_user(response._get_param("UserName"))):
        if one.id == wanted:
            return one
    raise NotFoundException(f"No such credential {wanted} exists")


def _upload_ssh_key(response: IamResponse) -> ActionResult:
    user = response.backend.get_user(response._get_param("UserName"))
    body = response._get_param("SSHPublicKeyBody")
    if not body.startswith(("ssh-rsa ", "-----BEGIN PUBLIC KEY-----")):
        raise InvalidPublicKey("The public key is invalid.")
    if any(key.ssh_public_key_body == body for key in user.ssh_public_keys):
        raise DuplicateSSHPublicKey("The SSH public key is already associated with the user.")
    if len(user.ssh_public_keys) >= _SSH_KEYS:
        raise LimitExceededException(f"Cannot exceed quota for SSHPublicKeysPerUser: {_SSH_KEYS}")
    key = user.upload_ssh_public_key(body)
    digits = key.fingerprint
    key.fingerprint = ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    return ActionResult({"SSHPublicKey": key})


def _list_ssh_keys(response: IamResponse) -> ActionResult:
    name = response._get_param("UserName")
    response.backend.get_user(name)
    return ActionResult({"SSHPublicKeys": stale_lists.visible("ssh", name, _tell_ssh_keys)})


def _upload_certificate(response: IamResponse) -> ActionResult:
    result = _moto_upload_signing_certificate(response)
    certificate = result.result["Certificate"]
    user = response.backend.get_user(certificate.user_name)
    del user.signing_certificates[certificate.id]
    certificate.id = new_id("", 32)
    user.signing_certificates[certificate.id] = certificate
    return result


def _list_certificates(response: IamResponse) -> ActionResult:
    name = response._get_param("UserName")
    response.backend.get_user(name)
    return ActionResult({"Certificates": stale_lists.visible("certificate", name, _tell_certificates)})


def _update_certificate(response: IamResponse) -> ActionResult:
    user = response.backend.get_user(response._get_param("UserName"))
    wanted = response._get_param("CertificateId")
    certificate = user.signing_certificates.get(wanted)
    if certificate is None:
        raise NotFoundException(f"The Certificate with id {wanted} cannot be found.")
    if certificate.status != response._get_param("Status"):
        certificate.status = response._get_param("Status")
        certificate.changed = account.time_of(time.time())
    return EmptyResult()


def _settable(write):
    def checked(response: IamResponse) -> ActionResult:
        _wanted_status(response)
        return write(response)

    return checked


def _wanted_status(response: IamResponse) -> str:
    status = response._get_param("Status")
    # The model's enumeration has a third value, which nobody can set.
    if status not in ("Active", "Inactive"):
        raise ValidationError(f"Status {status} cannot be set; it is Active or Inactive.")
    return status


def _tell_service_credentials(user_name: str) -> list[dict]:
    return [one.metadata() for one in service_credentials(account.backend().get_user(user_name))]


def _tell_ssh_keys(user_name: str) -> list[dict]:
    return [
        {
            "UserName": user_name,
            "SSHPublicKeyId": key.ssh_public_key_id,
            "Status": key.status,
            "UploadDate": key.upload_date,
        }
        for key in account.backend().get_user(user_name).ssh_public_keys
    ]


def _tell_certificates(user_name: str) -> list[dict]:
    return [
        {
            "UserName": user_name,
            "CertificateId": certificate.id,
            "CertificateBody": certificate.body,
            "Status": certificate.status,
            "UploadDate": certificate.upload_date,
        }
        for certificate in account.backend().get_user(user_name).signing_certificates.values()
    ]


_TOLD = {"service": _tell_service_credentials, "ssh": _tell_ssh_keys, "certificate": _tell_certificates}
# moto's own, before it is replaced.
_moto_upload_signing_certificate = IamResponse.upload_signing_certificate
