// SPDX-License-Identifier: MIT
//
// The layout algebra in Python: one definition per function, with the docstring that users see. Each example
// runs in tests/python/test_layout_docs.py.
#include "layout_algebra.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

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

nb::object compose(nb::handle a, nb::handle b) {
  const Layout *left = layoutIf(a), *right = layoutIf(b);
  if (left && right)
    return toPython(composition(left->view(), right->view()));
  AnyLayout any = left ? AnyLayout(*left) : anyFrom(a, "the left side");
  if (isAnyLayout(b))
    return toPython(composition(any, anyFrom(b, "the right side")));
  return toPython(composition(any, tilerFrom(b)));
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
  bindLayoutTuples(module);
  bindLayoutModes(module);
  bindAlgebra(module);
}

} // namespace enigma::bindings
