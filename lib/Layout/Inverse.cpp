// SPDX-License-Identifier: MIT
//
// Complement, right and left inverse, and what is built on them.
//
// All of them sort the modes by stride: a layout whose modes, in that order, each start where or after the
// previous one ends reads an offset like a number, one mode per digit.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

#include <algorithm>
#include <numeric>

namespace enigma::layout {

namespace {

/// Stable, by stride; constant plain strides only.
template <class T>
void sortByStride(T *begin, T *end) {
  // Few modes, mostly in order: insertion sort, with a general sort for long lists.
  if (end - begin > 32) {
    std::vector<T> modes(begin, end);
    std::vector<uint32_t> order(modes.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](uint32_t x, uint32_t y) {
      return std::pair(modes[x].stride.value, x) < std::pair(modes[y].stride.value, y);
    });
    for (uint32_t i : order)
      *begin++ = modes[i];
    return;
  }
  for (T *i = begin; i < end; ++i) {
    if (i == begin || i->stride.value >= i[-1].stride.value)
      continue;
    T moved = *i, *j = i;
    for (; j > begin && moved.stride.value < j[-1].stride.value; --j)
      *j = j[-1];
    *j = moved;
  }
}

bool anyBasis(LayoutView layout) {
  const Node *d = layout.stride.nodes();
  for (uint32_t i = 0, n = layout.span(); i < n; ++i)
    if (d[i].basis())
      return true;
  return false;
}

/// Compact modes from `stride` on. Neighbouring static, and neighbouring dynamic, extents of a bound become
/// one.
template <class Sink>
void pushCompactBound(Coalescer<Sink> &out, View bound, Node stride) {
  Node extent = intNode(1);
  bool any = false;
  auto pushExtent = [&] {
    out.push(extent, stride);
    stride = mul(stride, extent);
  };
  for (uint32_t i = 0, n = bound.span(); i < n; ++i) {
    const Node &s = bound.nodes()[i];
    if (s.isTuple())
      continue;
    if (any && extent.isStatic() == s.isStatic()) {
      extent = mul(extent, s);
      continue;
    }
    if (any)
      pushExtent();
    extent = s;
    any = true;
  }
  if (any)
    pushExtent();
}

[[noreturn]] void notInjective(LayoutView layout, const Mode &mode) {
  fail("complement: " + print(layout) + " takes several positions to one offset: its mode " +
           printLeaf(mode.shape) + ":" + printLeaf(mode.stride) +
           " starts before the modes of smaller stride have ended, so nothing is disjoint from it",
       {"a mode may start at the product of stride and extent of the mode before it, or later"});
}

/// Complement of modes that move, within `bound` (an extent or a shape).
template <class Sink>
void complementModes(Sink &sink, Modes &modes, View bound, LayoutView whole) {
  Coalescer out(sink);
  if (modes.size() > 1) {
    for (const Mode &m : modes)
      if (!m.stride.isInt())
        fail("complement: strides known only at run time can't be put in order, got " + print(whole));
    sortByStride(modes.begin(), modes.end());
  }
  Node end = intNode(1); // where the modes so far end
  for (const Mode &m : modes) {
    if (m.stride.isInt() && m.stride.value < 0)
      fail("complement: strides must not be negative, got " + print(whole));
    Node gap = div(m.stride, end);
    if (gap.isInt(0))
      notInjective(whole, m);
    out.push(gap, end);
    end = mul(m.stride, m.shape);
  }
  if (modes.empty()) {
    pushCompactBound(out, bound, end);
  } else if (bound.isTuple()) {
    pushCompactBound(out, ceilDiv(bound, View(&end)), end);
  } else {
    Node left = ceilDiv(bound.leaf(), end);
    pushCompactBound(out, View(&left), end);
  }
}

void checkBound(View bound) {
  for (uint32_t i = 0, n = bound.span(); i < n; ++i) {
    const Node &s = bound.nodes()[i];
    if (!s.isTuple() && !(s.isInt() && s.value >= 1) && !(s.isDynamic() && !s.basis()))
      fail("complement: the bound must consist of integers of at least 1, got " + print(bound));
  }
}

/// Offsets that are coordinates: one complement for each component.
Layout complementByComponent(LayoutView layout, View bound) {
  Modes modes;
  appendModes(modes, layout);
  InlineVector<uint32_t, 8> components;
  for (const Mode &m : modes) {
    if (m.shape.isInt(1) || m.stride.isInt(0))
      continue;
    if (m.stride.basisDepth() != 1)
      fail("complement: basis strides must address top-level modes, got " + print(layout));
    uint32_t c = m.stride.basisAt(0);
    if (std::find(components.begin(), components.end(), c) == components.end())
      components.push_back(c);
  }
  std::sort(components.begin(), components.end());
  if (bound.isTuple()) {
    components.clear();
    for (uint32_t i = 0; i < bound.rank(); ++i)
      components.push_back(i);
  }
  IntTuple extent = coshape(layout);
  Modes out;
  for (uint32_t n = 0; n < components.size(); ++n) {
    uint32_t c = components[n];
    Modes mine, part;
    for (const Mode &m : modes)
      if (!m.shape.isInt(1) && m.stride.basisDepth() == 1 && m.stride.basisAt(0) == c)
        mine.push_back({m.shape, basisValue(m.stride)});
    IntTuple limit(intNode(1));
    if (bound.isTuple()) {
      limit = IntTuple(product(bound[c]));
    } else if (n == 0) { // an integer bound counts elements: the first component takes what the others leave
      Node others = intNode(1);
      for (uint32_t o = 1; o < components.size(); ++o)
        others = mul(others, product(extent[components[o]]));
      limit = IntTuple(ceilDiv(integer(bound, "a bound"), others));
    } else {
      limit = IntTuple(product(extent[c]));
    }
    complementModes(part, mine, limit, layout);
    for (const Mode &m : part)
      out.push_back({m.shape, mul(m.stride, scaleBasis(intNode(1), &c, 1))});
  }
  return toLayout(out);
}

} // namespace

