// SPDX-License-Identifier: MIT
//
// The layout algebra in Python: one definition per function, with the docstring that users see. Each example
// runs in tests/python/test_layout_docs.py.
#include "layout_values.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

/// A mode or path of modes: None, 1, or (1, 0).
IntTuple modeFrom(nb::handle mode) { return mode.is_none() ? IntTuple() : tupleFrom(mode, "a mode"); }

/// Applies a function of a layout to a Layout, or to the outermost layout of a composed one.
template <class F>
nb::object onLayout(nb::handle x, const char *what, F change) {
  if (const Layout *l = layoutIf(x))
    return toPython(change(*l));
  return toPython(mapOuter(anyFrom(x, what), change));
}

/// The same, with a function of tuples for what is no layout.
template <class F, class G>
nb::object onLayoutOrTuple(nb::handle x, const char *what, F onLayouts, G onTuples) {
  if (isAnyLayout(x))
    return onLayout(x, what, onLayouts);
  return toPython(onTuples(tupleFrom(x, what)));
}

using TilerOp = Layout (*)(LayoutView, const Tiler &);

template <TilerOp op>
nb::object tiled(nb::handle x, nb::handle tiler) {
  Tiler t = tilerFrom(tiler);
  if (const Layout *l = layoutIf(x))
    return toPython(op(l->view(), t));
  return toPython(mapOuter(anyFrom(x, "the layout"), [&](const Layout &l) { return op(l.view(), t); }));
}

void defTiled(nb::module_ &m, const char *name, nb::object (*f)(nb::handle, nb::handle), const char *first,
              const char *doc) {
  std::string signature =
      std::string("def ") + name + "(" + first + ": typing.Any, tiler: typing.Any) -> typing.Any";
  m.def(name, f, nb::arg(first), "tiler"_a.none(), nb::sig(signature.c_str()), doc);
}

nb::object modeOf(nb::handle x, nb::handle mode) {
  if (mode.is_none())
    return nb::borrow(x);
  IntTuple path = modeFrom(mode);
  return onLayoutOrTuple(
      x, "a layout or tuple", [&](const Layout &l) { return Layout(getMode(l.view(), path)); },
      [&](const IntTuple &t) { return IntTuple(getMode(t, path)); });
}

nb::object compose(nb::handle a, nb::handle b) {
  const Layout *left = layoutIf(a), *right = layoutIf(b);
  if (left && right)
    return toPython(composition(left->view(), right->view()));
  AnyLayout any = left ? AnyLayout(*left) : anyFrom(a, "the left side");
  if (isAnyLayout(b))
    return toPython(composition(any, anyFrom(b, "the right side")));
  return toPython(composition(any, tilerFrom(b)));
}

