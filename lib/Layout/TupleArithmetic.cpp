// SPDX-License-Identifier: MIT
//
// Element-wise arithmetic on tuples: products, quotients, scaling, and compact strides.
#include "enigma/Layout/IntTuple.h"

namespace enigma::layout {

namespace {

void needSameRank(const char *op, View a, View b) {
  if (a.rank() != b.rank())
    fail(std::string(op) + " needs tuples of the same rank, got " + print(a) + " (rank " +
         std::to_string(a.rank()) + ") and " + print(b) + " (rank " + std::to_string(b.rank()) + ")");
}

/// result = op(a_i, b_i) at each mode of a; missing modes of a shorter b count as 1.
template <class F>
void eachMode(IntTuple &out, View a, View b, F op) {
  static const Node one = intNode(1);
  uint32_t at = out.open();
  auto y = b.begin();
  uint32_t left = b.rank();
  for (View x : a) {
    if (left) {
      op(out, x, *y);
      ++y;
      --left;
    } else {
      op(out, x, View(&one));
    }
  }
  out.close(at, a.rank());
}

/// A tuple divided by an integer: each mode takes its share of the divisor and passes on the rest.
template <class F>
void foldDivisor(IntTuple &out, View a, Node divisor, F divide) {
  uint32_t at = out.open();
  for (View x : a) {
    if (x.isTuple()) {
      foldDivisor(out, x, divisor, divide);
    } else {
      out.push(divide(integer(x, "a dividend"), divisor));
    }
    divisor = divide(divisor, product(x));
  }
  out.close(at, a.rank());
}

void ceilDivInto(IntTuple &out, View a, View b) {
  if (a.isTuple() && b.isTuple()) {
    if (a.rank() < b.rank())
      fail("ceil_div needs no more divisors than modes, got " + print(a) + " / " + print(b));
    eachMode(out, a, b, ceilDivInto);
  } else if (a.isTuple()) {
    foldDivisor(out, a, integer(b, "a divisor"), [](Node x, Node y) { return ceilDiv(x, y); });
  } else {
    out.push(ceilDiv(integer(a, "a dividend"), product(b)));
  }
}

void roundUpInto(IntTuple &out, View a, View b) {
  if (a.isTuple()) {
    if (!b.isTuple())
      fail("round_up of the tuple " + print(a) + " needs a tuple, got " + print(b));
    if (a.rank() < b.rank())
      fail("round_up needs no more multiples than modes, got " + print(a) + " and " + print(b));
    eachMode(out, a, b, roundUpInto);
  } else {
    Node by = integer(b, "round_up's second operand");
    out.push(mul(ceilDiv(integer(a, "round_up's first operand"), by), by));
  }
}

void shapeDivInto(IntTuple &out, View a, View b) {
  if (a.isTuple() && b.isTuple()) {
    needSameRank("shape_div", a, b);
    eachMode(out, a, b, shapeDivInto);
  } else if (a.isTuple()) {
    foldDivisor(out, a, integer(b, "a divisor"), [](Node x, Node y) { return shapeDiv(x, y); });
  } else {
    out.push(shapeDiv(integer(a, "a dividend"), product(b)));
  }
}

void elemScaleInto(IntTuple &out, View a, View b) {
  if (a.isTuple()) {
    if (!b.isTuple())
      fail("elem_scale needs factors for each mode of " + print(a) + ", got " + print(b));
    needSameRank("elem_scale", a, b);
    eachMode(out, a, b, elemScaleInto);
  } else {
    out.push(mul(integer(a, "an element"), product(b)));
  }
}

void productLikeInto(IntTuple &out, View t, View guide) {
  if (!guide.isTuple()) {
    out.push(product(t));
    return;
  }
  needSameRank("product_like", t, guide);
  eachMode(out, t, guide, productLikeInto);
}

/// Appends compact strides of shape, starting at `current`, and returns the next free stride.
Node compactCol(IntTuple &out, View shape, Node current) {
  if (!shape.isTuple()) {
    Node s = integer(shape, "an extent");
    if (s.isInt(1)) {
      out.push(int64_t(0));
      return current;
    }
    out.push(current);
    return mul(current, s);
  }
  uint32_t at = out.open();
  for (View mode : shape)
    current = compactCol(out, mode, current);
  out.close(at, shape.rank());
  return current;
}

/// The same from the last leaf to the first, filling strides that mirror the nodes of shape.
void compactRow(IntTuple &out, View shape, Node current) {
  uint32_t base = out.nodeCount();
  out.push(shape);
  for (uint32_t i = shape.span(); i-- > 0;) {
    const Node &s = shape.nodes()[i];
    if (s.isTuple())
      continue;
    if (s.isInt(1)) {
      out.data()[base + i] = intNode(0);
      continue;
    }
    out.data()[base + i] = current;
    current = mul(current, integer(View(&s), "an extent"));
  }
}

void compactMajorInto(IntTuple &out, View shape, View current, bool rowMajor) {
  if (current.isTuple()) {
    if (!shape.isTuple())
      fail("compact strides from " + print(current) + " need a shape with the same modes, got " +
           print(shape));
    needSameRank("compact strides", shape, current);
    eachMode(out, shape, current, [&](IntTuple &o, View s, View c) { compactMajorInto(o, s, c, rowMajor); });
  } else if (rowMajor) {
    compactRow(out, shape, current.leaf());
  } else {
    compactCol(out, shape, current.leaf());
  }
}

struct Ordered {
  Node size;
  Node order;
};

/// Does a come before b? Constants by value; orders known only at run time count as large, from left to
/// right.
bool before(Node a, Node b) { return a.isInt() && (!b.isInt() || a.value < b.value); }

void collectOrder(InlineVector<Ordered, 16> &out, View shape, View order) {
  if (!order.isTuple()) {
    out.push_back({product(shape), integer(order, "an order")});
    return;
  }
  if (!shape.isTuple() || shape.rank() != order.rank())
    fail("an order needs as many modes as the shape: shape " + print(shape) + " has rank " +
         std::to_string(shape.rank()) + ", order " + print(order) + " has rank " +
         std::to_string(order.rank()));
  auto o = order.begin();
  for (View s : shape) {
    collectOrder(out, s, *o);
    ++o;
  }
}

void orderInto(IntTuple &out, View shape, View order, const InlineVector<Ordered, 16> &all, uint32_t &index) {
  if (order.isTuple()) {
    uint32_t at = out.open();
    auto o = order.begin();
    for (View s : shape) {
      orderInto(out, s, *o, all, index);
      ++o;
    }
    out.close(at, shape.rank());
    return;
  }
  uint32_t mine = index++;
  Node current = intNode(1);
  for (uint32_t i = 0; i < all.size(); ++i) {
    bool first = before(all[i].order, all[mine].order) ||
                 (i < mine && !all[i].order.isInt() && !all[mine].order.isInt());
    if (first)
      current = mul(current, all[i].size);
  }
  compactCol(out, shape, current);
}

} // namespace

Node shapeDiv(Node a, Node b) {
  if (a.isInt() && b.isInt()) {
    if (a.value == 0 || b.value == 0)
      fail("shape_div is not defined for zero, got " + printLeaf(a) + " / " + printLeaf(b));
    if (modInt(a.value, b.value) != 0 && modInt(b.value, a.value) != 0)
      fail("shape_div needs one operand to divide the other, got " + printLeaf(a) + " / " + printLeaf(b));
    int64_t q = divInt(a.value, b.value);
    return intNode(q ? q : ((a.value > 0) == (b.value > 0) ? 1 : -1));
  }
  return ceilDiv(a, b); // equal to the quotient where b divides a, and 1 where a divides b
}

IntTuple productEach(View t) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  for (View mode : t)
    out.push(product(mode));
  out.close(at, t.rank());
  return out;
}

