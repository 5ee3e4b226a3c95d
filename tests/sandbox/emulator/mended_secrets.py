"""What moto's Secrets Manager differs in from AWS, mended, and the beginning of rotations, which it does not play.

`RotateSecret` is asynchronous (Secrets Manager API Reference, "RotateSecret"): it labels a version without a value
AWSPENDING and returns. Which function is to be invoked for it then is told by `begun`; the sandbox invokes it.
"""

import json
import time
import uuid

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

_CURRENT = "AWSCURRENT"
_PENDING = "AWSPENDING"

# Rotations that were asked for and that nobody has begun to carry out.
_begun: list[dict] = []


def mend() -> None:
    """Puts every mended action into moto."""
    SecretsManagerBackend.get_secret_value = _current_by_label(SecretsManagerBackend.get_secret_value)
    SecretsManagerBackend.put_secret_value = _unchangeable(SecretsManagerBackend.put_secret_value)
    SecretsManagerBackend.update_secret_version_stage = _move_label
    SecretsManagerBackend.rotate_secret = _rotate


def begun() -> list[dict]:
    """The rotations that were asked for since this was asked last: `{"secret", "token", "function"}`."""
    taken = list(_begun)
    _begun.clear()
    return taken


def forget() -> None:
    """Forgets rotations that were asked for."""
    _begun.clear()


def _current_by_label(get):
    # moto keeps beside the labels which version is the current one, and does not follow them.
    def got(backend, secret_id, version_id, version_stage):
        if not version_id and not version_stage:
            version_stage = _CURRENT
        return get(backend, secret_id, version_id, version_stage)

    return got


def _unchangeable(put):
    # "You can't modify an existing version; you can only create new ones"; the same value again does nothing.
    def done(backend, secret_id, secret_string, secret_binary, client_request_token, version_stages):
        secret = _live(backend, secret_id)
        version = secret.versions.get(client_request_token)
        if version and "secret_string" in version:
            if version["secret_string"] != secret_string:
                raise ResourceExistsException(
                    f"You can't use ClientRequestToken {client_request_token} because that value is already in use "
                    f"for a version of secret {secret.arn}."
                )
            return secret.to_short_dict(include_version_stages=True, version_id=client_request_token)
        return put(backend, secret_id, secret_string, secret_binary, client_request_token, version_stages)

    return done


def _move_label(backend, secret_id, version_stage, remove_from_version_id, move_to_version_id):
    secret = _live(backend, secret_id)
    holder = _holder(secret, version_stage)
    for version_id in (remove_from_version_id, move_to_version_id):
        if version_id and version_id not in secret.versions:
            raise InvalidParameterException(f"Not a valid version: {version_id}")
    if remove_from_version_id and holder != remove_from_version_id:
        raise InvalidParameterException(
            f"The parameter RemoveFromVersionId isn't valid. Staging label {version_stage} isn't currently attached to "
            f"version {remove_from_version_id}."
        )
    if holder and holder != move_to_version_id and not remove_from_version_id:
        raise InvalidParameterException(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    if holder == move_to_version_id:
        return secret.arn, secret.name
    _label(secret, version_stage, move_to_version_id)
    if version_stage == _CURRENT and holder:
        # "Whenever you move AWSCURRENT, Secrets Manager automatically moves the label AWSPREVIOUS."
        _label(secret, "AWSPREVIOUS", holder)
    if version_stage == _CURRENT:
        secret.set_default_version_id(move_to_version_id)
    return secret.arn, secret.name


def _rotate(
    backend,
    secret_id,
    client_request_token=None,
    rotation_lambda_arn=None,
    rotation_rules=None,
    rotate_immediately=True,
):
    secret = _live(backend, secret_id)
    function = rotation_lambda_arn or secret.rotation_lambda_arn
    if not function:
        raise InvalidRequestException(
            "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured and "
            "you didn't include such an ARN as a parameter in this call."
        )
    token = client_request_token or str(uuid.uuid4())
    backend._client_request_token_validator(token)
    pending = _holder(secret, _PENDING)
    if pending and pending not in (_holder(secret, _CURRENT), token):
        raise InvalidRequestException(
            f"A previous rotation isn't complete. That rotation will be reattempted. Secret {secret.arn}"
        )
    secret.rotation_requested = True
    secret.rotation_enabled = True
    secret.rotation_lambda_arn = function
    if rotation_rules:
        secret.auto_rotate_after_days = rotation_rules.get("AutomaticallyAfterDays", 0)
    if rotate_immediately:
        if token not in secret.versions:
            secret.versions[token] = {"createdate": int(time.time()), "version_id": token, "version_stages": []}
        if _CURRENT not in secret.versions[token]["version_stages"]:
            _label(secret, _PENDING, token)
        _begun.append({"secret": secret.arn, "token": token, "function": function})
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})


def _live(backend, secret_id) -> FakeSecret:
    if secret_id not in backend.secrets:
        raise SecretNotFoundException()
    secret = backend.secrets[secret_id]
    if secret.is_deleted():
        raise InvalidRequestException(
            "You tried to perform the operation on a secret that's currently marked deleted."
        )
    return secret


def _holder(secret: FakeSecret, label: str) -> str | None:
    return next((id for id, version in secret.versions.items() if label in version["version_stages"]), None)


def _label(secret: FakeSecret, label: str, version_id: str | None) -> None:
    for id, version in secret.versions.items():
        stages = [stage for stage in version["version_stages"] if stage != label]
        version["version_stages"] = [*stages, label] if id == version_id else stages