Layout complement(LayoutView layout, View bound) {
  needPositive("complement", layout);
  checkBound(bound);
  if (anyBasis(layout))
    return complementByComponent(layout, bound);
  Modes modes;
  Coalescer moving(modes);
  forEachLeaf(layout, [&](Node s, Node d) {
    if (!d.isInt(0))
      moving.push(s, d);
  });
  Layout out = Layout::building();
  ModeWriter writer(out);
  complementModes(writer, modes, bound, layout);
  writer.finish();
  return out;
}

Layout complement(LayoutView layout) {
  if (anyBasis(layout)) {
    IntTuple extent = coshape(layout);
    return complementByComponent(layout, extent);
  }
  Layout moving = filter(layout);
  Node bound = cosize(moving);
  return complement(moving, View(&bound));
}

namespace {

/// A mode of the layout to invert, with the position at which it starts in the layout's domain.
struct Placed {
  Node shape, stride, position;
};
class PlacedModes : public InlineVector<Placed, 12> {
public:
  void push(Node shape, Node stride) { push_back({shape, stride, intNode(0)}); }
  Node &lastShape() { return back().shape; }
  Node &lastStride() { return back().stride; }
};

void placeInOrder(PlacedModes &placed) {
  Node position = intNode(1);
  for (Placed &p : placed) {
    p.position = position;
    position = mul(position, p.shape);
  }
}

PlacedModes placeModes(LayoutView layout) {
  needPositive("an inverse", layout);
  PlacedModes placed;
  Coalescer merged(placed);
  forEachLeaf(layout, [&](Node s, Node d) { merged.push(s, d); });
  placeInOrder(placed);
  return placed;
}

void keepStaticStrides(PlacedModes &placed) {
  uint32_t kept = 0;
  for (const Placed &p : placed)
    if (p.stride.isStatic())
      placed[kept++] = p;
  placed.truncate(kept);
}

void rightInverseInto(Layout &layout, PlacedModes &placed) {
  sortByStride(placed.begin(), placed.end());
  ModeWriter writer(layout);
  Coalescer out(writer);
  Node next = intNode(1); // the offset that the inverse reads next
  for (const Placed &p : placed) {
    if (!next.isInt() || !(p.stride == next))
      continue;
    out.push(p.shape, p.position);
    next = mul(p.shape, p.stride);
  }
  writer.finish();
}

/// Reads an offset digit by digit: with strides d0 | d1 | ... in order, digit i is (offset / di) % (d(i+1) /
/// di), and it is the coordinate in mode i. That is a position of the layout as long as no offset of it has a
/// digit beyond the mode's extent; only the layout's last mode may run on.
void leftInverseInto(Layout &result, PlacedModes &placed, LayoutView layout) {
  Node positions = intNode(1); // the number of positions, where the last mode ends
  for (const Placed &p : placed)
    positions = mul(positions, p.shape);
  ModeWriter writer(result);
  Coalescer out(writer);
  bool negative = false, positive = false;
  for (Placed &p : placed) {
    negative = negative || p.stride.value < 0;
    positive = positive || p.stride.value > 0;
  }
  if (negative && positive)
    fail("left_inverse: strides of both signs can't be read digit by digit, got " + print(layout));
  if (negative) // all offsets are negative: turn the sign first
    writer.push(intNode(-1), intNode(0));
  for (Placed &p : placed)
    p.stride = absolute(p.stride);
  sortByStride(placed.begin(), placed.end());
  int64_t before = 1;         // stride of the previous digit
  Node position = intNode(0); // where the previous digit goes
  Node extent = intNode(0);   // extent of its mode, 0 before the first
  int64_t reach = 0;          // largest offset of the modes so far
  auto checkDigit = [&](int64_t largest, const char *why) {
    if (extent.isInt() && extent.value > 0 && largest >= extent.value)
      fail("left_inverse: in " + print(layout) + " the mode " + printLeaf(extent) + ":" +
               std::to_string(before) + " overlaps modes of smaller stride" + why +
               ", so an offset does not tell its position",
           {"an invertible layout of this shape is " + print(makeLayoutLike(layout))});
  };
  for (const Placed &p : placed) {
    if (p.stride.isInt(0))
      continue;
    int64_t stride = p.stride.value;
    if (stride % before != 0)
      fail(
          "left_inverse: in " + print(layout) + " the stride " + std::to_string(stride) +
              " is no multiple of the next smaller one, " + std::to_string(before) +
              ", so offsets can't be read digit by digit",
          {"the nearest stride that works is " + std::to_string(mulInt(ceilDivInt(stride, before), before))});
    int64_t digit = stride / before;
    if (!extent.isInt(0))
      checkDigit(reach >= stride ? digit - 1 : reach / before, " and ends before the next begins");
    out.push(intNode(digit), position);
    before = stride;
    position = p.position;
    extent = p.shape;
    if (extent.isInt())
      reach = addInt(reach, mulInt(extent.value - 1, stride));
  }
  if (extent.isInt(0)) { // no mode moves: every offset is 0, and so is its position
    writer.push(positions, intNode(0));
    writer.finish();
    return;
  }
  uint32_t lastLeaf = layout.span();
  while (lastLeaf && layout.shape.nodes()[lastLeaf - 1].isTuple())
    --lastLeaf;
  bool trailingOne = lastLeaf && layout.shape.nodes()[lastLeaf - 1].isInt(1); // it would run on there
  if (trailingOne || !(mul(position, extent) == positions))
    checkDigit(reach / before, "");
  out.push(extent, position);
  writer.finish();
}

/// Inverts offsets that are coordinates component by component; the result takes such a coordinate.
template <class F>
Layout invertByComponent(LayoutView layout, F invert) {
  PlacedModes placed = placeModes(layout);
  uint32_t components = 0;
  for (const Placed &p : placed) {
    if (p.stride.isInt(0))
      continue;
    if (p.stride.basisDepth() != 1)
      fail("an inverse needs basis strides that address top-level modes, got " + print(layout));
    components = std::max(components, p.stride.basisAt(0) + 1);
  }
  Layout out = Layout::building();
  uint32_t at = out.open();
  for (uint32_t c = 0; c < components; ++c) {
    PlacedModes mine;
    for (const Placed &p : placed)
      if (p.stride.basisDepth() == 1 && p.stride.basisAt(0) == c)
        mine.push_back({p.shape, basisValue(p.stride), p.position});
    invert(out, mine);
  }
  out.close(at, components);
  return out;
}

} // namespace

