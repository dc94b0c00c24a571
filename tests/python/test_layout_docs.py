# SPDX-License-Identifier: MIT
"""docs/layouts.md tells the truth: its examples run, and its pictures are what the library draws."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

import enigma.layout as en

DOCS = Path(__file__).resolve().parents[2] / "docs"


def load_pictures():
    spec = importlib.util.spec_from_file_location("layouts_pictures", DOCS / "layouts_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.pictures())


def test_examples_run():
    names = {name: getattr(en, name) for name in en.__all__}
    failures, count = 0, 0
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "layouts.md").read_text(), re.S):
        if ">>>" not in block or "LayoutError:" in block:
            continue
        test = doctest.DocTestParser().get_doctest(block, names, "layouts.md", None, 0)
        runner = doctest.DocTestRunner()
        runner.run(test, clear_globs=False)
        names = test.globs
        failures += runner.failures
        count += len(test.examples)
    assert failures == 0
    assert count > 40


def test_the_refusal_that_is_shown():
    shown = re.search(r"LayoutError: (.*?)```", (DOCS / "layouts.md").read_text(), re.S).group(1)
    with pytest.raises(en.LayoutError) as caught:
        en.composition(en.Layout((6, 2), (1, 7)), en.Layout(4, 4))
    error = caught.value
    text = "\n".join([error.message, *(f"note: {hint}" for hint in error.hints)])
    assert " ".join(shown.split()) == " ".join(text.split())


@pytest.mark.parametrize("name", sorted(p.stem for p in (DOCS / "layouts").glob("*.svg")))
def test_pictures_are_current(name):
    assert (DOCS / "layouts" / f"{name}.svg").read_text() == load_pictures()[name], (
        "run python docs/layouts_pictures.py"
    )


def test_every_picture_is_there():
    shown = set(re.findall(r"layouts/(\w+)\.svg", (DOCS / "layouts.md").read_text()))
    assert shown == set(load_pictures()) == {p.stem for p in (DOCS / "layouts").glob("*.svg")}
