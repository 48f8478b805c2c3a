"""The server: textual-serve's, with a door, a page that loads nothing from elsewhere, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import shlex
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from geomreg_tui.errors import GeomregError, plain_text
from geomreg_tui.rendering import render
from geomreg_tui.safe_path import python_environment
from geomreg_tui.tui.web import DRIVER
from geomreg_tui.tui.web.admission import Admission, is_loopback

__all__ = ["ExplorerServer"]

_PATIENCE = 3.0  # seconds that a page, or an explorer, has to leave
_HEARTBEAT = 15.0  # seconds between questions whether a page is still there
_MOST_CELLS = 1000  # in a row or column of a terminal
_FONT_SIZE = 16
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:; "
    "font-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws://{host} wss://{host}; "
    "script-src 'self'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ExplorerServer(Server):
    """Opens an explorer, a process of its own, for each page that is let in.

    Args:
        command: the explorer's command line.
        host, port: where to listen; port 0 for any that is free.

    Attributes:
        admission: who is let in.
    """

    def __init__(self, command: Sequence[str], host: str, port: int) -> None:
        # A shell runs this: the driver for pages, and no tmux, whose clipboard is not the browser's.
        line = "exec env -u TMUX " + shlex.join([f"TEXTUAL_DRIVER={DRIVER}", *command])
        super().__init__(line, host=host, port=port, title="geomreg-tui")
        open_to_others = not is_loopback(host)
        names = [host, socket.gethostname(), socket.getfqdn()] if open_to_others else []
        self.admission = Admission(names, any_address=open_to_others)
        self._open: dict[asyncio.Task[object], web.WebSocketResponse] = {}  # by the task that serves it

    def run(self, opened: Callable[[str], None]) -> None:
        """Serve until SIGINT, SIGTERM or SIGHUP; then end the explorers. Runs go on.

        Args:
            opened: called with the address, token and all, once it can be opened.

        Raises:
            GeomregError: if that place to listen cannot be had.
        """
        with contextlib.redirect_stdout(_Narration()):  # textual-serve prints what explorers say at their end
            asyncio.run(self._run(opened))

    async def _run(self, opened: Callable[[str], None]) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, ended.set)
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self.host, self.port).start()
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or error
                raise GeomregError(
                    f"Cannot listen on {self.host} port {self.port}: {why}. "
                    "Try another --port; 0 takes any that is free."
                ) from None
            port = runner.addresses[0][1]
            opened(f"http://{_address_name(self.host)}:{port}/?token={self.admission.token}")
            await ended.wait()
        finally:
            await runner.cleanup()

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the address holds the token, and is printed once the server listens."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End every explorer."""
        serving = list(self._open)
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._open.values()))
        if serving:
            await asyncio.wait(serving, timeout=3 * _PATIENCE)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._let_in)
        app.on_response_prepare.append(_harden)
        return app

    @web.middleware
    async def _let_in(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse requests that are not to be let in, before any handler sees them."""
        admission, host = self.admission, request.headers.get("Host")
        wants_socket = request.path == "/ws" or "Upgrade" in request.headers
        if not admission.is_addressed(host):
            raise _refused("the address is not one of this server's")
        if not admission.is_own(request.headers.get("Origin"), host, required=wants_socket):
            raise _refused("it comes from a page of another site")
        if admission.has_session(request.cookies):
            return await handler(request)
        session = None
        if request.method == "GET" and request.path == "/":
            session = admission.open_session(request.query.get("token", ""))
        if session is None:
            raise _refused(
                "it needs the address that 'geomreg-tui serve' prints, which opens in one browser, once; "
                "start it again for another"
            )
        response = await handler(request)
        response.set_cookie(admission.cookie, session, httponly=True, samesite="Strict", path="/")
        return response

    async def handle_index(self, request: web.Request) -> web.Response:
        """Serve the page."""
        nonce = secrets.token_urlsafe(16)
        page = render("explorer.html.j2", nonce=nonce, font_size=_font_size(request))
        response = web.Response(text=page, content_type="text/html")
        policy = _POLICY.format(host=request.host)
        response.headers["Content-Security-Policy"] = f"{policy} 'nonce-{nonce}'"
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run an explorer for as long as its page is there."""
        websocket = web.WebSocketResponse(heartbeat=_HEARTBEAT, timeout=_PATIENCE)
        await websocket.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = websocket

        async def close() -> None:
            await websocket.close()

        explorer = _Explorer(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        try:
            await explorer.start(
                _cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24)
            )
            async for message in websocket:
                await _pass_on(message, explorer, websocket)
        finally:
            await explorer.stop()
            await close()
            del self._open[task]
        return websocket


class _Explorer(AppService):
    """An explorer's process."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        """Return its variables."""
        return python_environment(**super()._build_environment(width, height))

    async def run(self) -> None:
        """Pass its output on until it ends; then close its page, even if it ended without a word."""
        try:
            with contextlib.suppress(ConnectionError):  # the page is gone
                await super().run()
        finally:
            await self.remote_close()

    async def stop(self) -> None:
        """End it as a dropped line would, and by force if it does not end."""
        process, task = self._process, self._task
        if process is None:
            return
        self._task = None
        if task is not None:
            await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
            await self.send_meta({"type": "quit"})
            await asyncio.wait([task], timeout=_PATIENCE)
        if process.returncode is None:
            self.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _PATIENCE if task is None or task.done() else 0.1)
            except TimeoutError:
                process.kill()
                await process.wait()


class _Narration(io.TextIOBase):
    """Text for whoever started the server; cannot steer their terminal."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(plain_text(text))
        return len(text)


def _address_name(host: str) -> str:
    """Return the host in the address that a browser opens: for all addresses, the machine's name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


async def _pass_on(message: WSMessage, explorer: AppService, websocket: web.WebSocketResponse) -> None:
    """Send messages of the page to the explorer; kinds that textual-serve does not know are dropped."""
    if message.type is not WSMsgType.TEXT:
        return
    match _parsed(message):
        case ["stdin", str(text)]:
            await explorer.send_bytes(text.encode("utf-8", "replace"))
        case ["resize", {"width": int(width), "height": int(height)}]:
            await explorer.set_terminal_size(_cells(width, 80), _cells(height, 24))
        case ["ping", str(text)]:
            await websocket.send_json(["pong", text])
        case ["blur"]:
            await explorer.blur()
        case ["focus"]:
            await explorer.focus()


def _parsed(message: WSMessage) -> object:
    """Return a message as JSON; None where it is none."""
    try:
        return message.json()
    except (ValueError, RecursionError):
        return None


def _cells(value: str | int | None, usual: int) -> int:
    """Return a number of cells from a request, within bounds."""
    try:
        return min(max(1, int(value if value is not None else usual)), _MOST_CELLS)
    except ValueError:
        return usual


def _font_size(request: web.Request) -> int:
    return min(max(6, _cells(request.query.get("fontsize"), _FONT_SIZE)), 72)


def _refused(why: str) -> web.HTTPForbidden:
    """Return an answer that refuses a request and says why."""
    return web.HTTPForbidden(text=f"Refused: {why}.\n", headers=_HEADERS)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
