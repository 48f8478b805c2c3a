"""Every number of every text output is read back and compared with ``summary.json``; and lines agree.

The experiments are random: losses of any scale from 1e-300 to 1e300, few or many, with or without exact
zeros, an atom, losses that are not finite, modes at 0 and away from it, held-out examples, Lebesgue volumes.
"""

import csv
import json
import math
import re

import numpy as np
import pytest

import geomreg_tui.report.html
import geomreg_tui.report.sweep_html
from geomreg_tui.rendering import Drawing, Shapes
from geomreg_tui.report import export_result, export_sweep, load_result, load_sweep, report_text, sweep_text
from geomreg_tui.report.results import result_document
from geomreg_tui.rundir.store import write_json
from geomreg_tui.sampling.result import QUANTILES

from .exporting import make_run
from .reading import INTERVAL, NUMBER, count, same, same_interval, same_log
from .test_export import Page

BLOCKS, EACH = 20, 10
SMALL = 4  # blocks in the default suite


def draw(seed):
    """Return the losses of a random experiment, and what :func:`make_run` takes of it."""
    generator = np.random.default_rng([seed, 11])
    scale = 10.0 ** generator.uniform(-300, 300)
    size = int(10 ** generator.uniform(0, 4))
    spread = 10.0 ** generator.uniform(-6, 1)
    kind = generator.integers(5)
    if kind == 0:  # one mode away from 0
        losses = np.abs(1 + spread * generator.standard_normal(size))
    elif kind == 1:  # two modes
        near = generator.random(size) < generator.uniform(0, 1)
        central = np.abs(1 + 0.1 * generator.standard_normal(size))
        losses = np.where(near, 0.05 * generator.standard_normal(size) ** 2, central)
    elif kind == 2:  # many decades
        losses = np.exp(generator.normal(0, 10 * spread, size))
    elif kind == 3:  # few values
        losses = generator.integers(0, 6, size) / 5
    else:  # towards 0
        losses = generator.random(size) ** generator.uniform(1, 6)
    with np.errstate(over="ignore", under="ignore"):
        losses = losses * scale
    null_loss = float(scale * generator.uniform(0.5, 2))
    for value in (0.0, null_loss, math.nan, math.inf):
        if generator.random() < 0.4:
            losses[generator.random(size) < 10.0 ** generator.uniform(-4, 0)] = value
    with np.errstate(over="ignore"):
        held = losses * generator.uniform(0.5, 2, size)
    return losses, {
        "null_loss": null_loss,
        "constant_loss": null_loss * float(generator.uniform(0.5, 1)),
        "parameters": int(10 ** generator.uniform(0, 8)),
        "support": ("box", 0.5) if generator.random() < 0.3 else None,
        "held_out": 9 if generator.random() < 0.4 else 0,
        "held": held,
    }


def fields(text):
    """Return the lines of a report by the names that they begin with, and its tables."""
    named, tables, name = {}, {}, None
    for line in text.splitlines():
        begun = line[:14].strip()
        if len(line) > 14 and line[:2].strip() and line[13] == " " and begun in NAMES:
            name = begun
            named.setdefault(name, line[14:])
            tables[name] = [line[14:]]
        elif name and line.startswith(" " * 14):
            tables[name].append(line[14:])
    return named, tables


NAMES = {
    "Landmarks", "Loss", "Quantiles", "Losses of 0", "Not finite", "Dominance D_0", "log10 ratio",
    "Excess D_E", "Zero mode", "Central mode", "At L_0", "Dead", "Basin D", "Peak ratio", "Unimodal?",
    "Contracting", "Log axis", "Note", "Volume", "Held out",
}  # fmt: skip


def numbers(text):
    return re.findall(rf"(?<![\w.]){NUMBER}(?![\w.]*\w)", text)


def split(line):
    return re.split(r" {2,}", line.strip())


