// SPDX-License-Identifier: MIT
//
// Leaf arithmetic: checked 64-bit integers, and the hand-over to the owner of integers that are known only at
// run time.
#include "enigma/Layout/Node.h"

#include <mutex>
#include <unordered_map>

namespace enigma::layout {

void fail(std::string message, std::vector<std::string> notes) {
  constexpr size_t most = 2000; // layouts of thousands of modes are named in messages too
  if (message.size() > most)
    message =
        message.substr(0, most) + " ... (" + std::to_string(message.size() - most) + " more characters)";
  throw Error(ErrorKind::Layout, std::move(message), {}, std::move(notes));
}

void failOverflow(const char *operation, int64_t a, int64_t b) {
  fail("layout arithmetic overflows 64 bits: " + std::to_string(a) + " " + operation + " " +
       std::to_string(b));
}

const char *spelling(ArithOp op) {
  static constexpr const char *names[] = {"+",   "-", "*", "/",  "%",  "ceil_div", "min",
                                          "max", "&", "^", "<<", ">>", "abs",      "sign"};
  return names[static_cast<unsigned>(op)];
}

void failZeroDivisor(const char *operation, int64_t a) {
  fail(std::string(operation) + " of " + std::to_string(a) + " by zero");
}

Node scaleBasis(Node leaf, const uint32_t *path, uint32_t depth) {
  if (leaf.isInt(0)) // moves nowhere, whatever the mode
    return leaf;
  uint32_t had = leaf.basisDepth();
  if (had + depth > kMaxBasisDepth)
    fail("a basis vector addresses at most " + std::to_string(kMaxBasisDepth) + " levels of modes, got " +
         std::to_string(had + depth));
  uint64_t meta = (leaf.meta & ~uint64_t(0xff00)) | (uint64_t(had + depth) << 8);
  for (uint32_t i = 0; i < depth; ++i) {
    if (path[i] > kMaxBasisMode)
      fail("a basis vector addresses modes 0 to " + std::to_string(kMaxBasisMode) + ", got " +
           std::to_string(path[i]));
    meta |= uint64_t(path[i]) << (16 + 8 * (had + i));
  }
  return {leaf.value, meta};
}

namespace {

/// Owners alive now, by serial number. Only leaves known at run time come here.
struct Registry {
  std::mutex mutex;
  std::unordered_map<uint32_t, Arithmetic *> alive;
  uint32_t next = 1;
};

Registry &registry() {
  static Registry *r = new Registry; // outlives every owner, whatever the order of destruction
  return *r;
}

} // namespace

Arithmetic::Arithmetic() {
  Registry &r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  while (r.next == 0 || r.alive.count(r.next))
    ++r.next;
  serial = r.next++;
  r.alive.emplace(serial, this);
}

Arithmetic::~Arithmetic() {
  Registry &r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  r.alive.erase(serial);
}

Node Arithmetic::node(uint32_t id) const {
  return {static_cast<int64_t>((uint64_t(serial) << 32) | id), static_cast<uint64_t>(NodeKind::Dynamic)};
}

uint32_t Arithmetic::id(Node leaf) const {
  if (!leaf.isDynamic() || static_cast<uint32_t>(uint64_t(leaf.value) >> 32) != serial)
    fail("this run-time integer belongs to another trace");
  return static_cast<uint32_t>(leaf.value);
}

std::string Arithmetic::print(Node) const { return "?"; }

Arithmetic &ownerOf(Node leaf) {
  Registry &r = registry();
  std::lock_guard<std::mutex> lock(r.mutex);
  auto it = r.alive.find(static_cast<uint32_t>(uint64_t(leaf.value) >> 32));
  if (it == r.alive.end())
    fail("a layout holds an integer known only at run time whose trace has ended");
  return *it->second;
}

std::string printLeaf(Node leaf) {
  std::string text;
  if (leaf.isNull())
    return "_";
  if (leaf.isDynamic()) {
    try {
      text = ownerOf(leaf).print(basisValue(leaf));
    } catch (const Error &) {
      text = "?";
    }
  } else {
    text = std::to_string(leaf.value);
  }
  for (uint32_t i = leaf.basisDepth(); i-- > 0;)
    text += "@" + std::to_string(leaf.basisAt(i));
  return text;
}

static void needInteger(ArithOp op, Node leaf) {
  if (leaf.isNull())
    fail(std::string("operator ") + spelling(op) + " needs an integer, got `_` (an open mode)");
  if (leaf.isTuple() || leaf.kind() == NodeKind::LayoutRef)
    fail(std::string("operator ") + spelling(op) + " needs an integer, got a tuple or layout");
}

static void needPlain(ArithOp op, Node a, Node b) {
  needInteger(op, a);
  needInteger(op, b);
  if (a.basis() || b.basis())
    fail(std::string("operator ") + spelling(op) + " is not defined on basis strides, got " + printLeaf(a) +
         " and " + printLeaf(b));
}

Node applyDynamic(ArithOp op, Node a, Node b) { return ownerOf(a.isDynamic() ? a : b).apply(op, a, b); }

Node mulSlow(Node a, Node b) {
  needInteger(ArithOp::Mul, a);
  needInteger(ArithOp::Mul, b);
  if (a.basis() && b.basis())
    fail("two basis strides can't be multiplied: " + printLeaf(a) + " * " + printLeaf(b));
  uint64_t basis = a.basis() | b.basis();
  Node x = basisValue(a), y = basisValue(b);
  if (x.isInt(0) || y.isInt(0)) // a basis times zero moves nowhere: the plain 0
    return intNode(0);
  if (x.isInt() && y.isInt())
    return withBasis(intNode(mulInt(x.value, y.value)), basis);
  if (x.isInt(1))
    return withBasis(y, basis);
  if (y.isInt(1))
    return withBasis(x, basis);
  return withBasis(applyDynamic(ArithOp::Mul, x, y), basis);
}

Node addSlow(Node a, Node b) {
  needInteger(ArithOp::Add, a);
  needInteger(ArithOp::Add, b);
  if (a.isInt(0))
    return b;
  if (b.isInt(0))
    return a;
  if (a.basis() != b.basis())
    fail("offsets in different modes can't be added: " + printLeaf(a) + " + " + printLeaf(b));
  Node x = basisValue(a), y = basisValue(b);
  Node r = x.isInt() && y.isInt() ? intNode(addInt(x.value, y.value)) : applyDynamic(ArithOp::Add, x, y);
  return withBasis(r, a.basis());
}

Node sub(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(subInt(a.value, b.value));
  needPlain(ArithOp::Sub, a, b);
  return b.isInt(0) ? a : applyDynamic(ArithOp::Sub, a, b);
}

Node divSlow(Node a, Node b) {
  needPlain(ArithOp::Div, a, b);
  if (b.isInt(0))
    fail("division of " + printLeaf(a) + " by zero");
  if (a.isInt(0))
    return a;
  return b.isInt(1) ? a : applyDynamic(ArithOp::Div, a, b);
}

Node mod(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(modInt(a.value, b.value));
  needPlain(ArithOp::Mod, a, b);
  if (b.isInt(0))
    fail("remainder of " + printLeaf(a) + " by zero");
  return a.isInt(0) || b.isInt(1) ? intNode(0) : applyDynamic(ArithOp::Mod, a, b);
}

Node ceilDivSlow(Node a, Node b) {
  needPlain(ArithOp::CeilDiv, a, b);
  if (b.isInt(0))
    fail("division of " + printLeaf(a) + " by zero");
  return b.isInt(1) ? a : applyDynamic(ArithOp::CeilDiv, a, b);
}

Node minimum(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(a.value < b.value ? a.value : b.value);
  needPlain(ArithOp::Min, a, b);
  return applyDynamic(ArithOp::Min, a, b);
}

Node absolute(Node a) {
  needInteger(ArithOp::Abs, a);
  Node x = basisValue(a);
  x = x.isInt() ? intNode(absInt(x.value)) : applyDynamic(ArithOp::Abs, x, intNode(0));
  return withBasis(x, a.basis());
}

Node sign(Node a) {
  needPlain(ArithOp::Sign, a, intNode(0));
  if (a.isInt())
    return intNode((a.value > 0) - (a.value < 0));
  return applyDynamic(ArithOp::Sign, a, intNode(0));
}

Node bitXor(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(a.value ^ b.value);
  needPlain(ArithOp::Xor, a, b);
  if (a.isInt(0))
    return b;
  return b.isInt(0) ? a : applyDynamic(ArithOp::Xor, a, b);
}

Node bitAnd(Node a, Node b) {
  if (a.isInt() && b.isInt())
    return intNode(a.value & b.value);
  needPlain(ArithOp::And, a, b);
  return a.isInt(0) || b.isInt(0) ? intNode(0) : applyDynamic(ArithOp::And, a, b);
}

Node shift(Node a, int n) {
  needPlain(ArithOp::ShiftLeft, a, intNode(0));
  if (n == 0)
    return a;
  if (a.isInt()) {
    int by = n < 0 ? -n : n;
    if (by > 63)
      return intNode(n < 0 && a.value < 0 ? -1 : 0);
    return n > 0 ? intNode(static_cast<int64_t>(static_cast<uint64_t>(a.value) << by))
                 : intNode(a.value >> by);
  }
  return n > 0 ? applyDynamic(ArithOp::ShiftLeft, a, intNode(n))
               : applyDynamic(ArithOp::ShiftRight, a, intNode(-n));
}

} // namespace enigma::layout
