"""Holding an exclusive right while working, with a heartbeat that shows the owner is alive."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from querist.core.clock import Clock
from querist.core.errors import BusyError, QueristError
from querist.store.verbs import Store

BEAT_SECONDS = 10.0
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def right(store: Store, name: str, clock: Clock) -> Iterator[tuple[str, str]]:
    """Hold the right `name` for the length of the block; yields its name and token.

    Raises:
        BusyError: if somebody living holds it; the message says who.
    """
    owner, taken = store.take(name, clock())
    if not taken:
        raise BusyError(
            f"another process holds the right to {name}",
            got=f"process {owner.pid} on {owner.host}",
            hint="Wait until it has finished, or stop it.",
        )
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(store, name, owner.token, clock, stop), name=f"querist-{name}", daemon=True)
    heart.start()
    try:
        yield name, owner.token
    finally:
        stop.set()
        heart.join()
        store.drop(name, owner.token)


def _beat(store: Store, name: str, token: str, clock: Clock, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        try:
            if not store.beat(name, token, clock()):
                return
        except QueristError as error:
            _log.warning("no heartbeat: %s", error)