def check_report(text, document, result):
    named, tables = fields(text)
    modes, loss = document["modes"], document["loss"]
    assert not re.search(
        r"\b(nan|inf)\b|-0(\.0+)?(?![\d.])|−", text.replace("NaN or infinite", ""), re.IGNORECASE
    )
    first = text.splitlines()[1]
    assert count(first.split(" networks")[0]) == document["samples"]
    assert count(re.search(r"networks of (\S+) parameters", first)[1]) == document["parameters"]
    null, constant = numbers(named["Landmarks"].replace("L_0", "").replace("L_c", ""))
    same(null, document["landmarks"]["null_loss"], 6)
    same(constant, document["landmarks"]["constant_loss"], 6)
    if loss["mean"] is None and loss["min"] is None:
        assert named["Loss"] == "there are no finite losses"
    else:
        pattern = r"mean (\S+)   std (\S+)   min (\S+)   max (\S+)"
        shown = re.fullmatch(pattern, named["Loss"]).groups()
        for part, key, digits in zip(shown, ("mean", "std", "min", "max"), (6, 6, 4, 4), strict=True):
            if loss[key] is None:
                assert part == "undefined"
            else:
                same(part, loss[key], digits)
        shares, values = (split(line) for line in tables["Quantiles"])
        assert [float(share.rstrip("%")) / 100 for share in shares] == pytest.approx(QUANTILES)
        for share, value in zip(QUANTILES, values, strict=True):
            same(value, loss["quantiles"][str(share)], 4)
    counts = document["counts"]
    assert count(named.get("Losses of 0", "0").split(" ")[0]) == counts["zero"]
    assert count(named.get("Not finite", "0").split(" ")[0]) == counts["nonfinite"]
    masses = {}
    for name, key in (
        ("Zero mode", "zero_mass"),
        ("Central mode", "central_mass"),
    ):
        masses[key] = same_interval(split(named[name].removeprefix("mass "))[0], modes[key])
    shown = split(named["At L_0"].removeprefix("mass "))[0]
    masses["at_null_loss"] = same_interval(shown, document["at_null_loss"])
    dead = document["dead"] if document["dead"] is not None and document["dead"][0] is not None else None
    if dead is None:
        assert named["Dead"] == "not counted"
    else:
        same_interval(split(named["Dead"])[0], dead)
    masses["dominance"] = same_interval(split(named["Basin D"])[0], modes["dominance"])
    check_bins(named["Basin D"], modes)
    check_dominance(
        [split(named[name])[0] for name in ("Dominance D_0", "log10 ratio", "Excess D_E")], document
    )
    if modes["log2_peak_ratio"] is None:
        assert "Peak ratio" not in named
    else:
        same_log(named["Peak ratio"].rpartition(" = ")[2], modes["log2_peak_ratio"])
    check_dip(named["Unimodal?"], modes)
    check_contracting(named["Contracting"], named["Central mode"], modes)
    if modes["log_axis_list"]:
        shown = named["Log axis"].rpartition(" = ")[2].split(", ")
        for text_of_mode, mode in zip(shown, modes["log_axis_list"], strict=True):
            same(text_of_mode, mode["loss"], 4)
    check_volume(tables.get("Volume"), document)
    check_held_out(tables.get("Held out"), document)
    check_together(masses, named, tables, document)


def check_dominance(shown, document):
    """Check D_0, Lambda and D_E as text; a Lambda that is only bounded is shown as its bound."""
    dominance = document["dominance"]
    same_interval(shown[0], dominance["landmark"])
    same_interval(shown[2], dominance["excess"])
    estimate, low, high = dominance["log10_ratio"]
    if estimate is None and (low is None) != (high is None):
        bound = high if low is None else low
        found = re.fullmatch(rf"([<>]) ({NUMBER}) \(95 %\)", shown[1])
        assert found[1] == ("<" if low is None else ">")
        assert float(found[2]) == pytest.approx(bound, rel=0.011)
        assert float(found[2]) >= bound if low is None else float(found[2]) <= bound
    else:
        same_interval(shown[1], dominance["log10_ratio"])


