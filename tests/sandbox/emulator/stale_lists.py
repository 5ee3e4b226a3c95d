"""What lists show for a while after a write: the state before it. AWS calls IAM eventually consistent."""

import time
from collections.abc import Callable

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

import hazards

# Of each kind of credential and user: when it was written, and what the list showed before.
_writes: dict[tuple[str, str], list[tuple[float, list[dict]]]] = {}


def forget() -> None:
    """Every list is true again."""
    _writes.clear()


def visible(kind: str, user_name: str, tell: Callable[[str], list[dict]]) -> list[dict]:
    """A user's credentials of a kind as a reader may see them; `tell` says what is true."""
    since = time.time() - hazards.now.stale_lists
    for at, before in _writes.get((kind, user_name), []):
        if at > since:
            return before
    return tell(user_name)


def remembering(kind: str, tell: Callable[[str], list[dict]], write: Callable) -> Callable:
    """An action that writes credentials of a kind, and keeps what their list showed before."""

    def written(response: IamResponse) -> ActionResult:
        name = response._get_param("UserName")
        before = tell(name)
        result = write(response)
        _writes.setdefault((kind, name), []).append((time.time(), before))
        return result

    return written
