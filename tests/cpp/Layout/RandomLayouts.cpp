// SPDX-License-Identifier: MIT
//
// The laws of the layout algebra, one function each, on random layouts of depth up to 4.
#include "RandomLayouts.h"

#include "enigma/Layout/ComposedLayout.h"

#include <map>
#include <set>

namespace enigma::layout::laws {

Counts &counts() {
  static Counts c;
  return c;
}

namespace {

class Bytes {
public:
  Bytes(const uint8_t *data, size_t size) : p(data), end(data + size) {}
  uint32_t next(uint32_t below) {
    uint32_t v = p < end ? *p++ : 0;
    return v % below;
  }

private:
  const uint8_t *p, *end;
};

struct Violation {
  std::string text;
};

void require(bool holds, const std::string &law, const std::string &what) {
  if (!holds)
    throw Violation{law + ": " + what};
}

int64_t at(LayoutView l, int64_t i) { return evaluate(l, i); }
int64_t sizeOf(LayoutView l) { return size(l).value; }
constexpr int64_t kMost = 4096; ///< positions evaluated per law

/// A shape of at most `budget` positions, nested at most `depth` deep.
IntTuple randomShape(Bytes &bytes, int64_t &budget, uint32_t depth) {
  static const int64_t extents[] = {1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 12, 16};
  if (depth == 0 || bytes.next(3) == 0) {
    int64_t s = extents[bytes.next(15)];
    if (s > budget)
      s = 1;
    budget /= s;
    return IntTuple(s);
  }
  uint32_t rank = 1 + bytes.next(3);
  IntTuple out = IntTuple::building();
  uint32_t open = out.open();
  for (uint32_t i = 0; i < rank; ++i)
    out.push(randomShape(bytes, budget, depth - 1).view());
  out.close(open);
  return out;
}

Layout randomLayout(Bytes &bytes, int64_t budget = 512) {
  IntTuple shape = randomShape(bytes, budget, 4);
  switch (bytes.next(6)) {
  case 0:
    return Layout(shape);
  case 1:
    return makeLayoutRight(shape);
  case 2: { // compact in some order
    IntTuple order(shape);
    for (uint32_t i = 0; i < order.nodeCount(); ++i)
      if (!order.data()[i].isTuple())
        order.data()[i] = intNode(bytes.next(8));
    return makeOrderedLayout(shape, order);
  }
  case 3: { // compact, then spread out or collapsed mode by mode
    Layout base = bytes.next(2) ? Layout(shape) : makeLayoutRight(shape);
    IntTuple stride = base.stride();
    int64_t factor = 1 + bytes.next(3);
    for (uint32_t i = 0; i < stride.nodeCount(); ++i)
      if (!stride.data()[i].isTuple())
        stride.data()[i] = intNode(bytes.next(5) == 0 ? 0 : stride.data()[i].value * factor);
    return Layout(shape, stride);
  }
  default: {
    IntTuple stride(shape);
    for (uint32_t i = 0; i < stride.nodeCount(); ++i)
      if (!stride.data()[i].isTuple())
        stride.data()[i] = intNode(int64_t(bytes.next(24)) - (bytes.next(8) == 0 ? 12 : 0));
    return Layout(shape, stride);
  }
  }
}

Swizzle randomSwizzle(Bytes &bytes) {
  int bits = static_cast<int>(bytes.next(4)), shift = bits + static_cast<int>(bytes.next(3));
  return Swizzle(bits, static_cast<int>(bytes.next(4)), bytes.next(2) ? shift : -shift);
}

void coalesceKeepsTheFunction(Bytes &bytes) {
  Layout l = randomLayout(bytes);
  Layout c = coalesce(l);
  require(depth(c.view()) <= 1 && sizeOf(c) == sizeOf(l), "coalesce", print(l) + " -> " + print(c));
  for (int64_t i = 0; i < sizeOf(l); ++i)
    require(at(c, i) == at(l, i), "coalesce", print(l) + " -> " + print(c));
  Layout byMode = coalesce(l, IntTuple(productEach(l.shape())));
  require(byMode.rank() == l.rank(), "coalesce by mode", print(l) + " -> " + print(byMode));
  for (int64_t i = 0; i < sizeOf(l); ++i)
    require(at(byMode, i) == at(l, i), "coalesce by mode", print(l) + " -> " + print(byMode));
}

void filterKeepsTheOffsets(Bytes &bytes) {
  Layout l = randomLayout(bytes), f = filter(l);
  std::set<int64_t> a, b;
  for (int64_t i = 0; i < sizeOf(l); ++i)
    a.insert(at(l, i));
  for (int64_t i = 0; i < sizeOf(f); ++i)
    b.insert(at(f, i));
  require(a == b, "filter", print(l) + " -> " + print(f));
}

void compositionIsPointwise(Bytes &bytes) {
  Layout a = randomLayout(bytes), b = randomLayout(bytes, 128);
  Layout r = composition(a, b);
  std::string what = print(a) + " o " + print(b) + " = " + print(r);
  require(compatible(b.shape(), r.shape()), "composition's shape", what);
  for (int64_t i = 0; i < sizeOf(b); ++i)
    require(at(r, i) == at(a, at(b, i)), "composition", what);
}

void complementIsDisjoint(Bytes &bytes) {
  Layout l = randomLayout(bytes, 128);
  int64_t bound = 1 + bytes.next(200);
  Layout c = bytes.next(2) ? complement(l) : complement(l, IntTuple(bound));
  Layout f = filter(l);
  if (sizeOf(c) > kMost)
    return;
  std::string what = print(l) + " -> " + print(c);
  std::set<int64_t> seen;
  for (int64_t j = 0; j < sizeOf(c); ++j) {
    require(j == 0 || at(c, j) > at(c, j - 1), "complement's order", what);
    for (int64_t i = 0; i < sizeOf(f); ++i)
      require(seen.insert(at(f, i) + at(c, j)).second, "complement's disjointness", what);
  }
}

void rightInverseInverts(Bytes &bytes) {
  Layout l = randomLayout(bytes), r = rightInverse(l);
  for (int64_t i = 0; i < sizeOf(r) && i < kMost; ++i)
    require(at(l, at(r, i)) == i, "right_inverse", print(l) + " -> " + print(r));
}

void leftInverseInverts(Bytes &bytes) {
  Layout l = randomLayout(bytes), r = leftInverse(l);
  std::set<int64_t> offsets;
  for (int64_t i = 0; i < sizeOf(l); ++i)
    offsets.insert(at(l, i));
  bool injective = static_cast<int64_t>(offsets.size()) == sizeOf(l);
  for (int64_t i = 0; i < sizeOf(l); ++i) {
    int64_t back = at(r, at(l, i));
    require(at(l, back) == at(l, i) && (!injective || back == i), "left_inverse",
            print(l) + " -> " + print(r));
  }
}

void nullspaceIsZero(Bytes &bytes) {
  Layout l = randomLayout(bytes), n = nullspace(l);
  require(sizeOf(n) * sizeOf(filterZeros(l)) == sizeOf(l), "nullspace's size", print(l) + " -> " + print(n));
  for (int64_t i = 0; i < sizeOf(n); ++i)
    require(at(l, at(n, i)) == 0, "nullspace", print(l) + " -> " + print(n));
}

void commonLayoutIsCommon(Bytes &bytes) {
  Layout a = randomLayout(bytes), b = bytes.next(2) ? a : randomLayout(bytes);
  Layout c = maxCommonLayout(a, b);
  for (int64_t i = 0; i < sizeOf(c); ++i)
    require(at(a, at(c, i)) == i && at(b, at(c, i)) == i, "max_common_layout",
            print(a) + ", " + print(b) + " -> " + print(c));
  int64_t n = maxCommonVector(a, b);
  Layout inverse = rightInverse(b);
  for (int64_t i = 0; i < n && i < kMost; ++i)
    require(at(a, at(inverse, i)) == i, "max_common_vector", print(a) + ", " + print(b));
  require(n >= sizeOf(c), "max_common_vector's size", print(a) + ", " + print(b));
}

/// Every position of the layout is met exactly once; positions past the end are overhang.
void divideMeetsEachPositionOnce(Bytes &bytes) {
  Layout l = randomLayout(bytes, 256);
  Layout t = bytes.next(2) ? Layout(IntTuple(int64_t(1 + bytes.next(9)))) : randomLayout(bytes, 16);
  Layout d = logicalDivide(l, t);
  std::string what = print(l) + " / " + print(t) + " = " + print(d);
  require(compatible(t.shape(), d.view()[0].shape), "divide's tile", what);
  for (int64_t i = 0; i < sizeOf(t); ++i)
    require(at(d.view()[0], i) == at(l, at(t, i)), "divide's tile", what);
  if (sizeOf(d) > kMost)
    return;
  std::multiset<int64_t> all;
  for (int64_t i = 0; i < sizeOf(d); ++i)
    all.insert(at(d, i));
  Layout moving = filter(t);
  if (sizeOf(moving) != sizeOf(t))
    return; // the tile visits a position several times
  if (sizeOf(d) == sizeOf(l) || !isTractable(t)) {
    // Without overhang the divide is the composition, position by position.
    Layout rest = complement(t, coalesce(l).shape());
    if (sizeOf(d) == sizeOf(l)) {
      std::multiset<int64_t> whole, positions;
      for (int64_t j = 0; j < sizeOf(rest); ++j)
        for (int64_t i = 0; i < sizeOf(t); ++i)
          whole.insert(at(l, at(t, i) + at(rest, j)));
      require(all == whole, "divide", what);
    }
    return;
  }
  std::map<int64_t, int64_t> need;
  for (int64_t i = 0; i < sizeOf(l); ++i)
    ++need[at(l, i)];
  for (auto [offset, times] : need)
    require(static_cast<int64_t>(all.count(offset)) >= times, "divide's coverage", what);
}

void productCopiesAreDisjoint(Bytes &bytes) {
  Layout block = randomLayout(bytes, 64), t = randomLayout(bytes, 32);
  Layout p = logicalProduct(block, t);
  std::string what = print(block) + " x " + print(t) + " = " + print(p);
  require(p.view()[0].shape == block.shape().view() && compatible(t.shape(), p.view()[1].shape),
          "product's shape", what);
  Layout b = filter(block);
  std::map<int64_t, int64_t> copyAt; // offset of a copy -> position in the tiler's image
  std::set<int64_t> starts, images;
  for (int64_t j = 0; j < sizeOf(t); ++j) {
    starts.insert(at(p.view()[1], j));
    images.insert(at(t, j));
  }
  require(starts.size() == images.size(), "product's copies", what);
  std::set<int64_t> seen;
  for (int64_t start : starts)
    for (int64_t i = 0; i < sizeOf(b); ++i)
      require(seen.insert(start + at(b, i)).second, "product's disjointness", what);
  Layout blocked = blockedProduct(block, t), raked = rakedProduct(block, t);
  require(sizeOf(blocked) == sizeOf(p) && sizeOf(raked) == sizeOf(p), "products' size", what);
}

void tvLayoutIsABijection(Bytes &bytes) {
  Layout thr = randomLayout(bytes, 32), val = randomLayout(bytes, 16);
  auto [tile, tv] = makeLayoutTV(thr, val);
  int64_t n = product(tile.view()).value;
  std::set<int64_t> seen;
  for (int64_t i = 0; i < sizeOf(tv); ++i)
    seen.insert(at(tv, i));
  require(sizeOf(tv) == n && static_cast<int64_t>(seen.size()) == n && *seen.begin() == 0 &&
              *seen.rbegin() == n - 1,
          "make_layout_tv", print(thr) + ", " + print(val) + " -> " + print(tv));
}

void slicesKeepOffsets(Bytes &bytes) {
  Layout l = randomLayout(bytes);
  if (!l.shape().isTuple())
    return;
  IntTuple coord = IntTuple::building();
  uint32_t open = coord.open();
  for (uint32_t i = 0; i < l.rank(); ++i) {
    if (bytes.next(2))
      coord.push(nullNode());
    else
      coord.push(int64_t(bytes.next(static_cast<uint32_t>(sizeOf(l.view()[i])))));
  }
  coord.close(open);
  auto [part, offset] = sliceAndOffset(coord, l.view());
  std::multiset<int64_t> want, got;
  for (int64_t i = 0; i < sizeOf(part); ++i)
    got.insert(offset.view().leaf().value + at(part, i));
  for (int64_t i = 0; i < sizeOf(l); ++i) {
    IntTuple c = idx2crd(IntTuple(i), productEach(l.shape()));
    bool in = true;
    for (uint32_t m = 0; m < l.rank(); ++m)
      in = in && (coord[m].isNull() || coord[m].leaf() == c[m].leaf());
    if (in)
      want.insert(at(l, i));
  }
  require(want == got, "slice", print(l) + " at " + print(coord.view()) + " -> " + print(part));
}

void swizzlesAreSound(Bytes &bytes) {
  Swizzle s = randomSwizzle(bytes), t = randomSwizzle(bytes);
  for (int64_t i = 0; i < 512; ++i)
    require(s(s(i)) == i, "swizzle's involution", print(s));
  AnyLayout st = composition(AnyLayout(s), AnyLayout(t));
  for (int64_t i = 0; i < 512; ++i)
    require(evaluate(st, i) == s(t(i)), "swizzle composition", print(s) + " o " + print(t));
  Layout l = randomLayout(bytes);
  AnyLayout sl = composition(AnyLayout(s), AnyLayout(l));
  for (int64_t i = 0; i < sizeOf(l); ++i)
    require(evaluate(sl, i) == s(at(l, i)), "swizzled layout", print(sl));
  int64_t reach = 0;
  for (int64_t i = 0; i < sizeOf(l); ++i)
    reach = std::max(reach, s(at(l, i)));
  require(!sl.composed() || cosize(sl).value == reach + 1, "swizzled cosize", print(sl));
  AnyLayout ls = composition(AnyLayout(l), AnyLayout(s));
  for (int64_t i = 0; i < sizeOf(l); ++i)
    require(evaluate(ls, i) == at(l, s(i)), "layout after swizzle",
            print(l) + " o " + print(s) + " = " + print(ls));
  AnyLayout inverse = rightInverse(sl);
  for (int64_t i = 0; i < sizeOf(domainOf(inverse)); ++i)
    require(evaluate(sl, evaluate(inverse, i)) == i, "swizzled right_inverse",
            print(sl) + " -> " + print(inverse));
}

void upcastGroupsElements(Bytes &bytes) {
  Layout l = randomLayout(bytes);
  int64_t n = int64_t(1) << bytes.next(4);
  Layout down = downcast(l, n);
  Layout back = upcast(down, n);
  for (int64_t i = 0; i < sizeOf(l); ++i)
    require(at(back, i) == at(l, i), "upcast after downcast",
            print(l) + " by " + std::to_string(n) + " -> " + print(down));
}

void distributionDivides(Bytes &bytes) {
  int64_t budget = 4096;
  IntTuple shape = randomShape(bytes, budget, 4);
  int64_t n = 1 + bytes.next(100);
  Layout d = domainDistribute(shape, n);
  std::string what = print(shape.view()) + ", " + std::to_string(n) + " -> " + print(d);
  require(n % sizeOf(d) == 0, "domain_distribute's size", what);
  for (int64_t i = 1; i < sizeOf(d); ++i)
    require(at(d, i) > at(d, i - 1), "domain_distribute's order", what);
  composition(Layout(shape), d);
}

} // namespace

std::string check(const uint8_t *data, size_t size) {
  using Law = void (*)(Bytes &);
  static const Law laws[] = {coalesceKeepsTheFunction, filterKeepsTheOffsets, compositionIsPointwise,
                             complementIsDisjoint,     rightInverseInverts,   leftInverseInverts,
                             nullspaceIsZero,          commonLayoutIsCommon,  divideMeetsEachPositionOnce,
                             productCopiesAreDisjoint, tvLayoutIsABijection,  slicesKeepOffsets,
                             swizzlesAreSound,         upcastGroupsElements,  distributionDivides,
                             compositionIsPointwise};
  Bytes bytes(data, size);
  Law law = laws[bytes.next(16)];
  try {
    law(bytes);
    ++counts().answered;
  } catch (const Error &) {
    ++counts().refused;
  } catch (const Violation &v) {
    return v.text;
  }
  return "";
}

} // namespace enigma::layout::laws
