// SPDX-License-Identifier: MIT
//
// Sums, digits, and their ranges. What values of the function are to it, and the way back, is in
// IndexValues.cpp.
#include "enigma/IR/Index.h"

#include "enigma/Support/Hash.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace enigma::ir {

using layout::ArithOp;
using layout::Node;

namespace {

__extension__ typedef __int128 Wide;
constexpr int64_t least = INT64_MIN / 4, most = INT64_MAX / 4; ///< beyond them a range is not known

IndexRange clipped(Wide low, Wide high) {
  return {static_cast<int64_t>(std::clamp<Wide>(low, least, most)),
          static_cast<int64_t>(std::clamp<Wide>(high, least, most))};
}
int64_t floorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
int64_t floorMod(int64_t a, int64_t b) { return a - floorDiv(a, b) * b; }

} // namespace

IndexSpace::IndexSpace(Builder &b, LaunchSize launch) : builder(b), size(launch) {
  linears.emplace_back(); // id 0 is none
}

bool IndexSpace::Atom::operator==(const Atom &o) const {
  return kind == o.kind && op == o.op && axis == o.axis && value == o.value && a == o.a && b == o.b &&
         low == o.low && high == o.high;
}

//===-- Interning
//-------------------------------------------------------------------------------------------===//

IndexSpace::Id IndexSpace::intern(Linear linear) {
  Hasher h;
  h.word(linear.constant);
  for (const Term &t : linear.terms) {
    h.word(t.atom);
    h.word(t.scale);
  }
  uint64_t key = h.finish().low;
  auto [begin, end] = linearsByHash.equal_range(key);
  for (auto it = begin; it != end; ++it)
    if (linears[it->second] == linear)
      return it->second;
  linears.push_back(std::move(linear));
  Id id = linears.size() - 1;
  linearsByHash.emplace(key, id);
  return id;
}

IndexSpace::Id IndexSpace::atomOf(Atom atom) {
  Hasher h;
  for (uint64_t word : {uint64_t(atom.kind), uint64_t(atom.op), uint64_t(atom.axis), uint64_t(atom.value.id),
                        uint64_t(atom.a), uint64_t(atom.b), uint64_t(atom.low), uint64_t(atom.high)})
    h.word(word);
  uint64_t key = h.finish().low;
  auto [begin, end] = atomsByHash.equal_range(key);
  for (auto it = begin; it != end; ++it)
    if (atoms[it->second] == atom)
      return single(it->second);
  atoms.push_back(atom);
  atomsByHash.emplace(key, atoms.size() - 1);
  return single(atoms.size() - 1);
}

IndexSpace::Id IndexSpace::opaque(Value value, IndexRange range, int64_t factor, bool isCounted) {
  Atom atom;
  atom.kind = Atom::Kind::value;
  atom.value = value;
  atom.range = range;
  atom.factor = factor;
  atom.isCounted = isCounted;
  return atomOf(atom);
}

IndexSpace::Id IndexSpace::gridPosition(uint32_t axis) {
  if (size.known() && size.grid[axis] == 1)
    return constant(0);
  Atom atom;
  atom.kind = Atom::Kind::grid;
  atom.axis = axis;
  return atomOf(atom);
}

IndexSpace::Id IndexSpace::from(Node leaf) { return leaf.isDynamic() ? id(leaf) : constant(leaf.value); }

Node IndexSpace::leaf(Id number) const {
  const Linear &l = linears[number];
  return l.terms.empty() ? layout::intNode(l.constant) : node(number);
}

//===-- Sums
//------------------------------------------------------------------------------------------------===//

IndexSpace::Id IndexSpace::add(Id a, Id b) {
  const Linear &x = linears[a], &y = linears[b];
  Linear sum{layout::addInt(x.constant, y.constant), {}};
  auto i = x.terms.begin(), j = y.terms.begin();
  while (i != x.terms.end() || j != y.terms.end()) {
    if (j == y.terms.end() || (i != x.terms.end() && i->atom < j->atom))
      sum.terms.push_back(*i++);
    else if (i == x.terms.end() || j->atom < i->atom)
      sum.terms.push_back(*j++);
    else {
      int64_t scale = layout::addInt(i->scale, j->scale);
      if (scale)
        sum.terms.push_back({i->atom, scale});
      ++i, ++j;
    }
  }
  joinDigits(sum);
  return intern(std::move(sum));
}