def check_bins(line, modes):
    found = re.search(r"linear axis, (\S+) bins? of (\S+)(?: at 0)?$", line)
    if modes["bin_width"] is None:
        assert found is None
        assert "no bins" in line
    else:
        assert count(found[1]) == modes["bins"]
        same(found[2], modes["bin_width"], 3)
        assert ("1 bin " in line) == (modes["bins"] == 1)


def check_dip(line, modes):
    if modes["dip_p"] is None:
        assert line.endswith("the dip test does not apply")
        return
    relation, shown = line.removeprefix("dip test p ").split(" ")
    if relation == "<":
        assert modes["dip_p"] < float(shown)
        assert float(shown) > 0
    else:
        same(shown, modes["dip_p"])


def check_contracting(line, central, modes):
    away = [mode for mode in modes["list"] if not mode["at_zero"]]
    said = line.removeprefix("below the central mode: ")
    assert ("at L = " in central) == bool(away)
    if away:
        place = max(away, key=lambda mode: mode["mass"])
        found = re.search(rf"at L = ({NUMBER})(?: = ({NUMBER}) L_0)?$", central)
        same(found[1], place["loss"], 4)
        if found[2]:
            same(found[2], place["loss_per_null"], 3)
    assert said.startswith({True: "yes", False: "no", None: "not defined"}[modes["contracting"]])
    assert ("without a mode away from 0" in said) == (modes["contracting"] is None and not away)
    if modes["log_density_slope"][0] is not None:
        found = re.search(rf"mean slope of log density ({INTERVAL}) per", line)
        same_interval(found[1], modes["log_density_slope"])


def check_volume(lines, document):
    curve = document["volume"]
    if not curve["log10_loss"]:
        assert lines is None
        return
    last = lines[-1]
    if document["counts"]["exact_zero"]:
        same_interval(last.removeprefix("exact zeros: V(0) = "), curve["zero"])
    else:
        found = re.fullmatch(rf"nothing seen below; there V < ({NUMBER}) \(95 %\)", last)
        assert curve["bound"] <= float(found[1]) <= 1.1 * curve["bound"]
    check_curve([split(line) for line in lines[1:-1]], curve)


def check_curve(rows, curve):
    columns = [curve["log10_loss"], curve["log10_volume"], curve["std"], curve["exponent"]]
    if curve["lebesgue"]:
        columns.append(curve["lebesgue"]["log10_volume"])
    size, count_of_rows = len(curve["log10_loss"]), len(rows)
    places = sorted({round(k * (size - 1) / max(count_of_rows - 1, 1)) for k in range(count_of_rows)})
    for row, place in zip(rows, reversed(places), strict=True):
        for cell, column in zip(row, columns, strict=False):
            same_log(cell, column[place])
        if curve["lebesgue"]:
            same(row[5], curve["lebesgue"]["ball_radius"][place], 5)
    shown = [float(row[1]) for row in rows]
    assert shown == sorted(shown, reverse=True)
    assert all(value <= 0 for value in shown)


def check_held_out(lines, document):
    curve = document.get("held_out")
    if not curve or not curve["train_loss"]:
        assert lines is None
        return
    assert lines[0].startswith(f"{curve['examples']} examples")
    rows = [split(line) for line in lines[2:]]
    size = len(curve["train_loss"])
    places = sorted({round(k * (size - 1) / max(len(rows) - 1, 1)) for k in range(len(rows))})
    for row, place in zip(rows, reversed(places), strict=True):
        same(row[0], curve["train_loss"][place], 4)
        assert count(row[1]) == curve["count"][place]
        same_interval(row[2], curve["mean_loss"][place])
        same_interval(row[3], curve["accuracy"][place])


