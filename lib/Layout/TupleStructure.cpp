// SPDX-License-Identifier: MIT
//
// Operations that rearrange tuples without looking at their values: flatten, group, slice, zip and their kin.
#include "enigma/Layout/IntTuple.h"

namespace enigma::layout {

IntTuple flatten(View t) {
  if (!t.isTuple())
    return IntTuple(t);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open(), count = 0;
  for (uint32_t i = 0, n = t.span(); i < n; ++i) {
    if (!t.nodes()[i].isTuple()) {
      out.push(t.nodes()[i]);
      ++count;
    }
  }
  out.close(at, count);
  return out;
}

static uint32_t leafCount(View t) {
  uint32_t count = 0;
  for (uint32_t i = 0, n = t.span(); i < n; ++i)
    count += !t.nodes()[i].isTuple();
  return count;
}

IntTuple unflatten(View flat, View profile) {
  uint32_t need = leafCount(profile), have = flat.rank();
  if (need != have)
    fail("unflatten needs as many modes as the profile has leaves: " + print(flat) + " has " +
         std::to_string(have) + ", profile " + print(profile) + " has " + std::to_string(need));
  IntTuple out = IntTuple::building();
  auto next = flat.begin();
  uint32_t ends[kMaxDepth + 1], ats[kMaxDepth + 1];
  uint32_t depth = 0;
  for (uint32_t i = 0, n = profile.span(); i <= n; ++i) {
    while (depth && ends[depth - 1] == i)
      out.close(ats[--depth]);
    if (i == n)
      break;
    const Node &p = profile.nodes()[i];
    if (p.isTuple()) {
      if (depth == kMaxDepth)
        fail("a tuple nests at most " + std::to_string(kMaxDepth) + " levels deep");
      ends[depth] = i + p.span();
      ats[depth++] = out.open();
    } else {
      out.push(*next);
      ++next;
    }
  }
  out.checkLimits();
  return out;
}

IntTuple repeatLike(View t, Node leaf) {
  IntTuple out(t);
  for (uint32_t i = 0; i < out.nodeCount(); ++i)
    if (!out.data()[i].isTuple())
      out.data()[i] = leaf;
  return out;
}

IntTuple wrap(View t) {
  if (t.isTuple())
    return IntTuple(t);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  out.push(t);
  out.close(at, 1);
  return out;
}

IntTuple unwrap(View t) {
  while (t.isTuple() && t.rank() == 1)
    t = t[0];
  return IntTuple(t);
}

static IntTuple extend(View t, View x, uint32_t n, bool atEnd) {
  uint32_t have = t.rank();
  if (n < have)
    fail(std::string(atEnd ? "append" : "prepend") + " to rank " + std::to_string(n) +
         " would drop modes: " + print(t) + " has rank " + std::to_string(have));
  if (n > kMaxNodes)
    fail("rank " + std::to_string(n) + " is beyond the limit of " + std::to_string(kMaxNodes));
  if (n == have)
    return IntTuple(t);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  for (uint32_t i = have; !atEnd && i < n; ++i)
    out.push(x);
  for (View mode : t)
    out.push(mode);
  for (uint32_t i = have; atEnd && i < n; ++i) {
    out.push(x);
    if (out.nodeCount() > kMaxNodes)
      break; // close reports it
  }
  out.close(at, n);
  out.checkLimits();
  return out;
}

IntTuple append(View t, View x, uint32_t n) { return extend(t, x, n, true); }
IntTuple prepend(View t, View x, uint32_t n) { return extend(t, x, n, false); }
IntTuple append(View t, View x) { return extend(t, x, t.rank() + 1, true); }
IntTuple prepend(View t, View x) { return extend(t, x, t.rank() + 1, false); }

IntTuple replaceMode(View t, uint32_t n, View x) {
  if (n >= t.rank())
    fail("replace: mode " + std::to_string(n) + " does not exist in " + print(t) + ", which has rank " +
         std::to_string(t.rank()));
  if (!t.isTuple())
    return IntTuple(x);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open(), i = 0;
  for (View mode : t)
    out.push(i++ == n ? x : mode);
  out.close(at, t.rank());
  out.checkLimits();
  return out;
}

static void needRange(const char *op, View t, uint32_t begin, uint32_t end) {
  if (begin >= end || end > t.rank())
    fail(std::string(op) + ": modes " + std::to_string(begin) + " to " + std::to_string(end) + " of " +
         print(t) + " do not exist; it has rank " + std::to_string(t.rank()) +
         ", and the range needs 0 <= begin < end <= " + std::to_string(t.rank()));
}

IntTuple group(View t, uint32_t begin, uint32_t end) {
  needRange("group", t, begin, end);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open(), inner = 0, i = 0;
  for (View mode : t) {
    if (i == begin)
      inner = out.open();
    out.push(mode);
    if (++i == end)
      out.close(inner, end - begin);
  }
  out.close(at, t.rank() - (end - begin) + 1);
  out.checkLimits();
  return out;
}

IntTuple take(View t, uint32_t begin, uint32_t end) {
  needRange("take", t, begin, end);
  IntTuple out = IntTuple::building();
  uint32_t at = out.open(), i = 0;
  for (View mode : t) {
    if (i >= begin && i < end)
      out.push(mode);
    ++i;
  }
  out.close(at, end - begin);
  return out;
}

IntTuple select(View t, View modes) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  for (View m : modes) {
    int64_t i = staticInt(m, "a mode index");
    if (i < 0 || i >= t.rank())
      fail("select: mode " + std::to_string(i) + " does not exist in " + print(t) + ", which has rank " +
           std::to_string(t.rank()));
    out.push(t[static_cast<uint32_t>(i)]);
    if (out.nodeCount() > kMaxNodes)
      break; // close reports it
  }
  out.close(at);
  return out;
}