IndexSpace::Id IndexSpace::scale(Id a, int64_t factor) {
  if (factor == 1)
    return a;
  if (factor == 0)
    return constant(0);
  Linear out = linears[a];
  out.constant = layout::mulInt(out.constant, factor);
  for (Term &t : out.terms)
    t.scale = layout::mulInt(t.scale, factor);
  return intern(std::move(out));
}

// k * (x / l % (m / l)) + k * (m / l) * (x / m % (h / m)) is k * (x / l % (h / l)).
void IndexSpace::joinDigits(Linear &sum) {
  auto isDigit = [&](const Term &t) { return atoms[t.atom].kind == Atom::Kind::digit; };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < sum.terms.size() && !changed; ++i) {
      if (!isDigit(sum.terms[i]))
        continue;
      const Atom lower = atoms[sum.terms[i].atom];
      if (!lower.high)
        continue;
      for (size_t j = 0; j < sum.terms.size() && !changed; ++j) {
        if (i == j || !isDigit(sum.terms[j]))
          continue;
        const Atom upper = atoms[sum.terms[j].atom];
        int64_t ratio = lower.high / lower.low, scale;
        if (upper.a != lower.a || upper.low != lower.high ||
            __builtin_mul_overflow(sum.terms[i].scale, ratio, &scale) || sum.terms[j].scale != scale)
          continue;
        int64_t factor = sum.terms[i].scale;
        Linear rest{sum.constant, {}};
        for (size_t k = 0; k < sum.terms.size(); ++k)
          if (k != i && k != j)
            rest.terms.push_back(sum.terms[k]);
        Id joined = this->scale(digit(lower.a, lower.low, upper.high), factor);
        sum = linears[add(intern(std::move(rest)), joined)];
        changed = true;
      }
    }
  }
}

//===-- Quotients and remainders
//----------------------------------------------------------------------------===//

IndexSpace::Id IndexSpace::digit(Id base, int64_t low, int64_t high) {
  IndexRange r = range(base);
  if (r.low >= 0 && high && r.high < high)
    high = 0;
  if (r.low >= 0 && r.high < low)
    return constant(0);
  if (low == 1 && !high)
    return base;
  Atom atom;
  atom.kind = Atom::Kind::digit;
  atom.a = base;
  atom.low = low;
  atom.high = high;
  return atomOf(atom);
}

IndexSpace::Id IndexSpace::divide(Id a, int64_t divisor) {
  if (divisor < 1)
    layout::fail("an index is divided by " + std::to_string(divisor) + ": a divisor is at least 1");
  if (divisor == 1)
    return a;
  const Linear x = linears[a];
  Linear quotient{floorDiv(x.constant, divisor), {}}, rest{floorMod(x.constant, divisor), {}};
  for (const Term &t : x.terms) {
    if (t.scale % divisor == 0)
      quotient.terms.push_back({t.atom, t.scale / divisor});
    else
      rest.terms.push_back(t);
  }
  Id whole = intern(std::move(quotient));
  Id part = intern(rest);
  IndexRange r = range(part);
  if (floorDiv(r.low, divisor) == floorDiv(r.high, divisor))
    return add(whole, constant(floorDiv(r.low, divisor)));
  // (g * s + c) / d is (s + c / g) / (d / g), where g divides d.
  int64_t g = divisor;
  for (const Term &t : rest.terms)
    g = std::gcd(g, t.scale);
  if (g > 1) {
    Linear smaller{floorDiv(rest.constant, g), {}};
    for (const Term &t : rest.terms)
      smaller.terms.push_back({t.atom, t.scale / g});
    return add(whole, divide(intern(std::move(smaller)), divisor / g));
  }
  if (rest.terms.size() == 1 && rest.terms[0].scale == 1 && rest.constant == 0) {
    const Atom &atom = atoms[rest.terms[0].atom];
    int64_t low;
    if (atom.kind == Atom::Kind::digit && !__builtin_mul_overflow(atom.low, divisor, &low) &&
        (!atom.high || atom.high % low == 0))
      return add(whole, digit(atom.a, low, atom.high));
  }
  return add(whole, digit(part, divisor, 0));
}

