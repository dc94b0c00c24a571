// SPDX-License-Identifier: MIT
//
// Partition: the part of a layout that one tile, or one thread, has, and the offset at which it starts.
#include "enigma/Layout/Algebra.h"

namespace enigma::layout {

std::pair<Layout, IntTuple> sliceAndOffset(View coord, LayoutView layout) {
  return {slice(coord, layout), crd2idxOpen(coord, layout)};
}

namespace {

/// A coordinate (c, _) or (_, c) for a rank-2 layout, where c is filled up with `_` to the rank of its mode
/// and every mode of the other side is kept on its own.
std::pair<Layout, IntTuple> pickFromGrid(const Layout &zipped, View coord, uint32_t side) {
  LayoutView z = zipped.view();
  static const Node open = nullNode();
  IntTuple pick = IntTuple::building();
  uint32_t at = pick.open();
  for (uint32_t i = 0; i < 2; ++i) {
    LayoutView mode = z[i];
    if (i == side && coord.isTuple()) {
      pick.push(append(coord, View(&open), std::max(mode.rank(), coord.rank())));
    } else if (i == side) {
      pick.push(coord);
    } else if (mode.isTuple() && mode.rank() != 1) {
      uint32_t inner = pick.open();
      for (uint32_t j = 0; j < mode.rank(); ++j)
        pick.push(open);
      pick.close(inner, mode.rank());
    } else {
      pick.push(open);
    }
  }
  pick.close(at, 2);
  return sliceAndOffset(pick, zipped);
}

} // namespace

std::pair<Layout, IntTuple> localTile(LayoutView layout, const Tiler &tiler, View coord) {
  return pickFromGrid(zippedDivide(layout, tiler), coord, 1);
}

std::pair<Layout, IntTuple> localTile(LayoutView layout, View tiler, View coord, View projection) {
  return localTile(layout, Tiler(dice(projection, tiler)), dice(projection, coord));
}

std::pair<Layout, IntTuple> localPartition(LayoutView layout, LayoutView thr, View index) {
  return pickFromGrid(zippedDivide(layout, Tiler(productEach(thr.shape))), flatCoord(thr, index), 0);
}

std::pair<Layout, IntTuple> tvPartition(LayoutView layout, LayoutView tv, const Tiler &tiler, View thread) {
  if (!tv.isTuple() || tv.rank() != 2)
    fail("tv_partition: a thread-value layout has the modes (threads, values), got " + print(tv));
  const Node threads = size(tv[0]), reach = cosize(tv);
  const Node number = thread.isTuple() ? crd2idx(thread, tv.shape[0]) : thread.leaf();
  if (number.isInt() && threads.isInt() && (number.value < 0 || number.value >= threads.value))
    fail("tv_partition: there is no thread " + print(thread) + " among the " + printLeaf(threads) + " of " +
             print(tv),
         {"threads count from 0 to " + std::to_string(threads.value - 1)});
  const Layout zipped = zippedDivide(layout, tiler);
  const LayoutView tile = zipped.view()[0], rest = zipped.view()[1];
  const Node elements = size(tile);
  if (reach.isInt() && elements.isInt() && reach.value != elements.value)
    fail("tv_partition: the thread-value layout " + print(tv) + " covers " + printLeaf(reach) +
             " elements, the tile " + print(tiler) + " has " + printLeaf(elements),
         {"make_layout_tv gives the tiler that fits"});
  const Layout owned = composition(tile, tv);
  return {makeLayout({owned.view()[1], rest}), crd2idx(thread, owned.view()[0])};
}

} // namespace enigma::layout
