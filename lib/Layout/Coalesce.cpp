// SPDX-License-Identifier: MIT
//
// Simplification: coalesce and filter, and the flat lists of modes that they work on.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

namespace enigma::layout {

void failSignTurning(const char *op, LayoutView layout) {
  fail(std::string(op) + " is not defined for the sign-turning mode -1:0 of " + print(layout));
}

bool continuesSlow(Node shape, Node stride, Node next) {
  if (stride.isInt(0))
    return next.isInt(0);
  if (!shape.isInt() || !stride.isStatic() || !next.isStatic())
    return false;
  if (stride.isInt()) // and the next one has a basis
    return false;
  return mul(shape, stride) == next;
}

Layout toLayout(const Modes &modes) {
  Layout out = Layout::building();
  ModeWriter writer(out);
  for (const Mode &m : modes)
    writer.push(m.shape, m.stride);
  writer.finish();
  return out;
}

static void coalesceInto(Layout &out, LayoutView layout) {
  ModeWriter writer(out);
  Coalescer merged(writer);
  forEachLeaf(layout, [&](Node s, Node d) { merged.push(s, d); });
  writer.finish();
}

Layout coalesce(LayoutView layout) {
  Layout out = Layout::building();
  coalesceInto(out, layout);
  return out;
}

namespace {

/// Applies `leaf` to the modes that leaves of the profile mark, and keeps the modes past it.
template <class F>
void byProfile(Layout &out, LayoutView layout, View profile, const char *op, F leaf) {
  if (!profile.isTuple()) {
    leaf(out, layout);
    return;
  }
  uint32_t have = layout.rank(), want = profile.rank();
  if (want > have)
    fail(std::string(op) + ": the profile " + print(profile) + " has " + std::to_string(want) +
         " modes, the layout " + print(layout) + " has " + std::to_string(have) + "; drop the last " +
         std::to_string(want - have));
  uint32_t at = out.open();
  auto p = profile.begin();
  for (uint32_t i = 0; i < have; ++i) {
    if (i < want) {
      byProfile(out, layout[i], *p, op, leaf);
      ++p;
    } else {
      out.push(layout[i]);
    }
  }
  out.close(at, have);
}

void filterZerosInto(Layout &out, LayoutView layout, View profile) {
  if (profile.isTuple()) {
    if (!layout.isTuple() || layout.rank() != profile.rank())
      fail("filter_zeros: the profile " + print(profile) + " does not have the modes of the layout " +
           print(layout));
    uint32_t at = out.open(), i = 0;
    for (View p : profile)
      filterZerosInto(out, layout[i++], p);
    out.close(at, profile.rank());
    return;
  }
  if (!profile.leaf().isInt(0)) {
    out.push(layout);
    return;
  }
  IntTuple ones = repeatLike(layout.shape, intNode(1));
  out.push(LayoutView{ones.view(), layout.stride});
}

} // namespace

Layout coalesce(LayoutView layout, View profile) {
  Layout out = Layout::building();
  byProfile(out, layout, profile, "coalesce", coalesceInto);
  return out;
}

Layout filterZeros(LayoutView layout) { return filterZeros(layout, layout.stride); }

Layout filterZeros(LayoutView layout, View profile) {
  Layout out = Layout::building();
  filterZerosInto(out, layout, profile);
  return out;
}

static void filterInto(Layout &out, LayoutView layout) {
  ModeWriter writer(out);
  Coalescer merged(writer);
  forEachLeaf(layout, [&](Node s, Node d) {
    if (!d.isInt(0))
      merged.push(s, d);
  });
  writer.finish();
}

Layout filter(LayoutView layout) {
  Layout out = Layout::building();
  filterInto(out, layout);
  return out;
}

Layout filter(LayoutView layout, View profile) {
  Layout out = Layout::building();
  byProfile(out, layout, profile, "filter", filterInto);
  return out;
}

} // namespace enigma::layout
