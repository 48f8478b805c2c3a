"""The explorer in a browser: ``serve``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from geomreg_tui.cli.commands import FreshOption
from geomreg_tui.cli.explore import (
    AsciiOption,
    CountOption,
    FpsOption,
    MouseOption,
    ThemeOption,
)
from geomreg_tui.cli.progress import narrate
from geomreg_tui.errors import ExperimentError, GeomregError, Problem
from geomreg_tui.experiment import Experiment, parse_count
from geomreg_tui.safe_path import python_command

__all__ = ["serve"]

_LAST_PORT = 2**16 - 1


def serve(
    experiment: Experiment,
    host: Annotated[
        str, typer.Option(help="address to listen on; any but a loopback address is open to the network")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="port to listen on; 0 for any that is free")] = 8000,
    samples: CountOption = None,
    fps: FpsOption = None,
    mouse: MouseOption = None,
    ascii_only: AsciiOption = None,
    theme: ThemeOption = None,
    fresh: FreshOption = False,
) -> None:
    """Open the explorer in a browser: prints an address that opens once. Needs geomreg-tui[serve].

    On a remote machine, forward the port first: ssh -L 8000:127.0.0.1:8000 HOST.
    """
    from geomreg_tui.report.command import experiment_arguments
    from geomreg_tui.tui.settings import load_settings

    load_settings({"fps": fps, "mouse": mouse, "ascii": ascii_only, "theme": theme})
    if samples is not None:
        parse_count(samples)
    if not 0 <= port <= _LAST_PORT:
        raise ExperimentError([Problem("--port", str(port), f"allowed is an integer from 0 to {_LAST_PORT}")])
    if find_spec("textual_serve") is None:
        raise GeomregError("serve needs textual-serve, not installed: try pip install 'geomreg-tui[serve]'")
    from geomreg_tui.tui.web.admission import is_loopback
    from geomreg_tui.tui.web.server import ExplorerServer

    command = python_command("-m", "geomreg_tui", "explore", *experiment_arguments(experiment))
    for option, value in (("--samples", samples), ("--fps", fps), ("--theme", theme)):
        command += [option, str(value)] if value is not None else []
    for option, wanted in (("mouse", mouse), ("ascii", ascii_only)):
        command += [f"--{option}" if wanted else f"--no-{option}"] if wanted is not None else []
    command += ["--fresh"] if fresh else []
    if not is_loopback(host):
        narrate(
            f"Warning: {host} can be reached from other machines, and nothing on the way is encrypted: "
            "whoever reads along can take the session over. Listening on 127.0.0.1 and ssh -L is safer."
        )
    stdout = sys.stdout

    def opened(address: str) -> None:
        print(address, file=stdout, flush=True)
        narrate("This address opens the explorer once, in one browser. Ctrl-C ends it; runs go on.")

    ExplorerServer(command, host, port).run(opened)
