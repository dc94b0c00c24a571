// SPDX-License-Identifier: MIT
//
// Between coordinates, positions and offsets.
//
// Offsets are summed in `OffsetSum`: an integer, and, where strides are basis vectors, one coefficient per
// basis vector that in the end make up a coordinate tuple.
#include "enigma/Layout/Layout.h"

#include <algorithm>

namespace enigma::layout {

namespace {

class OffsetSum {
public:
  void addProduct(Node coord, Node stride) {
    if (coord.isInt() && stride.isInt()) {
      int64_t term;
      if (__builtin_mul_overflow(coord.value, stride.value, &term))
        failOverflow("*", coord.value, stride.value);
      if (plain.isInt() && !__builtin_add_overflow(plain.value, term, &plain.value))
        return;
      if (plain.isInt())
        failOverflow("+", plain.value, term);
      plain = add(plain, intNode(term));
      return;
    }
    if (uint64_t basis = stride.basis())
      addAlong(basis, mul(coord, basisValue(stride)));
    else
      plain = add(plain, mul(coord, stride));
  }

  void addPlain(Node value) { plain = add(plain, value); }

  IntTuple result() {
    if (along.empty())
      return IntTuple(plain);
    if (!plain.isInt(0))
      fail("the layout mixes integer strides with basis strides: the offset " + printLeaf(plain) +
           " has no place in a coordinate");
    // In path order the components come as a preorder walk; components that no stride addresses are 0.
    std::sort(along.begin(), along.end(),
              [](const Component &a, const Component &b) { return comesBefore(a, b); });
    IntTuple out = IntTuple::building();
    build(out, 0, along.size(), 0);
    out.checkLimits();
    return out;
  }

private:
  struct Component {
    uint64_t basis;
    Node value;
  };

  static bool comesBefore(const Component &a, const Component &b) {
    Node x = withBasis(intNode(0), a.basis), y = withBasis(intNode(0), b.basis);
    uint32_t depth = std::min(x.basisDepth(), y.basisDepth());
    for (uint32_t i = 0; i < depth; ++i)
      if (x.basisAt(i) != y.basisAt(i))
        return x.basisAt(i) < y.basisAt(i);
    return x.basisDepth() < y.basisDepth();
  }

  void addAlong(uint64_t basis, Node value) {
    for (Component &c : along) {
      if (c.basis == basis) {
        c.value = add(c.value, value);
        return;
      }
    }
    along.push_back({basis, value});
  }

  /// The tuple of components [begin, end), which agree on the first `level` levels of their paths.
  void build(IntTuple &out, uint32_t begin, uint32_t end, uint32_t level) {
    uint32_t at = out.open(), next = 0;
    for (uint32_t i = begin; i < end;) {
      Node first = withBasis(intNode(0), along[i].basis);
      uint32_t mode = first.basisAt(level), j = i + 1;
      while (j < end && withBasis(intNode(0), along[j].basis).basisAt(level) == mode)
        ++j;
      for (; next < mode; ++next)
        out.push(int64_t(0));
      ++next;
      if (first.basisDepth() == level + 1) {
        if (j != i + 1)
          fail("the strides of a layout address both mode " + std::to_string(mode) + " and a mode inside it");
        out.push(along[i].value);
      } else {
        build(out, i, j, level + 1);
      }
      i = j;
    }
    out.close(at);
  }

