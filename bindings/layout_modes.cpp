// SPDX-License-Identifier: MIT
//
// Making layouts and rearranging their modes in Python: make_layout, make_layout_tv, flatten, group. Each
// example runs in tests/python/test_layout_docs.py.
#include "layout_algebra.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

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

} // namespace

void bindLayoutModes(nb::module_ &module) {
  bindModes(module);
  bindConstruction(module);
}

} // namespace enigma::bindings
