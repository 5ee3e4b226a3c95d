"""The account's credential report, as AWS makes it and keeps it."""

import csv
import io
import time

from moto.core.exceptions import ServiceException
from moto.iam.models import AccessKey, SigningCertificate, User

import account
import hazards
import other_credentials

_COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,"
    "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,"
    "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
).split(",")
_KEY_SLOTS = 2
# Root's own dates stand for an account opened long ago and a root user that rests.
_ROOT_CREATED = 1451606400
_ROOT_LAST_USED = 1672531200
_FOUR_HOURS = 4 * 3600


class ReportNotPresent(ServiceException):
    code = "ReportNotPresent"


class ReportInProgress(ServiceException):
    code = "ReportInProgress"


class ReportExpired(ServiceException):
    code = "ReportExpired"


class Desk:
    """Makes a report when asked, and answers with the same one for as long as AWS does."""

    def __init__(self) -> None:
        self._ready: tuple[float, str] | None = None
        self._pending: tuple[float, str] | None = None
        self._polls_left = 0

    def generate(self) -> str:
        """State of the report: STARTED, INPROGRESS or COMPLETE."""
        if self._pending:
            return "COMPLETE" if self._poll() else "INPROGRESS"
        if self._ready and time.time() - self._ready[0] < hazards.now.report_kept:
            return "COMPLETE"
        self._pending = (time.time(), write())
        self._polls_left = hazards.now.report_polls
        return "STARTED"

    def get(self) -> tuple[float, str]:
        """When the newest report was made, and its text."""
        if self._pending and not self._poll():
            raise ReportInProgress("Credential report generation is in progress")
        if not self._ready:
            raise ReportNotPresent("Credential report not present")
        if time.time() - self._ready[0] > max(hazards.now.report_kept, _FOUR_HOURS):
            raise ReportExpired("Credential report has expired")
        return self._ready

    def _poll(self) -> bool:
        if self._polls_left > 0:
            self._polls_left -= 1
            return False
        self._ready, self._pending = self._pending, None
        return True


def write() -> str:
    """A report of this moment: root first, users by name without regard to case, no newline at the end."""
    iam = account.backend()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerow(_root_row(iam.account_id))
    for user in sorted(iam.users.values(), key=lambda user: user.name.lower()):
        writer.writerow(_user_row(user))
    return table.getvalue().rstrip("\n")


def _root_row(account_id: str) -> list[str]:
    login = ["not_supported", _date(_ROOT_LAST_USED), "not_supported", "not_supported", "true"]
    return [
        "<root_account>",
        f"arn:aws:iam::{account_id}:root",
        _date(_ROOT_CREATED),
        *login,
        *_key_cells(None) * _KEY_SLOTS,
        *["false", "N/A"] * 2,
    ]


def _user_row(user: User) -> list[str]:
    # Recorded: slots are not in the order of creation.
    keys = sorted(user.access_keys, key=lambda key: key.access_key_id)[:_KEY_SLOTS]
    slots = [*keys, *[None] * (_KEY_SLOTS - len(keys))]
    certificates = list(user.signing_certificates.values())[:2]
    return [
        user.name,
        user.arn,
        _date(account.epoch_of(user.create_date)),
        *_password_cells(user),
        _flag(user.mfa_devices),
        *[cell for key in slots for cell in _key_cells(key)],
        *[
            cell
            for certificate in [*certificates, *[None] * (2 - len(certificates))]
            for cell in (
                ["false", "N/A"]
                if certificate is None
                else [_flag(certificate.status == "Active"), _date(_certificate_changed(certificate))]
            )
        ],
    ]


def _password_cells(user: User) -> list[str]:
    if not user.password:
        return ["false", "N/A", "N/A", "N/A"]
    used = account.epoch_of(user.password_last_used)
    changed = account.epoch_of(account.password_created(user))
    return ["true", "no_information" if used is None else _date(used), _date(changed), "N/A"]


def _key_cells(key: AccessKey | None) -> list[str]:
    if key is None:
        return ["false", "N/A", "N/A", "N/A", "N/A"]
    active = key.status == "Active"
    use = hazards.visible_use(account.uses_of(key), time.time())
    if not active and hazards.now.inactive_keys_lose_dates:
        return ["false", "N/A", "N/A", "N/A", "N/A"]
    rotated = _date(account.epoch_of(account.changed_at(key)))
    last_use = [_date(use["at"]), use["region"], use["service"]] if use else ["N/A"] * 3
    return [_flag(active), rotated, *last_use]


def _certificate_changed(certificate: SigningCertificate) -> int:
    return account.epoch_of(other_credentials.certificate_changed(certificate))


def _date(epoch_seconds: float) -> str:
    ending = "Z" if hazards.now.report_dates_end_in_z else "+00:00"
    return account.time_of(epoch_seconds).strftime("%Y-%m-%dT%H:%M:%S") + ending


def _flag(value: object) -> str:
    return "true" if value else "false"
