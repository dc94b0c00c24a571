// SPDX-License-Identifier: MIT
//
// Swizzle, ComposedLayout and AnyLayout as values: making, evaluating, printing.
#include "enigma/Layout/ComposedLayout.h"

#include <bit>

namespace enigma::layout {

Swizzle::Swizzle(int bits, int base, int shift) : bits_(bits), base_(base), shift_(shift) {
  auto name = [&] {
    return "Sw<" + std::to_string(bits) + "," + std::to_string(base) + "," + std::to_string(shift) + ">";
  };
  if (bits < 0 || base < 0 || bits > 62 || base > 62 || shift > 62 || shift < -62)
    fail("the swizzle " + name() + " needs bits and base of at least 0, and at most 62 bits in all");
  int distance = shift < 0 ? -shift : shift;
  if (distance < bits)
    fail("the swizzle " + name() + " xors bits into themselves: abs(shift) must be at least bits",
         {"the nearest shift that works is " + std::to_string(shift < 0 ? -bits : bits)});
  if (base + bits + distance > 62)
    fail("the swizzle " + name() + " reaches beyond bit 62");
}

Node Swizzle::operator()(Node offset) const {
  if (offset.isInt())
    return intNode((*this)(offset.value));
  return bitXor(offset, layout::shift(bitAnd(offset, intNode(yMask())), -shift_));
}

std::string print(const Swizzle &s) {
  return "Sw<" + std::to_string(s.bits()) + "," + std::to_string(s.base()) + "," + std::to_string(s.shift()) +
         ">";
}

Swizzle makeSwizzle(int64_t yMask, int64_t zMask) {
  if (yMask < 0 || zMask < 0)
    fail("make_swizzle: masks must not be negative, got " + std::to_string(yMask) + " and " +
         std::to_string(zMask));
  uint64_t y = static_cast<uint64_t>(yMask), z = static_cast<uint64_t>(zMask);
  int bits = std::popcount(y);
  if (bits != std::popcount(z))
    fail("make_swizzle: both masks need the same number of bits, got " + std::to_string(bits) + " and " +
         std::to_string(std::popcount(z)));
  if (bits == 0)
    return Swizzle(0, 0, 0);
  int fromY = std::countr_zero(y), fromZ = std::countr_zero(z);
  Swizzle s(bits, fromY < fromZ ? fromY : fromZ, fromY - fromZ);
  if (s.yMask() != yMask || s.zMask() != zMask)
    fail("make_swizzle: each mask must be one run of bits, got " + std::to_string(yMask) + " and " +
         std::to_string(zMask));
  return s;
}

static uint32_t weightOf(const AnyLayout &layout) {
  return layout.composed() ? layout.composed()->weight() : 0;
}

ComposedLayout::ComposedLayout(AnyLayout inner, IntTuple offset, AnyLayout outer)
    : inner_(Swizzle(0, 0, 0)), offset_(std::move(offset)), outer_(Layout()),
      weight_(1 + weightOf(inner) + weightOf(outer)) {
  if (weight_ > kMaxDepth)
    fail("a composed layout has at most " + std::to_string(kMaxDepth) + " compositions in it");
  for (uint32_t i = 0; i < offset_.nodeCount(); ++i)
    if (offset_.data()[i].isNull())
      fail("the offset of a composed layout must be an integer, got " + print(offset_.view()));
  if (const Swizzle *s = inner.swizzle())
    inner_ = *s;
  else
    inner_ = std::make_shared<const AnyLayout>(std::move(inner));
  if (const Layout *l = outer.layout())
    outer_ = *l;
  else
    outer_ = std::make_shared<const AnyLayout>(std::move(outer));
}

AnyLayout ComposedLayout::inner() const {
  if (const Swizzle *s = std::get_if<Swizzle>(&inner_))
    return AnyLayout(*s);
  return *std::get<1>(inner_);
}

AnyLayout ComposedLayout::outer() const {
  if (const Layout *l = std::get_if<Layout>(&outer_))
    return AnyLayout(*l);
  return *std::get<1>(outer_);
}

bool ComposedLayout::operator==(const ComposedLayout &other) const {
  return inner() == other.inner() && offset_ == other.offset_ && outer() == other.outer();
}

static IntTuple addTuples(View a, View b) {
  if (!a.isTuple() && !b.isTuple())
    return IntTuple(add(a.leaf(), b.leaf()));
  if (!a.isTuple() && a.leaf().isInt(0))
    return IntTuple(b);
  if (!b.isTuple() && b.leaf().isInt(0))
    return IntTuple(a);
  if (!a.isTuple() || !b.isTuple() || a.rank() != b.rank())
    fail("the offset " + print(a) + " can't be added to the coordinate " + print(b));
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  auto y = b.begin();
  for (View x : a) {
    out.push(addTuples(x, *y).view());
    ++y;
  }
  out.close(at, a.rank());
  return out;
}

IntTuple AnyLayout::operator()(View coord) const {
  if (const Layout *l = layout())
    return crd2idx(coord, *l);
  if (const Swizzle *s = swizzle()) {
    Node n = integer(coord, "the argument of a swizzle");
    if (n.basis())
      fail("a swizzle permutes integer offsets, got " + printLeaf(n));
    return IntTuple((*s)(n));
  }
  const ComposedLayout *c = composed();
  IntTuple outer = c->outerLayout() ? crd2idx(coord, *c->outerLayout()) : c->outer()(coord);
  IntTuple moved = addTuples(c->offset(), outer);
  if (const Swizzle *s = c->swizzle()) {
    if (moved.isTuple())
      fail("a swizzle permutes integer offsets, got the coordinate " + print(moved.view()));
    return IntTuple((*s)(moved.view().leaf()));
  }
  return c->inner()(moved);
}

std::string print(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return print(*l);
  if (const Swizzle *s = layout.swizzle())
    return print(*s);
  const ComposedLayout *c = layout.composed();
  auto part = [](const AnyLayout &l) { return l.composed() ? "(" + print(l) + ")" : print(l); };
  return part(c->inner()) + " o " + print(c->offset().view()) + " o " + part(c->outer());
}

uint64_t hash(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return hash(l->shape().view()) * 31 + hash(l->stride().view());
  if (const Swizzle *s = layout.swizzle())
    return 0x51ab1eull + static_cast<uint64_t>((s->bits() * 64 + s->base()) * 128 + s->shift() + 64) *
                             0x9e3779b97f4a7c15ull;
  const ComposedLayout *c = layout.composed();
  return (hash(c->inner()) * 31 + hash(c->offset().view())) * 31 + hash(c->outer()) + 1;
}

const Layout &domainOf(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return *l;
  if (const ComposedLayout *c = layout.composed()) {
    if (const Layout *l = c->outerLayout())
      return *l;
    return domainOf(*c->outerOther());
  }
  fail("a swizzle has no shape of its own: compose it with a layout first, composition(" + print(layout) +
       ", layout)");
}

int64_t evaluate(const AnyLayout &layout, int64_t position) {
  if (const Layout *l = layout.layout())
    return evaluate(l->view(), position);
  if (const Swizzle *s = layout.swizzle())
    return (*s)(position);
  const ComposedLayout *c = layout.composed();
  int64_t outer =
      c->outerLayout() ? evaluate(c->outerLayout()->view(), position) : evaluate(c->outer(), position);
  int64_t moved = addInt(staticInt(c->offset(), "the offset of a composed layout"), outer);
  return c->swizzle() ? (*c->swizzle())(moved) : evaluate(c->inner(), moved);
}

AnyLayout makeComposed(AnyLayout inner, IntTuple offset, AnyLayout outer) {
  const Swizzle *s = inner.swizzle();
  if (s && s->bits() == 0 && offset == IntTuple(0))
    return outer;
  return AnyLayout(ComposedLayout(std::move(inner), std::move(offset), std::move(outer)));
}

} // namespace enigma::layout
