// SPDX-License-Identifier: MIT
//
// Swizzles, and layouts composed with what is not a layout.
//
// A swizzle permutes offsets by xor-ing some bits into others, to spread accesses over memory banks. Swizzle
// after layout is a ComposedLayout, written `Sw<3,0,3> o 0 o (8,8):(8,1)`: coordinate -> outer layout -> plus
// offset -> inner function.
//
//   AnyLayout tile(Layout(IntTuple{8, 8}, IntTuple{8, 1}));
//   AnyLayout spread = composition(AnyLayout(Swizzle(3, 0, 3)), tile);
//   print(spread(IntTuple{1, 0}));   // 9: row 1 starts one element further
#ifndef ENIGMA_LAYOUT_COMPOSEDLAYOUT_H
#define ENIGMA_LAYOUT_COMPOSEDLAYOUT_H

#include "enigma/Layout/Algebra.h"

#include <memory>
#include <variant>

namespace enigma::layout {

/// x ^ ((x & Y) >> shift), with Y the `bits` bits from base + max(shift, 0) on; a negative shift moves left.
/// Its own inverse.
class Swizzle {
public:
  /// LayoutError unless bits, base >= 0, |shift| >= bits, and base + bits + |shift| <= 62.
  Swizzle(int bits, int base, int shift);
  int bits() const { return bits_; }
  int base() const { return base_; }
  int shift() const { return shift_; }
  int64_t yMask() const { return mask(base_ + (shift_ > 0 ? shift_ : 0)); }
  int64_t zMask() const { return mask(base_ - (shift_ < 0 ? shift_ : 0)); }
  int64_t operator()(int64_t offset) const {
    int64_t y = offset & yMask();
    return offset ^ (shift_ >= 0 ? y >> shift_ : y << -shift_);
  }
  Node operator()(Node offset) const;
  bool operator==(const Swizzle &) const = default;

private:
  int64_t mask(int from) const { return ((int64_t(1) << bits_) - 1) << from; }
  int bits_, base_, shift_;
};
std::string print(const Swizzle &swizzle);
/// The swizzle that xors the bits of yMask into those of zMask; LayoutError where no Swizzle does.
Swizzle makeSwizzle(int64_t yMask, int64_t zMask);

class AnyLayout;

/// inner(offset + outer(coordinate)).
class ComposedLayout {
public:
  ComposedLayout(AnyLayout inner, IntTuple offset, AnyLayout outer);
  AnyLayout inner() const;
  const IntTuple &offset() const { return offset_; }
  AnyLayout outer() const;
  /// The inner swizzle, or null.
  const Swizzle *swizzle() const { return std::get_if<Swizzle>(&inner_); }
  /// The outer layout, or null.
  const Layout *outerLayout() const { return std::get_if<Layout>(&outer_); }
  /// The outer part where it is no layout, else null.
  const AnyLayout *outerOther() const {
    return std::holds_alternative<Layout>(outer_) ? nullptr : std::get<1>(outer_).get();
  }
  /// Number of composed layouts in the tree, this one included.
  uint32_t weight() const { return weight_; }
  bool operator==(const ComposedLayout &other) const;

private:
  // A swizzle after a layout, the common case, needs no allocation.
  std::variant<Swizzle, std::shared_ptr<const AnyLayout>> inner_;
  IntTuple offset_;
  std::variant<Layout, std::shared_ptr<const AnyLayout>> outer_;
  uint32_t weight_; ///< at most kMaxDepth, which bounds every recursion
};

/// A layout, a swizzle (the function on offsets), or a composed layout.
class AnyLayout {
public:
  explicit AnyLayout(Layout layout) : value(std::move(layout)) {}
  explicit AnyLayout(Swizzle swizzle) : value(swizzle) {}
  explicit AnyLayout(ComposedLayout composed) : value(std::move(composed)) {}
  const Layout *layout() const { return std::get_if<Layout>(&value); }
  const Swizzle *swizzle() const { return std::get_if<Swizzle>(&value); }
  const ComposedLayout *composed() const { return std::get_if<ComposedLayout>(&value); }
  /// The value at a coordinate.
  IntTuple operator()(View coord) const;
  bool operator==(const AnyLayout &other) const = default;

private:
  std::variant<Layout, Swizzle, ComposedLayout> value;
};
std::string print(const AnyLayout &layout);
uint64_t hash(const AnyLayout &layout);

/// Where coordinates live: the layout itself, or the outer layout of a composed one. LayoutError for a bare
/// swizzle.
const Layout &domainOf(const AnyLayout &layout);
/// A function of integers only, at one position.
int64_t evaluate(const AnyLayout &layout, int64_t position);

/// Composed with one more layout in front: inner(offset + outer(.)). A swizzle of no bits with offset 0 is
/// left out.
AnyLayout makeComposed(AnyLayout inner, IntTuple offset, AnyLayout outer);

/// R(i) == a(b(i)). Swizzle after swizzle merges where one swizzle does the same; layout after swizzle
/// becomes swizzles after the layout where that is exact, and is a LayoutError elsewhere.
AnyLayout composition(const AnyLayout &a, const AnyLayout &b);
AnyLayout composition(const AnyLayout &a, const Tiler &tiler);

/// As for layouts: the same post-conditions with the value of the composed layout for L(i).
AnyLayout complement(const AnyLayout &layout, const View *bound);
AnyLayout rightInverse(const AnyLayout &layout);
AnyLayout leftInverse(const AnyLayout &layout);
AnyLayout maxCommonLayout(const AnyLayout &a, const AnyLayout &b);
int64_t maxCommonVector(const AnyLayout &a, const AnyLayout &b);
int64_t maxAlignment(const AnyLayout &layout);
Node cosize(const AnyLayout &layout);
AnyLayout upcast(const AnyLayout &layout, int64_t n);
AnyLayout downcast(const AnyLayout &layout, int64_t n);
AnyLayout recastLayout(const AnyLayout &layout, int64_t newBits, int64_t oldBits);
/// The slice and its offset. A swizzled slice whose values step evenly becomes a plain layout.
std::pair<AnyLayout, IntTuple> sliceAndOffset(View coord, const AnyLayout &layout);

/// The same inner function and offset after a changed outer layout; what divides, products, coalesce and the
/// rearranging of modes do to a composed layout.
template <class F>
AnyLayout mapOuter(const AnyLayout &layout, F change) {
  if (const ComposedLayout *c = layout.composed())
    return makeComposed(c->inner(), c->offset(), mapOuter(c->outer(), change));
  return AnyLayout(change(domainOf(layout)));
}

} // namespace enigma::layout

#endif