IntTuple productLike(View t, View guide) {
  IntTuple out = IntTuple::building();
  productLikeInto(out, t, guide);
  return out;
}

Node innerProduct(View a, View b) {
  if (a.isTuple() != b.isTuple())
    fail("inner_product needs two tuples of the same structure, got " + print(a) + " and " + print(b));
  if (!a.isTuple())
    return mul(integer(a, "a factor"), integer(b, "a factor"));
  needSameRank("inner_product", a, b);
  Node sum = intNode(0);
  auto y = b.begin();
  for (View x : a) {
    sum = add(sum, innerProduct(x, *y));
    ++y;
  }
  return sum;
}

IntTuple ceilDiv(View a, View b) {
  IntTuple out = IntTuple::building();
  ceilDivInto(out, a, b);
  return out;
}

IntTuple roundUp(View a, View b) {
  IntTuple out = IntTuple::building();
  roundUpInto(out, a, b);
  return out;
}

IntTuple shapeDiv(View a, View b) {
  IntTuple out = IntTuple::building();
  shapeDivInto(out, a, b);
  return out;
}

IntTuple elemScale(View a, View b) {
  IntTuple out = IntTuple::building();
  elemScaleInto(out, a, b);
  return out;
}

bool evenlyDivides(View a, View b) {
  if (b.isTuple()) {
    if (b.rank() > a.rank())
      return false;
    auto x = a.begin();
    for (View y : b) {
      if (!evenlyDivides(*x, y))
        return false;
      ++x;
    }
    return true;
  }
  return product(a) == mul(product(b), product(ceilDiv(a, b)));
}

IntTuple compactColMajor(View shape, View current) {
  IntTuple out = IntTuple::building();
  compactMajorInto(out, shape, current, false);
  return out;
}

IntTuple compactRowMajor(View shape, View current) {
  IntTuple out = IntTuple::building();
  compactMajorInto(out, shape, current, true);
  return out;
}

IntTuple compactOrder(View shape, View order) {
  InlineVector<Ordered, 16> all;
  collectOrder(all, shape, order);
  IntTuple out = IntTuple::building();
  uint32_t index = 0;
  orderInto(out, shape, order, all, index);
  return out;
}

} // namespace enigma::layout
