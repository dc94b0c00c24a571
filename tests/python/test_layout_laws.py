# SPDX-License-Identifier: MIT
"""The laws of the layout algebra, each against evaluation of every position.

A refusal (LayoutError) is a fine answer for an arbitrary pair of layouts; what is answered must be right.
"""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from enigma import layout as en
from enigma.layout import Layout, LayoutError, LinearLayout, Swizzle

extents = st.sampled_from([1, 2, 2, 3, 4, 4, 5, 6, 8, 8, 12, 16])
shapes = st.recursive(extents, lambda inner: st.lists(inner, min_size=1, max_size=3).map(tuple), max_leaves=5)


def strides_like(draw, shape):
    if isinstance(shape, tuple):
        return tuple(strides_like(draw, s) for s in shape)
    return draw(st.integers(0, 20))


@st.composite
def layouts(draw, most=512):
    shape = draw(shapes)
    assume(en.size(shape) <= most)
    kind = draw(st.sampled_from(["column", "row", "ordered", "any"]))
    if kind == "any":
        return Layout(shape, strides_like(draw, shape))
    if kind == "ordered":
        return en.make_ordered_layout(shape, strides_like(draw, shape))
    return en.make_layout(shape, major="left" if kind == "column" else "right")


def values(layout):
    return [layout(i) for i in range(en.size(layout))]


def answered(f, *args):
    try:
        return f(*args)
    except LayoutError:
        assume(False)


@given(layouts())
def test_coalesce_keeps_the_function(a):
    c = en.coalesce(a)
    assert values(c) == values(a)
    assert en.depth(c) <= 1


@given(layouts(), layouts(64))
def test_composition_equals_pointwise_application(a, b):
    r = answered(en.composition, a, b)
    assert values(r) == [a(i) for i in values(b)]
    assert en.compatible(b, r)


@given(layouts(), layouts(64), layouts(16))
def test_composition_is_associative(a, b, c):
    assume(en.cosize(c) <= en.size(b))
    left = answered(lambda: en.composition(en.composition(a, b), c))
    right = answered(lambda: en.composition(a, en.composition(b, c)))
    assert values(left) == values(right)


@given(layouts(64), st.integers(1, 300))
def test_complement_is_disjoint_and_ordered(a, bound):
    c = answered(en.complement, a, bound)
    sums = [x + y for x in values(en.filter(a)) for y in values(c)]
    assert len(set(sums)) == len(sums)
    assert values(c) == sorted(set(values(c)))


@given(layouts())
def test_right_inverse_inverts(a):
    r = en.right_inverse(a)
    assert [a(i) for i in values(r)] == list(range(en.size(r)))


@given(layouts())
def test_left_inverse_inverts(a):
    r = answered(en.left_inverse, a)
    offsets = values(a)
    assert [a(r(x)) for x in offsets] == offsets
    if len(set(offsets)) == len(offsets):
        assert [r(x) for x in offsets] == list(range(len(offsets)))


@given(layouts(), st.integers(1, 16))
def test_logical_divide_visits_every_position(a, n):
    d = answered(en.logical_divide, a, n)
    assert values(d[0]) == [a(i) for i in range(n)]
    have = values(d)
    for x in set(values(a)):
        assert have.count(x) >= values(a).count(x)


@given(layouts(32), layouts(16))
def test_product_repeats_the_block_without_overlap(block, tiler):
    p = answered(en.logical_product, block, tiler)
    assert p[0] == block
    starts = set(values(p[1]))
    moving = values(en.filter(block))
    assert len({s + x for s in starts for x in moving}) == len(starts) * len(moving)


@given(layouts(16), layouts(8))
def test_thread_value_layouts_are_bijections(thr, val):
    tiler, tv = answered(en.make_layout_tv, thr, val)
    assert sorted(values(tv)) == list(range(en.product(tiler)))
    assert en.size(tv, mode=0) == en.size(thr)


@given(layouts(), st.data())
def test_slices_keep_offsets(a, data):
    assume(isinstance(a.shape, tuple))
    coord = tuple(data.draw(st.none() | st.integers(0, en.size(m) - 1)) for m in a)
    part, offset = en.slice_and_offset(coord, a)
    kept = [m for m, c in zip(a, coord, strict=True) if c is None]
    inner = values(en.make_layout(*kept)) if kept else [0]
    assert [offset + x for x in values(part)] == [offset + x for x in inner]
    assert offset == sum(m(c) for m, c in zip(a, coord, strict=True) if c is not None)


swizzles = st.builds(
    lambda b, m, extra, sign: Swizzle(b, m, sign * (b + extra)),
    st.integers(0, 3),
    st.integers(0, 4),
    st.integers(0, 3),
    st.sampled_from([1, -1]),
)


@given(swizzles, layouts())
def test_swizzled_layouts_apply_the_swizzle_last(s, a):
    composed = en.composition(s, a)
    assert values(composed) == [s(x) for x in values(a)]
    assert [s(s(x)) for x in values(a)] == values(a)


@given(swizzles, swizzles)
def test_swizzles_compose(s, t):
    both = en.composition(s, t)
    assert [both(x) for x in range(256)] == [s(t(x)) for x in range(256)]


power = st.sampled_from([1, 2, 4, 8])


@given(st.lists(power, min_size=1, max_size=4), st.permutations(range(4)), swizzles)
def test_linear_layouts_agree_with_layouts_and_invert(shape, order, s):
    a = en.make_ordered_layout(tuple(shape), tuple(order[: len(shape)]))
    swizzled = en.composition(s, a)
    linear = LinearLayout(swizzled)
    assert [linear(i) for i in range(en.size(a))] == values(swizzled)
    assert linear.is_injective
    back = linear.inverse()
    assert [back(x) for x in values(swizzled)] == list(range(en.size(a)))
    as_layout = linear.to_layout()
    assert as_layout is not None
    assert values(as_layout) == values(swizzled)


@given(layouts(), layouts())
def test_layouts_are_values(a, b):
    assert (a == b) == (repr(a) == repr(b))
    assert a == Layout(a.shape, a.stride)
    assert hash(a) == hash(Layout(a.shape, a.stride))


@given(st.integers(0, 2**62), st.integers(-(2**62), 2**62), st.integers(0, 2**63 - 1))
def test_arithmetic_never_wraps(extent, stride, coord):
    def evaluate():
        a = Layout(extent, stride)
        return a(coord), en.cosize(a)

    if extent >= 1 and abs(stride * coord) < 2**63 and abs(stride) * (extent - 1) < 2**63 - 1:
        assert evaluate() == (stride * coord, abs(stride) * (extent - 1) + 1)
    else:
        with pytest.raises(LayoutError):
            evaluate()


@pytest.mark.parametrize("depth", [10, 100, 5000])
def test_deep_tuples_are_refused_or_answered(depth):
    shape = 2
    for _ in range(depth):
        shape = (shape,)
    if depth <= 60:
        assert en.size(shape) == 2
        return
    for f in (en.size, en.flatten, Layout, lambda s: en.composition(Layout(2), s), lambda s: Layout(2)(s)):
        with pytest.raises(LayoutError, match="levels deep"):
            f(shape)
