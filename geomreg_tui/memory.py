"""How much memory a process may still take: of the machine, and of the control group that it runs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

__all__ = ["available_memory", "group_memory"]

# Files of the two versions of control groups: limit, usage, and the part of it that is given back on demand.
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def available_memory() -> int:
    """Return how many bytes can be had without swapping, and without going beyond a group's limit."""
    machine = int(psutil.virtual_memory().available)
    group = group_memory(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return machine if group is None else min(machine, group)


def group_memory(membership: Path, root: Path) -> int | None:
    """Return how many bytes the control groups of a process leave it; None where they set no limit.

    Args:
        membership: the file that names the groups (``/proc/self/cgroup``).
        root: where groups are found (``/sys/fs/cgroup``).
    """
    left: list[int] = []
    for folder, names in _groups(membership, root):
        limit, usage = (_number(folder / name) for name in names[:2])
        if limit is not None and usage is not None:
            left.append(max(0, limit - usage + _reclaimable(folder / "memory.stat", names[2])))
    return min(left, default=None)


def _groups(membership: Path, root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yield the folder of each group that counts memory, from the innermost outwards."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            top, names = root, _VERSION_2
        elif "memory" in controllers.split(","):
            top, names = root / "memory", _VERSION_1
        else:
            continue
        folder = top / path.lstrip("/")
        # Within a container the path may be that of the host; its own group is the top then.
        while folder != top and top in folder.parents:
            yield folder, names
            folder = folder.parent
        yield top, names


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is none, as with the limit ``max``."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _reclaimable(path: Path, name: str) -> int:
    try:
        rows = dict(line.split() for line in path.read_text(encoding="utf-8").splitlines())
        return int(rows.get(name, 0))
    except (OSError, ValueError):
        return 0
