// SPDX-License-Identifier: MIT
//
// Linear layouts over F2: conversion, composition, inverse, and the search for a swizzle without bank
// conflicts.
#include "enigma/Layout/LinearLayout.h"

#include <algorithm>
#include <bit>

namespace enigma::layout {

namespace {

uint64_t bitsOf(int64_t v) { return static_cast<uint64_t>(v); }

/// Does no bit belong to two outputs? Then sum and xor of them agree.
bool disjoint(const std::vector<int64_t> &outputs) {
  uint64_t seen = 0;
  for (int64_t v : outputs) {
    if (seen & bitsOf(v))
      return false;
    seen |= bitsOf(v);
  }
  return true;
}

std::vector<int64_t> basesOf(const Layout &layout) {
  std::vector<int64_t> bases;
  for (uint32_t i = 0; i < layout.nodeCount(); ++i) {
    Node s = layout.shape().data()[i], d = layout.stride().data()[i];
    if (s.isTuple())
      continue;
    if (!s.isInt() || !d.isInt() || !std::has_single_bit(bitsOf(s.value)) || d.value < 0)
      fail("a linear layout needs extents that are powers of two and constant strides of at least 0, got the "
           "mode " +
           printLeaf(s) + ":" + printLeaf(d) + " of " + print(layout));
    for (int64_t step = 1; step < s.value; step *= 2)
      bases.push_back(mulInt(step, d.value));
  }
  if (!disjoint(bases))
    fail("a linear layout needs modes that move different bits of the offset, got " + print(layout),
         {"strides that are powers of two, each at least the end of the mode before it, do"});
  return bases;
}

} // namespace

LinearLayout::LinearLayout(std::vector<int64_t> bases) : bases_(std::move(bases)) {
  if (bases_.size() > 62)
    fail("a linear layout has at most 62 input bits, got " + std::to_string(bases_.size()));
  for (int64_t b : bases_)
    if (b < 0 || b >> 62)
      fail("the outputs of a linear layout are from 0 to 2^62 - 1, got " + std::to_string(b));
}

LinearLayout LinearLayout::identity(int bits) {
  std::vector<int64_t> bases;
  for (int i = 0; i < bits && i < 63; ++i)
    bases.push_back(int64_t(1) << i);
  return LinearLayout(std::move(bases));
}

LinearLayout LinearLayout::of(const AnyLayout &layout) {
  if (const Layout *l = layout.layout())
    return LinearLayout(basesOf(*l));
  if (const Swizzle *s = layout.swizzle()) {
    std::vector<int64_t> bases;
    int distance = s->shift() < 0 ? -s->shift() : s->shift();
    for (int i = 0; i < s->base() + s->bits() + distance; ++i)
      bases.push_back((*s)(int64_t(1) << i));
    return LinearLayout(std::move(bases));
  }
  const ComposedLayout *c = layout.composed();
  if (!(c->offset() == IntTuple(0)))
    fail("a linear layout takes 0 to 0, but " + print(layout) + " has an offset");
  LinearLayout outer = of(c->outer());
  if (const Swizzle *s = c->swizzle()) {
    std::vector<int64_t> bases = outer.bases();
    for (int64_t &b : bases)
      b = (*s)(b);
    return LinearLayout(std::move(bases));
  }
  return compose(of(c->inner()), outer);
}

int LinearLayout::outBits() const {
  uint64_t all = 0;
  for (int64_t b : bases_)
    all |= bitsOf(b);
  return std::bit_width(all);
}

int64_t LinearLayout::operator()(int64_t input) const {
  if (input < 0 || (bases_.size() < 62 && input >> bases_.size()))
    fail("the input " + std::to_string(input) + " has more than the " + std::to_string(bases_.size()) +
         " bits that the linear layout takes");
  int64_t out = 0;
  for (size_t i = 0; i < bases_.size(); ++i)
    if (input >> i & 1)
      out ^= bases_[i];
  return out;
}

int LinearLayout::rank() const {
  int64_t pivots[63] = {};
  int rank = 0;
  for (int64_t v : bases_) {
    while (v) {
      int top = std::bit_width(bitsOf(v)) - 1;
      if (!pivots[top]) {
        pivots[top] = v;
        ++rank;
        break;
      }
      v ^= pivots[top];
    }
  }
  return rank;
}

std::optional<AnyLayout> LinearLayout::toLayout() const {
  auto plain = [](const std::vector<int64_t> &bases) {
    Layout out = Layout::building();
    uint32_t at = out.open();
    for (int64_t b : bases)
      out.push(intNode(2), intNode(b));
    out.close(at);
    return coalesce(out);
  };
  if (disjoint(bases_))
    return AnyLayout(plain(bases_));
  int top = outBits();
  for (int bits = 1; bits <= top / 2; ++bits)
    for (int shift = bits; shift + bits <= top; ++shift)
      for (int base = 0; base + bits + shift <= top; ++base)
        for (int sign : {1, -1}) {
          Swizzle s(bits, base, sign * shift);
          std::vector<int64_t> undone = bases_;
          for (int64_t &b : undone)
            b = s(b);
          if (disjoint(undone))
            return makeComposed(AnyLayout(s), IntTuple(0), AnyLayout(plain(undone)));
        }
  return std::nullopt;
}

std::string print(const LinearLayout &layout) {
  std::string out = "LinearLayout(";
  for (size_t i = 0; i < layout.bases().size(); ++i)
    out += (i ? ", " : "[") + std::to_string(layout.bases()[i]);
  return out + (layout.bases().empty() ? "[])" : "])");
}

LinearLayout compose(const LinearLayout &a, const LinearLayout &b) {
  if (b.outBits() > a.inBits())
    fail("composition of linear layouts: the right side gives " + std::to_string(b.outBits()) +
         " bits, the left side takes " + std::to_string(a.inBits()));
  std::vector<int64_t> bases;
  for (int64_t v : b.bases())
    bases.push_back(a(v));
  return LinearLayout(std::move(bases));
}

LinearLayout invert(const LinearLayout &l) {
  struct Row {
    int64_t output, input;
  };
  Row pivots[63] = {};
  bool has[63] = {};
  for (int i = 0; i < l.inBits(); ++i) {
    Row row{l.bases()[static_cast<size_t>(i)], int64_t(1) << i};
    for (int bit = 62; bit >= 0; --bit)
      if (has[bit] && (row.output >> bit & 1))
        row = {row.output ^ pivots[bit].output, row.input ^ pivots[bit].input};
    if (!row.output)
      fail("the linear layout takes the inputs 0 and " + std::to_string(row.input) +
           " to one output, so it has no inverse: " + print(l));
    int top = std::bit_width(bitsOf(row.output)) - 1;
    for (int bit = 0; bit < 63; ++bit) // keep every other row free of the new pivot
      if (has[bit] && (pivots[bit].output >> top & 1))
        pivots[bit] = {pivots[bit].output ^ row.output, pivots[bit].input ^ row.input};
    pivots[top] = row;
    has[top] = true;
  }
  std::vector<int64_t> bases(static_cast<size_t>(l.outBits()), 0);
  for (size_t bit = 0; bit < bases.size(); ++bit)
    if (has[bit])
      bases[bit] = pivots[bit].input;
  return LinearLayout(std::move(bases));
}

namespace {

/// The offsets that lanes access, one row per access: the values of a (thread, value) layout taken one by
/// one.
struct Accesses {
  int64_t lanes = 0;
  std::vector<std::vector<int64_t>> rows;
};

Accesses accessesOf(const AnyLayout &layout, int64_t mostLanes) {
  const Layout &domain = domainOf(layout);
  LayoutView view = domain.view();
  if (view.isTuple() && view.rank() > 2)
    fail("an access is a layout (thread, value) -> offset of rank 2 or a layout of threads, got " +
         print(layout));
  Node threads = size(view[0]), values = view.isTuple() && view.rank() == 2 ? size(view[1]) : intNode(1);
  if (!threads.isInt() || !values.isInt())
    fail("an access needs constant extents, got " + print(layout));
  constexpr int64_t most = 256; // values looked at; patterns repeat long before
  Accesses out;
  out.lanes = std::min(threads.value, mostLanes);
  for (int64_t v = 0; v < std::min(values.value, most); ++v) {
    std::vector<int64_t> row;
    for (int64_t t = 0; t < out.lanes; ++t)
      row.push_back(evaluate(layout, addInt(t, mulInt(v, threads.value))));
    out.rows.push_back(std::move(row));
  }
  return out;
}

void needBanks(int elementBits, Banks banks) {
  if (elementBits < 1 || elementBits > 1024)
    fail("element_bits must be from 1 to 1024, got " + std::to_string(elementBits));
  if (banks.count < 1 || banks.bytes < 1 || banks.count > 1024 || banks.bytes > 1024)
    fail("a memory has 1 to 1024 banks of 1 to 1024 bytes");
}

BankConflicts conflictsOf(const std::vector<int64_t> &offsets, int elementBits, Banks banks) {
  // The words that the access touches, each once.
  std::vector<int64_t> words;
  int64_t wordBits = int64_t(banks.bytes) * 8;
  for (int64_t o : offsets) {
    int64_t first = mulInt(o, elementBits), last = addInt(first, elementBits - 1);
    auto floorDiv = [&](int64_t x) { return x >= 0 ? x / wordBits : -((-x + wordBits - 1) / wordBits); };
    for (int64_t w = floorDiv(first); w <= floorDiv(last); ++w)
      words.push_back(w);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::vector<int64_t> load(static_cast<size_t>(banks.count), 0);
  BankConflicts c;
  for (int64_t w : words) {
    int64_t bank = ((w % banks.count) + banks.count) % banks.count;
    c.worst = std::max(c.worst, ++load[static_cast<size_t>(bank)]);
  }
  c.transactions = c.worst;
  c.ideal = (static_cast<int64_t>(words.size()) + banks.count - 1) / banks.count;
  return c;
}

BankConflicts total(const Accesses &accesses, const Swizzle &swizzle, int elementBits, Banks banks) {
  BankConflicts sum;
  for (const std::vector<int64_t> &row : accesses.rows) {
    std::vector<int64_t> moved = row;
    for (int64_t &o : moved)
      o = swizzle(o);
    BankConflicts c = conflictsOf(moved, elementBits, banks);
    sum.transactions += c.transactions;
    sum.ideal += c.ideal;
    sum.worst = std::max(sum.worst, c.worst);
  }
  return sum;
}

} // namespace

BankConflicts bankConflicts(const AnyLayout &layout, int elementBits, int64_t lanes, Banks banks) {
  needBanks(elementBits, banks);
  if (lanes < 1 || lanes > 1024)
    fail("lanes must be from 1 to 1024, got " + std::to_string(lanes));
  return total(accessesOf(layout, lanes), Swizzle(0, 0, 0), elementBits, banks);
}

Swizzle bestSwizzle(const AnyLayout &store, const AnyLayout &load, int elementBits, Banks banks) {
  needBanks(elementBits, banks);
  Accesses in = accessesOf(store, 32), out = accessesOf(load, 32);
  int64_t largest = 0;
  for (const Accesses *a : {&in, &out})
    for (const std::vector<int64_t> &row : a->rows)
      for (int64_t o : row) {
        if (o < 0)
          fail("best_swizzle: offsets must not be negative");
        largest = std::max(largest, o);
      }
  int top = std::bit_width(bitsOf(largest));
  Swizzle best(0, 0, 0);
  auto cost = [&](const Swizzle &s) {
    return total(in, s, elementBits, banks).transactions + total(out, s, elementBits, banks).transactions;
  };
  int64_t least = cost(best);
  int64_t ideal = total(in, best, elementBits, banks).ideal + total(out, best, elementBits, banks).ideal;
  // Fewest bits first, and of those the highest base, which keeps the longest runs together. More than ten
  // bits apart from the lowest cover no bank.
  for (int bits = 1; bits <= 5 && least > ideal; ++bits)
    for (int base = std::min(top, 12); base >= 0; --base)
      for (int shift = bits; base + bits + shift <= top; ++shift) {
        Swizzle s(bits, base, shift);
        if (int64_t c = cost(s); c < least) {
          least = c;
          best = s;
        }
      }
  return best;
}

} // namespace enigma::layout