IndexSpace::Id IndexSpace::remainder(Id a, int64_t divisor) {
  if (divisor < 1)
    layout::fail("a remainder is taken by " + std::to_string(divisor) + ": a divisor is at least 1");
  const Linear x = linears[a];
  Linear rest{floorMod(x.constant, divisor), {}};
  for (const Term &t : x.terms)
    if (t.scale % divisor)
      rest.terms.push_back({t.atom, t.scale >= divisor ? t.scale % divisor : t.scale});
  Id part = intern(rest);
  IndexRange r = range(part);
  if (int64_t whole = floorDiv(r.low, divisor); whole == floorDiv(r.high, divisor))
    return add(part, constant(-whole * divisor));
  // (g * s + c) % d is g * ((s + c / g) % (d / g)) + c % g, where g divides d.
  int64_t g = divisor;
  for (const Term &t : rest.terms)
    g = std::gcd(g, t.scale);
  if (g > 1) {
    Linear smaller{floorDiv(rest.constant, g), {}};
    for (const Term &t : rest.terms)
      smaller.terms.push_back({t.atom, t.scale / g});
    return add(scale(remainder(intern(std::move(smaller)), divisor / g), g),
               constant(floorMod(rest.constant, g)));
  }
  if (rest.terms.size() == 1 && rest.terms[0].scale == 1 && rest.constant == 0) {
    const Atom &atom = atoms[rest.terms[0].atom];
    int64_t high;
    if (atom.kind == Atom::Kind::digit && !__builtin_mul_overflow(atom.low, divisor, &high) &&
        (!atom.high || atom.high % high == 0))
      return digit(atom.a, atom.low, high);
  }
  return digit(part, 1, divisor);
}

//===-- What is known
//---------------------------------------------------------------------------------------===//

IndexRange IndexSpace::rangeOf(const Atom &atom) const {
  switch (atom.kind) {
  case Atom::Kind::grid: // MSL 5.2.3.6: grids are below 2^32
    return {0, size.known() ? size.grid[atom.axis] - 1 : int64_t(0xfffffffe)};
  case Atom::Kind::value:
  case Atom::Kind::operation:
    return atom.range;
  case Atom::Kind::digit: {
    IndexRange base = range(atom.a);
    int64_t low = floorDiv(base.low, atom.low), high = floorDiv(base.high, atom.low);
    if (!atom.high)
      return {low, high};
    int64_t ratio = atom.high / atom.low;
    return low >= 0 ? IndexRange{0, std::min(high, ratio - 1)} : IndexRange{0, ratio - 1};
  }
  }
  return {least, most};
}

IndexRange IndexSpace::range(Id number) const {
  const Linear &l = linears[number];
  Wide low = l.constant, high = l.constant;
  for (const Term &t : l.terms) {
    IndexRange r = rangeOf(atoms[t.atom]);
    if (auto it = narrowedAtoms.find(t.atom); it != narrowedAtoms.end())
      r = {std::max(r.low, it->second.low), std::min(r.high, it->second.high)};
    low += Wide(t.scale) * (t.scale < 0 ? r.high : r.low);
    high += Wide(t.scale) * (t.scale < 0 ? r.low : r.high);
  }
  if (auto it = narrowed.find(number); it != narrowed.end()) {
    low = std::max<Wide>(low, it->second.low);
    high = std::min<Wide>(high, it->second.high);
  }
  return clipped(low, high);
}