nb::object makeLayout(nb::args args, nb::handle stride, nb::handle major) {
  if (args.size() == 0)
    throw nb::type_error("make_layout needs a shape, or layouts to put side by side");
  bool row = false;
  if (!major.is_none()) {
    std::string word = nb::isinstance<nb::str>(major) ? nb::cast<std::string>(major) : "";
    if (word != "left" && word != "right")
      throw nb::value_error("major must be 'left' (column-major) or 'right' (row-major)");
    row = word == "right";
  }
  if (isAnyLayout(args[0])) {
    Layout out = Layout::building();
    uint32_t at = out.open();
    for (nb::handle part : args)
      out.push(layoutFrom(part, "a mode").view());
    out.close(at);
    out.shape().checkLimits();
    return toPython(std::move(out));
  }
  if (args.size() > 2 || (args.size() == 2 && !stride.is_none()))
    throw nb::type_error("make_layout takes a shape and a stride, or layouts to put side by side");
  IntTuple shape = tupleFrom(args[0], "a shape");
  nb::handle given = args.size() == 2 ? nb::handle(args[1]) : stride;
  if (!given.is_none())
    return toPython(Layout(std::move(shape), tupleFrom(given, "a stride")));
  return toPython(row ? makeLayoutRight(shape) : Layout(std::move(shape)));
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

std::string signatureOf(const char *name, const char *rest) { return std::string("def ") + name + rest; }

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

void bindModes(nb::module_ &m) {
  auto structural = [&m](const char *name, auto onLayouts, auto onTuples, const char *doc) {
    std::string signature = signatureOf(name, "(x: typing.Any) -> typing.Any");
    m.def(
        name, [=](nb::handle x) { return onLayoutOrTuple(x, "a layout or tuple", onLayouts, onTuples); },
        "x"_a, nb::sig(signature.c_str()), doc);
  };
  structural(
      "flatten", [](const Layout &l) { return flatten(l.view()); },
      [](const IntTuple &t) { return flatten(t.view()); },
      "All leaves side by side.\n\n>>> flatten(Layout((3, (4, 5))))\n(3,4,5):(1,3,12)");
  m.def(
      "unflatten",
      [](nb::handle x, nb::handle profile) {
        IntTuple p = shapeFrom(profile, "a profile");
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return unflatten(l.view(), p); },
            [&](const IntTuple &t) { return unflatten(t.view(), p); });
      },
      "x"_a, "profile"_a, nb::sig("def unflatten(x: typing.Any, profile: typing.Any) -> typing.Any"),
      "Flat modes in the nesting of a profile.\n\n>>> unflatten((3, 4, 5), (0, (0, 0)))\n(3, (4, 5))");
  m.def(
      "group",
      [](nb::handle x, nb::handle begin, nb::handle end) {
        uint32_t b = countFrom(begin, "begin"), e = countFrom(end, "end");
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return group(l.view(), b, e); },
            [&](const IntTuple &t) { return group(t.view(), b, e); });
      },
      "x"_a, "begin"_a, "end"_a, nb::sig("def group(x: typing.Any, begin: int, end: int) -> typing.Any"),
      "Modes begin to end-1 become one mode.\n\n>>> group(Layout((4, 5, 6)), 1, 3)\n(4,(5,6)):(1,(4,20))");
  m.def(
      "take",
      [](nb::handle x, nb::handle begin, nb::handle end) {
        uint32_t b = countFrom(begin, "begin"), e = countFrom(end, "end");
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return take(l.view(), b, e); },
            [&](const IntTuple &t) { return take(t.view(), b, e); });
      },
      "x"_a, "begin"_a, "end"_a, nb::sig("def take(x: typing.Any, begin: int, end: int) -> typing.Any"),
      "Modes begin to end-1.\n\n>>> take((4, 5, 6), 1, 3)\n(5, 6)");
  m.def(
      "select",
      [](nb::handle x, nb::handle modes) {
        IntTuple s = wrap(tupleFrom(modes, "modes"));
        return onLayoutOrTuple(
            x, "a layout or tuple", [&](const Layout &l) { return select(l.view(), s); },
            [&](const IntTuple &t) { return select(t.view(), s); });
      },
      "x"_a, "mode"_a, nb::sig("def select(x: typing.Any, mode: typing.Any) -> typing.Any"),
      "The modes of a list of indices.\n\n>>> select(Layout((4, 2, 8)), mode=[2, 0])\n(8,4):(8,1)");
  m.def(
      "replace",
      [](nb::handle x, nb::handle n, nb::handle with) {
        uint32_t i = countFrom(n, "a mode index");
        if (layoutIf(x))
          return toPython(replaceMode(layoutFrom(x, "a layout"), i, layoutFrom(with, "the new mode")));
        return toPython(replaceMode(tupleFrom(x, "a tuple"), i, tupleFrom(with, "the new mode")));
      },
      "x"_a, "mode"_a, "new"_a,
      nb::sig("def replace(x: typing.Any, mode: int, new: typing.Any) -> typing.Any"),
      "One mode exchanged.\n\n>>> replace((4, 5, 6), 1, (2, 3))\n(4, (2, 3), 6)");
  auto extend = [&m](const char *name, bool atEnd, const char *doc) {
    std::string signature = signatureOf(
        name, "(x: typing.Any, elem: typing.Any = None, up_to_rank: int | None = None) -> typing.Any");
    m.def(
        name,
        [atEnd](nb::handle x, nb::handle elem, nb::handle upTo) {
          bool toRank = !upTo.is_none();
          uint32_t n = toRank ? countFrom(upTo, "a rank") : 0;
          if (isAnyLayout(x)) {
            Layout one;
            const Layout &e = elem.is_none() ? one : layoutFrom(elem, "the new mode");
            return onLayout(x, "a layout", [&](const Layout &l) {
              uint32_t want = toRank ? n : l.rank() + 1;
              return atEnd ? append(l, e, want) : prepend(l, e, want);
            });
          }
          IntTuple t = tupleFrom(x, "a tuple"),
                   e = elem.is_none() ? IntTuple(1) : tupleFrom(elem, "the new mode");
          uint32_t want = toRank ? n : t.rank() + 1;
          return toPython(atEnd ? append(t, e, want) : prepend(t, e, want));
        },
        "x"_a, "elem"_a = nb::none(), "up_to_rank"_a = nb::none(), nb::sig(signature.c_str()), doc);
  };
  extend(
      "append", true,
      "One more mode at the end (1:0 unless given), or as many as make up a rank.\n\n"
      ">>> append(Layout(8), Layout(3, 9))\n(8,3):(1,9)\n>>> append((4, 8), 1, up_to_rank=4)\n(4, 8, 1, 1)");
  extend("prepend", false,
         "One more mode at the front (1:0 unless given), or as many as make up a rank.\n\n"
         ">>> prepend((4, 8), 2)\n(2, 4, 8)");
  m.def(
      "zip",
      [](nb::handle a, nb::handle b) {
        if (layoutIf(a) && b.is_none())
          return toPython(zip(layoutFrom(a, "a layout").view()));
        if (layoutIf(a))
          return toPython(zip(layoutFrom(a, "a layout").view(), layoutFrom(b, "a layout").view()));
        if (b.is_none())
          return toPython(zip(tupleFrom(a, "a tuple").view()));
        return toPython(zip(tupleFrom(a, "a tuple").view(), tupleFrom(b, "a tuple").view()));
      },
      "a"_a, "b"_a = nb::none(), nb::sig("def zip(a: typing.Any, b: typing.Any = None) -> typing.Any"),
      "Pairs of modes, of two tuples or layouts or of the modes of one.\n\n"
      ">>> zip((1, 2), (3, 4))\n((1, 3), (2, 4))\n>>> zip(((1, 2), (3, 4)))\n((1, 3), (2, 4))");
  m.def(
      "tile_unzip",
      [](nb::handle x, nb::handle tiler) {
        Tiler t = tilerFrom(tiler);
        return onLayout(x, "the layout", [&](const Layout &l) { return tileUnzip(l.view(), t.view()); });
      },
      "layout"_a, "tiler"_a.none(),
      nb::sig("def tile_unzip(layout: typing.Any, tiler: typing.Any) -> typing.Any"),
      "Gathers the first halves of the modes that a tiler marks, then the second halves and the rest.\n\n"
      ">>> tile_unzip(Layout(((2, 3), (4, 5))), (0, 0))\n((2,4),(3,5)):((1,6),(2,24))");
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

