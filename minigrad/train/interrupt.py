"""Ctrl-C as a request, so that a run stops between two steps, where its state is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_request() -> Iterator[threading.Event]:
    """An event that Ctrl-C (SIGINT) or SIGTERM sets; a second one has its usual effect at once.

    Outside the main thread, which alone may handle signals, the event is simply never set.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number, frame):
        asked.set()
        signal.signal(number, usual[number])

    for number in usual:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