Layout rightInverse(LayoutView layout) {
  auto invert = [](Layout &out, PlacedModes &placed) {
    keepStaticStrides(placed);
    rightInverseInto(out, placed);
  };
  if (anyBasis(layout))
    return invertByComponent(layout, invert);
  PlacedModes placed = placeModes(layout);
  Layout out = Layout::building();
  invert(out, placed);
  return out;
}

Layout rightInverseOfPairs(LayoutView a, LayoutView b) {
  if (anyBasis(a) || anyBasis(b))
    return rightInverse(zip(a, b));
  needPositive("an inverse", a);
  needPositive("an inverse", b);
  PlacedModes placed;
  Coalescer merged(placed);
  auto take = [&](LayoutView &next) { // one mode, and on to the next
    forEachLeaf(next, [&](Node s, Node d) { merged.push(s, d); });
    const uint32_t span = next.span();
    next = {View(next.shape.nodes() + span), View(next.stride.nodes() + span)};
  };
  LayoutView nextA = a[0], nextB = b[0];
  for (uint32_t i = 0, rank = a.rank(); i < rank; ++i) {
    take(nextA);
    take(nextB);
  }
  placeInOrder(placed);
  keepStaticStrides(placed);
  Layout out = Layout::building();
  rightInverseInto(out, placed);
  return out;
}

Layout leftInverse(LayoutView layout) {
  auto invert = [&](Layout &out, PlacedModes &placed) {
    for (const Placed &p : placed)
      if (!p.stride.isInt())
        fail("left_inverse: strides known only at run time can't be put in order, got " + print(layout));
    leftInverseInto(out, placed, layout);
  };
  if (anyBasis(layout))
    return invertByComponent(layout, invert);
  PlacedModes placed = placeModes(layout);
  Layout out = Layout::building();
  invert(out, placed);
  return out;
}

