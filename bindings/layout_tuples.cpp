// SPDX-License-Identifier: MIT
//
// Integer tuples in Python, and the coordinates and queries of layouts: size(x, mode=[1]), crd2idx, product,
// ceil_div. Each example runs in tests/python/test_layout_docs.py.
#include "layout_algebra.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

/// A mode or path of modes: None, 1, or (1, 0).
IntTuple modeFrom(nb::handle mode) { return mode.is_none() ? IntTuple() : tupleFrom(mode, "a mode"); }

nb::object modeOf(nb::handle x, nb::handle mode) {
  if (mode.is_none())
    return nb::borrow(x);
  IntTuple path = modeFrom(mode);
  return onLayoutOrTuple(
      x, "a layout or tuple", [&](const Layout &l) { return Layout(getMode(l.view(), path)); },
      [&](const IntTuple &t) { return IntTuple(getMode(t, path)); });
}

template <bool (*relation)(View, View)>
bool related(nb::handle a, nb::handle b) {
  return relation(shapeFrom(a, "the first operand"), shapeFrom(b, "the second operand"));
}

template <IntTuple (*op)(View, View)>
nb::object elementwise(nb::handle a, nb::handle b) {
  return toPython(op(shapeFrom(a, "the first operand"), shapeFrom(b, "the second operand")));
}

constexpr const char *kRelation = "typing.Any, b: typing.Any) -> bool";

void bindQueries(nb::module_ &m) {
  m.def(
      "size",
      [](nb::handle x, nb::handle mode) {
        if (mode.is_none() && !nb::isinstance<Swizzle>(x))
          return toPython(product(shapeFrom(x, "a layout or tuple")));
        return toPython(product(getMode(shapeFrom(x, "a layout or tuple"), modeFrom(mode))));
      },
      "x"_a, "mode"_a = nb::none(), nb::sig("def size(x: typing.Any, mode: typing.Any = None) -> int"),
      "Number of elements of a layout, shape or one of its modes.\n\n"
      ">>> size(Layout((4, (16, 32))), mode=[1])\n512");
  m.def(
      "cosize",
      [](nb::handle x, nb::handle mode) {
        if (const Layout *l = layoutIf(x))
          return toPython(cosize(getMode(l->view(), modeFrom(mode))));
        nb::object part = modeOf(x, mode);
        return toPython(cosize(anyFrom(part, "the layout")));
      },
      "layout"_a, "mode"_a = nb::none(),
      nb::sig("def cosize(layout: typing.Any, mode: typing.Any = None) -> int"),
      "One more than the largest offset.\n\n>>> cosize(Layout((4, 8), (10, 1)))\n38");
  m.def(
      "coshape", [](nb::handle x) { return toPython(coshape(layoutFrom(x, "the layout"))); }, "layout"_a,
      nb::sig("def coshape(layout: Layout) -> typing.Any"),
      "The smallest shape that holds every offset; a tuple where strides are basis vectors.\n\n"
      ">>> coshape(make_identity_layout((4, 8)))\n(4, 8)");
  m.def(
      "rank",
      [](nb::handle x, nb::handle mode) {
        return getMode(shapeFrom(x, "a layout or tuple"), modeFrom(mode)).rank();
      },
      "x"_a, "mode"_a = nb::none(), nb::sig("def rank(x: typing.Any, mode: typing.Any = None) -> int"),
      "Number of modes; 1 for an integer.\n\n>>> rank((4, (2, 3)))\n2");
  m.def(
      "depth",
      [](nb::handle x, nb::handle mode) {
        return depth(getMode(shapeFrom(x, "a layout or tuple"), modeFrom(mode)));
      },
      "x"_a, "mode"_a = nb::none(), nb::sig("def depth(x: typing.Any, mode: typing.Any = None) -> int"),
      "How deep the modes nest; 0 for an integer.\n\n>>> depth((4, (2, 3)))\n2");
  m.def(
      "shape",
      [](nb::handle x, nb::handle mode) {
        return toPython(getMode(shapeFrom(x, "a layout or tuple"), modeFrom(mode)));
      },
      "x"_a, "mode"_a = nb::none(),
      nb::sig("def shape(x: typing.Any, mode: typing.Any = None) -> typing.Any"),
      "The shape of a layout or of one of its modes.\n\n>>> shape(Layout((4, (2, 3))), mode=1)\n(2, 3)");
  m.def("get", modeOf, "x"_a, "mode"_a, nb::sig("def get(x: typing.Any, mode: typing.Any) -> typing.Any"),
        "The mode at a path.\n\n>>> get(Layout(((4, 2), 3)), mode=[0, 1])\n2:4");
  m.def(
      "is_static",
      [](nb::handle x) {
        if (const Layout *l = layoutIf(x))
          return isStatic(l->view());
        return shapeFrom(x, "a layout or tuple").isStatic();
      },
      "x"_a, nb::sig("def is_static(x: typing.Any) -> bool"),
      "Are all its integers known now?\n\n>>> is_static((4, 8))\nTrue");
  m.def(
      "is_tractable", [](nb::handle x) { return isTractable(layoutFrom(x, "the layout")); }, "layout"_a,
      nb::sig("def is_tractable(layout: Layout) -> bool"),
      "Do the strides, in order, each divide the next, with every mode ending where the next may begin?\n\n"
      "Then the layout has a complement that fills its range.\n\n>>> is_tractable(Layout((4, 8), (8, "
      "1)))\nTrue");
}

