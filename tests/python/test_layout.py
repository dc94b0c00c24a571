# SPDX-License-Identifier: MIT
"""Layouts as Python values: construction, indexing, printing, arrays, errors, pictures."""

import doctest
import pickle
import re
import xml.dom.minidom

import numpy as np
import pytest

from enigma import layout as en
from enigma.layout import ComposedLayout, E, Layout, LayoutError, LinearLayout, ScaledBasis, Swizzle

TILE = Layout((4, 8), (8, 1))


def test_printing_is_cutes():
    assert repr(Layout(((2, 2), 4), ((1, 8), 2))) == "((2,2),4):((1,8),2)"
    assert repr(Layout(8)) == "8:1"
    assert repr(Layout((4,), (1,))) == "(4):(1)"
    assert repr(en.make_identity_layout((2, (3, 4)))) == "(2,(3,4)):(1@0,(1@0@1,1@1@1))"
    assert repr(en.composition(Swizzle(3, 4, 3), Layout((8, 8)))) == "Sw<3,4,3> o 0 o (8,8):(1,8)"


def test_calls_take_integers_tuples_and_several_arguments():
    assert TILE(9) == TILE(1, 2) == TILE((1, 2)) == TILE([1, 2]) == TILE(np.int64(1), np.uint8(2)) == 10
    assert TILE(None, 2) == 2
    assert TILE(33) == 1 * 8 + 8, "past the end the last mode runs on"


def test_modes_by_index_slice_and_iteration():
    a = Layout((2, (3, 4), 5))
    assert a[0] == Layout(2)
    assert a[1] == Layout((3, 4), (2, 6))
    assert a[-1] == Layout(5, 24)
    assert list(a) == [a[0], a[1], a[2]]
    assert len(a) == 3
    assert a[1:] == en.take(a, 1, 3)
    assert a[::-1] == en.select(a, [2, 1, 0])
    assert a[None, 1, 2] == en.slice_((None, 1, 2), a)
    with pytest.raises(IndexError, match=r"mode 3 of .*rank 3"):
        a[3]
    with pytest.raises(TypeError, match=r"get\(layout, mode="):
        a[0, 1]


def test_values_hash_compare_and_pickle():
    things = [
        TILE,
        Swizzle(2, 1, 3),
        en.swizzle(3, 0, 3, TILE),
        3 * E(1, 0),
        LinearLayout(TILE),
        en.left_inverse(Layout(4, -1)),
    ]
    for x in things:
        y = pickle.loads(pickle.dumps(x))
        assert x == y
        assert hash(x) == hash(y)
        assert repr(x) == repr(y)
        assert x != 3
        assert (x == "x") is False
    assert len({TILE, Layout((4, 8), (8, 1)), Layout((4, 8))}) == 2


def test_arrays_are_evaluated_at_once():
    i = np.arange(32)
    assert TILE(i).tolist() == [TILE(int(k)) for k in i]
    assert TILE(i).dtype == np.int64
    rows, columns = np.meshgrid(np.arange(4), np.arange(8), indexing="ij")
    assert (TILE(rows, columns) == rows * 8 + columns).all()
    assert (TILE(rows, 3) == rows * 8 + 3).all()
    assert (TILE(rows.astype(np.uint8)) == TILE(rows)).all()
    swizzled = en.swizzle(3, 0, 3, Layout((8, 8), (8, 1)))
    assert swizzled(np.arange(64)).tolist() == [swizzled(k) for k in range(64)]
    assert Swizzle(3, 0, 3)(np.array([8, 16])).tolist() == [9, 18]
    assert TILE(np.zeros((0, 3), int)).shape == (0, 3)
    assert TILE(np.array(9)) == 10
    with pytest.raises(TypeError, match="float64"):
        TILE(np.array([1.5]))
    with pytest.raises(LayoutError, match="overflows"):
        Layout(4, 3)(np.array([2**62]))
    with pytest.raises(LayoutError, match="64 bits"):
        TILE(np.array([2**63], np.uint64))


def test_tuples_in_tuples_out():
    assert en.flatten((1, (2, (3,)))) == (1, 2, 3)
    assert en.size([2, [3, 4]]) == 24
    assert en.zip((1, 2), (3, 4)) == ((1, 3), (2, 4))
    assert en.get((1, (2, 3)), mode=(1, 0)) == 2
    assert en.repeat_like(0, (1, (2, 3))) == (0, (0, 0))
    assert en.Layout((np.int32(4), np.int64(8))).shape == (4, 8)


