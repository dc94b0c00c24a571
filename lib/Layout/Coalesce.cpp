// SPDX-License-Identifier: MIT
//
// Simplification: coalesce and filter, and the flat lists of modes that they work on.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

namespace enigma::layout {

void appendModes(Modes &out, LayoutView layout) {
  const Node *s = layout.shape.nodes(), *d = layout.stride.nodes();
  for (uint32_t i = 0, n = layout.span(); i < n; ++i)
    if (!s[i].isTuple())
      out.push_back({s[i], d[i]});
}

void needPositive(const char *op, LayoutView layout) {
  for (uint32_t i = 0, n = layout.span(); i < n; ++i)
    if (layout.shape.nodes()[i].isInt() && layout.shape.nodes()[i].value < 1)
      fail(std::string(op) + " is not defined for the sign-turning mode -1:0 of " + print(layout));
}

/// Does `left` end where `right` goes on? Only constants can show it.
static bool continues(const Mode &left, const Mode &right) {
  if (left.shape.isInt() && left.stride.isInt()) {
    int64_t end;
    return right.stride.isInt() && !__builtin_mul_overflow(left.shape.value, left.stride.value, &end) &&
           end == right.stride.value;
  }
  if (left.stride.isInt(0))
    return right.stride.isInt(0);
  if (!left.shape.isInt() || !left.stride.isStatic() || !right.stride.isStatic())
    return false;
  return mul(left.shape, left.stride) == right.stride;
}

void coalesceModes(Modes &modes, bool keepLast) {
  // From the last mode to the first, writing behind the reading position; the front of what is written is
  // `front`.
  uint32_t n = modes.size(), front = n;
  Mode *m = modes.data();
  for (uint32_t i = n; i-- > 0;) {
    bool last = i == n - 1;
    if (m[i].shape.isInt(1) && !(last && keepLast))
      continue;
    if (front < n && m[front].shape.isStatic() && !(keepLast && front == n - 1 && m[front].shape.isInt(1)) &&
        continues(m[i], m[front])) {
      m[front].shape = mul(m[i].shape, m[front].shape);
      m[front].stride = m[i].stride;
      continue;
    }
    if (keepLast && front == n - 1 && m[front].shape.isInt(1) && continues(m[i], m[front])) {
      m[front] = m[i]; // a size-1 last mode only says how positions run on; here they run on as before
      continue;
    }
    m[--front] = m[i];
  }
  uint32_t count = n - front;
  for (uint32_t i = 0; i < count; ++i)
    m[i] = m[front + i];
  modes.truncate(count);
}

void pushModes(Layout &out, const Modes &modes) {
  if (modes.empty()) {
    out.push(intNode(1), intNode(0));
  } else if (modes.size() == 1) {
    out.push(modes[0].shape, modes[0].stride);
  } else {
    uint32_t at = out.open();
    for (const Mode &m : modes)
      out.push(m.shape, m.stride);
    out.close(at, modes.size());
  }
}

Layout toLayout(const Modes &modes) {
  Layout out = Layout::building();
  pushModes(out, modes);
  return out;
}

Layout coalesce(LayoutView layout) {
  Modes modes;
  appendModes(modes, layout);
  coalesceModes(modes, false);
  return toLayout(modes);
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
  byProfile(out, layout, profile, "coalesce", [](Layout &o, LayoutView mode) {
    Modes modes;
    appendModes(modes, mode);
    coalesceModes(modes, false);
    pushModes(o, modes);
  });
  return out;
}

Layout filterZeros(LayoutView layout) { return filterZeros(layout, layout.stride); }

Layout filterZeros(LayoutView layout, View profile) {
  Layout out = Layout::building();
  filterZerosInto(out, layout, profile);
  return out;
}

static void filterInto(Layout &out, LayoutView layout) {
  Modes modes;
  appendModes(modes, layout);
  for (Mode &m : modes)
    if (m.stride.isInt(0))
      m.shape = intNode(1);
  coalesceModes(modes, false);
  pushModes(out, modes);
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
