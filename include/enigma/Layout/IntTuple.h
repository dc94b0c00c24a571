// SPDX-License-Identifier: MIT
//
// IntTuple: an integer or a (nested) tuple of integers; the type of shapes, strides, coordinates, orders and
// profiles.
//
// The tree is one array of nodes in preorder, held inside the object while it is small, so building, copying
// and walking a layout of everyday size allocates nothing. `View` is a cheap reference to a subtree.
//
//   IntTuple shape{{2, 4}, 8};                    // ((2,4),8)
//   size(shape.view()[0]);                        // 8
//   for (View mode : shape.view()) print(mode);   // (2,4) then 8
#ifndef ENIGMA_LAYOUT_INTTUPLE_H
#define ENIGMA_LAYOUT_INTTUPLE_H

#include "enigma/Layout/Node.h"
#include "enigma/Support/InlineVector.h"

#include <initializer_list>
#include <string>

namespace enigma::layout {

/// A subtree of an IntTuple. Valid while the tuple it came from is neither changed nor destroyed.
class View {
public:
  View() = default;
  explicit View(const Node *node) : node(node) {}

  bool isTuple() const { return node->isTuple(); }
  bool isNull() const { return node->isNull(); }
  /// Number of modes: of a tuple its length, of a leaf 1.
  uint32_t rank() const { return isTuple() ? static_cast<uint32_t>(node->value) : 1; }
  uint32_t span() const { return node->span(); }
  const Node &leaf() const { return *node; }
  const Node *nodes() const { return node; }
  /// Mode i; a leaf is its own mode 0. The caller has checked i < rank().
  View operator[](uint32_t i) const {
    if (!isTuple())
      return *this;
    const Node *n = node + 1;
    while (i--)
      n += n->span();
    return View(n);
  }

  class iterator {
  public:
    explicit iterator(const Node *n) : n(n) {}
    View operator*() const { return View(n); }
    iterator &operator++() {
      n += n->span();
      return *this;
    }
    bool operator!=(const iterator &o) const { return n != o.n; }

  private:
    const Node *n;
  };
  iterator begin() const { return iterator(isTuple() ? node + 1 : node); }
  iterator end() const { return iterator(node + span()); }

  /// Same structure and same leaves.
  bool operator==(View other) const;

private:
  const Node *node = nullptr;
};

class IntTuple {
public:
  static constexpr uint32_t kInlineNodes = 12; ///< held without an allocation

  /// The empty tuple ().
  IntTuple() { nodes.push_back(tupleNode(0, 1)); }
  IntTuple(int64_t value) { nodes.push_back(intNode(value)); }
  IntTuple(int value) : IntTuple(int64_t(value)) {}
  explicit IntTuple(Node leaf) { nodes.push_back(leaf); }
  explicit IntTuple(View tree) { nodes.append(tree.nodes(), tree.span()); }
  IntTuple(std::initializer_list<IntTuple> modes);

  View view() const { return View(nodes.data()); }
  operator View() const { return view(); }
  bool isTuple() const { return nodes[0].isTuple(); }
  uint32_t rank() const { return view().rank(); }
  View operator[](uint32_t i) const { return view()[i]; }
  bool operator==(const IntTuple &other) const { return view() == other.view(); }
  bool isStatic() const;

