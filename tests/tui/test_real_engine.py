"""The explorer with the real engine in a real terminal."""

import sys

from .start_in_terminal import watch


def test_the_explorer_starts_previews_and_quits():
    shown, code, sent = watch(
        [sys.executable, "-m", "geomreg_tui", "explore", "--data", "iris", "--width", "16"]
    )
    text = "\n".join(shown)
    assert "iris N=16" in text
    assert "dominance D0" in text
    assert "Loss distribution" in text
    assert code == 0
    assert sent.rfind(b"\x1b[?1049l") > sent.rfind(b"\x1b[?1049h")