void bindCoordinates(nb::module_ &m) {
  m.def(
      "crd2idx",
      [](nb::handle coord, nb::handle shape, nb::handle stride) {
        IntTuple c = tupleFrom(coord, "a coordinate");
        if (isAnyLayout(shape) && stride.is_none())
          return toPython(anyFrom(shape, "the layout")(c));
        if (stride.is_none())
          return toPython(crd2idx(c, tupleFrom(shape, "a shape").view()));
        return toPython(crd2idx(c, Layout(tupleFrom(shape, "a shape"), tupleFrom(stride, "a stride"))));
      },
      "coord"_a.none(), "shape"_a, "stride"_a = nb::none(),
      nb::sig("def crd2idx(coord: typing.Any, shape: typing.Any, stride: typing.Any = None) -> typing.Any"),
      "The offset of a coordinate in a layout, or in a shape counted first mode fastest.\n\n"
      ">>> crd2idx((1, 2), (4, 8))\n9\n>>> crd2idx((1, 2), (4, 8), (8, 1))\n10");
  m.def(
      "idx2crd",
      [](nb::handle index, nb::handle shape, nb::handle stride) {
        IntTuple i = tupleFrom(index, "an index");
        if (stride.is_none())
          return toPython(idx2crd(i, shapeFrom(shape, "a shape")));
        return toPython(idx2crd(i, shapeFrom(shape, "a shape"), tupleFrom(stride, "a stride")));
      },
      "idx"_a, "shape"_a, "stride"_a = nb::none(),
      nb::sig("def idx2crd(idx: typing.Any, shape: typing.Any, stride: typing.Any = None) -> typing.Any"),
      "The coordinate at a position of a shape; past the end the last mode runs on.\n\n"
      ">>> idx2crd(9, (4, 8))\n(1, 2)\n>>> idx2crd(33, (4, 8))\n(1, 8)");
  m.def(
      "crd2crd",
      [](nb::handle c, nb::handle from, nb::handle to) {
        return toPython(
            crd2crd(tupleFrom(c, "a coordinate"), shapeFrom(from, "a shape"), shapeFrom(to, "a shape")));
      },
      "coord"_a.none(), "src_shape"_a, "dst_shape"_a,
      nb::sig("def crd2crd(coord: typing.Any, src_shape: typing.Any, dst_shape: typing.Any) -> typing.Any"),
      "The coordinate of the same element in a shape that groups its modes differently.\n\n"
      ">>> crd2crd((1, 5), (2, 8), (2, (4, 2)))\n(1, (1, 1))");
  m.def(
      "increment_coord",
      [](nb::handle c, nb::handle s) {
        return toPython(incrementCoord(tupleFrom(c, "a coordinate"), shapeFrom(s, "a shape")));
      },
      "coord"_a.none(), "shape"_a,
      nb::sig("def increment_coord(coord: typing.Any, shape: typing.Any) -> typing.Any"),
      "The next coordinate, first mode fastest.\n\n>>> increment_coord((3, 2), (4, 8))\n(0, 3)");
  m.def(
      "slice_layout",
      [](nb::handle coord, nb::handle x) {
        IntTuple c = tupleFrom(coord, "a coordinate");
        if (isAnyLayout(x) && !layoutIf(x))
          return toPython(sliceAndOffset(c, anyFrom(x, "the layout")).first);
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return slice(c, l.view()); },
            [&](const IntTuple &t) { return slice(c, t.view()); });
      },
      "coord"_a.none(), "x"_a, nb::sig("def slice_layout(coord: typing.Any, x: typing.Any) -> typing.Any"),
      "Keeps the modes that None marks.\n\n>>> slice_((None, 3), Layout((4, 8)))\n(4):(1)");
  m.def(
      "dice",
      [](nb::handle coord, nb::handle x) {
        IntTuple c = tupleFrom(coord, "a coordinate");
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return dice(c, l.view()); },
            [&](const IntTuple &t) { return dice(c, t.view()); });
      },
      "coord"_a.none(), "x"_a, nb::sig("def dice(coord: typing.Any, x: typing.Any) -> typing.Any"),
      "Keeps the modes that None does not mark.\n\n>>> dice((None, 3), Layout((4, 8)))\n(8):(4)");
  m.def(
      "slice_and_offset",
      [](nb::handle coord, nb::handle x) {
        auto [part, offset] = sliceAndOffset(tupleFrom(coord, "a coordinate"), anyFrom(x, "the layout"));
        return nb::make_tuple(toPython(std::move(part)), toPython(offset));
      },
      "coord"_a.none(), "layout"_a,
      nb::sig("def slice_and_offset(coord: typing.Any, layout: typing.Any) -> tuple[typing.Any, typing.Any]"),
      "A slice, and the offset at which it starts.\n\n>>> slice_and_offset((None, 3), Layout((4, "
      "8)))\n((4):(1), 12)");
}