int64_t IndexSpace::divisor(Id number) const {
  const Linear &l = linears[number];
  int64_t g = l.constant;
  for (const Term &t : l.terms)
    g = std::gcd(g, layout::mulInt(t.scale, atoms[t.atom].factor));
  return std::abs(g);
}

int64_t IndexSpace::scales(Id number) const {
  int64_t g = 0;
  for (const Term &t : linears[number].terms)
    g = std::gcd(g, t.scale);
  return g;
}

std::vector<Value> IndexSpace::values(Id number) const {
  std::vector<Value> out;
  std::vector<Id> left{number};
  while (!left.empty()) {
    const Linear &l = linears[left.back()];
    left.pop_back();
    for (const Term &t : l.terms) {
      const Atom &atom = atoms[t.atom];
      if (atom.kind == Atom::Kind::value)
        out.push_back(atom.value);
      for (Id operand : {atom.a, atom.b})
        if (operand)
          left.push_back(operand);
    }
  }
  return out;
}

std::optional<int64_t> IndexSpace::count(std::span<const Id> ids) const {
  std::vector<uint32_t> seen;
  Wide product = 1;
  for (Id number : ids)
    for (const Term &t : linears[number].terms) {
      if (std::find(seen.begin(), seen.end(), t.atom) != seen.end())
        continue;
      seen.push_back(t.atom);
      const Atom &atom = atoms[t.atom];
      if (atom.kind == Atom::Kind::operation || (atom.kind == Atom::Kind::value && !atom.isCounted))
        return std::nullopt;
      IndexRange r = rangeOf(atom);
      if (auto it = narrowedAtoms.find(t.atom); it != narrowedAtoms.end())
        r = {std::max(r.low, it->second.low), std::min(r.high, it->second.high)};
      if (r.low > r.high)
        return 0;
      if (r.low <= least || r.high >= most)
        return std::nullopt;
      product = std::min<Wide>(product * ((Wide(r.high) - r.low) / atom.factor + 1), most);
    }
  return static_cast<int64_t>(product);
}

void IndexSpace::setRange(Value argument, IndexRange range, int64_t factor) {
  if (ofValue.size() <= argument.id)
    ofValue.resize(argument.id + 1);
  ofValue[argument.id] = opaque(argument, range, factor, true);
}

std::optional<IndexRange> IndexSpace::narrow(Id number, IndexRange r) {
  const Linear &l = linears[number];
  bool isAtom = l.terms.size() == 1 && l.terms[0].scale == 1;
  auto &map = isAtom ? narrowedAtoms : narrowed;
  uint32_t key = isAtom ? l.terms[0].atom : number;
  if (isAtom)
    r = clipped(Wide(r.low) - l.constant, Wide(r.high) - l.constant);
  auto [it, isNew] = map.try_emplace(key, r);
  if (isNew)
    return std::nullopt;
  IndexRange before = it->second;
  it->second = {std::max(before.low, r.low), std::min(before.high, r.high)};
  return before;
}

void IndexSpace::restore(Id number, std::optional<IndexRange> before) {
  const Linear &l = linears[number];
  bool isAtom = l.terms.size() == 1 && l.terms[0].scale == 1;
  auto &map = isAtom ? narrowedAtoms : narrowed;
  uint32_t key = isAtom ? l.terms[0].atom : number;
  if (before)
    map[key] = *before;
  else
    map.erase(key);
  // What was found under the condition may not hold without it.
  for (uint32_t value : foundNarrowed)
    if (value < ofValue.size())
      ofValue[value] = 0;
  foundNarrowed.clear();
}

// Atoms of forgotten values stay, under numbers of values that mean something else now: they must not be
// found.
void IndexSpace::forget(uint32_t values) {
  if (ofValue.size() > values)
    ofValue.resize(values);
  for (auto it = atomsByHash.begin(); it != atomsByHash.end();)
    it = atoms[it->second].kind == Atom::Kind::value && atoms[it->second].value.id >= values
             ? atomsByHash.erase(it)
             : std::next(it);
}

//===-- For layouts
//-----------------------------------------------------------------------------------------===//

