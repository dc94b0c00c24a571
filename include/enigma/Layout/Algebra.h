// SPDX-License-Identifier: MIT
//
// The algebra of layouts: every operation takes layouts and gives a layout with a stated post-condition, or
// throws a LayoutError that says why there is none. Nothing returns a layout that breaks its post-condition,
// also where CuTe does:
//
//   composition(Layout({6, 2}, {1, 7}), Layout(4, 4));   // CuTe: (2,2):(4,7), whose value at 2 is 7 and
//   should be 9.
//                                                        // Here: LayoutError, the composition is no layout.
//
// In the post-conditions L(i) is the offset of position i, i from 0 to size(L)-1. Conditions on integers that
// are known only at run time can't be checked and are assumed; integers that are constant in the arguments
// stay constant in results.
#ifndef ENIGMA_LAYOUT_ALGEBRA_H
#define ENIGMA_LAYOUT_ALGEBRA_H

#include "enigma/Layout/Layout.h"

#include <utility>

namespace enigma::layout {

/// What to tile by: an integer n (the layout n:1), `_` (leave the mode as it is), a layout, or a tuple of
/// these, one for each mode. A parameter type: it borrows the layouts, which must outlive the call.
class Tiler {
public:
  Tiler(int64_t extent) : tree(extent) {}
  Tiler(int extent) : tree(extent) {}
  Tiler(const IntTuple &byMode) : tree(byMode) {}
  Tiler(const Layout &layout) : tree(Node{0, static_cast<uint64_t>(NodeKind::LayoutRef)}) {
    layouts.push_back(layout.view());
  }
  Tiler(LayoutView layout) : tree(Node{0, static_cast<uint64_t>(NodeKind::LayoutRef)}) {
    layouts.push_back(layout);
  }
  Tiler(std::initializer_list<Tiler> byMode);

  /// Building in preorder, as with IntTuple.
  static Tiler building() { return Tiler(Building{}); }
  uint32_t open() { return tree.open(); }
  void push(Node leaf) { tree.push(leaf); }
  void push(LayoutView layout);
  void push(const Tiler &part);
  void close(uint32_t at) { tree.close(at); }
  void checkLimits() const { tree.checkLimits(); }

