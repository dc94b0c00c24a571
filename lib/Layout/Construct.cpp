// SPDX-License-Identifier: MIT
//
// Ways to make layouts: by order of modes, like another layout, identity; and the change of element width.
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

} // namespace enigma::layout
