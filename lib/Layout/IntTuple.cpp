// SPDX-License-Identifier: MIT
//
// IntTuple itself, its printing and limits, and the queries and comparisons on tuples.
#include "enigma/Layout/IntTuple.h"

namespace enigma::layout {

bool View::operator==(View other) const {
  uint32_t n = span();
  if (n != other.span())
    return false;
  for (uint32_t i = 0; i < n; ++i)
    if (!(node[i] == other.node[i]))
      return false;
  return true;
}

IntTuple::IntTuple(std::initializer_list<IntTuple> modes) {
  uint32_t at = open();
  for (const IntTuple &mode : modes)
    push(mode.view());
  close(at, static_cast<uint32_t>(modes.size()));
}

bool IntTuple::isStatic() const {
  for (const Node &n : nodes)
    if (!n.isTuple() && !n.isStatic())
      return false;
  return true;
}

void IntTuple::close(uint32_t at) {
  uint32_t count = 0;
  for (uint32_t i = at + 1; i < nodes.size(); i += nodes[i].span())
    ++count;
  close(at, count);
}

void IntTuple::failTooLarge(uint32_t entries) {
  fail("a tuple holds at most " + std::to_string(kMaxNodes) + " entries in all, got " +
       std::to_string(entries));
}

void IntTuple::checkLimitsOfMany() const {
  if (nodes.size() > kMaxNodes)
    failTooLarge(nodes.size());
  uint32_t ends[kMaxDepth + 1];
  uint32_t depth = 0;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    while (depth && ends[depth - 1] <= i)
      --depth;
    if (nodes[i].isTuple()) {
      if (depth == kMaxDepth)
        fail("a tuple nests at most " + std::to_string(kMaxDepth) + " levels deep");
      ends[depth++] = i + nodes[i].span();
    }
  }
}

static void printInto(std::string &out, View t) {
  if (!t.isTuple()) {
    out += printLeaf(t.leaf());
    return;
  }
  out += '(';
  bool first = true;
  for (View mode : t) {
    if (!first)
      out += ',';
    first = false;
    printInto(out, mode);
  }
  out += ')';
}

std::string print(View t) {
  std::string out;
  printInto(out, t);
  return out;
}

uint64_t hash(View t) {
  uint64_t h = 0x9e3779b97f4a7c15ull;
  for (uint32_t i = 0, n = t.span(); i < n; ++i) {
    h ^= static_cast<uint64_t>(t.nodes()[i].value) + t.nodes()[i].meta * 0xc2b2ae3d27d4eb4full;
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ull;
  }
  return h ^ (h >> 32);
}

Node integer(View t, const char *what) {
  if (t.isTuple())
    fail(std::string(what) + " must be an integer, got the tuple " + print(t));
  if (t.isNull())
    fail(std::string(what) + " must be an integer, got `_` (an open mode)");
  return t.leaf();
}

int64_t staticInt(View t, const char *what) {
  Node n = integer(t, what);
  if (!n.isInt())
    fail(std::string(what) + " must be a constant integer, got " + printLeaf(n));
  return n.value;
}

uint32_t rank(View t) { return t.rank(); }

uint32_t depth(View t) {
  if (!t.isTuple())
    return 0;
  uint32_t deepest = 0;
  for (View mode : t) {
    uint32_t d = depth(mode);
    deepest = d > deepest ? d : deepest;
  }
  return deepest + 1;
}

Node product(View t) {
  Node result = intNode(1);
  const Node *n = t.nodes();
  for (const Node *end = n + t.span(); n != end; ++n)
    if (!n->isTuple())
      result = mul(result, *n);
  return result;
}

View getMode(View t, View path) {
  View at = t;
  uint32_t level = 0;
  for (View step : path) {
    int64_t i = staticInt(step, "a mode index");
    uint32_t r = at.rank();
    if (i < 0 || i >= r)
      fail("mode " + print(path) + " does not exist in " + print(t) + ": index " + std::to_string(i) +
           " at level " + std::to_string(level) + ", where there are " + std::to_string(r) + " modes (0 to " +
           std::to_string(r - 1) + ")");
    at = at[static_cast<uint32_t>(i)];
    ++level;
  }
  return at;
}

