// SPDX-License-Identifier: MIT
//
// Layout itself and the operations that rearrange its modes, applied to shape and stride alike.
#include "enigma/Layout/Layout.h"

namespace enigma::layout {

static void checkExtents(View shape, View stride) {
  for (uint32_t i = 0, n = shape.span(); i < n; ++i) {
    const Node &s = shape.nodes()[i];
    if (s.isTuple() || (s.isInt() && s.value >= 1) || (s.isDynamic() && !s.basis()))
      continue;
    if (s.isInt(-1) && stride.nodes() && stride.nodes()[i].isInt(0)) // turns the sign; see the header
      continue;
    fail("an extent must be an integer of at least 1, got " + printLeaf(s) + " in the shape " + print(shape));
  }
}

Layout::Layout(IntTuple shape) : shape_(std::move(shape)), stride_(IntTuple::building()) {
  shape_.checkLimits();
  checkExtents(shape_, View());
  static const Node one = intNode(1);
  stride_ = compactColMajor(shape_, View(&one));
}

Layout::Layout(IntTuple shape, IntTuple stride) : shape_(std::move(shape)), stride_(std::move(stride)) {
  shape_.checkLimits();
  stride_.checkLimits();
  if (!congruent(shape_, stride_))
    fail("shape and stride need the same structure, got " + print(shape_.view()) + " and " +
         print(stride_.view()));
  checkExtents(shape_, stride_);
  for (uint32_t i = 0; i < stride_.nodeCount(); ++i)
    if (stride_.data()[i].isNull())
      fail("a stride must be an integer, got `_` in " + print(stride_.view()));
}

std::string print(LayoutView layout) { return print(layout.shape) + ":" + print(layout.stride); }

LayoutView getMode(LayoutView layout, View path) {
  View shape = getMode(layout.shape, path);
  return {shape, View(layout.stride.nodes() + (shape.nodes() - layout.shape.nodes()))};
}

bool isStatic(LayoutView layout) {
  for (uint32_t i = 0, n = layout.span(); i < n; ++i) {
    if (layout.shape.nodes()[i].isTuple())
      continue;
    if (!layout.shape.nodes()[i].isStatic() || !layout.stride.nodes()[i].isStatic())
      return false;
  }
  return true;
}

Layout slice(View coord, LayoutView layout) {
  return Layout::trusted(slice(coord, layout.shape), slice(coord, layout.stride));
}

Layout dice(View coord, LayoutView layout) {
  return Layout::trusted(dice(coord, layout.shape), dice(coord, layout.stride));
}

Layout makeLayout(std::initializer_list<LayoutView> modes) {
  Layout out = Layout::building();
  uint32_t at = out.open();
  for (LayoutView mode : modes)
    out.push(mode);
  out.close(at, static_cast<uint32_t>(modes.size()));
  out.shape().checkLimits();
  return out;
}

Layout flatten(LayoutView layout) { return Layout::trusted(flatten(layout.shape), flatten(layout.stride)); }

Layout unflatten(LayoutView layout, View profile) {
  return Layout::trusted(unflatten(layout.shape, profile), unflatten(layout.stride, profile));
}

Layout append(LayoutView layout, LayoutView x, uint32_t rank) {
  return Layout::trusted(append(layout.shape, x.shape, rank), append(layout.stride, x.stride, rank));
}

Layout prepend(LayoutView layout, LayoutView x, uint32_t rank) {
  return Layout::trusted(prepend(layout.shape, x.shape, rank), prepend(layout.stride, x.stride, rank));
}

Layout append(LayoutView layout, LayoutView x) { return append(layout, x, layout.rank() + 1); }
Layout prepend(LayoutView layout, LayoutView x) { return prepend(layout, x, layout.rank() + 1); }

Layout replaceMode(LayoutView layout, uint32_t n, LayoutView x) {
  return Layout::trusted(replaceMode(layout.shape, n, x.shape), replaceMode(layout.stride, n, x.stride));
}

Layout group(LayoutView layout, uint32_t begin, uint32_t end) {
  return Layout::trusted(group(layout.shape, begin, end), group(layout.stride, begin, end));
}

Layout take(LayoutView layout, uint32_t begin, uint32_t end) {
  return Layout::trusted(take(layout.shape, begin, end), take(layout.stride, begin, end));
}

Layout select(LayoutView layout, View modes) {
  return Layout::trusted(select(layout.shape, modes), select(layout.stride, modes));
}

Layout zip(LayoutView layout) { return Layout::trusted(zip(layout.shape), zip(layout.stride)); }

Layout zip(LayoutView a, LayoutView b) {
  return Layout::trusted(zip(a.shape, b.shape), zip(a.stride, b.stride));
}

Layout tileUnzip(LayoutView layout, View tiler) {
  return Layout::trusted(unzipBy(layout.shape, tiler), unzipBy(layout.stride, tiler));
}

} // namespace enigma::layout
