"""How an explorer talks to a page: Textual's web driver, with the behaviour of a terminal."""

from __future__ import annotations

import os
import signal

from textual.drivers.web_driver import WebDriver

from geomreg_tui.tui.compat import OptionalMouse

__all__ = ["BrowserDriver"]


class BrowserDriver(OptionalMouse, WebDriver):
    """Textual's web driver; leaves when the server is gone, and honours ``--no-mouse``."""

    def run_input_thread(self) -> None:
        """Read input until the end; an end that the explorer did not ask for is a dropped line."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os.kill(os.getpid(), signal.SIGHUP)
