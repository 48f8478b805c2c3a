"""Memory that a process may still take, against files of control groups and against the machine's own."""

import psutil
import pytest

from geomreg_tui.memory import available_memory, group_memory

MEBI = 2**20
NO_LIMIT = 0x7FFFFFFFFFFFF000  # what version 1 says where there is none


def made(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def version_2(limit, usage, inactive=0):
    return {"memory.max": limit, "memory.current": usage, "memory.stat": f"anon 5\ninactive_file {inactive}"}


def version_1(limit, usage, inactive=0):
    return {
        "memory.limit_in_bytes": limit,
        "memory.usage_in_bytes": usage,
        "memory.stat": f"cache 7\ntotal_inactive_file {inactive}",
    }


@pytest.mark.parametrize(
    ("membership", "groups", "left"),
    [
        ("0::/a/b", {"a/b": version_2(100 * MEBI, 30 * MEBI, 10 * MEBI)}, 80 * MEBI),
        # The tightest of all groups counts.
        ("0::/a/b", {"a/b": version_2(100 * MEBI, 1), "a": version_2(50 * MEBI, 20 * MEBI)}, 30 * MEBI),
        ("0::/a/b", {"a/b": version_2("max", 30 * MEBI)}, None),
        ("0::/", {"": version_2(64 * MEBI, 4 * MEBI)}, 60 * MEBI),
        ("0::/host/only", {"": version_2(64 * MEBI, 4 * MEBI)}, 60 * MEBI),
        ("0::/../..", {"": version_2(64 * MEBI, 4 * MEBI)}, 60 * MEBI),
        ("9:cpu,memory:/a\n0::/", {"memory/a": version_1(90 * MEBI, 80 * MEBI, 5 * MEBI)}, 15 * MEBI),
        ("9:memory:/a", {"memory/a": version_1(9 * MEBI, 10 * MEBI)}, 0),
        ("9:cpu:/a", {"cpu/a": version_1(9 * MEBI, MEBI)}, None),
        ("nonsense", {"": version_2(1, 0)}, None),
        ("0::/a", {"a": version_2("nonsense", "nonsense")}, None),
    ],
)
def test_groups_leave_what_their_limits_say(tmp_path, membership, groups, left):
    (tmp_path / "cgroup").write_text(membership + "\n")
    root = tmp_path / "fs"
    root.mkdir()
    for name, files in groups.items():
        made(root / name, files)
    assert group_memory(tmp_path / "cgroup", root) == left


def test_without_groups_the_machine_alone_counts(tmp_path):
    assert group_memory(tmp_path / "absent", tmp_path) is None
    assert 0 < available_memory() <= psutil.virtual_memory().total


def test_no_limit_of_version_1_is_more_than_any_machine_has(tmp_path):
    (tmp_path / "cgroup").write_text("9:memory:/\n")
    made(tmp_path / "memory", version_1(NO_LIMIT, MEBI))
    left = group_memory(tmp_path / "cgroup", tmp_path)
    assert left is not None
    assert left > psutil.virtual_memory().total