def check_together(masses, named, tables, document):
    """Check that what the report says in one line does not contradict what it says in another."""
    counts, finite = document["counts"], document["samples"] - document["counts"]["nonfinite"]
    zero, central, atom = (masses[key] for key in ("zero_mass", "central_mass", "at_null_loss"))
    if not finite:
        assert zero is central is atom is None
        assert "there are no finite losses" in named["Loss"]
        return
    assert atom[0] == pytest.approx(counts["at_null_loss"] / finite, rel=1e-3)
    if zero and central:
        assert zero[0] + central[0] <= 1 + 2e-4
        assert atom[0] <= central[0] + 2e-4
        # An end that one interval allows, the other must not exclude.
        total = zero[0] + central[0]
        if total > 0:
            known = (zero[0] - central[0]) / total
            assert masses["dominance"][0] == pytest.approx(known, abs=2e-3)
    shown = [float(value) for value in split(tables["Quantiles"][1])]
    assert shown == sorted(shown)
    low, high = (float(x) for x in re.search(r"min (\S+)   max (\S+)", named["Loss"]).groups())
    assert low * (1 - 1e-3) <= shown[0]
    assert shown[-1] <= high * (1 + 1e-3)
    if counts["zero"]:
        assert low == 0
        if "Volume" in tables:
            share = re.fullmatch(rf"exact zeros: V\(0\) = {INTERVAL}", tables["Volume"][-1])
            assert float(share["estimate"]) == pytest.approx(counts["zero"] / document["samples"], rel=1e-3)
            assert "nothing seen below" not in tables["Volume"][-1]


def check_page(page, document):
    """Check every number in the tables of a page."""
    modes, loss, counts = document["modes"], document["loss"], document["counts"]
    assert not re.search(
        r"\b(nan|inf)\b|−|(?<![\d.e])-0(\.0+)?(?![\d.])",
        page.said().replace("NaN or infinite", ""),
        re.IGNORECASE,
    )
    cells = {row[0]: row[1:] for table in page.tables for row in table}
    for name, value, digits in (
        ("null loss L_0", document["landmarks"]["null_loss"], 6),
        ("constant loss L_c", document["landmarks"]["constant_loss"], 6),
        ("mean", loss["mean"], 6),
        ("standard deviation", loss["std"], 6),
        ("smallest", loss["min"], 4),
        ("largest", loss["max"], 4),
    ):
        if value is None:
            assert cells[name] == ["undefined"]
        else:
            same(cells[name][0], value, digits)
    for name, key in (
        ("losses of 0, as computed", "zero"),
        ("losses of 0, known to be exact", "exact_zero"),
        ("equal to L_0 to within rounding (atom)", "at_null_loss"),
        ("NaN or infinite", "nonfinite"),
    ):
        assert count(cells[name][0]) == counts[key]
    for cell, share in zip(cells["loss"], QUANTILES, strict=True):
        if loss["quantiles"][str(share)] is None:
            assert cell == "undefined"
        else:
            same(cell, loss["quantiles"][str(share)], 4)
    for name, key in (
        ("zero mode, mass", "zero_mass"),
        ("central mode, mass", "central_mass"),
        ("basin dominance D", "dominance"),
    ):
        same_interval(cells[name][0], modes[key])
    same_interval(cells["atom at L_0, mass"][0], document["at_null_loss"])
    check_bins(cells["basin dominance D"][1], modes)
    measures = ("dominance D_0", "log10 ratio Λ", "excess dominance D_E")
    check_dominance([cells[name][0] for name in measures], document)
    check_dip(cells["unimodal?"][0], modes)
    check_contracting(cells["contracting below the central mode"][0], cells["central mode, mass"][1], modes)
    for table in page.tables:
        if table[0][0] == "log10 L":
            curve = document["volume"]
            check_curve([[*row[:4], *row[5:]] for row in table[1:]], curve)
    if document["volume"]["log10_loss"] and counts["zero"]:
        found = re.search(rf"Exact zeros: V\(0\) = ({INTERVAL})\.", page.said())
        same_interval(found[1], document["volume"]["zero"])