void bindTuples(nb::module_ &m) {
  m.def(
      "product", [](nb::handle t) { return toPython(product(shapeFrom(t, "a tuple"))); }, "a"_a,
      nb::sig("def product(a: typing.Any) -> int"),
      "The product of all leaves.\n\n>>> product((2, (3, 4)))\n24");
  m.def(
      "product_each", [](nb::handle t) { return toPython(productEach(shapeFrom(t, "a tuple"))); }, "a"_a,
      nb::sig("def product_each(a: typing.Any) -> typing.Any"),
      "The product of each mode.\n\n>>> product_each((2, (3, 4)))\n(2, 12)");
  m.def("product_like", elementwise<productLike>, "a"_a, "b"_a,
        nb::sig("def product_like(a: typing.Any, b: typing.Any) -> typing.Any"),
        "The products of a at the leaves of b.\n\n>>> product_like(((2, 3), (4, 5)), (0, (0, 0)))\n(6, (4, "
        "5))");
  m.def(
      "inner_product",
      [](nb::handle a, nb::handle b) {
        return toPython(innerProduct(tupleFrom(a, "a tuple"), tupleFrom(b, "a tuple")));
      },
      "a"_a, "b"_a, nb::sig("def inner_product(a: typing.Any, b: typing.Any) -> typing.Any"),
      "The sum of the products of leaves.\n\n>>> inner_product((1, 2), (3, 2))\n7");
  m.def(
      "ceil_div",
      [](nb::handle a, nb::handle b) { return toPython(ceilDiv(shapeFrom(a, "a shape"), tilerFrom(b))); },
      "a"_a, "b"_a, nb::sig("def ceil_div(a: typing.Any, b: typing.Any) -> typing.Any"),
      "How many tiles b cover a, mode by mode; b may hold layouts.\n\n>>> ceil_div((8, 10), (3, 4))\n(3, 3)");
  m.def("round_up", elementwise<roundUp>, "a"_a, "b"_a,
        nb::sig("def round_up(a: typing.Any, b: typing.Any) -> typing.Any"),
        "The next multiples of b.\n\n>>> round_up((8, 10), (3, 4))\n(9, 12)");
  m.def(
      "shape_div",
      [](nb::handle a, nb::handle b) {
        return toPython(shapeDiv(shapeFrom(a, "a shape").view(), shapeFrom(b, "a shape").view()));
      },
      "a"_a, "b"_a, nb::sig("def shape_div(a: typing.Any, b: typing.Any) -> typing.Any"),
      "Exact division of shapes; an integer divisor is used up mode by mode.\n\n>>> shape_div((4, 5, 6), "
      "40)\n(1, 1, 3)");
  m.def("elem_scale", elementwise<elemScale>, "a"_a, "b"_a,
        nb::sig("def elem_scale(a: typing.Any, b: typing.Any) -> typing.Any"),
        "The leaves of a times the products of b.\n\n>>> elem_scale((2, 3), (4, (5, 2)))\n(8, 30)");
  m.def(
      "repeat_like",
      [](nb::handle x, nb::handle like) {
        IntTuple leaf = tupleFrom(x, "a value");
        if (leaf.isTuple())
          throw nb::type_error("repeat_like repeats an integer");
        return toPython(repeatLike(shapeFrom(like, "a tuple"), leaf.view().leaf()));
      },
      "x"_a, "like"_a, nb::sig("def repeat_like(x: typing.Any, like: typing.Any) -> typing.Any"),
      "A tuple nested like another, all leaves equal.\n\n>>> repeat_like(1, (4, (2, 3)))\n(1, (1, 1))");
  m.def(
      "repeat",
      [](nb::handle x, nb::handle n) {
        uint32_t count = countFrom(n, "a count");
        nb::list out;
        for (uint32_t i = 0; i < count; ++i)
          out.append(x);
        return count == 1 ? nb::borrow(x) : nb::object(nb::tuple(out));
      },
      "x"_a.none(), "n"_a, nb::sig("def repeat(x: typing.Any, n: int) -> typing.Any"),
      "x n times in a tuple; x itself for n = 1.\n\n>>> repeat(None, 3)\n(None, None, None)");
  m.def(
      "unwrap", [](nb::handle t) { return toPython(unwrap(tupleFrom(t, "a tuple"))); }, "t"_a,
      nb::sig("def unwrap(t: typing.Any) -> typing.Any"),
      "Without the parentheses of tuples of one.\n\n>>> unwrap(((8,),))\n8");
  m.def(
      "wrap", [](nb::handle t) { return toPython(wrap(tupleFrom(t, "a tuple"))); }, "t"_a,
      nb::sig("def wrap(t: typing.Any) -> typing.Any"), "An integer as a tuple of one.\n\n>>> wrap(8)\n(8,)");
  m.def(
      "compact_col_major",
      [](nb::handle s, nb::handle c) {
        return toPython(compactColMajor(shapeFrom(s, "a shape"), tupleFrom(c, "a stride")));
      },
      "shape"_a, "current"_a = 1,
      nb::sig("def compact_col_major(shape: typing.Any, current: typing.Any = 1) -> typing.Any"),
      "Strides with the first mode fastest.\n\n>>> compact_col_major((4, (2, 3)))\n(1, (4, 8))");
  m.def(
      "compact_row_major",
      [](nb::handle s, nb::handle c) {
        return toPython(compactRowMajor(shapeFrom(s, "a shape"), tupleFrom(c, "a stride")));
      },
      "shape"_a, "current"_a = 1,
      nb::sig("def compact_row_major(shape: typing.Any, current: typing.Any = 1) -> typing.Any"),
      "Strides with the last mode fastest.\n\n>>> compact_row_major((4, (2, 3)))\n(6, (3, 1))");

  auto relation = [&m](const char *name, bool (*f)(nb::handle, nb::handle), const char *doc) {
    std::string signature = signatureOf(name, "(a: ") + kRelation;
    m.def(name, f, "a"_a, "b"_a, nb::sig(signature.c_str()), doc);
  };
  relation("congruent", related<congruent>,
           "The same nesting?\n\n>>> congruent((4, (2, 3)), (1, (1, 1)))\nTrue");
  relation("weakly_congruent", related<weaklyCongruent>,
           "Is the nesting of a the same as that of b, or coarser?\n\n>>> weakly_congruent((4, 6), (4, (2, "
           "3)))\nTrue");
  relation("compatible", related<compatible>,
           "Is every coordinate into a one into b?\n\n>>> compatible((4, 6), (4, (2, 3)))\nTrue");
  relation("elem_less", related<elemLess>, "Is each leaf of a less?\n\n>>> elem_less((1, 2), (4, 8))\nTrue");
  relation("lex_less", related<lexLess>, "Less, the first mode first?\n\n>>> lex_less((1, 9), (2, 0))\nTrue");
  relation("colex_less", related<colexLess>,
           "Less, the last mode first?\n\n>>> colex_less((9, 1), (0, 2))\nTrue");
  m.def(
      "evenly_divides",
      [](nb::handle a, nb::handle b) { return evenlyDivides(shapeFrom(a, "a shape"), tilerFrom(b)); }, "a"_a,
      "b"_a, nb::sig("def evenly_divides(a: typing.Any, b: typing.Any) -> bool"),
      "Do tiles b cover a without overhang?\n\n>>> evenly_divides((8, 10), (4, 4))\nFalse");
}

} // namespace

void bindLayoutTuples(nb::module_ &module) {
  bindQueries(module);
  bindCoordinates(module);
  bindTuples(module);
}

} // namespace enigma::bindings