def test_tilers_mix_integers_none_and_layouts():
    a = Layout((8, 24), (24, 1))
    assert en.logical_divide(a, (None, 8)) == en.make_layout(a[0], en.logical_divide(a[1], 8))
    assert en.composition(a, (Layout(4, 2), None)) == en.make_layout(Layout(4, 48), a[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: en.composition(Layout((6, 2), (1, 7)), Layout(4, 4)),
            r"is not a layout.*mode 0[\s\S]*nearest size that works is 2",
        ),
        (
            lambda: en.tile_to_shape(Layout(48), 100),
            r"48 does not divide mode 0 of size 100[\s\S]*96 and 144",
        ),
        (lambda: en.complement(Layout((2, 2), (1, 1))), "several positions to one offset"),
        (lambda: en.logical_divide(Layout((4, 8)), (2, 2, 2)), "3 modes where .* has 2; drop the last 1"),
        (lambda: en.left_inverse(Layout((4, 4), (2, 3))), "no multiple of the next smaller one, 2"),
        (lambda: en.upcast(Layout((8, 3), (1, 9)), 4), "do not make one: the mode 3:9"),
        (lambda: en.downcast(Layout(8, 2), 2), "no mode of stride 1"),
        (lambda: Swizzle(3, 0, 2), r"abs.shift. must be at least bits[\s\S]*nearest shift that works is 3"),
        (lambda: en.make_swizzle(0b101, 0b11000), "one run of bits"),
        (lambda: Layout((4, 0)), "at least 1, got 0"),
        (lambda: Layout((4, 8), (1,)), "same structure"),
        (lambda: Layout(2**64), "does not fit 64 bits"),
        (lambda: en.size((2**40, 2**40)), "overflows 64 bits"),
        (lambda: TILE(1, 2, 3), "rank 3.*rank 2"),
        (lambda: en.make_ordered_layout((2, 3), (0,)), "as many modes"),
        (lambda: en.get(TILE, mode=[0, 1]), "mode .0,1. does not exist"),
        (lambda: en.make_layout_tv(Layout((4, 2), (2, 1)), Layout(4, 2)), "exactly one thread"),
        (lambda: en.make_layout_tv(Layout(4, 0), Layout(2)), "exactly one thread|overlap"),
        (lambda: en.append(TILE, up_to_rank=10**9), "must be from 0 to"),
        (lambda: en.repeat(1, 10**12), "must be from 0 to"),
        (lambda: LinearLayout(Layout(3)), "powers of two"),
        (lambda: LinearLayout([1, 1]).inverse(), "to one output"),
        (lambda: en.draw(Layout((1000, 1000))), "too many cells"),
        (lambda: en.size(Swizzle(1, 0, 1)), "compose it with a layout first"),
    ],
)
def test_errors_say_why_and_what_would_work(call, message):
    with pytest.raises(LayoutError) as caught:
        call()
    assert re.search(message, str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Layout("abc"),
        lambda: Layout(2.5),
        lambda: Layout(True),
        lambda: Layout({4: 8}),
        lambda: TILE(),
        lambda: TILE(1.5),
        lambda: en.composition(3, TILE),
        lambda: en.composition(TILE, "x"),
        lambda: en.coalesce((4, 8)),
        lambda: en.logical_divide(TILE, en.swizzle(1, 0, 1, TILE)),
        lambda: en.make_layout(),
        lambda: Layout((4, np.arange(3))),
    ],
)
def test_wrong_types_are_type_errors(call):
    with pytest.raises(TypeError):
        call()


def test_layout_error_is_a_value_error():
    assert issubclass(LayoutError, ValueError)


