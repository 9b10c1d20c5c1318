"""Lets SIGTERM do what Ctrl-C does."""

import signal
import threading


def stop_on_sigterm() -> None:
    """Let SIGTERM raise KeyboardInterrupt, so that temporary files are removed. Only the main thread can do that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