  Node plain = intNode(0);
  InlineVector<Component, 4> along;
};

/// Adds the offset of a position in a layout that may be nested. Leaves are flattened left to right; all but
/// the last are reduced, which is the same as reducing mode by mode.
void addPosition(OffsetSum &sum, Node position, LayoutView layout) {
  const Node *s = layout.shape.nodes(), *d = layout.stride.nodes();
  uint32_t n = layout.span(), last = n - 1;
  while (s[last].isTuple()) { // the last leaf; trailing empty tuples have none
    if (last == 0) {
      if (!position.isInt(0))
        sum.addPlain(intNode(0));
      return;
    }
    --last;
  }
  for (uint32_t i = 0; i < last; ++i) {
    if (s[i].isTuple())
      continue;
    sum.addProduct(mod(position, s[i]), d[i]);
    position = div(position, s[i]);
  }
  sum.addProduct(position, d[last]);
}

/// `open`: modes marked `_` contribute nothing; otherwise they are an error.
void addCoord(OffsetSum &sum, View coord, LayoutView layout, bool open) {
  if (!coord.isTuple()) {
    if (open && coord.isNull())
      return;
    Node c = integer(coord, "a coordinate");
    if (c.basis())
      fail("a coordinate must be an integer, got " + printLeaf(c));
    addPosition(sum, c, layout);
    return;
  }
  if (!layout.isTuple())
    fail("the coordinate " + print(coord) + " is a tuple where the layout has the single mode " +
         print(layout));
  if (coord.rank() != layout.rank())
    fail("the coordinate " + print(coord) + " has rank " + std::to_string(coord.rank()) + ", the layout " +
         print(layout) + " has rank " + std::to_string(layout.rank()) +
         "; an integer coordinate counts through all modes");
  const Node *s = layout.shape.nodes() + 1, *d = layout.stride.nodes() + 1;
  for (View c : coord) {
    addCoord(sum, c, {View(s), View(d)}, open);
    uint32_t step = s->span();
    s += step;
    d += step;
  }
}

} // namespace

IntTuple crd2idx(View coord, LayoutView layout) {
  OffsetSum sum;
  addCoord(sum, coord, layout, false);
  return sum.result();
}

IntTuple crd2idxOpen(View coord, LayoutView layout) {
  OffsetSum sum;
  addCoord(sum, coord, layout, true);
  return sum.result();
}

IntTuple coshape(LayoutView layout) {
  OffsetSum sum;
  for (uint32_t i = 0, n = layout.span(); i < n; ++i) {
    const Node &s = layout.shape.nodes()[i];
    if (!s.isTuple())
      sum.addProduct(sub(s, intNode(1)), absolute(layout.stride.nodes()[i]));
  }
  IntTuple last = sum.result();
  for (uint32_t i = 0; i < last.nodeCount(); ++i)
    if (!last.data()[i].isTuple())
      last.data()[i] = add(last.data()[i], intNode(1));
  return last;
}

Node cosize(LayoutView layout) {
  int64_t largest = 0;
  for (uint32_t i = 0, n = layout.span(); i < n; ++i) {
    const Node &s = layout.shape.nodes()[i], &d = layout.stride.nodes()[i];
    if (s.isTuple())
      continue;
    if (!s.isInt() || !d.isInt())
      return product(coshape(layout));
    largest = addInt(largest, mulInt(s.value - 1, absInt(d.value)));
  }
  return intNode(addInt(largest, 1));
}

int64_t evaluate(LayoutView layout, int64_t position) {
  const Node *s = layout.shape.nodes(), *d = layout.stride.nodes();
  uint32_t n = layout.span();
  int64_t sum = 0;
  const Node *lastStride = nullptr;
  int64_t lastExtent = 1;
  for (uint32_t i = 0; i < n; ++i) {
    if (s[i].isTuple())
      continue;
    if (!s[i].isInt() || !d[i].isInt())
      fail("only a layout of constant integers can be evaluated to an integer, got " + print(layout));
    if (lastStride) {
      sum = addInt(sum, mulInt(lastExtent < 0 ? modInt(position, lastExtent) : position % lastExtent,
                               lastStride->value));
      position = lastExtent < 0 ? divInt(position, lastExtent) : position / lastExtent;
    }
    lastStride = &d[i];
    lastExtent = s[i].value;
  }
  return lastStride ? addInt(sum, mulInt(position, lastStride->value)) : sum;
}

/// The part of a position that a coordinate into shape makes up; `weight` is the position of one step, and
/// moves on.
static Node positionOf(View coord, View shape, Node &weight) {
  if (!coord.isTuple()) {
    Node r = mul(integer(coord, "a coordinate"), weight);
    weight = mul(weight, product(shape));
    return r;
  }
  if (!shape.isTuple() || coord.rank() != shape.rank())
    fail("the coordinate " + print(coord) + " does not have the modes of the shape " + print(shape));
  Node sum = intNode(0);
  auto s = shape.begin();
  for (View c : coord) {
    sum = add(sum, positionOf(c, *s, weight));
    ++s;
  }
  return sum;
}

Node crd2idx(View coord, View shape) {
  Node weight = intNode(1);
  return positionOf(coord, shape, weight);
}

/// Splits a position over the modes of shape; all but the last are reduced.
static void splitInto(IntTuple &out, Node position, View shape) {
  if (!shape.isTuple()) {
    out.push(position);
    return;
  }
  uint32_t at = out.open(), i = 0, n = shape.rank();
  for (View mode : shape) {
    if (++i == n) {
      splitInto(out, position, mode);
      break;
    }
    Node extent = product(mode);
    splitInto(out, mod(position, extent), mode);
    position = div(position, extent);
  }
  out.close(at, n);
}

static void idx2crdInto(IntTuple &out, View index, View shape) {
  if (!index.isTuple()) {
    splitInto(out, integer(index, "an index"), shape);
    return;
  }
  if (!shape.isTuple() || shape.rank() != index.rank())
    fail("the index " + print(index) + " does not have the modes of the shape " + print(shape));
  uint32_t at = out.open();
  auto s = shape.begin();
  for (View i : index) {
    idx2crdInto(out, i, *s);
    ++s;
  }
  out.close(at, shape.rank());
}

IntTuple idx2crd(View index, View shape) {
  IntTuple out = IntTuple::building();
  idx2crdInto(out, index, shape);
  return out;
}

static void idx2crdInto(IntTuple &out, View index, View shape, View stride) {
  if (index.isTuple()) {
    if (!shape.isTuple() || shape.rank() != index.rank() || !stride.isTuple() ||
        stride.rank() != index.rank())
      fail("the index " + print(index) + " does not have the modes of the shape " + print(shape) +
           " with strides " + print(stride));
    uint32_t at = out.open();
    auto s = shape.begin(), d = stride.begin();
    for (View i : index) {
      idx2crdInto(out, i, *s, *d);
      ++s;
      ++d;
    }
    out.close(at, shape.rank());
    return;
  }
  if (shape.isTuple()) {
    IntTuple compact;
    if (!stride.isTuple()) {
      compact = compactColMajor(shape, stride);
      stride = compact;
    }
    if (stride.rank() != shape.rank())
      fail("shape " + print(shape) + " and stride " + print(stride) + " need the same structure");
    uint32_t at = out.open();
    auto d = stride.begin();
    for (View s : shape) {
      idx2crdInto(out, index, s, *d);
      ++d;
    }
    out.close(at, shape.rank());
    return;
  }
  Node i = integer(index, "an index"), s = integer(shape, "an extent"), d = integer(stride, "a stride");
  if (s.isInt(1)) {
    out.push(int64_t(0));
    return;
  }
  if (d.isInt(0))
    fail("an index has no coordinate in the mode " + print(shape) + ":0, whose stride is 0");
  out.push(mod(div(i, d), s));
}

IntTuple idx2crd(View index, View shape, View stride) {
  IntTuple out = IntTuple::building();
  idx2crdInto(out, index, shape, stride);
  return out;
}

static void crd2crdInto(IntTuple &out, View coord, View from, View to) {
  if (coord.isTuple() && from.isTuple() && to.isTuple() && coord.rank() == from.rank() &&
      coord.rank() == to.rank()) {
    uint32_t at = out.open();
    auto f = from.begin(), t = to.begin();
    for (View c : coord) {
      crd2crdInto(out, c, *f, *t);
      ++f;
      ++t;
    }
    out.close(at, coord.rank());
    return;
  }
  // Shapes that group their modes differently: by way of the position.
  splitInto(out, crd2idx(coord, from), to);
}

IntTuple crd2crd(View coord, View from, View to) {
  IntTuple out = IntTuple::building();
  crd2crdInto(out, coord, from, to);
  return out;
}

IntTuple hierCoord(LayoutView layout, View index) { return idx2crd(index, layout.shape, layout.stride); }

IntTuple flatCoord(LayoutView layout, View index) {
  IntTuple coord = hierCoord(layout, index);
  IntTuple out = IntTuple::building();
  if (!layout.isTuple())
    return coord;
  if (layout.rank() == 1) { // one mode: its coordinate without parentheses
    out.push(crd2idx(coord, layout.shape));
    return out;
  }
  uint32_t at = out.open();
  auto s = layout.shape.begin();
  for (View c : coord.view()) {
    out.push(crd2idx(c, *s));
    ++s;
  }
  out.close(at, layout.rank());
  return out;
}

Node linearCoord(LayoutView layout, View index) { return crd2idx(hierCoord(layout, index), layout.shape); }

IntTuple incrementCoord(View coord, View shape) {
  if (!congruent(coord, shape))
    fail("the coordinate " + print(coord) + " does not have the structure of the shape " + print(shape));
  IntTuple out(coord);
  uint32_t last = out.nodeCount();
  while (last && out.data()[last - 1].isTuple())
    --last;
  for (uint32_t i = 0; i < last; ++i) {
    if (out.data()[i].isTuple())
      continue;
    int64_t next = addInt(staticInt(View(&coord.nodes()[i]), "a coordinate"), 1);
    if (next < staticInt(View(&shape.nodes()[i]), "an extent") || i + 1 == last) {
      out.data()[i] = intNode(next);
      break;
    }
    out.data()[i] = intNode(0);
  }
  return out;
}

} // namespace enigma::layout
