"""A real ``geomreg-tui serve``, and clients for it: requests, an emulated page, a browser."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pyte
import pytest

from tests.faults.driving import alive, family, wait_for
from tests.patience import PATIENCE

COLUMNS, LINES = 120, 40


@dataclass
class Served:
    """A server that is at work.

    Attributes:
        process: the server.
        address: what it printed.
        origin: scheme, host and port of it.
    """

    process: subprocess.Popen[str]
    address: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def children(self) -> list[int]:
        """The explorers, and what descends from them."""
        return family(self.process.pid)


@contextmanager
def serving(*options: str) -> Iterator[Served]:
    """Start a server on a free port of this machine; end it, and see to it that nothing of it is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "geomreg_tui", "serve", "--port", "0", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    served = Served(process, process.stdout.readline().strip())
    try:
        assert served.address, process.communicate()[1]
        yield served
    finally:
        left = served.children()
        if process.poll() is None:
            process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
        assert not out, out  # the address was all
        assert "Traceback" not in err, err
        wait_for(lambda: not any(alive(pid) for pid in left))


@asynccontextmanager
async def admitted(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    """Present the token; yield a client that has the cookie."""
    async with client() as session:
        async with session.get(served.address) as answer:
            assert answer.status == 200
        yield session


def client(**options: object) -> aiohttp.ClientSession:
    """Return a client that keeps cookies of numeric addresses too, as browsers do."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), **options)


@dataclass
class Page:
    """What a page's terminal shows, read from its web socket."""

    socket: aiohttp.ClientWebSocketResponse
    screen: pyte.Screen
    stream: pyte.ByteStream

    async def shows(self, text: str, seconds: float = PATIENCE) -> None:
        """Read until a text is on the screen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while text not in "\n".join(self.screen.display):
                    message = await self.socket.receive()
                    if message.type is not aiohttp.WSMsgType.BINARY:
                        if message.type is aiohttp.WSMsgType.TEXT:
                            continue
                        break
                    self.stream.feed(message.data)
        assert text in "\n".join(self.screen.display), "\n".join(self.screen.display)

    async def press(self, keys: str) -> None:
        await self.socket.send_str(json.dumps(["stdin", keys]))


@asynccontextmanager
async def opened_page(session: aiohttp.ClientSession, served: Served) -> AsyncIterator[Page]:
    """Open a web socket as a page does."""
    address = f"{served.origin}/ws?width={COLUMNS}&height={LINES}"
    async with session.ws_connect(address, origin=served.origin) as socket:
        screen = pyte.Screen(COLUMNS, LINES)
        yield Page(socket, screen, pyte.ByteStream(screen))


def browser_path() -> str:
    """Return the path of Chromium; a test without one fails in CI, and is skipped elsewhere."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium: .ci/run installs it")
        pytest.skip("needs chromium")
    return path
