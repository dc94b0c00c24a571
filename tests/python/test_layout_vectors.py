# SPDX-License-Identifier: MIT
"""The recorded cases of tests/vectors, called as a user writes them: tuples in, tuples out.

Cases with run-time integers are left to the C++ test, which can make such integers; comparisons take
their values.
"""

import json
from pathlib import Path

import pytest

from enigma import layout as en
from enigma.layout import ComposedLayout, E, Layout, LayoutError, ScaledBasis, Swizzle

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
FILES = sorted(p.stem for p in VECTORS.glob("*.jsonl") if p.stem != "static_dynamic")

COMPARISONS = {"compatible", "evenly_divides", "elem_less", "lex_less", "colex_less"}

# Recorded answers that break their own post-condition; see tests/cpp/Layout/VectorsTest.cpp.
WRONG = {"composition-p00408", "product-p00612"}


def read(x):
    """From JSON to what a user passes."""
    if isinstance(x, list):
        return tuple(read(e) for e in x)
    if not isinstance(x, dict):
        return x
    if "dyn" in x:
        return x["dyn"]
    if "swizzle" in x:
        return Swizzle(*x["swizzle"])
    if "composed" in x:
        return ComposedLayout(*(read(e) for e in x["composed"]))
    if "basis" in x:
        return x["scale"] * E(*x["basis"])
    return Layout(read(x["shape"]), read(x["stride"]))


def written(x):
    """From results to JSON."""
    if isinstance(x, Layout):
        return {"shape": written(x.shape), "stride": written(x.stride)}
    if isinstance(x, Swizzle):
        return {"swizzle": [x.bits, x.base, x.shift]}
    if isinstance(x, ComposedLayout):
        return {"composed": [written(x.inner), written(x.offset), written(x.outer)]}
    if isinstance(x, ScaledBasis):
        return {"scale": x.value, "basis": list(x.path)}
    if isinstance(x, tuple):
        return [written(e) for e in x]
    return x


def make_layout_tv(thr, val):
    tiler, tv = en.make_layout_tv(thr, val)
    return {"tiler": written(tiler), "tv_layout": written(tv)}


# Operations whose name or argument order differs from the vectors'; the others are called by name.
CALLS = {
    "layout_call": lambda layout, coord: layout(coord),
    "composed_call": lambda layout, coord: layout(coord),
    "swizzle_apply": lambda swizzle, offset: swizzle(offset),
    "slice": lambda layout, coord: en.slice_(coord, layout),
    "dice": lambda layout, coord: en.dice(coord, layout),
    "slice_and_offset": lambda layout, coord: en.slice_and_offset(coord, layout),
    "composed_slice": lambda layout, coord: en.slice_and_offset(coord, layout),
    "get_hier_coord": lambda layout, idx: layout.get_hier_coord(idx),
    "get_flat_coord": lambda layout, idx: layout.get_flat_coord(idx),
    "get_1d_coord": lambda layout, idx: layout.get_1d_coord(idx),
    "append": lambda layout, x=None, n=None: en.append(layout, x, up_to_rank=n),
    "prepend": lambda layout, x=None, n=None: en.prepend(layout, x, up_to_rank=n),
    "replace": lambda layout, n, x: en.replace(layout, n, x),
    "select": lambda layout, modes: en.select(layout, mode=modes),
    "size": lambda layout, mode=None: en.size(layout, mode=mode),
    "rank": lambda layout, mode=None: en.rank(layout, mode=mode),
    "depth": lambda layout, mode=None: en.depth(layout, mode=mode),
    "flatten": lambda layout: en.flatten(layout),
    "unflatten": lambda layout, profile: en.unflatten(layout, profile),
    "group": lambda layout, begin, end: en.group(layout, begin, end),
    "take": lambda layout, begin, end: en.take(layout, begin, end),
    "get": lambda layout, mode: en.get(layout, mode=mode),
    "local_partition": lambda layout, thr, idx: en.local_partition(layout, thr, idx),
    "make_layout_tv": lambda thr, val: make_layout_tv(thr, val),
}


def answer(record):
    op = record["op"]
    try:
        args = {k: v if k == "major" else read(v) for k, v in record["args"].items()}
        if op == "make_layout":
            return written(en.make_layout(args["shape"], major=args["major"]))
        return written(CALLS.get(op, getattr(en, op, None))(**args))
    except LayoutError as error:
        return {"error": str(error)}


# The comparison that tests/vectors/README.md lays down.


def without_dyn(x):
    if isinstance(x, dict):
        return x["dyn"] if "dyn" in x else {k: without_dyn(v) for k, v in x.items()}
    return [without_dyn(e) for e in x] if isinstance(x, list) else x


def masked(x):
    def stride(s, d):
        if isinstance(s, list):
            return (
                [stride(a, b) for a, b in zip(s, d, strict=True)]
                if isinstance(d, list) and len(s) == len(d)
                else "bad"
            )
        return None if s == 1 else d

    if isinstance(x, dict):
        if "shape" in x:
            return {"shape": x["shape"], "stride": stride(x["shape"], x["stride"])}
        return {k: masked(v) for k, v in x.items()}
    return [masked(e) for e in x] if isinstance(x, list) else x


def flat(x):
    return [y for e in x for y in flat(e)] if isinstance(x, list) else [x]


def value(x, c):
    if "swizzle" in x:
        bits, base, shift = x["swizzle"]
        y = c & (((1 << bits) - 1) << (base + max(0, shift)))
        return c ^ (y >> shift if shift >= 0 else y << -shift)
    if "composed" in x:
        inner, offset, outer = x["composed"]
        return value(inner, offset + value(outer, c))
    total, shape, strides = 0, flat(x["shape"]), flat(x["stride"])
    for i, (s, d) in enumerate(zip(shape, strides, strict=True)):
        total += (c if i == len(shape) - 1 else c % s) * d
        c //= s
    return total


def same_function(a, b):
    (a, start_a), (b, start_b) = (x if isinstance(x, list) else [x, 0] for x in (a, b))

    def count(x):
        n = 1
        for s in flat((x["composed"][2] if "composed" in x else x)["shape"]):
            n *= s
        return n

    return count(a) == count(b) and all(
        start_a + value(a, i) == start_b + value(b, i) for i in range(count(a))
    )


def matches(record, got):
    want = without_dyn(record["result"])
    if isinstance(want, dict) and "error" in want:
        return isinstance(got, dict) and "error" in got
    if isinstance(got, dict) and "error" in got:
        return False
    if any(masked(got) == masked(w) for w in [want, *record.get("alt", [])]):
        return True
    return "functional" in record.get("tags", []) and same_function(want, got)


@pytest.mark.parametrize("name", FILES)
def test_recorded_answers(name):
    bad, count = [], 0
    for line in (VECTORS / f"{name}.jsonl").read_text().splitlines():
        record = json.loads(line)
        if '"dyn"' in line and record["op"] not in COMPARISONS:
            continue
        count += 1
        got = answer(record)
        if name == "nonfunctional" or record["id"] in WRONG:
            good = isinstance(got, dict) and "error" in got
        elif "limitation" in record.get("tags", []):
            good = True
        else:
            good = matches(record, got)
        if not good:
            bad.append((record["id"], record["op"], record["args"], record["result"], got))
    assert count
    assert not bad, f"{len(bad)} of {count}, first: {bad[0]}"
