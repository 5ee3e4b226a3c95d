"""Pages of IAM's lists: moto answers every list whole, AWS cuts it at MaxItems."""

import base64
import binascii
from collections.abc import Callable

from botocore.session import Session
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.iam.exceptions import ValidationError
from moto.iam.responses import IamResponse

# "If you do not include this parameter, the number of items defaults to 100."
_DEFAULT_ITEMS = 100
_ALL_ITEMS = 1_000_000
# Paged by its service model, and not in botocore's list of what is.
_UNLISTED = {"ListServiceSpecificCredentials": {"limit_key": "MaxItems", "result_key": "ServiceSpecificCredentials"}}


def cut_lists() -> None:
    """Gives every list action of IAM that AWS pages its pages."""
    pages = Session().get_component("data_loader").load_service_model("iam", "paginators-1")["pagination"]
    pages = {**pages, **_UNLISTED}
    for operation, page in pages.items():
        name = camelcase_to_underscores(operation)
        whole = getattr(IamResponse, name, None)
        if whole is not None and page.get("limit_key") == "MaxItems":
            keys = page["result_key"]
            setattr(IamResponse, name, _paged(whole, keys if isinstance(keys, list) else [keys]))


def _paged(whole: Callable, keys: list[str]) -> Callable:
    def page(response: IamResponse) -> ActionResult:
        start = _position(response._get_param("Marker"))
        size = int(response._get_param("MaxItems") or _DEFAULT_ITEMS)
        # What moto pages itself, it hands over whole.
        response.params.pop("Marker", None)
        response.params["MaxItems"] = _ALL_ITEMS
        result = dict(whole(response).result)
        end = start + size
        passed = 0
        for key in keys:
            items = list(result.get(key) or [])
            result[key] = items[max(start - passed, 0) : max(end - passed, 0)]
            passed += len(items)
        result["IsTruncated"] = passed > end
        result.pop("Marker", None)
        if passed > end:
            result["Marker"] = base64.urlsafe_b64encode(f"from {end}".encode()).decode()
        return ActionResult(result)

    return page


def _position(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        return int(base64.urlsafe_b64decode(marker).decode().removeprefix("from "))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise ValidationError("Invalid Marker") from None