Node IndexSpace::apply(ArithOp op, Node a, Node b) {
  Id x = from(a), y = from(b);
  bool isStatic = linears[y].terms.empty();
  int64_t c = linears[y].constant;
  switch (op) {
  case ArithOp::Add:
    return leaf(add(x, y));
  case ArithOp::Sub:
    return leaf(add(x, scale(y, -1)));
  case ArithOp::Mul:
    if (isStatic)
      return leaf(scale(x, c));
    if (linears[x].terms.empty())
      return leaf(scale(y, linears[x].constant));
    break;
  case ArithOp::Div:
    if (isStatic && range(x).low >= 0)
      return leaf(divide(x, c));
    break;
  case ArithOp::CeilDiv:
    if (isStatic)
      return leaf(divide(add(x, constant(c - 1)), c));
    break;
  case ArithOp::Mod:
    if (isStatic && range(x).low >= 0)
      return leaf(remainder(x, c));
    break;
  case ArithOp::ShiftLeft:
    if (isStatic && c >= 0 && c < 62)
      return leaf(scale(x, int64_t(1) << c));
    break;
  case ArithOp::ShiftRight:
    if (isStatic && c >= 0 && c < 62)
      return leaf(divide(x, int64_t(1) << c));
    break;
  case ArithOp::And:
    if (isStatic && c > 0) { // a run of bits is a digit
      int64_t low = c & -c;
      if (((c + low) & c) == 0 && c <= most)
        return leaf(scale(remainder(divide(x, low), (c + low) / low), low));
    }
    break;
  case ArithOp::Xor: {
    // Low bits that one operand does not have pass unchanged, so that a swizzle keeps neighbours together.
    if (linears[x].terms.empty())
      std::swap(x, y);
    if (linears[y].terms.empty() && linears[y].constant == 0)
      return leaf(x);
    if (range(x).low < 0 || range(y).low < 0)
      break;
    int64_t unit = divisor(y) & -divisor(y);
    if (unit > 1)
      return leaf(add(scale(from(apply(op, leaf(divide(x, unit)), leaf(divide(y, unit)))), unit),
                      remainder(x, unit)));
    break;
  }
  case ArithOp::Abs:
    if (range(x).low >= 0)
      return a;
    break;
  case ArithOp::Sign:
    if (range(x).low > 0)
      return layout::intNode(1);
    break;
  default:
    break;
  }
  Atom atom;
  atom.kind = Atom::Kind::operation;
  atom.op = op;
  atom.a = x;
  atom.b = y;
  IndexRange p = range(x), q = range(y);
  auto bitsOf = [](int64_t v) { return v <= 0 ? 1 : int64_t(std::bit_ceil(uint64_t(v) + 1)); };
  switch (op) {
  case ArithOp::Mul: {
    Wide products[] = {Wide(p.low) * q.low, Wide(p.low) * q.high, Wide(p.high) * q.low,
                       Wide(p.high) * q.high};
    atom.range =
        clipped(*std::min_element(products, products + 4), *std::max_element(products, products + 4));
    break;
  }
  case ArithOp::Min:
    atom.range = {std::min(p.low, q.low), std::min(p.high, q.high)};
    break;
  case ArithOp::Max:
    atom.range = {std::max(p.low, q.low), std::max(p.high, q.high)};
    break;
  case ArithOp::Xor:
    if (p.low < 0 || q.low < 0)
      layout::fail("a traced index that may be negative cannot be swizzled");
    atom.range = {0, std::max(bitsOf(p.high), bitsOf(q.high)) - 1};
    break;
  case ArithOp::And:
    if (p.low < 0 || q.low < 0)
      layout::fail("a traced index that may be negative cannot be masked");
    atom.range = {0, std::min(p.high, q.high)};
    break;
  default:
    layout::fail(std::string("a traced index has no `") + layout::spelling(op) + "` here",
                 {"divisors and extents must be constants, and what is divided must not be negative"});
  }
  return leaf(atomOf(atom));
}

} // namespace enigma::ir
