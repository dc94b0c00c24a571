// SPDX-License-Identifier: MIT
//
// The leaves that shapes, strides and coordinates are made of, and their arithmetic.
//
// A leaf is an integer, an integer that is known only at run time (Dynamic), a "keep this mode" mark (Null,
// printed `_`), or an integer times a basis vector, `2@1` for 2*E(1). Static operands give static results; an
// operand that is known only at run time is handed to whoever owns it (class Arithmetic), so one algorithm
// serves integers and traced values:
//
//   mul(intNode(6), intNode(7))         // 42, no call leaves this file
//   mul(intNode(6), ir.node(value))     // ir.apply(ArithOp::Mul, 6, value)
//
// All static arithmetic is checked: a result that does not fit in 64 bits is a LayoutError and never wraps.
#ifndef ENIGMA_LAYOUT_NODE_H
#define ENIGMA_LAYOUT_NODE_H

#include "enigma/Support/Error.h"

#include <cstdint>
#include <string>

namespace enigma::layout {

/// Throws enigma::Error of kind Layout.
[[noreturn]] void fail(std::string message, std::vector<std::string> notes = {});
[[noreturn]] void failOverflow(const char *operation, int64_t a, int64_t b);
[[noreturn]] void failZeroDivisor(const char *operation, int64_t a);

enum class NodeKind : uint8_t { Int = 0, Dynamic = 1, Null = 2, Tuple = 3, LayoutRef = 4 };

/// One entry of a tuple that is stored in preorder: a leaf, or the head of a tuple.
///
/// `meta` of a leaf: kind in bits 0-7, basis depth in bits 8-15, then one byte per level of the basis path,
/// outermost first. `meta` of a tuple: kind in bits 0-7, then the number of nodes that it spans, itself
/// included; `value` is its rank.
struct Node {
  int64_t value;
  uint64_t meta;

  NodeKind kind() const { return static_cast<NodeKind>(meta & 0xff); }
  bool isTuple() const { return kind() == NodeKind::Tuple; }
  bool isNull() const { return kind() == NodeKind::Null; }
  bool isDynamic() const { return kind() == NodeKind::Dynamic; }
  /// A static integer without a basis: the common case that every fast path tests for.
  bool isInt() const { return meta == 0; }
  bool isInt(int64_t v) const { return meta == 0 && value == v; }
  bool isStatic() const { return kind() == NodeKind::Int; }
  uint32_t span() const { return isTuple() ? static_cast<uint32_t>(meta >> 8) : 1; }
  uint32_t basisDepth() const { return isTuple() ? 0 : static_cast<uint32_t>((meta >> 8) & 0xff); }
  uint32_t basisAt(uint32_t level) const { return static_cast<uint32_t>((meta >> (16 + 8 * level)) & 0xff); }
  /// The basis alone (depth and path); equal for equal basis vectors, 0 for a plain leaf.
  uint64_t basis() const { return isTuple() ? 0 : meta >> 8; }
  bool operator==(const Node &other) const = default;
};

constexpr uint32_t kMaxBasisDepth = 6;  ///< levels that a basis vector E(i,j,...) can address
constexpr uint32_t kMaxBasisMode = 255; ///< largest mode index within a basis vector
constexpr uint32_t kMaxDepth =
    64; ///< nesting of a tuple; more is a LayoutError (every recursion is bounded by it)
constexpr uint32_t kMaxNodes = 1 << 14; ///< leaves and tuples in one tuple; more is a LayoutError

inline Node intNode(int64_t v) { return {v, 0}; }
inline Node nullNode() { return {0, static_cast<uint64_t>(NodeKind::Null)}; }
inline Node tupleNode(uint32_t rank, uint32_t span) {
  return {rank, static_cast<uint64_t>(NodeKind::Tuple) | (static_cast<uint64_t>(span) << 8)};
}
/// `leaf` times E(path...), appending to a basis that `leaf` may have; 0 stays 0. LayoutError beyond the
/// limits above.
Node scaleBasis(Node leaf, const uint32_t *path, uint32_t depth);
/// `leaf` without its basis.
inline Node basisValue(Node leaf) { return {leaf.value, leaf.meta & 0xff}; }
inline Node withBasis(Node leaf, uint64_t basis) { return {leaf.value, (leaf.meta & 0xff) | (basis << 8)}; }

enum class ArithOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  CeilDiv,
  Min,
  Max,
  And,
  Xor,
  ShiftLeft,
  ShiftRight,
  Abs,
  Sign
};
const char *spelling(ArithOp op);

