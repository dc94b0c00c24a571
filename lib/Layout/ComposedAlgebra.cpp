// SPDX-License-Identifier: MIT
//
// The algebra on swizzles and composed layouts.
//
// A swizzle is linear over bits: it maps x ^ y to Sw(x) ^ Sw(y). A layout with powers of two for extents and
// strides, no two of which share a bit, is so too (within its size), and moving a swizzle from one side of it
// to the other only renames bits. That is checked on single bits; layouts of another kind are checked
// position by position as far as kProofLimit.
#include "Modes.h"
#include "enigma/Layout/ComposedLayout.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_set>

namespace enigma::layout {

namespace {

constexpr int64_t kProofLimit = 1 << 20; ///< positions evaluated to prove that two functions agree

/// For a layout that is linear over bits: the offset of each bit of the position. Empty optional otherwise.
bool bitOffsets(LayoutView layout, InlineVector<int64_t, 64> &out) {
  int64_t seen = 0;
  for (uint32_t i = 0, n = layout.span(); i < n; ++i) {
    Node s = layout.shape.nodes()[i], d = layout.stride.nodes()[i];
    if (s.isTuple())
      continue;
    if (!s.isInt() || !d.isInt() || !std::has_single_bit(static_cast<uint64_t>(s.value)))
      return false;
    if (s.value == 1)
      continue;
    if (d.value <= 0 || !std::has_single_bit(static_cast<uint64_t>(d.value)))
      return false;
    for (int64_t step = 1; step < s.value; step *= 2) {
      int64_t bit;
      if (__builtin_mul_overflow(step, d.value, &bit) || (seen & bit))
        return false;
      seen |= bit;
      out.push_back(bit);
    }
  }
  return out.size() <= 62;
}

/// Does the swizzle keep every position below 2^bits below it?
bool staysWithin(const Swizzle &s, uint32_t bits) {
  for (uint32_t i = 0; i < bits; ++i)
    if (s(int64_t(1) << i) >> bits)
      return false;
  return true;
}

/// Does the swizzle keep every offset below n below it?
bool staysBelow(const Swizzle &s, Node n) {
  if (!n.isInt())
    return s.bits() == 0;
  if (std::has_single_bit(static_cast<uint64_t>(n.value)))
    return staysWithin(s, static_cast<uint32_t>(std::countr_zero(static_cast<uint64_t>(n.value))));
  if (n.value > kProofLimit)
    return false;
  for (int64_t x = 0; x < n.value; ++x)
    if (s(x) >= n.value)
      return false;
  return true;
}

/// left(a(x)) == a(right(x)) for all positions x of a. False if it isn't so or can't be shown.
bool commutes(const Swizzle &left, LayoutView a, const Swizzle &right) {
  InlineVector<int64_t, 64> bits;
  if (bitOffsets(a, bits) && staysWithin(right, bits.size())) {
    for (uint32_t i = 0; i < bits.size(); ++i)
      if (left(bits[i]) != evaluate(a, right(int64_t(1) << i)))
        return false;
    return true;
  }
  Node n = size(a);
  if (!isStatic(a) || !n.isInt() || n.value > kProofLimit)
    return false;
  for (int64_t x = 0; x < n.value; ++x)
    if (left(evaluate(a, x)) != evaluate(a, right(x)))
      return false;
  return true;
}

/// a o s as swizzles after a, one for each run of bits, where a renames bits and s stays within a.
bool swizzlesAfter(LayoutView a, const Swizzle &s, std::vector<Swizzle> &out) {
  InlineVector<int64_t, 64> bits;
  if (!bitOffsets(a, bits) || !staysWithin(s, bits.size()))
    return false;
  struct Pair {
    int y, z;
  };
  std::vector<Pair> pairs;
  for (uint32_t i = 0; i < bits.size(); ++i) {
    int64_t image = s(int64_t(1) << i) ^ (int64_t(1) << i);
    if (!image)
      continue;
    int64_t y = bits[i], z = bits[static_cast<uint32_t>(std::countr_zero(static_cast<uint64_t>(image)))];
    pairs.push_back({std::countr_zero(static_cast<uint64_t>(y)), std::countr_zero(static_cast<uint64_t>(z))});
  }
  std::sort(pairs.begin(), pairs.end(), [](Pair p, Pair q) { return p.y < q.y; });
  for (size_t i = 0; i < pairs.size();) {
    size_t j = i + 1;
    int shift = pairs[i].y - pairs[i].z, room = shift < 0 ? -shift : shift;
    while (j < pairs.size() && pairs[j].y == pairs[j - 1].y + 1 && pairs[j].z == pairs[j - 1].z + 1 &&
           static_cast<int>(j - i) < room)
      ++j;
    int base = pairs[i].y < pairs[i].z ? pairs[i].y : pairs[i].z;
    out.push_back(Swizzle(static_cast<int>(j - i), base, shift));
    i = j;
  }
  return true;
}

AnyLayout layoutAfterSwizzle(const Layout &a, const Swizzle &s) {
  if (s.bits() == 0)
    return AnyLayout(a);
  std::string name = "composition: " + print(a) + " o " + print(s);
  if (!isStatic(a))
    fail(name + " needs constant integers on the left side");
  bool made = false;
  Swizzle candidate(0, 0, 0);
  try {
    candidate = makeSwizzle(evaluate(a.view(), s.yMask()), evaluate(a.view(), s.zMask()));
    made = true;
  } catch (const Error &) { // no single swizzle renames the bits; several may
  }
  if (made) {
    if (!commutes(candidate, a, s))
      fail(name +
               " is not a swizzled layout: the swizzle reaches bits that the left side does not carry over "
               "one to one (size " +
               printLeaf(size(a)) + ", bits " + std::to_string(s.yMask() | s.zMask()) + ")",
           {"use a swizzle that stays within the size of the left side, base + bits + abs(shift) <= "
            "log2(size)"});
    return makeComposed(AnyLayout(candidate), IntTuple(0), AnyLayout(a));
  }
  std::vector<Swizzle> parts;
  if (!swizzlesAfter(a, s, parts))
    fail(name + " is not a swizzled layout: the left side does not carry the swizzled bits over one to one",
         {"extents and strides of the left side must be powers of two, and the swizzle must stay within its "
          "size"});
  AnyLayout result(a);
  for (const Swizzle &part : parts)
    result = makeComposed(AnyLayout(part), IntTuple(0), std::move(result));
  return result;
}

AnyLayout swizzleAfterSwizzle(const Swizzle &a, const Swizzle &b) {
  if (a.bits() == 0 && b.bits() == 0)
    return AnyLayout(Swizzle(0, 0, 0));
  if (a.bits() == 0)
    return AnyLayout(b);
  if (b.bits() == 0)
    return AnyLayout(a);
  if (a.shift() == b.shift()) {
    try {
      Swizzle merged = makeSwizzle(a.yMask() ^ b.yMask(), a.zMask() ^ b.zMask());
      bool same = true;
      for (int i = 0; i < 62; ++i)
        same = same && merged(int64_t(1) << i) == a(b(int64_t(1) << i));
      if (same)
        return AnyLayout(merged);
    } catch (const Error &) { // no one swizzle does it
    }
  }
  return AnyLayout(ComposedLayout(AnyLayout(a), IntTuple(0), AnyLayout(b)));
}

bool anyBasis(const Layout &layout) {
  for (uint32_t i = 0; i < layout.nodeCount(); ++i)
    if (layout.stride().data()[i].basis())
      return true;
  return false;
}

AnyLayout swizzleAfter(const Swizzle &s, const AnyLayout &b) {
  if (const Layout *l = b.layout(); l && anyBasis(*l))
    fail("composition: a swizzle permutes integer offsets, " + print(*l) + " gives coordinates");
  return makeComposed(AnyLayout(s), IntTuple(0), b);
}

} // namespace

AnyLayout composition(const AnyLayout &a, const AnyLayout &b) {
  if (const ComposedLayout *c = a.composed())
    return makeComposed(c->inner(), c->offset(), composition(c->outer(), b));
  if (const Swizzle *s = a.swizzle())
    return b.swizzle() ? swizzleAfterSwizzle(*s, *b.swizzle()) : swizzleAfter(*s, b);
  const Layout &left = *a.layout();
  if (const Layout *right = b.layout())
    return AnyLayout(composition(left.view(), right->view()));
  if (const Swizzle *s = b.swizzle())
    return layoutAfterSwizzle(left, *s);
  const ComposedLayout *c = b.composed();
  AnyLayout front = composition(a, c->inner());
  if (!(c->offset() == IntTuple(0)))
    return makeComposed(std::move(front), c->offset(), c->outer());
  if (front.layout() || !c->swizzle() || c->swizzle()->bits() == 0)
    return composition(front, c->outer());
  // front is exact on the positions of the left side only.
  Node reach = cosize(c->outer());
  Node room = size(left.view());
  if (reach.isInt() && room.isInt() && reach.value > room.value)
    fail("composition: " + print(b) + " reaches offset " + std::to_string(reach.value - 1) +
         ", past the end of " + print(left) + " (size " + std::to_string(room.value) +
         "), where a swizzle can't be carried over");
  return composition(front, c->outer());
}

AnyLayout composition(const AnyLayout &a, const Tiler &tiler) {
  if (const Swizzle *s = a.swizzle()) {
    View t = tiler.view();
    if (t.leaf().kind() == NodeKind::LayoutRef)
      return swizzleAfter(*s, AnyLayout(Layout(tiler.layoutAt(t))));
    fail("a swizzle has no modes to compose with the tiler " + print(tiler) +
         "; compose it with a layout first");
  }
  if (const ComposedLayout *c = a.composed())
    return makeComposed(c->inner(), c->offset(), composition(c->outer(), tiler));
  return AnyLayout(composition(a.layout()->view(), tiler));
}

AnyLayout complement(const AnyLayout &layout, const View *bound) {
  const Layout &domain = domainOf(layout);
  if (layout.layout())
    return AnyLayout(bound ? complement(domain, *bound) : complement(domain));
  Layout result = bound ? complement(domain, *bound) : complement(domain);
  // The swizzle must leave the offsets disjoint from the complement's.
  Node n = size(filter(domain).view()), m = size(result.view());
  Layout moving = filter(domain);
  int64_t pairs;
  if (!n.isInt() || !m.isInt() || __builtin_mul_overflow(n.value, m.value, &pairs) || pairs > kProofLimit)
    fail("complement: " + print(layout) + " is too large to show that its swizzled offsets stay disjoint",
         {"take the complement of its layout, " + print(domain) + ", and swizzle the product"});
  AnyLayout values = mapOuter(layout, [&](const Layout &) { return moving; });
  std::unordered_set<int64_t> seen;
  for (int64_t i = 0; i < n.value; ++i)
    for (int64_t j = 0; j < m.value; ++j)
      if (!seen.insert(addInt(evaluate(values, i), evaluate(result.view(), j))).second)
        fail("complement: the swizzle of " + print(layout) + " moves offsets into the complement of " +
             print(domain));
  return AnyLayout(result);
}

namespace {

/// Position by position: layout(result(i)) == i, or for a left inverse layout(result(layout(i))) ==
/// layout(i).
bool inverts(const AnyLayout &result, const Layout &plain, const AnyLayout &layout, bool right) {
  Node n = right ? size(plain.view()) : size(domainOf(layout).view());
  if (!n.isInt() || n.value > kProofLimit)
    return false;
  for (int64_t i = 0; i < n.value; ++i) {
    int64_t offset = right ? i : evaluate(layout, i);
    if (evaluate(layout, evaluate(result, offset)) != offset)
      return false;
  }
  return true;
}

template <class F>
AnyLayout inverse(const AnyLayout &layout, bool right, F invert) {
  const char *op = right ? "right_inverse" : "left_inverse";
  if (layout.swizzle())
    return layout;
  if (const Layout *l = layout.layout())
    return AnyLayout(invert(*l));
  const ComposedLayout *c = layout.composed();
  if (!c->swizzle() || !c->outerLayout() || !(c->offset() == IntTuple(0)))
    fail(std::string(op) + ": " + print(layout) +
         " has an inverse here only as one swizzle with offset 0 after a layout");
  Layout plain = invert(*c->outerLayout());
  AnyLayout result = composition(AnyLayout(plain), AnyLayout(*c->swizzle()));
  if (!staysBelow(*c->swizzle(), size(plain.view())) && !inverts(result, plain, layout, right))
    fail(std::string(op) + ": the swizzle of " + print(layout) + " moves offsets out of the range that " +
             print(plain) + " inverts (" + printLeaf(size(plain.view())) + " offsets)",
         {"use a swizzle with base + bits + abs(shift) <= log2 of that range"});
  return result;
}

} // namespace

AnyLayout rightInverse(const AnyLayout &layout) {
  return inverse(layout, true, [](const Layout &l) { return rightInverse(l.view()); });
}

AnyLayout leftInverse(const AnyLayout &layout) {
  return inverse(layout, false, [](const Layout &l) { return leftInverse(l.view()); });
}

namespace {

/// How many consecutive elements from the first on a swizzle (and offset) leave consecutive.
int64_t keptRun(const ComposedLayout &c) {
  if (!c.swizzle() || !c.outerLayout() || c.offset().isTuple() || !c.offset().view().leaf().isInt())
    return 1;
  int64_t run = int64_t(1) << c.swizzle()->base(), offset = c.offset().view().leaf().value;
  return offset == 0 ? run : std::gcd(run, absInt(offset));
}

} // namespace

int64_t maxCommonVector(const AnyLayout &a, const AnyLayout &b) {
  int64_t run = maxCommonVector(domainOf(a).view(), domainOf(b).view());
  const ComposedLayout *x = a.composed(), *y = b.composed();
  if (x && y && x->inner() == y->inner() && x->offset() == y->offset())
    return run;
  if (x)
    run = std::min(run, keptRun(*x));
  if (y)
    run = std::min(run, keptRun(*y));
  return run;
}

AnyLayout maxCommonLayout(const AnyLayout &a, const AnyLayout &b) {
  Layout common = maxCommonLayout(domainOf(a).view(), domainOf(b).view());
  int64_t run = INT64_MAX;
  for (const AnyLayout *l : {&a, &b})
    if (l->composed())
      run = std::min(run, keptRun(*l->composed()));
  Node n = size(common.view());
  if (n.isInt() && run < n.value) {
    Node extent = intNode(run), one = intNode(1);
    common = composition(common.view(), LayoutView{View(&extent), View(&one)});
  }
  return AnyLayout(common);
}

int64_t maxAlignment(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return maxAlignment(l->view());
  if (const Swizzle *s = layout.swizzle())
    return int64_t(1) << s->base();
  const ComposedLayout *c = layout.composed();
  if (!c->swizzle())
    return 1;
  Node offset = c->offset().isTuple() ? intNode(1) : c->offset().view().leaf();
  int64_t run = std::gcd(int64_t(1) << c->swizzle()->base(), maxAlignment(c->outer()));
  return offset.isInt() ? std::gcd(run, absInt(offset.value)) : 1;
}

Node cosize(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return cosize(l->view());
  const Layout &domain = domainOf(layout);
  const ComposedLayout *c = layout.composed();
  Layout moving = filter(domain.view());
  Node n = size(moving.view());
  if (!n.isInt() || !isStatic(moving))
    fail("cosize: " + print(layout) + " needs constant integers");
  int64_t largest = 0;
  if (n.value <= kProofLimit) {
    AnyLayout values = mapOuter(layout, [&](const Layout &) { return moving; });
    for (int64_t i = 0; i < n.value; ++i)
      largest = std::max(largest, evaluate(values, i));
    return intNode(addInt(largest, 1));
  }
  // Linear over bits: the largest sum of images, by elimination from the highest bit down.
  InlineVector<int64_t, 64> bits;
  if (!c->swizzle() || !c->outerLayout() || !(c->offset() == IntTuple(0)) || !bitOffsets(moving, bits))
    fail("cosize: " + print(layout) + " is too large to evaluate (" + printLeaf(n) + " positions)");
  int64_t pivots[63] = {};
  for (int64_t bit : bits) {
    int64_t v = (*c->swizzle())(bit);
    for (int i = 62; i >= 0 && v; --i) {
      if (!(v >> i & 1))
        continue;
      if (!pivots[i]) {
        pivots[i] = v;
        break;
      }
      v ^= pivots[i];
    }
  }
  for (int i = 62; i >= 0; --i)
    largest = std::max(largest, largest ^ pivots[i]);
  return intNode(addInt(largest, 1));
}

static int log2Factor(const char *op, int64_t n) {
  if (n < 1 || !std::has_single_bit(static_cast<uint64_t>(n)))
    fail(std::string(op) + ": a swizzle works on bits, so the factor must be a power of two, got " +
         std::to_string(n));
  return std::countr_zero(static_cast<uint64_t>(n));
}

static IntTuple scaleOffset(const IntTuple &offset, int64_t n, bool up) {
  if (offset.isTuple())
    fail("recast: the offset " + print(offset.view()) + " is a coordinate");
  Node o = offset.view().leaf();
  if (!up)
    return IntTuple(mul(o, intNode(n)));
  if (o.isInt() && o.value % n != 0)
    fail("upcast: the offset " + printLeaf(o) + " is no multiple of " + std::to_string(n));
  return IntTuple(div(o, intNode(n)));
}

AnyLayout upcast(const AnyLayout &layout, int64_t n) {
  if (const Layout *l = layout.layout())
    return AnyLayout(upcast(l->view(), n));
  if (const Swizzle *s = layout.swizzle()) {
    int base = s->base() - log2Factor("upcast", n);
    if (base >= 0)
      return AnyLayout(Swizzle(s->bits(), base, s->shift()));
    return AnyLayout(Swizzle(std::max(s->bits() + base, 0), 0, s->shift()));
  }
  const ComposedLayout *c = layout.composed();
  return AnyLayout(
      ComposedLayout(upcast(c->inner(), n), scaleOffset(c->offset(), n, true), upcast(c->outer(), n)));
}

AnyLayout downcast(const AnyLayout &layout, int64_t n) {
  if (const Layout *l = layout.layout())
    return AnyLayout(downcast(l->view(), n));
  if (const Swizzle *s = layout.swizzle())
    return AnyLayout(Swizzle(s->bits(), s->base() + log2Factor("downcast", n), s->shift()));
  const ComposedLayout *c = layout.composed();
  return AnyLayout(
      ComposedLayout(downcast(c->inner(), n), scaleOffset(c->offset(), n, false), downcast(c->outer(), n)));
}

AnyLayout recastLayout(const AnyLayout &layout, int64_t newBits, int64_t oldBits) {
  if (const Layout *l = layout.layout())
    return AnyLayout(recastLayout(l->view(), newBits, oldBits));
  if (newBits < 1 || oldBits < 1)
    fail("recast_layout: element widths are at least 1 bit, got " + std::to_string(oldBits) + " to " +
         std::to_string(newBits));
  int64_t common = std::gcd(newBits, oldBits), up = newBits / common, down = oldBits / common;
  if (up == 1 && down == 1)
    return layout;
  AnyLayout wide = up == 1 ? layout : upcast(layout, up);
  return down == 1 ? wide : downcast(wide, down);
}

/// A swizzled slice as a plain layout, if its values step evenly along each mode (split into modes of 2 where
/// needed).
static bool decay(const AnyLayout &sliced, Layout &plain, int64_t &start) {
  constexpr int64_t limit =
      1 << 12; // slices are a thread's or a warp's share; larger ones keep their swizzle
  const Layout &domain = domainOf(sliced);
  Node n = size(domain.view());
  if (!isStatic(domain) || !n.isInt() || n.value > limit || anyBasis(domain))
    return false;
  start = evaluate(sliced, 0);
  Layout out = Layout::building();
  int64_t position = 1;
  std::vector<uint32_t> open, ends;
  View shape = domain.shape().view();
  uint32_t count = shape.span();
  for (uint32_t i = 0; i <= count; ++i) {
    while (!ends.empty() && ends.back() == i) {
      out.close(open.back());
      open.pop_back();
      ends.pop_back();
    }
    if (i == count)
      break;
    Node s = shape.nodes()[i];
    if (s.isTuple()) {
      ends.push_back(i + s.span());
      open.push_back(out.open());
      continue;
    }
    auto step = [&](int64_t k) { return evaluate(sliced, position * k) - start; };
    bool even = true;
    for (int64_t k = 1; k < s.value && even; ++k)
      even = step(k) == k * step(1);
    if (even) {
      out.push(s, intNode(s.value == 1 ? 0 : step(1)));
    } else {
      if (!std::has_single_bit(static_cast<uint64_t>(s.value)))
        return false;
      uint32_t at = out.open();
      for (int64_t k = 1; k < s.value; k *= 2)
        out.push(intNode(2), intNode(step(k)));
      out.close(at);
    }
    position *= s.value;
  }
  for (int64_t i = 0; i < n.value; ++i)
    if (evaluate(out.view(), i) != evaluate(sliced, i) - start)
      return false;
  plain = std::move(out);
  return true;
}

std::pair<AnyLayout, IntTuple> sliceAndOffset(View coord, const AnyLayout &layout) {
  if (const Layout *l = layout.layout()) {
    auto [part, offset] = sliceAndOffset(coord, l->view());
    return {AnyLayout(std::move(part)), std::move(offset)};
  }
  const Layout &domain = domainOf(layout);
  const ComposedLayout *c = layout.composed();
  AnyLayout part = AnyLayout(domain);
  IntTuple offset;
  if (c->outerLayout()) {
    auto [slicedDomain, start] = sliceAndOffset(coord, domain.view());
    part = AnyLayout(std::move(slicedDomain));
    offset = std::move(start);
  } else {
    std::tie(part, offset) = sliceAndOffset(coord, c->outer());
  }
  IntTuple moved = c->offset();
  if (!(offset == IntTuple(0))) {
    if (moved.isTuple() || offset.isTuple())
      fail("slice: the offset of " + print(layout) + " is a coordinate");
    moved = IntTuple(add(moved.view().leaf(), offset.view().leaf()));
  }
  AnyLayout sliced(ComposedLayout(c->inner(), moved, part));
  if (!allNull(coord) && c->swizzle() && !moved.isTuple() && moved.view().leaf().isInt()) {
    Layout plain;
    int64_t start;
    if (decay(sliced, plain, start))
      return {AnyLayout(std::move(plain)), IntTuple(start)};
  }
  return {std::move(sliced), IntTuple(0)};
}

} // namespace enigma::layout
