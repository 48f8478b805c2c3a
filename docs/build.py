"""Makes what the README shows from real runs: the pictures of the explorer, and the output of each command.

``python docs/build.py [gallery] [outputs] [throughput] [memory] [overhead] [tail] [terminal]``; without
any, the first two. The pictures are those of :mod:`gallery`.
In the README, what stands between ``<!-- output: COMMAND -->`` and ``<!-- end -->`` is replaced by what the
command prints, and ``<!-- table: NAME -->`` likewise by the table of ``python -m benchmarks NAME``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAUSE = 4.0  # seconds before each command, in which what it is about gets somewhere


def outputs(text: str) -> str:
    """Return the README with the output of each command as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GEOMREG_HOME": f"{folder}/home",
            "COLUMNS": "100",
        }

        def run(match: re.Match[str]) -> str:
            command = match[1]
            time.sleep(PAUSE)
            answer = subprocess.run(
                ["bash", "-c", command],
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
                check=True,
            )
            shown = "\n".join(line.rstrip() for line in answer.stdout.replace(folder, "~").splitlines())
            return f"<!-- output: {command} -->\n```console\n$ {command}\n{shown}\n```\n<!-- end -->"

        return re.sub(r"<!-- output: (.*?) -->.*?<!-- end -->", run, text, flags=re.DOTALL)


def table(text: str, name: str) -> str:
    """Return the README with a benchmark's table as it is now."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks", name], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True
    )
    shown = f"<!-- table: {name} -->\n{answer.stdout.strip()}\n<!-- end -->"
    return re.sub(rf"<!-- table: {name} -->.*?<!-- end -->", lambda _: shown, text, flags=re.DOTALL)


def main() -> None:
    """Make what was asked for."""
    wanted = sys.argv[1:] or ["gallery", "outputs"]
    if "gallery" in wanted:
        subprocess.run([sys.executable, ROOT / "docs" / "gallery.py"], cwd=ROOT, check=True)
    text = README.read_text()
    if "outputs" in wanted:
        text = outputs(text)
    for name in ("throughput", "memory", "overhead", "tail", "terminal"):
        if name in wanted:
            text = table(text, name)
    README.write_text(text)


if __name__ == "__main__":
    main()