static void needSameModes(View coord, View t) {
  if (!t.isTuple())
    fail("the coordinate " + print(coord) + " is a tuple where the layout has the single mode " + print(t));
  if (coord.rank() != t.rank())
    fail("the coordinate " + print(coord) + " has rank " + std::to_string(coord.rank()) + ", the modes " +
         print(t) + " have rank " + std::to_string(t.rank()));
}

/// Appends the modes that a coordinate keeps (`kept`: those marked `_`, or those not marked).
static void keepInto(IntTuple &out, View coord, View t, bool marked) {
  if (!coord.isTuple()) {
    if (coord.isNull() == marked)
      out.push(t);
    return;
  }
  needSameModes(coord, t);
  auto mode = t.begin();
  for (View c : coord) {
    keepInto(out, c, *mode, marked);
    ++mode;
  }
}

static IntTuple keep(View coord, View t, bool marked) {
  if (!coord.isTuple())
    return coord.isNull() == marked ? IntTuple(t) : IntTuple();
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  keepInto(out, coord, t, marked);
  out.close(at);
  return out;
}

IntTuple slice(View coord, View t) { return keep(coord, t, true); }
IntTuple dice(View coord, View t) { return keep(coord, t, false); }

IntTuple zip(View a) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  uint32_t inner = a.rank() ? a[0].rank() : 0;
  for (View mode : a)
    if (mode.rank() != inner)
      fail("zip needs modes of equal rank, got " + print(a));
  for (uint32_t j = 0; j < inner; ++j) {
    uint32_t pair = out.open();
    for (View mode : a)
      out.push(mode[j]);
    out.close(pair, a.rank());
  }
  out.close(at, inner);
  out.checkLimits();
  return out;
}

IntTuple zip(View a, View b) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  if (a.isTuple() && b.isTuple()) {
    if (a.rank() != b.rank())
      fail("zip needs two tuples of equal rank, got " + print(a) + " and " + print(b));
    auto y = b.begin();
    for (View x : a) {
      uint32_t pair = out.open();
      out.push(x);
      out.push(*y);
      out.close(pair, 2);
      ++y;
    }
    out.close(at, a.rank());
  } else {
    uint32_t pair = out.open();
    out.push(a);
    out.push(b);
    out.close(pair, 2);
    out.close(at, 1);
  }
  out.checkLimits();
  return out;
}

/// Appends the first (second) halves; the modes past the guide belong to the second.
static void unzipInto(IntTuple &out, View t, View guide, bool second) {
  if (!guide.isTuple()) {
    if (!t.isTuple() || t.rank() != 2)
      fail("tile_unzip needs a mode of rank 2 at each leaf of the tiler, got " + print(t));
    out.push(t[second]);
    return;
  }
  if (t.rank() < guide.rank())
    fail("the tiler " + print(guide) + " has more modes (" + std::to_string(guide.rank()) + ") than " +
         print(t) + " (" + std::to_string(t.rank()) + ")");
  uint32_t at = out.open(), i = 0;
  auto g = guide.begin();
  for (View mode : t) {
    if (i++ < guide.rank()) {
      unzipInto(out, mode, *g, second);
      ++g;
    } else if (second) {
      out.push(mode);
    }
  }
  out.close(at, second ? t.rank() : guide.rank());
}

IntTuple unzipBy(View t, View guide) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  unzipInto(out, t, guide, false);
  unzipInto(out, t, guide, true);
  out.close(at, 2);
  out.checkLimits();
  return out;
}

static void basisInto(IntTuple &out, View t, uint32_t *path, uint32_t depth) {
  if (!t.isTuple()) {
    out.push(scaleBasis(intNode(1), path, depth));
    return;
  }
  if (depth == kMaxBasisDepth)
    fail("an identity layout addresses at most " + std::to_string(kMaxBasisDepth) + " levels of modes");
  uint32_t at = out.open(), i = 0;
  for (View mode : t) {
    path[depth] = i++;
    basisInto(out, mode, path, depth + 1);
  }
  out.close(at, t.rank());
}

IntTuple basisLike(View t) {
  uint32_t path[kMaxBasisDepth + 1];
  IntTuple out = IntTuple::building();
  basisInto(out, t, path, 0);
  return out;
}

} // namespace enigma::layout