/// Implemented by whoever owns integers known only at run time (the IR; a test). Instances register
/// themselves: a leaf that outlives its owner is an error, never a dangling pointer.
class Arithmetic {
public:
  Arithmetic();
  Arithmetic(const Arithmetic &) = delete;
  Arithmetic &operator=(const Arithmetic &) = delete;
  virtual ~Arithmetic();

  /// The leaf that stands for the owner's integer number `id`.
  Node node(uint32_t id) const;
  /// The owner's number of a dynamic leaf; LayoutError if it is someone else's.
  uint32_t id(Node leaf) const;

  /// Computes `a op b` (for Abs and Sign `op a`, with b = 0). At least one operand is dynamic; the result may
  /// be static where the owner can fold it. Div and Mod truncate; operands are non-negative wherever shapes
  /// are divided.
  virtual Node apply(ArithOp op, Node a, Node b) = 0;
  /// How the leaf is printed; CuTe prints `?`.
  virtual std::string print(Node leaf) const;

private:
  uint32_t serial;
};

/// The owner of a dynamic leaf; LayoutError if it is gone.
Arithmetic &ownerOf(Node leaf);
std::string printLeaf(Node leaf);

/// Arithmetic on leaves. `mul` takes a basis on one side; the others take plain leaves, except add and sub of
/// equal bases.
Node applyDynamic(ArithOp op, Node a, Node b);
Node mulSlow(Node a, Node b);
Node addSlow(Node a, Node b);
Node divSlow(Node a, Node b);
Node ceilDivSlow(Node a, Node b);

inline int64_t mulInt(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r))
    failOverflow("*", a, b);
  return r;
}
inline int64_t addInt(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r))
    failOverflow("+", a, b);
  return r;
}
inline int64_t subInt(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_sub_overflow(a, b, &r))
    failOverflow("-", a, b);
  return r;
}
inline int64_t absInt(int64_t a) { return a < 0 ? subInt(0, a) : a; }
/// Truncating division; LayoutError for a zero divisor and for INT64_MIN / -1.
inline int64_t divInt(int64_t a, int64_t b) {
  if (b == 0)
    failZeroDivisor("division", a);
  return b == -1 ? subInt(0, a) : a / b;
}
inline int64_t modInt(int64_t a, int64_t b) {
  if (b == 0)
    failZeroDivisor("remainder", a);
  return b == -1 ? 0 : a % b;
}
/// Smallest q with q*b >= a, for b >= 1.
inline int64_t ceilDivInt(int64_t a, int64_t b) {
  int64_t q = divInt(a, b);
  return a % b > 0 ? q + 1 : q;
}

inline Node mul(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(mulInt(a.value, b.value));
  return mulSlow(a, b);
}
inline Node add(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(addInt(a.value, b.value));
  return addSlow(a, b);
}
inline Node div(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(divInt(a.value, b.value));
  return divSlow(a, b);
}
inline Node ceilDiv(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(ceilDivInt(a.value, b.value));
  return ceilDivSlow(a, b);
}
Node sub(Node a, Node b);
Node mod(Node a, Node b);
Node minimum(Node a, Node b);
Node absolute(Node a);
Node sign(Node a);
Node bitXor(Node a, Node b);
Node bitAnd(Node a, Node b);
/// Shift left by n bits, or right by -n.
Node shift(Node a, int n);

} // namespace enigma::layout

#endif
