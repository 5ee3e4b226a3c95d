"""How far behind the truth the emulator answers."""

from dataclasses import dataclass


@dataclass
class Hazards:
    """Set by `POST /_hazards`; times in seconds."""

    # AWS makes a new report "at most once every four hours".
    report_kept: float = 4 * 3600
    # How many questions find a new report still in progress.
    report_polls: int = 1
    last_use_lag: float = 0
    stale_lists: float = 0
    # The guide says N/A for what is not active; what was recorded keeps the date.
    inactive_keys_lose_dates: bool = False
    # Reports with dates that end in `Z` and in `+00:00` were both recorded.
    report_dates_end_in_z: bool = False
    # Whether a user's last sign-in stays when its password is deleted and created again.
    sign_in_outlives_profile: bool = False


now = Hazards()


def set_all(values: dict) -> None:
    """Takes over every hazard; what is not given is as it is without a word."""
    global now
    now = Hazards(**values)


def visible_use(uses: list[dict], at: float) -> dict | None:
    """The latest use that a reader may see already."""
    seen = [use for use in uses if use["at"] <= at - now.last_use_lag]
    return max(seen, key=lambda use: use["at"], default=None)
