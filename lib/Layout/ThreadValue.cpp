// SPDX-License-Identifier: MIT
//
// The thread-value layout: which element of a tile each thread holds as which of its values.
//
// Blocks of values stand side by side as the threads do, so mode by mode an element counts through the values
// first and then through the threads; the layout is the inverse of that product, split in two:
//
//   threads (2,4):(4,1), values (2,2):(2,1)  ->  tile (4,8), ((4,2),(2,2)):((8,2),(4,1))
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

#include <algorithm>

namespace enigma::layout {

namespace {

/// A mode of the threads or of the values, and the position in the tile that one step of it adds.
struct Part {
  int64_t extent, stride, position;
};

struct Parts {
  static constexpr uint32_t kMost = 5; // their image and its head fit into half of kInlineNodes
  Part parts[kMost];
  uint32_t count = 0;

  /// Puts the leaves of one mode in order of stride; `position` goes on behind them. False to decline.
  bool add(const Node *s, const Node *d, uint32_t span, int64_t &position) {
    for (const Node *stop = s + span; s != stop; ++s, ++d) {
      if (s->isTuple())
        continue;
      if (!s->isInt() || !d->isInt() || s->value < 1 || d->value < 0)
        return false;
      if (s->value == 1)
        continue;
      if (count == kMost)
        return false;
      uint32_t i = count++;
      for (; i > 0 && d->value < parts[i - 1].stride; --i)
        parts[i] = parts[i - 1];
      parts[i] = {s->value, d->value, position};
      if (__builtin_mul_overflow(position, s->value, &position))
        return false;
    }
    return true;
  }

  /// Do they count 0, 1, 2, ... without a gap? Their product has been checked.
  bool compact() const {
    int64_t next = 1;
    for (uint32_t i = 0; i < count; ++i) {
      if (parts[i].stride != next)
        return false;
      next *= parts[i].extent;
    }
    return true;
  }

  /// The positions in order of stride, as one coalesced mode.
  void write(Layout &out) const {
    ModeWriter writer(out);
    int64_t extent = 1, position = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (extent * position == parts[i].position) { // never so before the first
        extent *= parts[i].extent;
        continue;
      }
      if (extent != 1)
        writer.push(intNode(extent), intNode(position));
      extent = parts[i].extent;
      position = parts[i].position;
    }
    if (extent != 1)
      writer.push(intNode(extent), intNode(position));
    writer.finish();
  }
};

/// Threads and values that are small, constant and compact, as nearly all are: the copies of the block of
/// values then lie at the multiples of the number of threads, and everything inverts by sorting. False to
/// leave it to the general way, which includes every error.
bool compactThreadValue(IntTuple &extents, Layout &out, LayoutView thr, LayoutView val) {
  if (!thr.isTuple() || !val.isTuple() || thr.rank() != val.rank() || thr.rank() == 0)
    return false;
  Parts threads, values;
  const Node *ts = thr.shape.nodes() + 1, *td = thr.stride.nodes() + 1;
  const Node *vs = val.shape.nodes() + 1, *vd = val.stride.nodes() + 1;
  const uint32_t rank = thr.rank();
  uint32_t at = extents.open();
  int64_t position = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const int64_t before = position;
    const uint32_t valSpan = vs->span(), thrSpan = ts->span();
    if (!values.add(vs, vd, valSpan, position) || !threads.add(ts, td, thrSpan, position))
      return false;
    extents.push(position / before);
    vs += valSpan;
    vd += valSpan;
    ts += thrSpan;
    td += thrSpan;
  }
  if (!threads.compact() || !values.compact())
    return false;
  extents.close(at, rank);
  at = out.open();
  threads.write(out);
  values.write(out);
  out.close(at, 2);
  return true;
}

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
  IntTuple tile = IntTuple::building();
  Layout split = Layout::building();
  if (compactThreadValue(tile, split, thr, val))
    return {std::move(tile), std::move(split)};
  auto [extents, inverse] = tileAndInverse(thr, val);
  Node threads = size(thr), values = size(val);
  Node covered = size(inverse), wanted = mul(threads, values);
  if (covered.isInt() && wanted.isInt() && covered.value != wanted.value)
    fail("make_layout_tv: threads " + print(thr) + " and values " + print(val) +
             " do not give each element of the tile to exactly one thread: " + std::to_string(covered.value) +
             " of " + std::to_string(wanted.value) + " (thread, value) pairs have an element of their own",
         {"use compact layouts, such as " + print(makeLayoutLike(thr)) + " and " +
          print(makeLayoutLike(val))});
  split = Layout::building(); // for what the try above left
  if (splitInTwo(split, inverse, threads, values))
    return {std::move(extents), std::move(split)};
  Layout pair = Layout::building(); // (threads, values) column-major
  uint32_t at = pair.open();
  pair.push(threads, intNode(threads.isInt(1) ? 0 : 1));
  pair.push(values, values.isInt(1) ? intNode(0) : threads);
  pair.close(at, 2);
  return {std::move(extents), composition(inverse, pair)};
}

} // namespace enigma::layout
