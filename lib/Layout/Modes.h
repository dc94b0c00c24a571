// SPDX-License-Identifier: MIT
//
// Flat lists of modes, the working form of the algebra: a layout without its nesting.
//
// Modes come one after the other from first to last; who takes them has `push(shape, stride)`. A Coalescer
// hands on fewer of them, a ModeWriter puts them into a layout, so most operations are one pass without a
// list between:
//
//   ModeWriter writer(out);
//   Coalescer merged(writer);
//   for (...) merged.push(shape, stride);
//   writer.finish();
#ifndef ENIGMA_LIB_LAYOUT_MODES_H
#define ENIGMA_LIB_LAYOUT_MODES_H

#include "enigma/Layout/Layout.h"

namespace enigma::layout {

struct Mode {
  Node shape, stride;
};

class Modes : public InlineVector<Mode, 12> {
public:
  void push(Node shape, Node stride) { push_back({shape, stride}); }
  Node &lastShape() { return back().shape; }
  Node &lastStride() { return back().stride; }
};

/// Calls `visit(shape, stride)` for the leaves of a layout.
template <class Visit>
void forEachLeaf(LayoutView layout, Visit visit) {
  const Node *s = layout.shape.nodes(), *d = layout.stride.nodes();
  for (const Node *end = s + layout.span(); s != end; ++s, ++d)
    if (!s->isTuple())
      visit(*s, *d);
}

/// Appends the leaves of a layout.
inline void appendModes(Modes &out, LayoutView layout) {
  forEachLeaf(layout, [&](Node s, Node d) { out.push(s, d); });
}

/// Does the mode shape:stride end where one of stride `next` goes on? Only constants can show it.
bool continuesSlow(Node shape, Node stride, Node next);
inline bool continues(Node shape, Node stride, Node next) {
  int64_t end;
  if (shape.isInt() && stride.isInt() && next.isInt())
    return !__builtin_mul_overflow(shape.value, stride.value, &end) && end == next.value;
  return continuesSlow(shape, stride, next);
}

/// Merges neighbours and drops size-1 modes on their way to `out`, which gives the last one back as
/// `lastShape()` and `lastStride()`.
template <class Sink>
class Coalescer {
public:
  explicit Coalescer(Sink &out) : out(out) {}
  [[gnu::always_inline]] void push(Node shape, Node stride) {
    if (shape.isInt(1))
      return;
    if (any && shape.isStatic() && continues(out.lastShape(), out.lastStride(), stride)) {
      out.lastShape() = mul(out.lastShape(), shape);
      return;
    }
    out.push(shape, stride);
    any = true;
  }

private:
  Sink &out;
  bool any = false; ///< modes that were there before are left alone
};

/// Appends modes to a layout under construction as one mode: 1:0 if there is none, a leaf if there is one,
/// else a tuple.
class ModeWriter {
public:
  explicit ModeWriter(Layout &out) : out(out), at(out.open()) {}
  bool empty() const { return count == 0; }
  Node &lastShape() { return out.lastShape(); }
  Node &lastStride() { return out.lastStride(); }
  [[gnu::always_inline]] void push(Node shape, Node stride) {
    out.push(shape, stride);
    ++count;
  }
  void finish() {
    if (count > 1) {
      out.close(at, count);
    } else {
      Mode only = {intNode(1), intNode(0)};
      if (count == 1)
        only = {lastShape(), lastStride()};
      out.rewind(at);
      out.push(only.shape, only.stride);
    }
  }

private:
  Layout &out;
  uint32_t at, count = 0;
};

/// LayoutError if an extent is negative, which only left inverses of negative strides have.
[[noreturn]] void failSignTurning(const char *op, LayoutView layout);
inline void needPositive(const char *op, LayoutView layout) {
  const Node *s = layout.shape.nodes();
  for (const Node *end = s + layout.span(); s != end; ++s)
    if (s->isInt() && s->value < 1)
      failSignTurning(op, layout);
}
/// composition(a, b) where every leaf is a plain integer and the results are few; false, with nothing
/// promised about `out`, where composition has to look closer, which includes every error.
bool composeInts(Layout &out, LayoutView a, LayoutView b);
/// The modes of the tiler as steps from copy to copy of the block.
Layout copiesOf(LayoutView block, LayoutView tiler);
/// rightInverse(zip(a, b)) of two tuples of equal rank.
Layout rightInverseOfPairs(LayoutView a, LayoutView b);
/// The layout of a list of modes: 1:0 if empty, a leaf if single, else a tuple.
Layout toLayout(const Modes &modes);
/// Appends the mode composition(layout, (tile, rest)), where a tile that does not divide is legal: in a mode
/// of coalesce(layout) with extent 4, tiles of 3 give a rest of 2, and positions 4 and 5 of it lie past the
/// end. Every position within is met once.
void divideBy(Layout &out, LayoutView layout, LayoutView tileAndRest);

} // namespace enigma::layout

#endif