def check_csv(path, document, result):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    # The counts add up to the networks drawn, and to what summary.json says of each kind.
    assert sum(int(row["count"]) for row in rows) == document["samples"]
    without = [row for row in rows if not row["loss_low"]]
    assert sum(int(row["count"]) for row in without) == document["counts"]["nonfinite"]
    assert len(without) == min(1, document["counts"]["nonfinite"])
    low, high = ([float(row[key]) for row in rows if row["loss_low"]] for key in ("loss_low", "loss_high"))
    assert all(a <= b for a, b in zip(low, high, strict=True))
    assert low == sorted(low)
    zeros = [int(row["count"]) for row in rows if row["loss_high"] and float(row["loss_high"]) == 0]
    assert sum(zeros) == document["counts"]["zero"]
    histogram = result.summary.histogram
    assert {float(x) for x in histogram.lower} <= set(low)


@pytest.fixture
def no_figures(monkeypatch):
    """Leave figures out of pages: they have tests of their own, and take the time of a hundred tables."""
    for module in (geomreg_tui.report.html, geomreg_tui.report.sweep_html):
        monkeypatch.setattr(module, "inline_svg", lambda *_: Drawing("0 0 1 1", "", Shapes("")))
        for name in ("draw_panel", "draw_directions", "draw_densities", "draw_tails"):
            monkeypatch.setattr(module, name, lambda *_: None, raising=False)


def blocks():
    return [
        pytest.param(block, marks=[pytest.mark.full] if block >= SMALL else []) for block in range(BLOCKS)
    ]


@pytest.mark.parametrize("block", blocks())
def test_every_number_is_read_back_and_no_line_contradicts_another(tmp_path, no_figures, block):
    for seed in range(block * EACH, (block + 1) * EACH):
        losses, about = draw(seed)
        result = load_result(make_run(tmp_path / str(seed), losses, **about).path)
        document = json.loads(json.dumps(result_document(result), allow_nan=False))
        try:
            check_report(report_text(result), document, result)
            export_result(result, tmp_path / f"{seed}.html")
            check_page(Page((tmp_path / f"{seed}.html").read_text()), document)
            export_result(result, tmp_path / f"{seed}.csv")
            check_csv(tmp_path / f"{seed}.csv", document, result)
            check_narrow(result)
        except AssertionError as error:
            error.add_note(f"experiment {seed}: {report_text(result)}")
            raise


def check_narrow(result):
    """Check that a report of any width has the numbers of the widest, in the same order."""
    wanted = numbers(plain(report_text(result)))
    for width in (20, 33, 80):
        lines = report_text(result, width).splitlines()
        for line in lines:
            assert len(line) <= width or len(max(line.split(), key=len)) > width - 16, line
        if width < 48:
            assert sorted(numbers(plain("\n".join(lines)))) == sorted(wanted)


def plain(text):
    """Return what a report says below its plot, without the level of intervals, which headings repeat."""
    return " ".join(text[text.index("Landmarks") :].split()).replace("[95 %]", "")


def make_random_sweep(path, block):
    """Make a sweep over a gain, of random experiments."""
    gains = [0.1, 0.3, 1e-7 * (block + 1), 123456.75]
    for place, gain in enumerate(gains):
        losses, about = draw(1000 + 10 * block + place)
        make_run(path / f"gain={gain}", losses, gain=gain, **{**about, "held_out": 0})
    points = [{"settings": {"gain": gain}} for gain in gains]
    write_json(path / "sweep.json", {"schema": 1, "factors": {"gain": gains}, "points": points})
    return load_sweep(path)


def same_mass(cell, values):
    if values[0] is None:
        assert cell == "-"
    else:
        same(cell, values[0], 4)


def masses_of(result):
    """Return the shares that a row shows of a run, as its own outputs have them."""
    document = result_document(result)
    modes = document["modes"]
    return [modes["zero_mass"], modes["central_mass"], document["at_null_loss"], document["dead"]]


