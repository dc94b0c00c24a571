# SPDX-License-Identifier: MIT
"""The benchmark beside other tools, on sizes that show that it works: all results are checked, and what it writes is whole."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benchmarks" / "peers"


@pytest.fixture
def plot(monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    import plot

    yield plot
    sys.modules.pop("plot", None)


def test_all_workloads_agree_with_their_references_and_are_written(tmp_path):
    command = [
        sys.executable,
        PEERS / "run.py",
        "--small",
        "--rounds",
        "1",
        "--threads",
        "1",
        "--out",
        tmp_path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "peers.md").read_text()
    for row in (
        "saxpy",
        "RMSNorm",
        "softmax",
        "prefix sums",
        "heat",
        "transpose",
        "SGEMM",
        "attention",
        "prepared",
    ):
        assert f"| {row}" in table
    svg = ET.parse(tmp_path / "peers.svg").getroot()
    text = " ".join(svg.itertext())
    assert "Enigma" in text and "SGEMM 128" in text


def test_a_plot_has_a_bar_for_each_tool_and_says_what_it_cuts(plot):
    svg = ET.fromstring(
        plot.bars([("a < b", {"Enigma": 0.5, "C": 1.0}), ("c", {"C": 1.0, "jax": 7.0})], list(plot.COLOURS))
    )
    space = "{http://www.w3.org/2000/svg}"
    rectangles = [r for r in svg.iter(f"{space}rect") if r.get("height") != "12"]
    assert [r.get("class") for r in rectangles] == ["Enigma", "C", "C", "jax"]
    widths = [float(r.get("width")) for r in rectangles]
    assert widths == pytest.approx([plot.WIDE / 3, plot.WIDE / 1.5, plot.WIDE / 1.5, plot.WIDE], abs=0.1)
    assert "7" in [t.text for t in svg.iter(f"{space}text")] and "a < b" in [
        t.text for t in svg.iter(f"{space}text")
    ]
    assert "prefers-color-scheme:dark" in svg.find(f"{space}style").text


def test_every_tool_has_a_colour(plot):
    import tools

    assert {"Enigma", *tools.TOOLS} == set(plot.COLOURS)
    sys.modules.pop("tools")