bool allNull(View t) {
  const Node *n = t.nodes();
  for (const Node *end = n + t.span(); n != end; ++n)
    if (!n->isTuple() && !n->isNull())
      return false;
  return true;
}

bool hasNull(View t) {
  const Node *n = t.nodes();
  for (const Node *end = n + t.span(); n != end; ++n)
    if (n->isNull())
      return true;
  return false;
}

bool congruent(View a, View b) {
  uint32_t n = a.span();
  if (n != b.span())
    return false;
  for (uint32_t i = 0; i < n; ++i) {
    const Node &x = a.nodes()[i], &y = b.nodes()[i];
    if (x.isTuple() != y.isTuple() || (x.isTuple() && x.meta != y.meta))
      return false;
  }
  return true;
}

bool weaklyCongruent(View a, View b) {
  if (!a.isTuple())
    return true;
  if (!b.isTuple() || a.rank() != b.rank())
    return false;
  auto y = b.begin();
  for (View x : a) {
    if (!weaklyCongruent(x, *y))
      return false;
    ++y;
  }
  return true;
}

/// Equality that only static integers can show.
static bool provablyEqual(Node a, Node b) { return a == b; }

bool compatible(View a, View b) {
  if (!a.isTuple())
    return provablyEqual(integer(a, "an extent"), product(b));
  if (!b.isTuple() || a.rank() != b.rank())
    return false;
  auto y = b.begin();
  for (View x : a) {
    if (!compatible(x, *y))
      return false;
    ++y;
  }
  return true;
}

/// a < b on leaves; values known only at run time are asked for min(a, b) == a and a != b.
static bool less(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return a.value < b.value;
  if (a.basis() || b.basis() || a.isNull() || b.isNull())
    fail("coordinates are compared as integers, got " + printLeaf(a) + " and " + printLeaf(b));
  Node s = sign(sub(a, b));
  if (!s.isInt())
    fail("a comparison of coordinates that are known only at run time has no constant answer");
  return s.value < 0;
}

static bool equalLeaves(View a, View b) {
  if (a.isTuple() != b.isTuple())
    return false;
  if (!a.isTuple())
    return !less(a.leaf(), b.leaf()) && !less(b.leaf(), a.leaf());
  if (a.rank() != b.rank())
    return false;
  auto y = b.begin();
  for (View x : a) {
    if (!equalLeaves(x, *y))
      return false;
    ++y;
  }
  return true;
}

static void needBothLeaves(View a, View b) {
  if (a.isTuple() != b.isTuple())
    fail("coordinates of different structure can't be compared: " + print(a) + " and " + print(b));
}

bool elemLess(View a, View b) {
  needBothLeaves(a, b);
  if (!a.isTuple())
    return less(a.leaf(), b.leaf());
  if (a.rank() > b.rank())
    return false;
  auto y = b.begin();
  for (View x : a) {
    if (!elemLess(x, *y))
      return false;
    ++y;
  }
  return true;
}

bool lexLess(View a, View b) {
  needBothLeaves(a, b);
  if (!a.isTuple())
    return less(a.leaf(), b.leaf());
  for (uint32_t i = 0;; ++i) {
    if (i == b.rank())
      return false;
    if (i == a.rank())
      return true;
    if (lexLess(a[i], b[i]))
      return true;
    if (!equalLeaves(a[i], b[i]))
      return false;
  }
}

bool colexLess(View a, View b) {
  needBothLeaves(a, b);
  if (!a.isTuple())
    return less(a.leaf(), b.leaf());
  for (uint32_t i = 0;; ++i) {
    if (i == b.rank())
      return false;
    if (i == a.rank())
      return true;
    View x = a[a.rank() - 1 - i], y = b[b.rank() - 1 - i];
    if (colexLess(x, y))
      return true;
    if (!equalLeaves(x, y))
      return false;
  }
}

} // namespace enigma::layout
