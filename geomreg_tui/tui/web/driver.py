"""How an explorer talks to a page: Textual's web driver, with the behaviour of a terminal."""

from __future__ import annotations

import os
import signal

from textual.drivers.web_driver import WebDriver

__all__ = ["BrowserDriver"]


class BrowserDriver(WebDriver):
    """Textual's web driver; leaves when the server is gone, and honours ``--no-mouse``."""

    def run_input_thread(self) -> None:
        """Read input until the end; an end that the explorer did not ask for is a dropped line."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os.kill(os.getpid(), signal.SIGHUP)

    def write(self, data: str) -> None:
        """Send text to the page, but no request for mouse events where none are wanted."""
        if self._mouse or data != "\x1b[?1003h":  # asked for once more outside _enable_mouse_support
            super().write(data)

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            super()._enable_mouse_support()
