"""Compile the fused kernel into the wheel; where the compiler is not to be had, the wheel is pure.

The compiler is clang, as the PyPI package ``ziglang`` brings it: it compiles for processors of every kind and
for an old glibc. The flags keep arithmetic as it is written.
"""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "geomreg_tui" / "fused"
LIBRARY = FOLDER / "libkernel.so"
FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-Wall", "-Wextra", "-Werror", "-nostdlib++"),
    *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti"),
)
# For each machine: the target, the tag of the wheel, and for each level the processor.
TARGETS = {
    "x86_64": ("x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64", {"v3": "x86_64_v3", "v4": "x86_64_v4"}),
    "aarch64": ("aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64", {"a64": "generic"}),
}


def compile_kernel(machine: str, library: Path) -> None:
    """Compile the kernel for a machine.

    Raises:
        OSError, subprocess.CalledProcessError: if the compiler fails.
    """
    target, _, levels = TARGETS[machine]
    compiler = [sys.executable, "-m", "ziglang", "c++", *FLAGS, "-target", target]
    with tempfile.TemporaryDirectory() as scratch:
        parts = []
        for level, processor in levels.items():
            part = f"{scratch}/{level}.o"
            source = str(FOLDER / "kernel.cpp")
            command = [*compiler, f"-mcpu={processor}", f"-DLEVEL={level}", "-c", source, "-o", part]
            subprocess.run(command, check=True)
            parts.append(part)
        whole = f"{scratch}/libkernel.so"
        subprocess.run(
            [*compiler, "-s", "-shared", *parts, str(FOLDER / "level.cpp"), "-o", whole], check=True
        )
        beside = library.with_suffix(".new")
        beside.write_bytes(Path(whole).read_bytes())
        beside.replace(library)  # processes that use the old one keep it


class KernelHook(BuildHookInterface[Any]):
    """Adds the compiled kernel to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the kernel; say so and go on without it where that cannot be done."""
        machine = platform.machine()
        try:
            if sys.platform != "linux" or machine not in TARGETS:
                raise OSError(f"it is not built for {machine} on {sys.platform}")
            if importlib.util.find_spec("ziglang") is None:
                raise OSError("ziglang is not installed")
            compile_kernel(machine, LIBRARY)
        except (OSError, subprocess.CalledProcessError) as error:
            LIBRARY.unlink(missing_ok=True)
            self.app.display_warning(f"built without the fused kernel: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TARGETS[machine][1]}"
        if version != "editable":
            build_data["force_include"][str(LIBRARY)] = "geomreg_tui/fused/libkernel.so"
