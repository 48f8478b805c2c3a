"""Templates: what they print is text whatever it is; they hold all markup; only pages pay for them."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import NamedTuple

import jinja2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import meta, nodes

import geomreg_tui as geomreg
import geomreg_tui.api.display
import geomreg_tui.report.html
import geomreg_tui.report.sweep_html
from geomreg_tui.api.bars import NotebookBar
from geomreg_tui.api.results import read_run, read_sweep
from geomreg_tui.api.stored import RunList
from geomreg_tui.errors import plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import parse_plan
from geomreg_tui.rendering import Drawing, Shapes, environment, render
from geomreg_tui.report import load_result, load_sweep
from geomreg_tui.report.html import run_page
from geomreg_tui.report.studies import studies_page
from geomreg_tui.report.sweep_html import sweep_page
from geomreg_tui.rundir import RunDirectory, RunEntry
from geomreg_tui.rundir.store import write_json
from geomreg_tui.runner.progress import StageProgress
from geomreg_tui.safe_path import python_command, python_environment
from geomreg_tui.sampling.store import committed
from geomreg_tui.statistics.evidence import find
from geomreg_tui.studies.directory import StudyResult
from geomreg_tui.studies.study import Outcome, Panel, Rival, Series, Study
from geomreg_tui.sweeps.plan import Factor, SweepPlan, point_name
from tests.gradients import making as gradients
from tests.training.making import begun, gone_on_with

from .exporting import make_run, make_sweep, two_modes

PACKAGE = Path(geomreg_tui.__file__).parent
STORED = Path(__file__).parents[1] / "stored_0_1_0"
HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style></script></code></pre></td></table></div></main>",
    "<!--",
    "--><b>",
    "<![CDATA[",
    "\"'><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "' style='x",
    "` a=b c",
    "&lt;b&gt; &amp; &#60; &#x3c; &lt",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %} {# #}",
    "{{ self.__init__.__globals__ }}",
    "%s %(x)s {0} $nonce",
    "\x1b]52;c;aGk=\x07\x1b[2J",
    "\u202eevil\u2066",
    "a\x00b\x0cc\x85d\u2028e",
    "\ud800",
    "first\nsecond",
    " \t ",
    "＜script＞",
]
SENTINEL = "SENTINEL"


# What is rendered: pages and fragments of real results, and the values that their templates took


class Rendered(NamedTuple):
    """A template that was rendered.

    Attributes:
        name: of the template.
        values: that it took; the shapes of figures are left out.
        tokens: what comes out where each string is :data:`SENTINEL`.
    """

    name: str
    values: dict[str, object]
    tokens: list[tuple[str, ...]]

    def __repr__(self) -> str:
        return f"<{self.name}>"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> list[Rendered]:
    """Return what was rendered while real results were shown, without drawing their figures."""
    found = []
    plain = jinja2.Template.render

    def render_and_keep(self: jinja2.Template, values: dict[str, object]) -> str:
        assert self.name is not None
        benign = Tokens(plain(self, filled(values, SENTINEL))).found
        found.append(Rendered(self.name, dict(values), benign))
        return plain(self, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Template, "render", render_and_keep)
        for module in (geomreg_tui.report.html, geomreg_tui.report.sweep_html):
            drawing = Drawing("0 0 1 1", "what is drawn", Shapes('<path d="M 0 0"/>'))
            patch.setattr(module, "inline_svg", lambda *_, drawing=drawing: drawing)
            for name in ("panel", "directions", "densities", "tails", "observed", "training"):
                patch.setattr(module, f"draw_{name}", lambda *_: None, raising=False)
        patch.setattr(geomreg_tui.api.display, "figure_bytes", lambda *_: b"an image")
        patch.setattr(geomreg_tui.api.results, "draw_panel", lambda *_: SimpleNamespace())
        patch.setattr(geomreg_tui.api.results, "draw_sweep", lambda *_: SimpleNamespace())
        show_everything(tmp_path_factory.mktemp("shown"))
    return found


def show_everything(folder: Path) -> None:
    """Show results with every part that a page may have."""
    run = make_run(folder / "run", two_modes(), held_out=9, given_up=[7], data=f"/{HOSTILE[0]}.csv")
    run.add_environment({HOSTILE[1]: HOSTILE[2], "device": "cpu"}, 1)
    run_page(load_result(run.path))
    tail = shutil.copytree(STORED / "tail", folder / "tail")
    run_page(load_result(tail))
    sweep_page(load_sweep(tail_sweep(folder / "tails", tail)))
    read_run(tail)._repr_html_()
    trained = begun(folder / "trained")
    gone_on_with(trained)
    run_page(load_result(trained.path))
    sweep_page(load_sweep(tail_sweep(folder / "ensembles", trained.path)))
    seen = gradients.begun(folder / "observed", parse_plan("confusion,walk", observed="40"))
    gone_on_with(seen)
    run_page(load_result(seen.path))
    sweep_page(load_sweep(observed_sweep(folder / "observables", seen.path)))
    sweep_page(load_sweep(hostile_sweep(folder / "names")))
    sweep = make_sweep(folder / "widths", widths=(2, 4), given_up=[7])
    sweep_page(load_sweep(sweep))
    read_sweep(sweep)._repr_html_()
    studies_page([hostile_study(folder / "study", run.path)])
    geomreg.sphere("1:20")._repr_html_()
    RunList([RunEntry(run.path)] * 25)._repr_html_()
    with NotebookBar(lambda *_, **__: None) as bar:
        bar.show(StageProgress(HOSTILE[3], 1, 5, HOSTILE[4]))
        bar.say(HOSTILE[5])
        bar._bundle()
    render("explorer.html.j2", nonce="abc", font_size=16)


def hostile_study(path: Path, run: Path) -> StudyResult:
    """Make what a study has found whose every word is markup."""
    names = itertools.cycle(HOSTILE)
    factors = (Factor("width", (2, 4)), Factor("replicate", (0, 1)))
    plan = SweepPlan(Experiment.parse({"data": "gaussian"}), factors, 100)
    points = []
    for values in itertools.product((2, 4), (0, 1)):
        shutil.copytree(run, path / "part" / point_name(factors, values))
        summary = committed(RunDirectory.open(path / "part" / point_name(factors, values))).summary
        points.append(SimpleNamespace(settings=values, summary=summary))
    series = Series(next(names), np.array([1.0, 2.0]), np.ones((2, 3)))
    panel = Panel(next(names), next(names), next(names), (series,))
    finding = find(next(names), next(names), next(names), [1.0, 2.0], "above", rival=next(names))
    outcome = Outcome((finding,), (panel,), (next(names),))
    study = Study(
        "study",
        *(next(names) for _ in range(4)),
        lambda _: {"part": plan},
        lambda _: outcome,
        (Rival(next(names), next(names)),),
    )
    return StudyResult(
        study, path, "quick", {"part": points}, outcome, ("supported",), (next(names),), complete=False
    )


def hostile_sweep(path: Path) -> Path:
    """Make a sweep over names that are markup, of which one failed."""
    names = [f"/{text}.csv" for text in (*HOSTILE[:2], HOSTILE[3], "gone")]
    factors = (Factor("data", tuple(names)),)
    for number, name in enumerate(names[:3]):
        make_run(path / point_name(factors, (name,)), two_modes(seed=number), data=name)
    points = [{"settings": {"data": name}} for name in names[:3]]
    failed = [{"settings": {"data": names[3]}, "reason": HOSTILE[5], "samples": 0}]
    write_json(path / "sweep.json", {"factors": {"data": names}, "points": points, "failed": failed})
    return path


def tail_sweep(path: Path, tail: Path) -> Path:
    """Make a sweep of two points that went down the same tail."""
    factors = (Factor("seed", (0, 1)),)
    for seed in (0, 1):
        shutil.copytree(tail, path / point_name(factors, (seed,)))
    points = [{"settings": {"seed": seed}} for seed in (0, 1)]
    write_json(path / "sweep.json", {"factors": {"seed": [0, 1]}, "points": points})
    return path


def observed_sweep(path: Path, seen: Path) -> Path:
    """Make a sweep of two points that observe the same, but of other pairs of examples."""
    made = tail_sweep(path, seen)
    plan = path / "seed=1" / "gradients" / "plan.json"
    values = json.loads(plan.read_text())
    values["arrangement"]["pairs"] += 1
    write_json(plan, values)
    return made


def filled(value: object, text: str) -> object:
    """Return values of a template with each string replaced, at every depth, but for shapes."""
    if isinstance(value, str | PurePath):
        return text
    if isinstance(value, Shapes):
        return value
    if isinstance(value, dict):
        return {name: filled(part, text) for name, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(
            **{field.name: filled(getattr(value, field.name), text) for field in fields(value)}
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(filled(part, text) for part in value))
    if isinstance(value, list | tuple):
        return [filled(part, text) for part in value]
    assert value is None or isinstance(value, int | range), value
    return value


class Tokens(HTMLParser):
    """The elements, attributes and texts of markup, in order."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(("start", tag, *(part or "" for pair in attrs for part in pair)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("end", tag))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "text":
            data = self.found.pop()[1] + data
        self.found.append(("text", data))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration", decl))

    def unknown_decl(self, data: str) -> None:
        self.found.append(("unknown", data))

    def handle_pi(self, data: str) -> None:
        self.found.append(("instruction", data))


