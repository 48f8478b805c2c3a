"""The newcomer's test: who types what the README, the quickstart and the tutorials say sees what they say."""

import json
from pathlib import Path

import pytest

from docs import notebook
from docs.blocks import blocks_of, difference, reader_of, run_blocks

PAGES = Path(__file__).parents[2] / "docs" / "pages"
README = "../../README.md"
TUTORIALS = sorted(f"tutorials/{path.name}" for path in PAGES.glob("tutorials/*.md"))
FOLLOWED = [README, "quickstart.md", *TUTORIALS]
LONGEST = {README, "tutorials/1-first-histogram.md", "tutorials/3-deep-tail.md", "tutorials/4-your-own.md"}
OTHERS = sorted(str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md"))
OTHERS = [name for name in OTHERS if name not in FOLLOWED]


def follow(name):
    """Run the blocks of a page, and compare what each prints with what the page says; return how many."""
    text = (PAGES / name).read_text()
    count = 0
    with reader_of(text) as reader:
        for block, _, steps in run_blocks(text, reader):
            for code, printed, said in steps:
                assert not difference(printed, said), (
                    f"{name}, line {block.first}, {code!r}: {difference(printed, said)}; "
                    f"`make readme pages` writes what is printed now:\n{printed}"
                )
                count += 1
    return count


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in LONGEST else []) for name in FOLLOWED]
)
def test_whoever_follows_a_page_sees_what_it_says(name):
    assert follow(name) >= 1


@pytest.mark.full
@pytest.mark.parametrize(
    "name", [name for name in OTHERS if any(b.runs for b in blocks_of((PAGES / name).read_text()))]
)
def test_what_other_pages_show_is_what_is_printed(name):
    follow(name)


@pytest.mark.parametrize("name", FOLLOWED)
def test_every_block_that_a_reader_may_type_is_run_or_says_why_not(name):
    blocks = blocks_of((PAGES / name).read_text())
    printed = {block.printed for block in blocks}
    for number, block in enumerate(blocks):
        known = block.runs or block.name or block.not_run or number in printed
        assert known, f"{name}, line {block.first}: is not run, and does not say why"


@pytest.mark.parametrize("name", OTHERS)
def test_a_console_block_of_any_page_is_run_or_says_why_not(name):
    for block in blocks_of((PAGES / name).read_text()):
        if block.kind in ("console", "python"):
            assert block.runs or block.name or block.not_run, f"{name}, line {block.first}"


PAGE = """
```python title="double.py"
def double(x): return 2 * x
```

```console
$ echo 1.5 networks && pwd
1.5 networks
~
$ printf '%s\\n' a \\
  b
a
b
```

<!-- not run: it would never end -->
```console
$ sleep inf
```

```python
from double import double
x = double(2.5)
```

```python
print("x is", x)
```

```text
x is 5.0
```
"""


def test_the_blocks_of_a_page_are_run_in_one_folder_by_one_interpreter():
    with reader_of(PAGE) as reader:
        ran = [steps for _, _, steps in run_blocks(PAGE, reader)]
    assert [len(steps) for steps in ran] == [2, 1]
    assert all(printed == said for steps in ran for _, printed, said in steps)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```console\n$ exit 3\n```", "exit code 3"),
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```python\nprint(1)\n```", "no text block says what"),
        ("```console\nno command\n```", "begins with a command"),
    ],
)
def test_a_block_that_fails_or_prints_unsaid_things_is_an_error(block, complaint):
    with reader_of(block) as reader, pytest.raises((RuntimeError, ValueError), match=complaint):
        list(run_blocks(block, reader))


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("mass 0.2315 [0.2241, 0.2390]", "mass 0.2316 [0.2240, 0.2390]"),
        ("20261128-104338-mlp-5c3797d8 done", "20250101-000000-mlp-5c3797d8 done"),
        ("4,188 networks/s", "33,000 networks/s"),
        ("log10 V = -5.323", "log10 V  =  -5.322"),
        ("│ ▐█▌ │\n0.4┤ █▌", "│ ▐██▌ │\n0.4┤ █"),
        ("1,523 networks of which", "1,519 networks of which"),
        ("9.873e-6", "9.874e-6"),
    ],
)
def test_what_another_processor_may_print_agrees(printed, said):
    assert difference(printed, said) == ""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("mass 0.2315", "mass 0.2415"),
        ("mass 0.2315", "share 0.2315"),
        ("mass 0.2315", "mass -0.2315"),
        ("width 8", "width 9"),
        ("1,523 networks", "1,623 networks"),
        ("9.873e-6", "9.873e-7"),
        ("20261128-104338-mlp-5c3797d8 done", "20261128-104338-mlp-6c3797d8 done"),
        ("one line\nanother 1.0", "one line"),
        ("", "one line"),
        ("monotone, towards zero", "monotone, towards central"),
    ],
)
def test_what_is_printed_otherwise_is_found(printed, said):
    assert difference(printed, said)
    assert difference(said, printed)


NOTEBOOKS = sorted(PAGES.rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_as_it_was_executed_from_top_to_bottom(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    page = notebook.page(path)
    assert page.count("```python") == len(cells)
    assert page.count('class="shown"') >= 2
    assert f"({path.name})" in page


@pytest.mark.parametrize(("old", "new", "wrong"), [("", "", 0), ("V(0.1 L_0) = 0.", "V(0.1 L_0) = 1.", 1)])
def test_a_notebook_that_shows_anything_else_than_is_stored_is_found(monkeypatch, capsys, old, new, wrong):
    changed = {path: json.loads(path.read_text().replace(old, new)) for path in NOTEBOOKS}
    monkeypatch.setattr(notebook, "executed", changed.__getitem__)
    assert notebook.check_all() == wrong
    assert ("in place of" in capsys.readouterr().err) == bool(wrong)
