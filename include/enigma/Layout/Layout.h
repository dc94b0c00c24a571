// SPDX-License-Identifier: MIT
//
// Layout: a function from coordinates to offsets, written shape:stride.
//
// (4,8):(1,4) takes the coordinate (i,j), i < 4 and j < 8, to i*1 + j*4. Modes nest, ((2,2),8):((1,2),4), and
// a layout takes a coordinate of any coarser structure too: one integer counts through the modes, the first
// one fastest.
//
//   Layout a(IntTuple{4, 8}, IntTuple{8, 1});      // row-major
//   crd2idx(IntTuple{1, 2}, a);                    // 10
//   crd2idx(IntTuple(9), a);                       // coordinate (1,2), hence 10
//   crd2idx(IntTuple(33), a);                      // past the end the last mode runs on: (1,8) gives 16
//
// Extents are at least 1 (-1:0 apart, a mode that turns the sign of the positions after it: the left inverse
// of negative strides has it). Strides are integers, basis vectors (then offsets are coordinates) or run-time
// values.
#ifndef ENIGMA_LAYOUT_LAYOUT_H
#define ENIGMA_LAYOUT_LAYOUT_H

#include "enigma/Layout/IntTuple.h"

#include <utility>

namespace enigma::layout {

/// A layout, or one of its modes, by reference. Shape and stride have the same structure, so their nodes run
/// in step.
struct LayoutView {
  View shape, stride;

  bool isTuple() const { return shape.isTuple(); }
  uint32_t rank() const { return shape.rank(); }
  LayoutView operator[](uint32_t i) const {
    if (!shape.isTuple())
      return *this;
    uint32_t at = 1;
    while (i--)
      at += shape.nodes()[at].span();
    return {View(shape.nodes() + at), View(stride.nodes() + at)};
  }
  uint32_t span() const { return shape.span(); }
};

class Layout {
public:
  /// The layout 1:0.
  Layout() : shape_(1), stride_(0) {}
  /// Column-major strides: the first mode moves fastest.
  explicit Layout(IntTuple shape);
  /// LayoutError unless shape and stride have the same structure and every extent is an integer of at
  /// least 1.
  Layout(IntTuple shape, IntTuple stride);

  const IntTuple &shape() const { return shape_; }
  const IntTuple &stride() const { return stride_; }
  LayoutView view() const { return {shape_.view(), stride_.view()}; }
  operator LayoutView() const { return view(); }
  uint32_t rank() const { return shape_.rank(); }
  bool operator==(const Layout &other) const = default;

  /// For code that has made sure of the conditions above.
  static Layout trusted(IntTuple shape, IntTuple stride) {
    Layout out(Unset{});
    out.shape_ = std::move(shape);
    out.stride_ = std::move(stride);
    return out;
  }
  explicit Layout(LayoutView v) : shape_(v.shape), stride_(v.stride) {}

  // Building in preorder, shape and stride in step; see IntTuple::building.
  static Layout building() { return Layout(Unset{}); }
  uint32_t open() {
    stride_.open();
    return shape_.open();
  }
  void push(Node shape, Node stride) {
    shape_.push(shape);
    stride_.push(stride);
  }
  void push(LayoutView v) {
    shape_.push(v.shape);
    stride_.push(v.stride);
  }
  void close(uint32_t at) {
    shape_.close(at);
    stride_.close(at, shape_.view().nodes()[at].value);
  }
  void close(uint32_t at, uint32_t rank) {
    shape_.close(at, rank);
    stride_.close(at, rank);
  }
  uint32_t nodeCount() const { return shape_.nodeCount(); }
  Node &lastShape() { return shape_.last(); }
  Node &lastStride() { return stride_.last(); }
  /// Appends n nodes to shape and to stride for the caller to write, as IntTuple::extend.
  std::pair<Node *, Node *> extend(uint32_t n) { return {shape_.extend(n), stride_.extend(n)}; }
  void rewind(uint32_t to) {
    shape_.rewind(to);
    stride_.rewind(to);
  }

private:
  struct Unset {};
  explicit Layout(Unset) : shape_(IntTuple::building()), stride_(IntTuple::building()) {}
  IntTuple shape_, stride_;
};

std::string print(LayoutView layout);
inline std::string print(const Layout &layout) { return print(layout.view()); }

// Queries. Each is of the whole layout; use getMode first for one of its modes.
inline Node size(LayoutView layout) { return product(layout.shape); }
inline uint32_t depth(LayoutView layout) { return depth(layout.shape); }
/// Smallest coordinate that exceeds every offset in each component; for plain strides an integer.
IntTuple coshape(LayoutView layout);
/// One more than the largest offset, with strides taken by absolute value.
Node cosize(LayoutView layout);
LayoutView getMode(LayoutView layout, View path);
bool isStatic(LayoutView layout);

// Coordinates.
/// The offset of a coordinate. An integer, or a coordinate tuple where strides are basis vectors. LayoutError
/// where the coordinate has a tuple for a mode that is an integer, another rank than the modes, or an open
/// mode.
IntTuple crd2idx(View coord, LayoutView layout);
/// Open modes (`_`) count as 0.
IntTuple crd2idxOpen(View coord, LayoutView layout);
/// Position of a coordinate when counting through shape, first mode fastest. The coordinate is congruent with
/// the shape.
Node crd2idx(View coord, View shape);
/// The coordinate at a position; the last mode is not reduced, so that a position past the end is kept.
IntTuple idx2crd(View index, View shape);
/// The coordinate (idx / stride) % shape at each leaf, the inverse of a compact layout.
IntTuple idx2crd(View index, View shape, View stride);
IntTuple crd2crd(View coord, View from, View to);
IntTuple hierCoord(LayoutView layout, View index);
IntTuple flatCoord(LayoutView layout, View index);
Node linearCoord(LayoutView layout, View index);
/// The next coordinate, first mode fastest. After the last one the last mode runs on, as everywhere.
IntTuple incrementCoord(View coord, View shape);

/// Evaluates a layout with constant plain strides at one position; the inner loop of tests and of array
/// evaluation.
int64_t evaluate(LayoutView layout, int64_t position);

// Slices.
Layout slice(View coord, LayoutView layout);
Layout dice(View coord, LayoutView layout);

// Rearranging modes.
Layout makeLayout(std::initializer_list<LayoutView> modes); ///< one mode each
Layout flatten(LayoutView layout);
Layout unflatten(LayoutView layout, View profile);
Layout append(LayoutView layout, LayoutView x, uint32_t rank);
Layout prepend(LayoutView layout, LayoutView x, uint32_t rank);
Layout append(LayoutView layout, LayoutView x);
Layout prepend(LayoutView layout, LayoutView x);
Layout replaceMode(LayoutView layout, uint32_t n, LayoutView x);
Layout group(LayoutView layout, uint32_t begin, uint32_t end);
Layout take(LayoutView layout, uint32_t begin, uint32_t end);
Layout select(LayoutView layout, View modes);
Layout zip(LayoutView layout);
Layout zip(LayoutView a, LayoutView b);
Layout tileUnzip(LayoutView layout, View tiler);

} // namespace enigma::layout

#endif