def check_sweep_rows(rows, points, results):
    for row, point, result in zip(rows, points, results, strict=True):
        dominance = point["dominance"]
        assert float(row[0]) == point["settings"]["gain"]
        assert count(row[1]) == point["parameters"]
        if dominance["landmark"][0] is None:
            assert row[2] == "-"
        else:
            same_interval(row[2], dominance["landmark"])
        for cell, mass in zip(row[-5:], [dominance["excess"], *masses_of(result)], strict=True):
            same_mass(cell, mass or [None])


def check_directions(text, directions):
    lines = re.findall(r"More gain: .*", text)
    assert len(lines) == len(directions)
    for line, found in zip(lines, directions, strict=True):
        if found["tau"] is None:
            assert line.endswith("(D_0 is undefined or constant)")
            continue
        effect = re.search(rf"D_0 end to end ({INTERVAL}),", line)
        same_interval(effect[1], found["effect"])
        rank = re.search(rf"Kendall τ-b = ({INTERVAL})", line)
        same_interval(rank[1], [found["tau"], found["low"], found["high"]])
        shown = re.search(rf", p = ({NUMBER})\)$", line)
        assert (shown is None) == (found["p_value"] is None)
        if shown:
            same(shown[1], found["p_value"], 2)
        assert f": {found['verdict']} (" in line


@pytest.mark.parametrize("block", blocks())
def test_every_number_of_a_sweep_is_read_back(tmp_path, no_figures, block):
    sweep = make_random_sweep(tmp_path / "sweep", block)
    export_sweep(sweep, tmp_path / "sweep.json")
    document = json.loads((tmp_path / "sweep.json").read_text())
    text = sweep_text(sweep.factors, sweep.points, sweep.judged, sweep.judged_grid)
    lines = text.splitlines()
    check_sweep_rows([split(line) for line in lines[1 : lines.index("")]], document["points"], sweep.results)
    check_directions(text, document["directions"])
    for width in (20, 40, 80):
        narrow = sweep_text(sweep.factors, sweep.points, sweep.judged, sweep.judged_grid, width)
        level = "[95 %]"
        assert sorted(numbers(" ".join(narrow.replace(level, "").split()))) == sorted(
            numbers(" ".join(text.replace(level, "").split()))
        )
    export_sweep(sweep, tmp_path / "sweep.csv")
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, point, result in zip(rows, document["points"], sweep.results, strict=True):
        assert (int(row["samples"]), float(row["gain"])) == (point["samples"], point["settings"]["gain"])
        assert int(row["nonfinite"]) == result.summary.histogram.nonfinite
        dominance = point["dominance"]
        told = {
            name: point["modes"][name] for name in ("zero_mass", "central_mass", "atom_mass", "dominance")
        }
        told |= {name: dominance[name] for name in ("landmark", "excess", "log10_ratio")}
        for name, interval in told.items():
            cells = [row[name + end] for end in ("", "_low", "_high")]
            assert [float(cell) if cell else None for cell in cells] == interval
        assert row["zero_side"] == dominance["zero_side"]
        own = result_document(result)
        for name, values in (("at_null_share", own["at_null_loss"]), ("dead", own["dead"] or [None] * 3)):
            cells = [row[name + end] for end in ("", "_low", "_high")]
            assert [float(cell) if cell else None for cell in cells] == values
        assert int(row["exact_zeros"]) == point["exact_zero"] == own["counts"]["exact_zero"]
        assert point["at_null_loss"] == own["counts"]["at_null_loss"]
    export_sweep(sweep, tmp_path / "sweep.html")
    page = Page((tmp_path / "sweep.html").read_text())
    (table,) = (table for table in page.tables if table[0][:2] == ["gain", "P"])
    for row, point, result in zip(table[1:], document["points"], sweep.results, strict=True):
        assert (float(row[0]), count(row[2])) == (point["settings"]["gain"], point["samples"])
        check_dominance([row[3], row[4], row[6]], point)
        assert row[5] == point["dominance"]["zero_side"]
        for cell, mass in zip(row[7:12], [*masses_of(result), point["modes"]["dominance"]], strict=True):
            same_interval(cell, mass or [None] * 3)
        same(row[12], point["landmarks"]["null_loss"], 4)