void bindConstruction(nb::module_ &m) {
  m.def("make_layout", makeLayout, "shape"_a, "stride"_a = nb::none(), "major"_a = nb::none(),
        nb::sig("def make_layout(*shape: typing.Any, stride: typing.Any = None, major: str | None = None) -> "
                "Layout"),
        "A layout from a shape (and strides), or layouts side by side as modes.\n\n"
        ">>> make_layout((4, 8))\n(4,8):(1,4)\n>>> make_layout((4, 8), stride=(8, 1))\n(4,8):(8,1)\n"
        ">>> make_layout((4, 8), major='right')\n(4,8):(8,1)\n>>> make_layout(Layout(4), Layout(8, "
        "16))\n(4,8):(1,16)");
  m.def(
      "make_ordered_layout",
      [](nb::handle s, nb::handle o) {
        return toPython(makeOrderedLayout(tupleFrom(s, "a shape"), tupleFrom(o, "an order")));
      },
      "shape"_a, "order"_a,
      nb::sig("def make_ordered_layout(shape: typing.Any, order: typing.Any) -> Layout"),
      "Compact strides; the mode of the smallest order moves fastest.\n\n"
      ">>> make_ordered_layout((4, 64), order=(1, 0))\n(4,64):(64,1)");
  m.def(
      "make_layout_like", [](nb::handle l) { return toPython(makeLayoutLike(layoutFrom(l, "the layout"))); },
      "layout"_a, nb::sig("def make_layout_like(layout: Layout) -> Layout"),
      "Compact strides in the same order.\n\n>>> make_layout_like(Layout((4, 2), (100, 1)))\n(4,2):(2,1)");
  m.def(
      "make_fragment_like",
      [](nb::handle l) { return toPython(makeFragmentLike(domainOf(anyFrom(l, "the layout")))); }, "layout"_a,
      nb::sig("def make_fragment_like(layout: typing.Any) -> Layout"),
      "Compact strides in the same order, with the first mode fastest: registers for a tile.\n\n"
      ">>> make_fragment_like(Layout((4, 2, 3), (100, 3, 1)))\n(4,2,3):(1,12,4)");
  m.def(
      "make_identity_layout",
      [](nb::handle s) { return toPython(makeIdentityLayout(tupleFrom(s, "a shape"))); }, "shape"_a,
      nb::sig("def make_identity_layout(shape: typing.Any) -> Layout"),
      "The layout that maps each coordinate to itself.\n\n"
      ">>> make_identity_layout((4, 8))\n(4,8):(1@0,1@1)\n>>> make_identity_layout((4, 8))(9)\n(1, 2)");
  m.def(
      "make_layout_tv",
      [](nb::handle thr, nb::handle val) {
        auto [tiler, tv] =
            makeLayoutTV(layoutFrom(thr, "the thread layout"), layoutFrom(val, "the value layout"));
        return nb::make_tuple(toPython(tiler), toPython(std::move(tv)));
      },
      "thr_layout"_a, "val_layout"_a,
      nb::sig("def make_layout_tv(thr_layout: Layout, val_layout: Layout) -> tuple[typing.Any, Layout]"),
      "The shape that threads and values tile together, and the layout (thread, value) -> position in it.\n\n"
      ">>> thr = make_ordered_layout((4, 64), order=(1, 0))\n>>> val = make_ordered_layout((4, 4), order=(1, "
      "0))\n"
      ">>> make_layout_tv(thr, val)\n((16, 256), ((64,4),(4,4)):((64,4),(16,1)))");
  m.def(
      "make_composed_layout",
      [](nb::handle inner, nb::handle offset, nb::handle outer) {
        return ComposedLayout(anyFrom(inner, "inner"), tupleFrom(offset, "an offset"),
                              anyFrom(outer, "outer"));
      },
      "inner"_a, "offset"_a, "outer"_a,
      nb::sig("def make_composed_layout(inner: typing.Any, offset: typing.Any, outer: typing.Any) -> "
              "ComposedLayout"),
      "inner(offset + outer(coordinate)).\n\n"
      ">>> make_composed_layout(Swizzle(2, 0, 3), 4, Layout((4, 8)))\nSw<2,0,3> o 4 o (4,8):(1,4)");
  m.def(
      "make_swizzle", [](int64_t y, int64_t z) { return makeSwizzle(y, z); }, "y_mask"_a, "z_mask"_a,
      "The swizzle that xors the bits of one mask into those of another.\n\n>>> make_swizzle(0b111000, "
      "0b111)\nSw<3,0,3>");
  m.def(
      "swizzle",
      [](int bits, int base, int shift, nb::handle layout) -> nb::object {
        Swizzle s(bits, base, shift);
        if (layout.is_none())
          return nb::cast(s);
        return toPython(composition(AnyLayout(s), anyFrom(layout, "the layout")));
      },
      "bits"_a, "base"_a, "shift"_a, "layout"_a = nb::none(),
      nb::sig("def swizzle(bits: int, base: int, shift: int, layout: typing.Any = None) -> typing.Any"),
      "A swizzle, or a layout swizzled by it.\n\n>>> swizzle(3, 0, 3)\nSw<3,0,3>\n"
      ">>> swizzle(3, 0, 3, Layout((8, 8), (8, 1)))(1, 0)\n9");
}

