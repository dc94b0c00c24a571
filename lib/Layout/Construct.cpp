// SPDX-License-Identifier: MIT
//
// Ways to make layouts: by order of modes, like another layout, identity, thread-value; and the change of
// element width.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

#include <numeric>

namespace enigma::layout {

Layout makeLayoutRight(View shape) {
  static const Node one = intNode(1);
  return Layout(IntTuple(shape), compactRowMajor(shape, View(&one)));
}

Layout makeOrderedLayout(View shape, View order) {
  return Layout(IntTuple(shape), compactOrder(shape, order));
}

Layout makeLayoutLike(LayoutView layout) {
  for (uint32_t i = 0, n = layout.span(); i < n; ++i)
    if (layout.stride.nodes()[i].basis())
      fail("make_layout_like: basis strides have no order, got " + print(layout));
  IntTuple moving = filterZeros(layout).shape();
  return Layout::trusted(IntTuple(layout.shape), compactOrder(moving, layout.stride));
}

Layout makeFragmentLike(LayoutView layout) {
  if (layout.rank() < 2 || !IntTuple(layout.shape).isStatic())
    return Layout(IntTuple(layout.shape));
  static const Node one = intNode(1);
  LayoutView atom = layout[0];
  IntTuple moving = filterZeros(atom).shape();
  Layout first = Layout::trusted(IntTuple(atom.shape), compactColMajor(moving, View(&one)));
  Layout others = take(layout, 1, layout.rank());
  Layout result = tiledProduct(first, makeOrderedLayout(others.shape(), others.stride()));
  return result;
}

Layout makeIdentityLayout(View shape) { return Layout(IntTuple(shape), basisLike(shape)); }

namespace {

Node multiplied(Node by, View shape) {
  for (uint32_t i = 0, n = shape.span(); i < n; ++i)
    if (!shape.nodes()[i].isTuple())
      by = mul(by, shape.nodes()[i]);
  return by;
}

/// The extents of rakedProduct(thr, val), and its right inverse. Pairs of modes are not built where both have
/// as many.
std::pair<IntTuple, Layout> tileAndInverse(LayoutView thr, LayoutView val) {
  if (!thr.isTuple() || !val.isTuple() || thr.rank() != val.rank() || thr.rank() == 0) {
    Layout tile = rakedProduct(thr, val);
    return {productEach(tile.shape()), rightInverse(tile)};
  }
  Layout copies = copiesOf(thr, val);
  IntTuple extents = IntTuple::building();
  uint32_t at = extents.open();
  auto block = thr.shape.begin();
  for (View copy : copies.shape().view()) {
    extents.push(multiplied(product(copy), *block));
    ++block;
  }
  extents.close(at, thr.rank());
  return {std::move(extents), rightInverseOfPairs(copies, thr)};
}

/// composition(layout, (first,second):(1,first)) of a layout of first * second positions that is coalesced;
/// false where a mode does not split.
bool splitInTwo(Layout &out, LayoutView layout, Node first, Node second) {
  if (!first.isInt() || !second.isInt())
    return false;
  const Node *s = layout.shape.nodes(), *d = layout.stride.nodes();
  uint32_t leaf = layout.isTuple() ? 1 : 0;
  for (uint32_t i = leaf; i < layout.span(); ++i)
    if (!s[i].isInt() || !d[i].isInt())
      return false;
  uint32_t at = out.open();
  int64_t extent = s[leaf].value;
  Node stride = d[leaf];
  for (int64_t left : {first.value, second.value}) {
    ModeWriter writer(out);
    while (left != 1) {
      const int64_t taken = std::min(left, extent);
      if (left % taken != 0 || extent % taken != 0)
        return false;
      writer.push(intNode(taken), stride);
      left /= taken;
      extent /= taken;
      stride = mul(stride, intNode(taken));
      if (extent == 1 && ++leaf < layout.span()) {
        extent = s[leaf].value;
        stride = d[leaf];
      }
    }
    writer.finish();
  }
  out.close(at, 2);
  return true;
}

} // namespace

std::pair<IntTuple, Layout> makeLayoutTV(LayoutView thr, LayoutView val) {
  auto [extents, inverse] = tileAndInverse(thr, val);
  Node threads = size(thr), values = size(val);
  Node covered = size(inverse), wanted = mul(threads, values);
  if (covered.isInt() && wanted.isInt() && covered.value != wanted.value)
    fail("make_layout_tv: threads " + print(thr) + " and values " + print(val) +
             " do not give each element of the tile to exactly one thread: " + std::to_string(covered.value) +
             " of " + std::to_string(wanted.value) + " (thread, value) pairs have an element of their own",
         {"use compact layouts, such as " + print(makeLayoutLike(thr)) + " and " +
          print(makeLayoutLike(val))});
  Layout split = Layout::building();
  if (splitInTwo(split, inverse, threads, values))
    return {std::move(extents), std::move(split)};
  Layout pair = Layout::building(); // (threads, values) column-major
  uint32_t at = pair.open();
  pair.push(threads, intNode(threads.isInt(1) ? 0 : 1));
  pair.push(values, values.isInt(1) ? intNode(0) : threads);
  pair.close(at, 2);
  return {std::move(extents), composition(inverse, pair)};
}

namespace {

void needFactor(const char *op, int64_t n) {
  if (n < 1)
    fail(std::string(op) + ": the factor must be at least 1, got " + std::to_string(n));
}

Mode upcastMode(Mode m, int64_t n, LayoutView layout) {
  if (m.stride.isInt(0))
    return m;
  if (!m.stride.isStatic()) // assumed to be a multiple of n
    return {m.shape, withBasis(div(basisValue(m.stride), intNode(n)), m.stride.basis())};
  int64_t step = absInt(m.stride.value), whole = step < n ? n / step : 1;
  if (step % n != 0 && n % step != 0) {
    int64_t best = n; // the largest factor of n that this stride allows
    while (n % best != 0 || (step % best != 0 && best % step != 0))
      --best;
    fail(
        "upcast: " + std::to_string(n) + " elements of " + print(layout) + " do not make one: the mode " +
            printLeaf(m.shape) + ":" + printLeaf(m.stride) + " does not divide",
        {"the largest factor of " + std::to_string(n) + " that this mode allows is " + std::to_string(best)});
  }
  Node stride = withBasis(shapeDiv(basisValue(m.stride), intNode(n)), m.stride.basis());
  return {ceilDiv(m.shape, intNode(whole)), stride};
}

template <class F>
Layout eachLeaf(LayoutView layout, F change) {
  Layout out(layout);
  IntTuple shape(layout.shape), stride(layout.stride);
  for (uint32_t i = 0, n = layout.span(); i < n; ++i) {
    if (layout.shape.nodes()[i].isTuple())
      continue;
    Mode m = change(Mode{layout.shape.nodes()[i], layout.stride.nodes()[i]});
    shape.data()[i] = m.shape;
    stride.data()[i] = m.stride;
  }
  return Layout::trusted(std::move(shape), std::move(stride));
}

} // namespace

Layout upcast(LayoutView layout, int64_t n) {
  needFactor("upcast", n);
  if (n == 1)
    return Layout(layout);
  if (n > (int64_t(1) << 20))
    fail("upcast: the factor " + std::to_string(n) + " is beyond any element width");
  return eachLeaf(layout, [&](Mode m) { return upcastMode(m, n, layout); });
}

Layout downcast(LayoutView layout, int64_t n) {
  needFactor("downcast", n);
  bool unit = false;
  for (uint32_t i = 0, count = layout.span(); i < count; ++i) {
    Node d = basisValue(layout.stride.nodes()[i]);
    if (!layout.shape.nodes()[i].isTuple())
      unit = unit || d.isInt(1) || d.isInt(-1);
  }
  if (!unit)
    fail("downcast: " + print(layout) + " has no mode of stride 1, so the parts of an element have no place",
         {"add a mode for them first, such as append(layout, 1:1)"});
  return eachLeaf(layout, [&](Mode m) -> Mode {
    Node d = basisValue(m.stride);
    if (d.isInt(1) || d.isInt(-1))
      return {mul(m.shape, intNode(n)), m.stride};
    return {m.shape, mul(m.stride, intNode(n))};
  });
}

Layout recastLayout(LayoutView layout, int64_t newBits, int64_t oldBits) {
  if (newBits < 1 || oldBits < 1)
    fail("recast_layout: element widths are at least 1 bit, got " + std::to_string(oldBits) + " to " +
         std::to_string(newBits));
  int64_t common = std::gcd(newBits, oldBits), up = newBits / common, down = oldBits / common;
  if (up == 1 && down == 1)
    return Layout(layout);
  if (up == 1)
    return downcast(layout, down);
  return down == 1 ? upcast(layout, up) : downcast(upcast(layout, up), down);
}

std::pair<Layout, IntTuple> sliceAndOffset(View coord, LayoutView layout) {
  return {slice(coord, layout), crd2idxOpen(coord, layout)};
}

namespace {

/// A coordinate (c, _) or (_, c) for a rank-2 layout, where c is filled up with `_` to the rank of its mode
/// and every mode of the other side is kept on its own.
std::pair<Layout, IntTuple> pickFromGrid(const Layout &zipped, View coord, uint32_t side) {
  LayoutView z = zipped.view();
  static const Node open = nullNode();
  IntTuple pick = IntTuple::building();
  uint32_t at = pick.open();
  for (uint32_t i = 0; i < 2; ++i) {
    LayoutView mode = z[i];
    if (i == side && coord.isTuple()) {
      pick.push(append(coord, View(&open), std::max(mode.rank(), coord.rank())));
    } else if (i == side) {
      pick.push(coord);
    } else if (mode.isTuple() && mode.rank() != 1) {
      uint32_t inner = pick.open();
      for (uint32_t j = 0; j < mode.rank(); ++j)
        pick.push(open);
      pick.close(inner, mode.rank());
    } else {
      pick.push(open);
    }
  }
  pick.close(at, 2);
  return sliceAndOffset(pick, zipped);
}

} // namespace

std::pair<Layout, IntTuple> localTile(LayoutView layout, const Tiler &tiler, View coord) {
  return pickFromGrid(zippedDivide(layout, tiler), coord, 1);
}

std::pair<Layout, IntTuple> localTile(LayoutView layout, View tiler, View coord, View projection) {
  return localTile(layout, Tiler(dice(projection, tiler)), dice(projection, coord));
}

std::pair<Layout, IntTuple> localPartition(LayoutView layout, LayoutView thr, View index) {
  return pickFromGrid(zippedDivide(layout, Tiler(productEach(thr.shape))), flatCoord(thr, index), 0);
}

} // namespace enigma::layout