def test_basis_strides_give_coordinates():
    ident = en.make_identity_layout((4, (2, 3)))
    assert ident(3, (1, 2)) == (3, (1, 2))
    assert ident(23) == (3, (1, 2))
    assert 2 * E(1) * 3 == 6 * E(1)
    assert 0 * E(1) == 0
    assert isinstance(E(0), ScaledBasis)
    assert E(1, 0).path == (1, 0)
    assert (5 * E(2)).value == 5
    with pytest.raises(LayoutError, match="levels"):
        E(0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(LayoutError):
        E(1000)


def test_composed_layouts_take_part_in_the_algebra():
    s = en.swizzle(3, 0, 3, Layout((8, 8), (8, 1)))
    assert isinstance(s, ComposedLayout)
    assert s.inner == Swizzle(3, 0, 3)
    assert s.offset == 0
    tiles = en.zipped_divide(s, (4, 4))
    assert tiles.shape == ((4, 4), (2, 2))
    assert tiles((1, 2), (1, 0)) == s(5, 2)
    assert en.right_inverse(s)(s(17)) == 17
    row = s[5, None]
    assert isinstance(row, Layout)
    assert [en.slice_and_offset((5, None), s)[1] + row(j) for j in range(8)] == [s(5, j) for j in range(8)]
    assert en.cosize(s) == 64
    assert en.max_common_vector(s, Layout((8, 8), (8, 1))) == 1


def test_best_swizzle_removes_the_conflicts_of_a_transpose():
    rows, columns = Layout((32, 32), (1, 32)), Layout((32, 32), (32, 1))
    assert en.bank_conflicts(columns, 32).transactions == 32 * 32
    s = en.best_swizzle(rows, columns, 32)
    for access in (rows, columns):
        c = en.bank_conflicts(en.composition(s, access), 32)
        assert c.transactions == c.ideal == 32
        assert c.worst == 1
    assert en.best_swizzle(rows, rows, 32) == Swizzle(0, 0, 0), "nothing to gain"


def test_text_picture(capsys):
    en.print_layout(Layout((2, 3), (3, 1)))
    assert capsys.readouterr().out == (
        "(2,3):(3,1)\n      0   1   2\n    +---+---+---+\n 0  | 0 | 1 | 2 |\n    +---+---+---+\n"
        " 1  | 3 | 4 | 5 |\n    +---+---+---+\n"
    )
    text = en.draw(en.swizzle(3, 2, 3, Layout((8, 32), (32, 1))), color="bank")
    assert "reading a column with 8 lanes: 1 transaction, no conflicts" in text
    assert "reading a column with 8 lanes: 8 transactions (1 without conflicts)" in en.draw(
        Layout((8, 32), (32, 1)), color="bank"
    )


def test_thread_value_picture_names_every_owner_once():
    thr, val = Layout((2, 4), (4, 1)), Layout((2, 1))
    tiler, tv = en.make_layout_tv(thr, val)
    text = tv.draw(tile=tiler)
    for t in range(8):
        for v in range(2):
            assert len(re.findall(rf"\bT{t} V{v}\b", text)) == 1
    with pytest.raises(LayoutError, match="outside the tile"):
        tv.draw(tile=(2, 2))


@pytest.mark.parametrize(
    "layout", [Layout((16, 24), (24, 1)), Layout((16, 24)), Layout((16, (8, 3)), (8, (1, 128)))]
)
def test_tv_partition_gives_each_element_to_the_thread_that_stands_there(layout):
    thr, val = Layout((2, 4), (4, 1)), Layout((4, 2), (2, 1))  # a tile of 8 x 8
    tiler, tv = en.make_layout_tv(thr, val)
    owned = []
    for thread in range(8):
        mine, offset = en.tv_partition(layout, tv, tiler, thread)
        row, column = divmod(thread, 4)
        assert en.tv_partition(layout, tv, tiler, (column, row)) == (mine, offset)
        for value in range(8):
            for i in range(2):
                for j in range(3):
                    at = offset + mine((value, (i, j)))
                    assert at == layout((8 * i + 4 * row + value // 2, 8 * j + 2 * column + value % 2))
                    owned.append(at)
    assert sorted(owned) == list(range(16 * 24))


def test_tv_partition_refuses_another_tile_and_an_unknown_thread():
    tiler, tv = en.make_layout_tv(Layout((2, 4), (4, 1)), Layout((4, 2), (2, 1)))
    matrix = Layout((16, 24), (24, 1))
    with pytest.raises(LayoutError, match=r"covers 64 elements, the tile .* has 32"):
        en.tv_partition(matrix, tv, (4, 8), 0)
    with pytest.raises(LayoutError, match="no thread 8 among the 8"):
        en.tv_partition(matrix, tv, tiler, 8)
    with pytest.raises(LayoutError, match=r"modes \(threads, values\)"):
        en.tv_partition(matrix, Layout(64), tiler, 0)


@pytest.mark.parametrize("options", [{}, {"color": "bank"}, {"color": "thread"}, {"color": "none"}])
def test_svg_is_well_formed_and_has_a_cell_for_each_element(options):
    for layout in (
        TILE,
        Layout(8),
        Layout(((2, 2), (2, 2))),
        en.swizzle(2, 0, 3, TILE),
        en.make_identity_layout((4, 4)),
    ):
        doc = xml.dom.minidom.parseString(layout.draw("svg", **options))
        cells = [p for p in doc.getElementsByTagName("path") if p.getAttribute("fill") != "none"]
        assert len(cells) == en.size(layout)
    assert TILE._repr_svg_().startswith("<svg")
    assert "<svg" in TILE._repr_html_()
    assert Layout((1000, 1000))._repr_svg_() is None
    assert Layout(2**40)._repr_html_() is None


def test_latex_has_a_node_for_each_cell():
    text = en.to_latex(TILE)
    assert text.count("\\node[draw") == 32
    assert "\\begin{tikzpicture}" in text


def test_every_public_name_exists_and_is_documented():
    for name in en.__all__:
        thing = getattr(en, name)
        assert thing.__doc__, name


def test_examples_in_docstrings_run():
    runner = doctest.DocTestRunner()
    ran = 0
    for name in en.__all__:
        thing = getattr(en, name)
        doc = thing.__doc__ or ""
        test = doctest.DocTestParser().get_doctest(doc, dict(vars(en)), name, None, 0)
        ran += len(test.examples)
        runner.run(test)
    assert ran > 90
    assert runner.failures == 0


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: en.logical_divide(Layout((8, 8)), "4"), en.LayoutTypeError),
        (lambda: en.composition(3, 4), en.LayoutTypeError),
        (lambda: Layout(4.5), en.LayoutTypeError),
        (lambda: Layout((4, 0)), en.LayoutError),
    ],
)
def test_errors_have_the_place_of_the_call(call, kind):
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert error.file == __file__
    assert error.line == call.__code__.co_firstlineno
    assert "^" in str(error)
    assert issubclass(en.LayoutTypeError, TypeError)
