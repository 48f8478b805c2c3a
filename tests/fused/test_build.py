"""The wheel with the kernel in it, and without, where the compiler is not to be had."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from geomreg_tui.fused.library import why_missing

ROOT = Path(__file__).parents[2]
LIBRARY = "geomreg_tui/fused/libkernel.so"


def build(folder, **environment):
    """Build the wheel of a copy of the project; return it, and what was said."""
    copy = folder / "copy"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.so", "site", "dist", "tests", "docs")
    shutil.copytree(ROOT, copy, ignore=ignored)
    answer = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel, answer.stdout + answer.stderr


def test_where_the_compiler_is_installed_the_kernel_is_built_and_runs():
    """Or every other test of the kernel would be skipped, and none would say so."""
    pytest.importorskip("ziglang")
    assert why_missing() in ("", "this processor lacks the instructions of x86-64-v3 (AVX2 and FMA)")


@pytest.mark.full
def test_the_wheel_has_the_kernel(tmp_path):
    pytest.importorskip("ziglang")
    wheel, _ = build(tmp_path)
    assert LIBRARY in zipfile.ZipFile(wheel).namelist()
    assert "manylinux_2_17" in wheel.name


def test_without_the_compiler_the_wheel_has_none_and_says_so(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ziglang'] = None\n")
    wheel, said = build(tmp_path, PYTHONPATH=str(tmp_path))
    assert LIBRARY not in zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("py3-none-any.whl")
    assert "built without the fused kernel: ziglang is not installed" in said