Layout nullspace(LayoutView layout) {
  Modes modes, out;
  appendModes(modes, layout);
  Node position = intNode(1);
  for (const Mode &m : modes) {
    if (m.stride.isInt(0))
      out.push_back({m.shape, m.shape.isInt(1) ? intNode(0) : position});
    position = mul(position, m.shape);
  }
  return toLayout(out);
}

namespace {

/// The run of positions that start at 0 and lie at offsets 0, 1, 2, ...: the first mode of a coalesced layout
/// if it is so.
Node identityRun(const Layout &common) {
  LayoutView first = common.view();
  if (first.isTuple())
    first = first[0];
  if (first.shape.leaf().isInt() && first.stride.leaf().isInt(1))
    return first.shape.leaf();
  return intNode(1);
}

/// Counts n with a(inverse(n)) == n where their composition is no layout.
int64_t scanRun(LayoutView a, const Layout &inverse) {
  constexpr int64_t limit =
      1 << 20; // positions tried; a longer common run is reported as this long, which is still common
  Node n = size(inverse);
  if (!isStatic(a) || !n.isInt())
    return 1;
  int64_t end = std::min(n.value, limit), i = 1;
  while (i < end && evaluate(a, evaluate(inverse, i)) == i)
    ++i;
  return i;
}

} // namespace

Layout maxCommonLayout(LayoutView a, LayoutView b) {
  Layout inverse = rightInverse(b);
  Node run;
  try {
    run = identityRun(coalesce(composition(a, inverse)));
  } catch (const Error &) {
    run = intNode(scanRun(a, inverse));
  }
  if (run.isInt(1))
    return Layout();
  // Within the run a(inverse(i)) == i; keep the part of it that is itself a layout.
  Node one = intNode(1);
  for (int64_t n = run.value; n > 1; n /= 2) {
    Node size = intNode(n);
    try {
      return composition(inverse, LayoutView{View(&size), View(&one)});
    } catch (const Error &) {
    }
  }
  return Layout();
}

int64_t maxCommonVector(LayoutView a, LayoutView b) {
  Layout inverse = rightInverse(b);
  try {
    return identityRun(coalesce(composition(a, inverse))).value;
  } catch (const Error &) {
    return scanRun(a, inverse);
  }
}

int64_t maxAlignment(LayoutView layout) {
  // Among constants: the run that starts at offset 0, and the steps that leave it.
  Modes modes;
  Coalescer merged(modes);
  forEachLeaf(layout, [&](Node s, Node d) { merged.push(s, d); });
  for (Mode &m : modes) {
    if (!m.shape.isInt())
      m.shape = intNode(1);
    if (!m.stride.isInt()) {
      if (m.stride.basis())
        fail("max_alignment needs integer strides, got " + print(layout));
      m.stride = intNode(0);
    }
  }
  Layout constant = toLayout(modes);
  PlacedModes placed = placeModes(constant);
  sortByStride(placed.begin(), placed.end());
  int64_t run = 1, steps = 0;
  for (const Placed &p : placed) {
    if (p.stride.value == run)
      run = mulInt(run, p.shape.value);
    else if (p.stride.value != 0)
      steps = std::gcd(steps, absInt(p.stride.value));
  }
  return std::gcd(run, steps);
}

Layout domainDistribute(View shape, int64_t n) {
  if (n < 1)
    fail("domain_distribute: the number of elements must be at least 1, got " + std::to_string(n));
  Layout result = Layout::building();
  ModeWriter writer(result);
  Coalescer out(writer);
  int64_t position = 1;
  for (uint32_t i = 0, count = shape.span(); i < count; ++i) {
    if (shape.nodes()[i].isTuple())
      continue;
    int64_t s = staticInt(View(&shape.nodes()[i]), "an extent");
    if (s < 1)
      fail("an extent must be an integer of at least 1, got " + std::to_string(s));
    int64_t share = std::gcd(s, n);
    out.push(intNode(share), intNode(position));
    n /= share;
    position = mulInt(position, s);
  }
  writer.finish();
  return result;
}

bool isTractable(LayoutView layout) {
  Modes modes;
  appendModes(modes, layout);
  uint32_t kept = 0;
  for (const Mode &m : modes) {
    if (!m.shape.isInt() || !m.stride.isInt())
      fail("is_tractable needs constant integer strides, got " + print(layout));
    if (m.stride.value < 0)
      return false;
    if (m.stride.value != 0 && m.shape.value != 1)
      modes[kept++] = m;
  }
  modes.truncate(kept);
  // Colfax: sorted by stride, shape times stride divides the next stride.
  sortByStride(modes.begin(), modes.end());
  for (uint32_t i = 0; i + 1 < modes.size(); ++i)
    if (modes[i + 1].stride.value % mulInt(modes[i].shape.value, modes[i].stride.value) != 0)
      return false;
  return true;
}

} // namespace enigma::layout
