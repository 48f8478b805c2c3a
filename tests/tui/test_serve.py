"""The explorer in a browser: who is let in, what a page shows, and how it all ends."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from geomreg_tui.cli import main
from geomreg_tui.cli import serve as serve_command
from geomreg_tui.rundir import RunDirectory, RunState, runs_root
from geomreg_tui.runner.snapshot import read_live
from geomreg_tui.tui.web.admission import Admission, is_loopback
from tests.command import call
from tests.faults.driving import alive, engine_pid, family, kill_engine, wait_for
from tests.patience import PATIENCE

from .serving import Served, admitted, browser_path, client, opened_page, serving

# A network whose preview is over in a moment.
SMALL = ("--data", "iris", "--examples", "1", "--width", "8", "--depth", "1")
ROUTES = [
    "/",
    "/ws",
    "/download/key",
    "/static/js/textual.js",
    "/static/",
    "/nothing",
    "/?token=",
    "/?token=x",
]


@pytest.fixture(scope="module")
def shut() -> Iterator[Served]:
    """A server whose token nobody presents."""
    with serving(*SMALL) as served:
        yield served


async def test_the_address_works_once_and_what_follows_needs_the_cookie() -> None:
    with serving() as served:
        async with client() as first:
            async with first.head(served.address) as answer:
                assert answer.status == 403  # a look at the address alone must not use it up
            async with first.get(served.address) as answer:
                assert answer.status == 200
                assert 'class="textual-terminal"' in await answer.text()
                set_cookie = answer.headers["Set-Cookie"]
                policy = answer.headers["Content-Security-Policy"]
            assert "HttpOnly" in set_cookie
            assert "SameSite=Strict" in set_cookie
            assert "default-src 'none'" in policy
            assert "http" not in policy  # nothing is loaded from elsewhere
            for route, status in {"/": 200, "/static/js/textual.js": 200, "/download/x": 404}.items():
                async with first.get(served.origin + route) as answer:
                    assert answer.status == status
        async with client() as second, second.get(served.address) as answer:
            assert answer.status == 403
        forged = {set_cookie.partition("=")[0]: "A" * 43}
        async with client(cookies=forged) as third, third.get(served.origin) as answer:
            assert answer.status == 403
        assert served.children() == []


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("route", ROUTES)
async def test_every_route_refuses_without_the_token(shut: Served, route: str, method: str) -> None:
    async with client() as session, session.request(method, shut.origin + route) as answer:
        assert answer.status == 403
        assert method == "HEAD" or (await answer.text()).startswith("Refused: ")
    assert shut.children() == []


async def test_the_web_socket_refuses_without_the_cookie_and_starts_nothing(shut: Served) -> None:
    async with client() as session:
        for address in ("/ws", f"/ws?{shut.address.partition('?')[2]}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(shut.origin + address, origin=shut.origin)
            assert refused.value.status == 403
    assert shut.children() == []


async def test_other_names_and_pages_of_other_sites_are_refused_even_with_the_cookie() -> None:
    with serving() as served:
        async with client() as session:
            async with session.get(served.address, headers={"Host": "attacker.example"}) as answer:
                assert answer.status == 403  # and the token is not used up
            async with session.get(served.address) as answer:
                assert answer.status == 200
            port = served.origin.rpartition(":")[2]
            for host in ("attacker.example", f"attacker.example:{port}", "127.0.0.1.attacker.example", ""):
                async with session.get(served.origin, headers={"Host": host}) as answer:
                    assert answer.status in (400, 403), host
            for origin in ("http://attacker.example", "null", "http://127.0.0.1:1", None):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(f"{served.origin}/ws", origin=origin)
                assert refused.value.status == 403
            headers = {"Origin": "http://attacker.example"}
            async with session.get(served.origin, headers=headers) as answer:
                assert answer.status == 403
            assert served.children() == []
            async with opened_page(session, served):
                wait_for(served.children)  # with all in order the same cookie does open it


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8000", True),
        ("localhost:9", True),
        ("LOCALHOST", True),
        ("[::1]:8000", True),
        ("127.8.9.1", True),
        ("gpu-box:8000", True),
        ("192.0.2.1:8000", False),
        ("localhost.attacker.example", False),
        ("attacker.example", False),
        ("user@localhost", False),
        ("localhost:8000:1", False),
        ("[::1", False),
        ("localhost/..", False),
        ("ｌocalhost", False),
        ("", False),
        (None, False),
    ],
)
def test_hosts(host: str | None, expected: bool) -> None:
    assert Admission(["gpu-box"]).is_addressed(host) is expected


def test_a_server_open_to_the_network_is_addressed_by_any_address_but_by_its_own_name_only() -> None:
    admission = Admission(["gpu-box"], any_address=True)
    assert admission.is_addressed("192.0.2.1:8000")
    assert admission.is_addressed("gpu-box")
    assert not admission.is_addressed("attacker.example")


def test_tokens_are_not_the_same_twice_and_strange_ones_are_refused() -> None:
    one, other = Admission(), Admission()
    assert len({one.token, other.token}) == 2
    assert len(one.token) >= 43  # 256 bits
    for token in ("", other.token, one.token[:-1], one.token + "x", "é", "\udcff"):
        assert one.open_session(token) is None
    session = one.open_session(one.token)
    assert session is not None
    assert one.open_session(one.token) is None
    assert one.has_session({one.cookie: session})
    assert not one.has_session({one.cookie: one.token})
    assert not one.has_session({})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("gpu", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


async def test_ending_the_server_ends_its_explorers_and_runs_go_on() -> None:
    with serving(*SMALL, "--samples", "1e9", "--fresh") as served:
        async with admitted(served) as session, opened_page(session, served) as page:
            await page.shows("preview done")
            explorers = served.children()
            assert explorers
            await page.press(" ")
            await page.shows("sampling")
            (path,) = runs_root().iterdir()
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(PATIENCE) == 0
        try:
            engine = engine_pid(path)  # it waited for the run, as a child of the explorer
            going = {engine, *family(engine)}
            wait_for(lambda: not any(alive(pid) for pid in explorers if pid not in going))
            before = read_live(RunDirectory.open(path))
            assert before is not None
            assert before.state is RunState.SAMPLING
            wait_for(lambda: read_live(RunDirectory.open(path)).samples > before.samples)
        finally:
            kill_engine(path)


@pytest.mark.parametrize("end", [pytest.param("page", marks=pytest.mark.full), "server"])
async def test_an_explorer_leaves_when_its_page_or_the_server_is_gone(end: str) -> None:
    with serving(*SMALL, "--fresh") as served:
        async with admitted(served) as session:
            async with opened_page(session, served) as page:
                await page.shows("preview done")
                explorers = served.children()
                assert explorers
                if end == "server":
                    served.process.kill()
            wait_for(lambda: not any(alive(pid) for pid in explorers))


def test_what_an_explorer_would_refuse_is_refused_at_the_start() -> None:
    command = [sys.executable, "-m", "geomreg_tui", "serve", "--theme", "no-such-theme"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "--theme: got 'no-such-theme'" in refused.stderr


async def test_a_page_whose_explorer_does_not_start_is_told(home: Path) -> None:
    with serving(*SMALL) as served:
        async with admitted(served) as session:
            (home / "config.toml").write_text("fps = [")  # after the server had read it
            async with opened_page(session, served) as page:
                word = await page.socket.receive(timeout=PATIENCE)
                assert word.type is aiohttp.WSMsgType.CLOSE
        wait_for(lambda: not served.children())


STRANGE = [
    "",
    "{",
    "null",
    "[]",
    '["stdin"]',
    '["stdin", "\\ud800"]',
    '["resize", {"width": -1, "height": 1e400}]',
    '["resize", {"width": "9", "height": 9}]',
    "[" * 5000,
]


async def test_what_no_page_would_send_is_passed_over() -> None:
    with serving(*SMALL, "--fresh") as served:
        async with admitted(served) as session, opened_page(session, served) as page:
            await page.shows("preview done")
            for text in STRANGE:
                await page.socket.send_str(text)
            await page.socket.send_bytes(b"\xff")
            await page.press("?")
            await page.shows("escape closes")
            explorers = served.children()
        wait_for(lambda: not any(alive(pid) for pid in explorers))  # they leave with their page


HOOK = """
Object.defineProperty(Object.prototype, "fitAddon", {configurable: true, set(addon) {
  window.shownTerminal = this.terminal;
  Object.defineProperty(this, "fitAddon", {value: addon, writable: true, configurable: true});
}});
"""  # textual.js keeps its terminal to itself
TEXT = """() => {
  const buffer = window.shownTerminal?.buffer.active;
  const lines = Array.from({length: buffer?.length ?? 0}, (_, row) => buffer.getLine(row));
  return lines.map(line => line.translateToString()).join("\\n");
}"""


def test_a_browser_draws_the_explorer_and_its_keys_work() -> None:
    """Words in the page's own terminal, paint in its picture, nothing from elsewhere."""
    options = ("--samples", "3e5", "--theme", "textual-light")
    with (
        serving("--data", "digits", "--width", "32", "--depth", "1", *options) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        wrong: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda word: wrong.append(word.text) if word.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.add_init_script(HOOK)

        def shows(text: str) -> None:
            page.wait_for_function(
                f"text => ({TEXT})().includes(text)", arg=text, timeout=1000 * PATIENCE, polling=100
            )

        page.goto(served.address)
        shows("preview done")
        shows("mlp 64→32×1→1")
        shows("3e5")
        assert page.url == f"{served.origin}/"  # the token is out of the address
        before = _picture(page.screenshot())
        colours, counts = np.unique(before.reshape(-1, 3), axis=0, return_counts=True)
        assert len(colours) > 100
        assert counts.max() < 0.9 * counts.sum()
        assert before.mean() > 128  # the light theme

        page.keyboard.press("?")
        shows("escape closes")  # help on the knob that has the focus, and then all help
        page.keyboard.press("?")
        shows("Start the full run")
        assert np.any(_picture(page.screenshot()) != before)
        page.keyboard.press("Escape")
        page.wait_for_function(f"() => !({TEXT})().includes('escape closes')", polling=100)

        page.set_viewport_size({"width": 700, "height": 500})
        shows("Held out")  # a tab, as a small terminal has them

        assert all(url.startswith((served.origin, "data:")) for url in asked), asked
        assert wrong == []

        stranger = browser.new_context().new_page()
        answer = stranger.goto(served.address)
        assert answer is not None
        assert answer.status == 403
        assert "Refused" in stranger.inner_text("body")

        page.keyboard.press("q")
        page.wait_for_selector("#ended", state="visible")
        browser.close()


def _picture(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def _refusal(*options: str) -> tuple[int, str]:
    answer = call("serve", *options)
    assert answer.stdout == ""
    return answer.returncode, answer.stderr


def test_a_port_that_is_taken_is_an_error_of_one_line() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        code, words = _refusal("--port", str(port))
    assert code == 1
    assert words.count("\n") == 1
    assert words.startswith(f"Error: Cannot listen on 127.0.0.1 port {port}: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--port", "70000"), "--port: got 70000"),
        (("--fps", "0"), "--fps: got 0"),
        (("--samples", "some"), "some"),
        (("--width", "-4"), "width: got"),
        (("--host", "no.such.host.invalid"), "Cannot listen on no.such.host.invalid port 8000"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_served(options: tuple[str, ...], words: str) -> None:
    code, told = _refusal(*options)
    assert code in (1, 2)
    assert words in told


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, capsys) -> None:
    monkeypatch.setattr(serve_command, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["geomreg-tui", "serve"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Error: serve needs textual-serve, not installed: try pip install 'geomreg-tui[serve]'\n"


def test_listening_beyond_this_machine_is_warned_of() -> None:
    with serving("--host", "0.0.0.0") as served:
        assert socket.gethostname() in served.address
        os.kill(served.process.pid, signal.SIGINT)
        assert served.process.wait(PATIENCE) == 0
        assert "Warning: 0.0.0.0 can be reached from other machines" in served.process.stderr.read()