def names_of(kind: str) -> list[str]:
    return [name for name in environment().list_templates() if name.endswith(kind)]


def tree(name: str) -> nodes.Template:
    source, _, _ = environment().loader.get_source(environment(), name)
    return environment().parse(source, name)


def referenced(name: str) -> set[str]:
    """Return the templates that one is made of, itself included."""
    found = {name}
    for other in meta.find_referenced_templates(tree(name)):
        assert other is not None
        found |= referenced(other) if other.endswith(".j2") else set()
    return found


# Escaping


@st.composite
def hostile_texts(draw: st.DrawFn) -> str:
    parts = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=8)
    return "".join(draw(st.lists(parts, min_size=1, max_size=4)))


def check_all(rendered: list[Rendered], text: str) -> None:
    """Check that a text from outside changes no template's elements and attributes, and is shown as it is."""
    shown = plain_text(text)
    for name, values, benign in rendered:
        wanted = [tuple(part.replace(SENTINEL, shown) for part in token) for token in benign]
        wanted = [token for token in wanted if token != ("text", "")]
        assert Tokens(render(name, **filled(values, text))).found == wanted, name


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "10")), deadline=None)
@given(hostile_texts())
def test_whatever_comes_from_outside_is_text_in_every_template(rendered, text):
    check_all(rendered, text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_known_to_be_hostile_is_text_in_every_template(rendered, text):
    check_all(rendered, text)


def test_what_was_shown_was_hostile_and_is_text(rendered):
    """Names, environments, failures and bars: their elements are those of harmless ones."""
    said = ""
    for name, values, benign in rendered:
        tokens = Tokens(render(name, **values)).found
        assert [token[:2] for token in tokens if token[0] != "text"] == [
            token[:2] for token in benign if token[0] != "text"
        ], name
        said += "".join(token[1] for token in tokens if token[0] == "text")
    for text in HOSTILE[:6]:
        assert plain_text(text) in said, text


def test_names_in_a_figure_are_drawn_and_no_markup(tmp_path):
    """Only what matplotlib writes is never escaped: here figures whose ticks and titles are hostile names."""
    page = Tokens(sweep_page(load_sweep(hostile_sweep(tmp_path)))).found
    start, stop = (
        [place for place, token in enumerate(page) if token[:2] == (kind, "svg")] for kind in ("start", "end")
    )
    assert len(start) == len(stop) == 2
    for first, last in zip(start, stop, strict=True):
        shapes = page[first + 1 : last]
        assert len(shapes) > 100
        assert {token[0] for token in shapes} <= {"start", "end", "text"}
        assert not any(token[1].strip() for token in shapes if token[0] == "text")
        opened = [token for token in shapes if token[0] == "start"]
        assert {token[1] for token in opened} <= {"g", "path", "defs", "use", "clippath", "rect"}
        for token in opened:
            attributes = dict(zip(token[2::2], token[3::2], strict=True))
            assert not any(name.startswith("on") for name in attributes)
            assert attributes.get("href", "#").startswith("#")


# The rules that make it so


def test_every_template_is_tried_above_with_exactly_the_values_it_asks_for(rendered):
    parts = {"page.html.j2", "parts.html.j2"}
    assert set(names_of(".j2")) == {name for name, _, _ in rendered} | parts
    assert names_of(".css") == ["style.css"]
    for name, values, _ in rendered:
        trees = [tree(part) for part in referenced(name)]
        modules = {node.target for tree in trees for node in tree.find_all(nodes.Import)}
        asked = set().union(*map(meta.find_undeclared_variables, trees))
        assert set(values) == asked - modules, name


def test_a_value_that_is_missing_is_an_error(rendered):
    """Each value is asked for by at least one of the results that were shown."""
    refused: dict[tuple[str, str], bool] = {}
    for name, values, _ in rendered:
        for gone in values:
            try:
                render(name, **{key: value for key, value in values.items() if key != gone})
            except jinja2.UndefinedError:
                refused[name, gone] = True
            else:
                refused.setdefault((name, gone), False)
    assert all(refused.values()), refused


def test_no_template_turns_escaping_off_or_marks_anything_as_safe():
    """Only what the environment escapes is printed: no filter, no joined strings, no other setting."""
    assert environment().autoescape is True
    assert environment().undefined is jinja2.StrictUndefined
    around = (nodes.Filter, nodes.FilterBlock, nodes.Concat, nodes.MarkSafe, nodes.MarkSafeIfAutoescape)
    settings = (nodes.EvalContextModifier, nodes.ScopedEvalContextModifier, nodes.AssignBlock)
    for name in names_of(".j2"):
        for node in tree(name).find_all((*around, *settings)):
            raise AssertionError(f"{name}, line {node.lineno}: {type(node).__name__}")
    assert not re.search(r"\{[{%#]", (PACKAGE / "templates" / "style.css").read_text())


def test_templates_are_the_packages_own_wherever_one_works(tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "templates", tmp_path / "geomreg_tui" / "templates"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bar.html.j2").write_text("evil")
        (folder / "absent.html.j2").write_text("evil")
    monkeypatch.chdir(tmp_path)
    environment.cache_clear()
    for name in names_of(".j2"):
        assert Path(environment().get_template(name).filename) == PACKAGE / "templates" / name
    assert "evil" not in render("bar.html.j2", stage=StageProgress("x", 0, None), over=True, lines=["x"])
    for name in ("absent.html.j2", "../rendering.py", str(tmp_path / "bar.html.j2")):
        with pytest.raises(jinja2.TemplateNotFound):
            render(name)


# Python holds no markup

# Literals that look like the beginning of an element, by module, and are none that a page holds.
NO_MARKUP = {
    "api/results.py": {"<RunResult ", "<SweepResult "},  # how a result writes itself in a line
    "api/spheres.py": {"<SphereResult "},
    "api/arguments.py": {"<lambda>"},  # what Python calls one
    "listing/conditions.py": {  # groups of a pattern
        "(?P<not>-?)(?P<key>[a-z][a-z0-9_-]*)(?P<sign>!=|<=|>=|[:=<>])(?P<value>.*)"
    },
    "datasets/cells.py": {"<NA>"},  # what pandas writes for a missing value
    "report/drawing.py": {"<svg", "</svg>", r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>"},
    "statistics/modes.py": {"<i8"},  # types of numpy
    "summary/histogram.py": {"<i8"},
    "tui/web/admission.py": {r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"},
}


@cache
def modules() -> list[tuple[str, ast.Module]]:
    """Return the modules of the package by their paths."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())) for path in paths]


def literals(module: ast.Module) -> Iterator[str]:
    """Return the strings of a module, those within f-strings included, without docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_module_builds_markup():
    markup = re.compile(r"<[a-zA-Z/!?]|/>|&#?\w+;")
    found = {
        path: strings
        for path, module in modules()
        if (strings := set(filter(markup.search, literals(module))))
    }
    assert found == NO_MARKUP


def test_markup_is_found_where_there_is_some():
    """The test above can fail: by f-strings, parts of them, and joined strings."""
    text = 'a = f"<b>{x}</b>"\ndef f():\n    "<i> in a docstring"\n    return "".join(["<p class=", x])\n'
    assert set(literals(ast.parse(text))) == {"<b>", "</b>", "", "<p class="}


def imported(module: ast.Module) -> Iterator[str]:
    """Return the modules that a module imports, anywhere in it."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_one_module_escapes_and_one_marks_shapes_as_safe():
    escaping, safe, making = set(), set(), []
    for path, module in modules():
        roots = {name.partition(".")[0] for name in imported(module)}
        escaping |= {path for root in roots if root in ("jinja2", "markupsafe", "html", "xml")}
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name == "__html__":
                safe.add(path)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Shapes":
                making.append(path)
    assert escaping == safe == {"rendering.py"}
    assert making == ["report/drawing.py"]


# Nobody pays for it who makes no page

BLOCKED = """
import sys
sys.modules.update(jinja2=None, markupsafe=None)
from geomreg_tui.cli import main
sys.argv[1:] = {words!r}
main()
"""


@pytest.mark.parametrize(
    "words",
    [
        *(["report", "run"], ["export", "run", "run.csv"]),
        *(pytest.param(words, marks=pytest.mark.full) for words in (["--help"], ["runs"])),
    ],
)
def test_commands_that_make_no_page_do_without_jinja(tmp_path, words):
    make_run(tmp_path / "run", two_modes())
    answer = subprocess.run(
        python_command("-c", BLOCKED.format(words=words)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=python_environment(GEOMREG_HOME=str(tmp_path / "home")),
    )
    assert (answer.returncode, answer.stderr.count("Traceback")) == (0, 0), answer.stderr


def test_the_explorer_and_the_library_begin_without_jinja():
    script = (
        "import sys, geomreg_tui.tui.app, geomreg_tui.tui.screens.explorer, geomreg_tui.api.stored\n"
        "print(sorted({'jinja2', 'markupsafe'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