void bindAlgebra(nb::module_ &m) {
  auto simplify = [&m](const char *name, Layout (*whole)(LayoutView), Layout (*byProfile)(LayoutView, View),
                       const char *doc) {
    std::string signature =
        signatureOf(name, "(layout: typing.Any, profile: typing.Any = None) -> typing.Any");
    m.def(
        name,
        [=](nb::handle x, nb::handle profile) {
          if (profile.is_none())
            return onLayout(x, "the layout", [&](const Layout &l) { return whole(l.view()); });
          IntTuple p = shapeFrom(profile, "a profile");
          return onLayout(x, "the layout", [&](const Layout &l) { return byProfile(l.view(), p); });
        },
        "layout"_a, "profile"_a = nb::none(), nb::sig(signature.c_str()), doc);
  };
  simplify("coalesce", coalesce, coalesce,
           "The fewest modes for the same function; mode by mode where a profile says so.\n\n"
           ">>> coalesce(Layout((2, (1, 6)), (1, (6, 2))))\n12:1\n>>> coalesce(Layout((2, (1, 6)), (1, (6, "
           "2))), (1, 1))\n(2,6):(1,2)");
  simplify("filter", filter, filter,
           "Without modes that do not move, and coalesced.\n\n>>> filter(Layout((2, 3, 4), (1, 0, 2)))\n8:1");
  simplify("filter_zeros", filterZeros, filterZeros,
           "Modes that do not move shrink to size 1.\n\n>>> filter_zeros(Layout((2, 3, 4), (1, 0, "
           "2)))\n(2,1,4):(1,0,2)");

  m.def("composition", compose, "a"_a, "b"_a.none(),
        nb::sig("def composition(a: typing.Any, b: typing.Any) -> typing.Any"),
        "The layout R with R(i) == a(b(i)), shaped like b; mode by mode where b is a tuple.\n\n"
        "LayoutError where no layout does that.\n\n"
        ">>> composition(Layout((6, 2), (8, 2)), Layout((4, 3), (3, 1)))\n((2,2),3):((24,2),8)\n"
        ">>> composition(Layout((8, 16), (16, 1)), (4, 8))\n(4,8):(16,1)");
  m.def(
      "complement",
      [](nb::handle x, nb::handle bound) {
        if (const Layout *l = layoutIf(x)) {
          if (bound.is_none())
            return toPython(complement(*l));
          return toPython(complement(*l, shapeFrom(bound, "a bound")));
        }
        AnyLayout any = anyFrom(x, "the layout");
        if (bound.is_none())
          return toPython(complement(any, nullptr));
        IntTuple b = shapeFrom(bound, "a bound");
        View v = b.view();
        return toPython(complement(any, &v));
      },
      "layout"_a, "cotarget"_a = nb::none(),
      nb::sig("def complement(layout: typing.Any, cotarget: typing.Any = None) -> Layout"),
      "The ordered layout of what the layout leaves out, up to a bound.\n\n"
      "All sums of an offset of one and an offset of the other differ.\n\n"
      ">>> complement(Layout(4, 2), 16)\n(2,2):(1,8)");
  auto unary = [&m](const char *name, auto f, const char *doc) {
    std::string signature = signatureOf(name, "(layout: typing.Any) -> typing.Any");
    m.def(
        name,
        [=](nb::handle x) {
          if (const Layout *l = layoutIf(x))
            return toPython(f(l->view()));
          return toPython(f(anyFrom(x, "the layout")));
        },
        "layout"_a, nb::sig(signature.c_str()), doc);
  };
  unary(
      "right_inverse", [](const auto &l) { return rightInverse(l); },
      "R with layout(R(i)) == i for all i < size(R).\n\n>>> right_inverse(Layout((4, 8), (8, "
      "1)))\n(8,4):(4,1)");
  unary(
      "left_inverse", [](const auto &l) { return leftInverse(l); },
      "R with layout(R(layout(i))) == layout(i), which is R(layout(i)) == i where offsets differ.\n\n"
      ">>> left_inverse(Layout(4, 2))\n(2,4):(0,1)");
  m.def(
      "nullspace", [](nb::handle l) { return toPython(nullspace(layoutFrom(l, "the layout"))); }, "layout"_a,
      nb::sig("def nullspace(layout: Layout) -> Layout"),
      "The positions with offset 0 that modes of stride 0 make.\n\n>>> nullspace(Layout((4, 8), (1, "
      "0)))\n8:4");
  m.def(
      "max_common_vector",
      [](nb::handle a, nb::handle b) {
        return maxCommonVector(anyFrom(a, "a layout"), anyFrom(b, "a layout"));
      },
      "a"_a, "b"_a, nb::sig("def max_common_vector(a: typing.Any, b: typing.Any) -> int"),
      "How many elements lie one after the other in both layouts.\n\n"
      ">>> max_common_vector(Layout((8, 4), (1, 8)), Layout((8, 4), (1, 16)))\n8");
  m.def(
      "max_common_layout",
      [](nb::handle a, nb::handle b) {
        return toPython(maxCommonLayout(anyFrom(a, "a layout"), anyFrom(b, "a layout")));
      },
      "a"_a, "b"_a, nb::sig("def max_common_layout(a: typing.Any, b: typing.Any) -> Layout"),
      "Where those elements are.\n\n>>> max_common_layout(Layout((4, 8), (8, 1)), Layout((4, 8), (16, "
      "1)))\n8:4");
  m.def(
      "max_alignment", [](nb::handle l) { return maxAlignment(anyFrom(l, "the layout")); }, "layout"_a,
      nb::sig("def max_alignment(layout: typing.Any) -> int"),
      "How many elements each run of the layout starts at a multiple of.\n\n>>> max_alignment(Layout((8, 4), "
      "(1, 24)))\n8");
  m.def(
      "domain_distribute",
      [](nb::handle s, nb::handle n) {
        return toPython(domainDistribute(shapeFrom(s, "a shape"), intFrom(n, "a count")));
      },
      "shape"_a, "n"_a, nb::sig("def domain_distribute(shape: typing.Any, n: int) -> Layout"),
      "Up to n elements taken evenly out of a shape.\n\n>>> domain_distribute((15, 14), 6)\n(3,2):(1,15)");

  defTiled(m, "logical_divide", tiled<logicalDivide>, "layout",
           "Each mode as (tile, rest). A tile that does not divide leaves overhang.\n\n"
           ">>> logical_divide(Layout((8, 24), (24, 1)), (4, 8))\n((4,2),(8,3)):((24,96),(1,8))");
  defTiled(m, "zipped_divide", tiled<zippedDivide>, "layout",
           "((tile, ...), (rest, ...)).\n\n>>> zipped_divide(Layout((8, 24), (24, 1)), (4, "
           "8))\n((4,8),(2,3)):((24,1),(96,8))");
  defTiled(m, "tiled_divide", tiled<tiledDivide>, "layout",
           "((tile, ...), rest, ...).\n\n>>> tiled_divide(Layout((8, 24), (24, 1)), (4, "
           "8))\n((4,8),2,3):((24,1),96,8)");
  defTiled(
      m, "flat_divide", tiled<flatDivide>, "layout",
      "(tile, ..., rest, ...).\n\n>>> flat_divide(Layout((8, 24), (24, 1)), (4, 8))\n(4,8,2,3):(24,1,96,8)");
  defTiled(m, "logical_product", tiled<logicalProduct>, "block",
           "(block, copies): the block repeated as the tiler says, without overlap.\n\n"
           ">>> logical_product(Layout((2, 2), (4, 1)), Layout(6))\n((2,2),(2,3)):((4,1),(2,8))");
  defTiled(m, "zipped_product", tiled<zippedProduct>, "block",
           "((block, ...), (copies, ...)).\n\n>>> zipped_product(Layout((3, 4)), Layout((2, "
           "5)))\n((3,4),(2,5)):((1,3),(12,24))");
  defTiled(m, "tiled_product", tiled<tiledProduct>, "block",
           "((block, ...), copies, ...).\n\n>>> tiled_product(Layout((3, 4)), Layout((2, "
           "5)))\n((3,4),2,5):((1,3),12,24)");
  defTiled(m, "flat_product", tiled<flatProduct>, "block",
           "(block, ..., copies, ...).\n\n>>> flat_product(Layout((3, 4)), Layout((2, "
           "5)))\n(3,4,2,5):(1,3,12,24)");
  auto paired = [&m](const char *name, Layout (*f)(LayoutView, LayoutView), const char *doc) {
    std::string signature = signatureOf(name, "(block: typing.Any, tiler: Layout) -> typing.Any");
    m.def(
        name,
        [f](nb::handle block, nb::handle tiler) {
          const Layout &t = layoutFrom(tiler, "the tiler");
          return onLayout(block, "the block", [&](const Layout &l) { return f(l.view(), t.view()); });
        },
        "block"_a, "tiler"_a, nb::sig(signature.c_str()), doc);
  };
  paired("blocked_product", blockedProduct,
         "Copies side by side: each mode is (block, copies).\n\n"
         ">>> blocked_product(Layout((2, 2)), Layout((3, 4)))\n((2,3),(2,4)):((1,4),(2,12))");
  paired("raked_product", rakedProduct,
         "Copies interleaved: each mode is (copies, block).\n\n"
         ">>> raked_product(Layout((2, 2)), Layout((3, 4)))\n((3,2),(4,2)):((4,1),(12,2))");
  m.def(
      "tile_to_shape",
      [](nb::handle block, nb::handle shape, nb::handle order) {
        IntTuple s = tupleFrom(shape, "a shape");
        if (order.is_none())
          return onLayout(block, "the block", [&](const Layout &l) { return tileToShape(l.view(), s); });
        IntTuple o = tupleFrom(order, "an order");
        return onLayout(block, "the block", [&](const Layout &l) { return tileToShape(l.view(), s, o); });
      },
      "block"_a, "trg_shape"_a, "order"_a = nb::none(),
      nb::sig("def tile_to_shape(block: typing.Any, trg_shape: typing.Any, order: typing.Any = None) -> "
              "typing.Any"),
      "The block repeated to fill a shape that it divides.\n\n"
      ">>> tile_to_shape(Layout((2, 2)), (8, 8))\n((2,4),(2,4)):((1,4),(2,16))");
  m.def(
      "upcast",
      [](nb::handle l, nb::handle n) {
        return toPython(upcast(anyFrom(l, "the layout"), intFrom(n, "a factor")));
      },
      "layout"_a, "n"_a, nb::sig("def upcast(layout: typing.Any, n: int) -> typing.Any"),
      "The layout in elements n times as wide.\n\n>>> upcast(Layout((32, 4), (1, 32)), 4)\n(8,4):(1,8)");
  m.def(
      "downcast",
      [](nb::handle l, nb::handle n) {
        return toPython(downcast(anyFrom(l, "the layout"), intFrom(n, "a factor")));
      },
      "layout"_a, "n"_a, nb::sig("def downcast(layout: typing.Any, n: int) -> typing.Any"),
      "The layout in elements n times as narrow.\n\n>>> downcast(Layout((8, 4), (1, 8)), 4)\n(32,4):(1,32)");
  m.def(
      "recast_layout",
      [](nb::handle newBits, nb::handle oldBits, nb::handle l) {
        return toPython(recastLayout(anyFrom(l, "the layout"), intFrom(newBits, "new_bits"),
                                     intFrom(oldBits, "old_bits")));
      },
      "new_bits"_a, "old_bits"_a, "layout"_a,
      nb::sig("def recast_layout(new_bits: int, old_bits: int, layout: typing.Any) -> typing.Any"),
      "The layout of the same memory in elements of another width (bits).\n\n"
      ">>> recast_layout(32, 8, Layout((32, 4), (1, 32)))\n(8,4):(1,8)");

  auto pair = [](auto &&result) {
    return nb::make_tuple(toPython(std::move(result.first)), toPython(result.second));
  };
  m.def(
      "local_tile",
      [pair](nb::handle l, nb::handle tiler, nb::handle coord, nb::handle proj) {
        const Layout &layout = layoutFrom(l, "the layout");
        IntTuple c = tupleFrom(coord, "a coordinate");
        if (proj.is_none())
          return pair(localTile(layout, tilerFrom(tiler), c));
        return pair(localTile(layout, tupleFrom(tiler, "a tiler"), c, tupleFrom(proj, "a projection")));
      },
      "layout"_a, "tiler"_a.none(), "coord"_a.none(), "proj"_a = nb::none(),
      nb::sig("def local_tile(layout: Layout, tiler: typing.Any, coord: typing.Any, proj: typing.Any = None) "
              "-> tuple[Layout, typing.Any]"),
      "The tile at a coordinate, and its offset; None keeps that mode of tiles.\n\n"
      ">>> local_tile(Layout((16, 32), (32, 1)), (4, 8), (1, 2))\n((4,8):(32,1), 144)");
  m.def(
      "local_partition",
      [pair](nb::handle l, nb::handle thr, nb::handle index) {
        return pair(localPartition(layoutFrom(l, "the layout"), layoutFrom(thr, "the thread layout"),
                                   tupleFrom(index, "a thread")));
      },
      "layout"_a, "thr"_a, "index"_a,
      nb::sig("def local_partition(layout: Layout, thr: Layout, index: int) -> tuple[Layout, typing.Any]"),
      "What one thread of a thread layout gets, and its offset.\n\n"
      ">>> local_partition(Layout((16, 32), (32, 1)), Layout((4, 8), (8, 1)), 9)\n((4,4):(128,8), 33)");
  m.def(
      "tv_partition",
      [pair](nb::handle l, nb::handle tv, nb::handle tiler, nb::handle thread) {
        return pair(tvPartition(layoutFrom(l, "the layout"), layoutFrom(tv, "the thread-value layout"),
                                tilerFrom(tiler), tupleFrom(thread, "a thread")));
      },
      "layout"_a, "tv"_a, "tiler"_a, "thread"_a,
      nb::sig("def tv_partition(layout: Layout, tv: Layout, tiler: typing.Any, thread: typing.Any) "
              "-> tuple[Layout, typing.Any]"),
      "What one thread gets of every tile: the layout (values, tiles), and its offset.\n\n"
      "layout: what is divided into tiles, in elements.\n"
      "tv: (threads, values) to positions in a tile, of which it reaches the last one; see make_layout_tv.\n"
      "tiler: the shape of a tile.\n"
      "thread: a number from 0 on, or a coordinate in the threads of tv.\n\n"
      "Errors: LayoutError where tv and the tile end at different elements, and for a thread that tv does "
      "not have.\n\n"
      ">>> tiler, tv = make_layout_tv(Layout((4, 8), (8, 1)), Layout((2, 2), (2, 1)))\n"
      ">>> tv_partition(Layout((16, 32), (32, 1)), tv, tiler, 9)     # row 1, column 1 of the threads\n"
      "(((2,2),(2,2)):((1,32),(256,16)), 66)");
}

} // namespace

void bindLayoutAlgebra(nb::module_ &module) {
  bindQueries(module);
  bindCoordinates(module);
  bindModes(module);
  bindTuples(module);
  bindConstruction(module);
  bindAlgebra(module);
}

} // namespace enigma::bindings