  /// Building in preorder: `auto at = t.open(); t.push(...); t.close(at);` makes a tuple of what was pushed
  /// in between. A tree under construction starts from `IntTuple::building()`.
  static IntTuple building() {
    IntTuple t(Building{});
    return t;
  }
  uint32_t open() {
    nodes.push_back(tupleNode(0, 1));
    return nodes.size() - 1;
  }
  void push(Node leaf) { nodes.push_back(leaf); }
  void push(int64_t value) { nodes.push_back(intNode(value)); }
  void push(View tree) { nodes.append(tree.nodes(), tree.span()); }
  void close(uint32_t at);
  /// Closes a tuple of `rank` modes without counting them.
  void close(uint32_t at, uint32_t rank) {
    uint32_t span = nodes.size() - at;
    if (span > kMaxNodes)
      failTooLarge(span);
    nodes[at] = tupleNode(rank, span);
  }
  uint32_t nodeCount() const { return nodes.size(); }
  Node &last() { return nodes.back(); }
  Node *data() { return nodes.data(); }
  const Node *data() const { return nodes.data(); }
  /// Appends n nodes for the caller to write; `rewind` cuts off what was not needed.
  Node *extend(uint32_t n) { return nodes.extend(n); }
  /// Drops the nodes from position `to` on, while building.
  void rewind(uint32_t to) { nodes.truncate(to); }
  /// Checks the limits on depth and size; every tree that a user hands in goes through it.
  void checkLimits() const {
    if (nodes.size() > kMaxDepth) // else too few to break either
      checkLimitsOfMany();
  }

private:
  struct Building {};
  explicit IntTuple(Building) {}
  [[noreturn]] static void failTooLarge(uint32_t entries);
  void checkLimitsOfMany() const;
  InlineVector<Node, kInlineNodes> nodes;
};

std::string print(View t);
uint64_t hash(View t);

/// The leaf at a leaf view; LayoutError if it is a tuple or `_`.
Node integer(View t, const char *what);
/// A static integer; LayoutError otherwise.
int64_t staticInt(View t, const char *what);

// Queries.
uint32_t rank(View t);
uint32_t depth(View t);
Node product(View t); ///< of all leaves; of () 1
/// The subtree at a path of mode indices; LayoutError names the level that is out of range.
View getMode(View t, View path);
bool allNull(View t);
bool hasNull(View t);

/// Same tree structure.
bool congruent(View a, View b);
/// The structure of a is a prefix of that of b.
bool weaklyCongruent(View a, View b);
/// Every coordinate into a is one into b: equal sizes at each leaf of a.
bool compatible(View a, View b);
bool elemLess(View a, View b);
bool lexLess(View a, View b);
bool colexLess(View a, View b);

// Element-wise arithmetic. Post-conditions are those of the leaf operation at each pair of leaves.
IntTuple productEach(View t);             ///< rank(t) products
IntTuple productLike(View t, View guide); ///< products of t at the leaves of guide
Node innerProduct(View a, View b);
IntTuple ceilDiv(View a, View b);
IntTuple roundUp(View a, View b);
/// Divides where one operand divides the other, folding an integer divisor across a tuple; LayoutError
/// otherwise.
IntTuple shapeDiv(View a, View b);
IntTuple elemScale(View a, View b);
Node shapeDiv(Node a, Node b);
bool evenlyDivides(View a, View b);

// Structure.
IntTuple flatten(View t);
IntTuple unflatten(View flat, View profile);
IntTuple repeatLike(View t, Node leaf);
IntTuple wrap(View t);                       ///< a leaf becomes a tuple of one
IntTuple unwrap(View t);                     ///< tuples of one lose their parentheses
IntTuple append(View t, View x, uint32_t n); ///< x repeated until the rank is n
IntTuple prepend(View t, View x, uint32_t n);
IntTuple append(View t, View x);
IntTuple prepend(View t, View x);
IntTuple replaceMode(View t, uint32_t n, View x);
IntTuple group(View t, uint32_t begin, uint32_t end);
IntTuple take(View t, uint32_t begin, uint32_t end);
IntTuple select(View t, View modes);
/// Keeps what `_` of the coordinate marks; each level of parentheses of the coordinate is dissolved.
IntTuple slice(View coord, View t);
/// Keeps what slice drops.
IntTuple dice(View coord, View t);
IntTuple zip(View a);
IntTuple zip(View a, View b);
/// Splits the rank-2 modes at the leaves of the guide: ((firsts...), (seconds..., untouched modes...)).
IntTuple unzipBy(View t, View guide);
/// Compact strides: the first (last) mode moves fastest; size-1 modes get stride 0.
IntTuple compactColMajor(View shape, View current);
IntTuple compactRowMajor(View shape, View current);
IntTuple compactOrder(View shape, View order);
/// E(0), E(1), ... nested like t, the strides of an identity layout.
IntTuple basisLike(View t);

} // namespace enigma::layout

#endif
