// SPDX-License-Identifier: MIT
//
// Linear layouts over F2, the field with two elements: functions from bits to bits in which an xor of inputs
// gives the xor of their outputs. Layouts of powers of two are such functions, swizzles are, and all
// compositions of them; so here every composition exists, every injective one has an inverse, and a swizzle
// that avoids bank conflicts can be found by algebra.
//
// A linear layout is the list of the outputs of single input bits:
//
//   LinearLayout l = LinearLayout::of(AnyLayout(Layout(IntTuple{4, 8}, IntTuple{8, 1})));
//   l.bases();    // {8, 16, 1, 2, 4}: position 1 is offset 8, position 4 is offset 1
//   l(5);         // 8 ^ 1 = 9
//
// After: Zhou et al., "Linear Layouts: Robust Code Generation of Efficient Tensor Computation Using F2"
// (2025).
#ifndef ENIGMA_LAYOUT_LINEARLAYOUT_H
#define ENIGMA_LAYOUT_LINEARLAYOUT_H

#include "enigma/Layout/ComposedLayout.h"

#include <optional>
#include <vector>

namespace enigma::layout {

class LinearLayout {
public:
  /// From the outputs of input bits 0, 1, 2, ...; at most 62 of them, each from 0 to 2^62 - 1.
  explicit LinearLayout(std::vector<int64_t> bases);
  /// The linear layout of a function on positions: sizes and strides are powers of two (or 0) that do not
  /// share bits, and offsets of composed layouts are 0. LayoutError says which mode is none.
  static LinearLayout of(const AnyLayout &layout);
  static LinearLayout identity(int bits);

  const std::vector<int64_t> &bases() const { return bases_; }
  int inBits() const { return static_cast<int>(bases_.size()); }
  /// One more than the highest output bit.
  int outBits() const;
  int64_t operator()(int64_t input) const;
  /// Number of independent outputs: 2^rank different outputs in all.
  int rank() const;
  bool isInjective() const { return rank() == inBits(); }
  bool operator==(const LinearLayout &) const = default;

  /// As a Layout, or a swizzled one, with shape (2,2,...) coalesced; nullopt where neither is it.
  std::optional<AnyLayout> toLayout() const;

private:
  std::vector<int64_t> bases_;
};
std::string print(const LinearLayout &layout);

/// a(b(x)). LayoutError if b has more output bits than a has inputs.
LinearLayout compose(const LinearLayout &a, const LinearLayout &b);
/// The layout with inverse(l(x)) == x; outputs that l never has map to 0 in the bits that they add.
/// LayoutError if l takes two inputs to one output.
LinearLayout invert(const LinearLayout &l);

/// Memory banks of threadgroup memory: 32 of 4 bytes.
struct Banks {
  int count = 32;
  int bytes = 4;
};

/// How an access of the simdgroup's lanes to memory is served.
struct BankConflicts {
  int64_t transactions = 0; ///< rounds that the access takes
  int64_t ideal = 0;        ///< rounds that it takes without conflicts
  int64_t worst = 0;        ///< most different words that one round's lanes ask of one bank
};

/// Lane i of `lanes` accesses the elements layout(i, 0), layout(i, 1), ... of a (thread, value) layout,
/// `vector` values at a time. Lanes that read the same word share it. Offsets are in elements of elementBits.
BankConflicts bankConflicts(const AnyLayout &layout, int elementBits, int64_t lanes = 32, Banks banks = {});

/// The swizzle for a buffer that is written through one layout and read through another, both (thread, value)
/// -> offset in the buffer before swizzling: the one with the fewest transactions for both, and among those
/// the fewest bits. Sw<0,0,0> where none helps.
Swizzle bestSwizzle(const AnyLayout &store, const AnyLayout &load, int elementBits, Banks banks = {});

} // namespace enigma::layout

#endif