  View view() const { return tree.view(); }
  LayoutView layoutAt(View leaf) const { return layouts[static_cast<uint32_t>(leaf.leaf().value)]; }

private:
  struct Building {};
  explicit Tiler(Building) : tree(IntTuple::building()) {}
  IntTuple tree;
  InlineVector<LayoutView, 4> layouts;
};
std::string print(const Tiler &tiler);

// Simplification.
/// The fewest modes with L'(i) == L(i) for all i < size(L): neighbours that continue each other merge, size-1
/// modes vanish. Modes keep their order; depth at most 1.
Layout coalesce(LayoutView layout);
/// Coalesces each mode that a leaf of the profile marks; modes past the profile are kept.
Layout coalesce(LayoutView layout, View profile);
/// Extents of stride-0 modes become 1.
Layout filterZeros(LayoutView layout);
Layout filterZeros(LayoutView layout, View profile);
/// coalesce(filterZeros(L)): the same offsets, each mode moving.
Layout filter(LayoutView layout);
Layout filter(LayoutView layout, View profile);

// Composition.
/// R with compatible(shape(b), shape(R)) and R(i) == a(b(i)) for all i < size(b). LayoutError where no such
/// layout is found by splitting each mode of b along the modes of coalesce(a): a mode of b must step evenly
/// through them, and the steps of several modes must not carry from one mode of a into the next.
Layout composition(LayoutView a, LayoutView b);
inline Layout composition(LayoutView a, const Layout &b) { return composition(a, b.view()); }
/// Mode by mode; modes of a past the tiler are dropped.
Layout composition(LayoutView a, const Tiler &tiler);

// Complement and inverses.
/// C, ordered (C(i) < C(i+1)), with L(i) + C(j) all different for i < size(filter(L)), j < size(C), and,
/// where the strides of L divide one another, onto [0, bound). LayoutError for a layout that takes two
/// positions to one offset.
Layout complement(LayoutView layout);
Layout complement(LayoutView layout, View bound);
/// R with L(R(i)) == i for all i < size(R), R as large as stride order allows.
Layout rightInverse(LayoutView layout);
/// R with L(R(L(i))) == L(i); with R(L(i)) == i where L takes no two positions to one offset.
Layout leftInverse(LayoutView layout);
/// N with L(N(i)) == 0 for all i < size(N), and size(N) == size(L) / size(filterZeros(L)).
Layout nullspace(LayoutView layout);
/// Largest R of one run with a(R(i)) == i and b(R(i)) == i.
Layout maxCommonLayout(LayoutView a, LayoutView b);
/// Most consecutive elements that lie at the same positions in a and b.
int64_t maxCommonVector(LayoutView a, LayoutView b);
/// Largest n for which upcast(L, n) exists.
int64_t maxAlignment(LayoutView layout);
/// R, ordered, that takes up to n elements out of shape evenly: each mode gives its greatest common divisor
/// with what is left.
Layout domainDistribute(View shape, int64_t n);

// Divides: composition(L, (tiler, complement(tiler, shape(L)))), mode by mode where the tiler is a tuple. A
// tile that does not divide is legal; then the result is larger than L (overhang).
Layout logicalDivide(LayoutView layout, const Tiler &tiler); ///< ((tile,rest),(tile,rest),...)
Layout zippedDivide(LayoutView layout,
                    const Tiler &tiler);                   ///< ((tile,tile,...),(rest,rest,...,untouched...))
Layout tiledDivide(LayoutView layout, const Tiler &tiler); ///< ((tile,tile,...),rest,rest,...)
Layout flatDivide(LayoutView layout, const Tiler &tiler);  ///< (tile,tile,...,rest,rest,...)

/// The shape of the rest of such a divide, for shapes: how many tiles it takes to cover shape.
IntTuple ceilDiv(View shape, const Tiler &tiler);
/// Do the tiles cover shape without overhang?
bool evenlyDivides(View shape, const Tiler &tiler);

// Products: (block, composition(complement(block), tiler)): the tiler's layout of copies of the block,
// disjoint from one another where the tiler is injective.
Layout logicalProduct(LayoutView block, const Tiler &tiler);
Layout zippedProduct(LayoutView block, const Tiler &tiler);
Layout tiledProduct(LayoutView block, const Tiler &tiler);
Layout flatProduct(LayoutView block, const Tiler &tiler);
Layout blockedProduct(LayoutView block, LayoutView tiler); ///< ((block_i,tile_i),...): blocks side by side
Layout rakedProduct(LayoutView block, LayoutView tiler);   ///< ((tile_i,block_i),...): blocks interleaved
/// Blocks repeated to fill a shape; `order` gives the order of repetition by mode, column-major by default.
/// LayoutError where a block does not divide the shape.
Layout tileToShape(LayoutView block, View shape);
Layout tileToShape(LayoutView block, View shape, View order);

// Construction.
Layout makeLayoutRight(View shape); ///< row-major: the last mode moves fastest
/// Compact strides in the order of `order` (constant values compare, ties give equal strides).
Layout makeOrderedLayout(View shape, View order);
/// Compact, strides in the order of the given strides; stride-0 modes stay.
Layout makeLayoutLike(LayoutView layout);
/// The same with the first mode fastest and column-major: a register fragment.
Layout makeFragmentLike(LayoutView layout);
Layout makeIdentityLayout(View shape);
/// The thread-value layout: the shape that thr and val tile together, and (thread, value) -> position in that
/// shape. LayoutError where some element would belong to no thread or to two.
std::pair<IntTuple, Layout> makeLayoutTV(LayoutView thr, LayoutView val);

// Element width.
/// n elements become one: strides are divided by n, and a mode whose stride divides n shrinks, rounded up
/// (the last new element may be filled in part). LayoutError where neither stride nor n divides the other.
Layout upcast(LayoutView layout, int64_t n);
/// One element becomes n. LayoutError without a stride-1 mode.
Layout downcast(LayoutView layout, int64_t n);
/// upcast by newBits and downcast by oldBits, both without their common factor.
Layout recastLayout(LayoutView layout, int64_t newBits, int64_t oldBits);

// Partition: a sub-layout and the offset at which it starts.
std::pair<Layout, IntTuple> sliceAndOffset(View coord, LayoutView layout);
/// The tile at a coordinate of the grid of tiles; open modes of the coordinate stay modes of the result.
/// `projection` drops the modes of tiler and coordinate that it marks `_`.
std::pair<Layout, IntTuple> localTile(LayoutView layout, const Tiler &tiler, View coord);
std::pair<Layout, IntTuple> localTile(LayoutView layout, View tiler, View coord, View projection);
/// What thread number `index` of the thread layout gets.
std::pair<Layout, IntTuple> localPartition(LayoutView layout, LayoutView thr, View index);
/// What one thread gets of every tile: with ((tile),(rest)) = zippedDivide(layout, tiler), the layout
/// (values, rest) and the offset of the thread, both in composition(tile, tv). `tv` is (threads, values), as
/// makeLayoutTV gives it with the tiler. LayoutError where it has another rank, where it does not end where
/// the tile ends, and for a thread that it does not have.
std::pair<Layout, IntTuple> tvPartition(LayoutView layout, LayoutView tv, const Tiler &tiler, View thread);

/// Can every composition with this layout on the left that respects divisibility succeed? True where sorted
/// strides divide one another (Colfax: tractable), so that complement and inverses exist and fill their
/// range.
bool isTractable(LayoutView layout);

} // namespace enigma::layout

#endif
