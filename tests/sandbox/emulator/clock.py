"""The emulator's clock: real time moved by an offset, for every thread of the process."""

import threading
import time

import time_machine

_lock = threading.Lock()
_traveller = None


def move(offset_seconds: float) -> None:
    """Makes every clock of the process show real time plus an offset, and tick."""
    global _traveller
    with _lock:
        if _traveller is None:
            _traveller = time_machine.travel(time.time() + offset_seconds, tick=True).start()
        else:
            _traveller.move_to(time_machine.escape_hatch.time.time() + offset_seconds)
