# SPDX-License-Identifier: MIT
"""Draws the pictures of docs/layouts.md. Run it after a change of the drawing:

python docs/layouts_pictures.py
"""

from pathlib import Path

import enigma.layout as en
from enigma.layout import Layout, Swizzle

HERE = Path(__file__).parent / "layouts"


def pictures():
    """File name to SVG text."""
    yield "column", Layout((4, 6)).draw("svg")
    yield "row", Layout((4, 6), (6, 1)).draw("svg")
    yield "nested", Layout(((2, 2), (2, 3)), ((1, 4), (2, 8))).draw("svg")
    tile = Layout((8, 12), (12, 1))
    yield "divided", en.logical_divide(tile, (4, 6)).draw("svg")
    yield "blocked", en.blocked_product(Layout((2, 2)), Layout((2, 3))).draw("svg")
    yield "raked", en.raked_product(Layout((2, 2)), Layout((2, 3))).draw("svg")
    thr = en.make_ordered_layout((4, 4), order=(1, 0))
    val = en.make_ordered_layout((2, 2), order=(1, 0))
    shape, tv = en.make_layout_tv(thr, val)
    yield "owners", tv.draw("svg", tile=shape)
    buffer = Layout((8, 32), (32, 1))
    yield "banks", buffer.draw("svg", color="bank")
    yield "swizzled", en.composition(Swizzle(3, 2, 3), buffer).draw("svg", color="bank")


def main():
    HERE.mkdir(exist_ok=True)
    for name, svg in pictures():
        (HERE / f"{name}.svg").write_text(svg)


if __name__ == "__main__":
    main()
