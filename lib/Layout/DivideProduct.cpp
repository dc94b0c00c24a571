// SPDX-License-Identifier: MIT
//
// Divides and products: one layout tiled by another, one layout repeated by another.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

namespace enigma::layout {

namespace {

/// The tiler's extent as a layout n:1.
Layout tileOf(Node extent, const char *op) {
  if (!(extent.isInt() && extent.value >= 1) && !(extent.isDynamic() && !extent.basis()))
    fail(std::string(op) + ": a tile must be an integer of at least 1, got " + printLeaf(extent));
  return Layout::trusted(IntTuple(extent), IntTuple(intNode(extent.isInt(1) ? 0 : 1)));
}

/// Applies `leaf` where the tiler has a layout or an integer, keeps modes that it marks `_` and modes past
/// it.
template <class F, class Q>
void byTiler(Layout &out, LayoutView layout, const Tiler &tiler, View t, const char *op, F leaf, Q quick) {
  if (t.isTuple()) {
    uint32_t have = layout.rank(), want = t.rank();
    if (want > have)
      fail(std::string(op) + ": the tiler " + print(tiler) + " has " + std::to_string(want) +
           " modes where " + print(layout) + " has " + std::to_string(have) + "; drop the last " +
           std::to_string(want - have));
    uint32_t at = out.open();
    auto part = t.begin();
    for (uint32_t i = 0; i < have; ++i) {
      if (i < want) {
        byTiler(out, layout[i], tiler, *part, op, leaf, quick);
        ++part;
      } else {
        out.push(layout[i]);
      }
    }
    out.close(at, have);
  } else if (t.isNull()) {
    out.push(layout);
  } else if (t.leaf().kind() == NodeKind::LayoutRef) {
    leaf(out, layout, tiler.layoutAt(t));
  } else if (!quick(out, layout, t.leaf())) {
    leaf(out, layout, tileOf(t.leaf(), op).view());
  }
}

/// A single mode by a constant: what the general case below comes to.
bool divideModeInto(Layout &out, LayoutView mode, Node tile) {
  if (mode.isTuple() || !mode.shape.leaf().isInt() || !tile.isInt() || tile.value < 1)
    return false;
  Node s = mode.shape.leaf(), d = mode.stride.leaf(), rest = intNode(ceilDivInt(s.value, tile.value));
  uint32_t at = out.open();
  out.push(tile, tile.isInt(1) ? intNode(0) : d);
  out.push(rest, rest.isInt(1) ? intNode(0) : mul(d, tile));
  out.close(at, 2);
  return true;
}

void divideInto(Layout &out, LayoutView layout, LayoutView tiler) {
  needPositive("logical_divide", layout);
  // The rest counts tiles in the modes that the layout really has, each rounded up.
  Layout rest = complement(tiler, coalesce(layout).shape());
  Layout both = Layout::building();
  uint32_t at = both.open();
  both.push(tiler);
  both.push(rest.view());
  both.close(at, 2);
  divideBy(out, layout, both.view());
}

/// Are L's offsets all different? Decided by strides in order; false means "not shown".
bool provablyInjective(LayoutView a, LayoutView b) {
  Modes modes;
  appendModes(modes, a);
  appendModes(modes, b);
  InlineVector<uint32_t, 12> order;
  for (uint32_t i = 0; i < modes.size(); ++i) {
    if (!modes[i].shape.isInt() || !modes[i].stride.isInt() || modes[i].stride.value < 0)
      return false;
    if (modes[i].shape.value != 1 && modes[i].stride.value != 0)
      order.push_back(i);
  }
  for (uint32_t i = 1; i < order.size(); ++i)
    for (uint32_t j = i; j && modes[order[j]].stride.value < modes[order[j - 1]].stride.value; --j)
      std::swap(order[j], order[j - 1]);
  int64_t reach = 0;
  for (uint32_t i : order) {
    if (modes[i].stride.value <= reach)
      return false;
    reach = addInt(reach, mulInt(modes[i].shape.value - 1, modes[i].stride.value));
  }
  return true;
}

} // namespace

Layout copiesOf(LayoutView block, LayoutView tiler) {
  for (uint32_t i = 0, n = tiler.span(); i < n; ++i)
    if (tiler.stride.nodes()[i].isStatic() && tiler.stride.nodes()[i].value < 0)
      fail("logical_product: the tiler " + print(tiler) +
               " counts copies from 0 on, its strides must not be negative",
           {"reverse the modes of the result instead"});
  Node need = cosize(tiler), bound = mul(size(block), need);
  Layout free = complement(block, View(&bound));
  Layout copies = composition(free, tiler);
  Node room = size(free);
  if (room.isInt() && need.isInt() && room.value < need.value && !provablyInjective(block, copies)) {
    Node last = coshape(block).view().isTuple() ? intNode(0) : cosize(block);
    fail("logical_product: the copies of " + print(block) + " by " + print(tiler) +
             " overlap: the gaps of the block leave room for " + std::to_string(room.value) +
             " copies, the tiler reaches to " + std::to_string(need.value),
         last.isInt(0)
             ? std::vector<std::string>()
             : std::vector<std::string>{"use a block whose strides divide one another, such as the compact " +
                                        print(makeLayoutLike(block))});
  }
  return copies;
}

namespace {

void productInto(Layout &out, LayoutView block, LayoutView tiler) {
  uint32_t at = out.open();
  out.push(block);
  out.push(copiesOf(block, tiler).view());
  out.close(at, 2);
}

/// Dissolves the parentheses of mode 0 (of both modes) of a rank-2 result.
Layout unpack(const Layout &zipped, bool first) {
  LayoutView z = zipped.view();
  Layout out = Layout::building();
  uint32_t at = out.open();
  for (uint32_t i = 0; i < 2; ++i) {
    LayoutView mode = z[i];
    if ((i == 0 && !first) || mode.rank() < 2) {
      out.push(mode);
      continue;
    }
    for (uint32_t j = 0; j < mode.rank(); ++j)
      out.push(mode[j]);
  }
  out.close(at);
  return out;
}

} // namespace

Layout logicalDivide(LayoutView layout, const Tiler &tiler) {
  Layout out = Layout::building();
  byTiler(out, layout, tiler, tiler.view(), "logical_divide", divideInto, divideModeInto);
  out.shape().checkLimits();
  return out;
}

Layout zippedDivide(LayoutView layout, const Tiler &tiler) {
  return tileUnzip(logicalDivide(layout, tiler), tiler.view());
}

Layout tiledDivide(LayoutView layout, const Tiler &tiler) {
  return unpack(zippedDivide(layout, tiler), false);
}

Layout flatDivide(LayoutView layout, const Tiler &tiler) { return unpack(zippedDivide(layout, tiler), true); }

Layout logicalProduct(LayoutView block, const Tiler &tiler) {
  Layout out = Layout::building();
  byTiler(out, block, tiler, tiler.view(), "logical_product", productInto,
          [](Layout &, LayoutView, Node) { return false; });
  out.shape().checkLimits();
  return out;
}

Layout zippedProduct(LayoutView block, const Tiler &tiler) {
  return tileUnzip(logicalProduct(block, tiler), tiler.view());
}

Layout tiledProduct(LayoutView block, const Tiler &tiler) {
  return unpack(zippedProduct(block, tiler), false);
}

Layout flatProduct(LayoutView block, const Tiler &tiler) { return unpack(zippedProduct(block, tiler), true); }

static Layout pairedProduct(LayoutView block, LayoutView tiler, bool tilerFirst) {
  if (block.rank() != tiler.rank()) {
    uint32_t rank = std::max(block.rank(), tiler.rank());
    Layout one;
    return pairedProduct(append(block, one.view(), rank), append(tiler, one.view(), rank), tilerFirst);
  }
  Layout copies = copiesOf(block, tiler);
  return tilerFirst ? zip(copies, block) : zip(block, copies);
}

Layout blockedProduct(LayoutView block, LayoutView tiler) { return pairedProduct(block, tiler, false); }
Layout rakedProduct(LayoutView block, LayoutView tiler) { return pairedProduct(block, tiler, true); }

static IntTuple ceilDivInto(View shape, const Tiler &tiler, View t) {
  if (t.leaf().kind() == NodeKind::LayoutRef)
    return complement(tiler.layoutAt(t), shape).shape();
  if (!t.isTuple())
    return ceilDiv(shape, t);
  if (!shape.isTuple() && t.rank() == 1)
    return ceilDivInto(shape, tiler, t[0]);
  if (!shape.isTuple()) { // by as many as the modes of the tiler make together
    for (uint32_t i = 0, n = t.span(); i < n; ++i)
      if (t.nodes()[i].kind() == NodeKind::LayoutRef)
        fail("ceil_div: " + print(shape) + " has one mode, the tiler " + print(tiler) +
             " has several layouts");
    return ceilDiv(shape, t);
  }
  if (t.rank() > shape.rank())
    fail("ceil_div: the tiler " + print(tiler) + " has more modes than the shape " + print(shape));
  IntTuple out = IntTuple::building();
  uint32_t at = out.open(), i = 0;
  for (View mode : shape) {
    if (i < t.rank())
      out.push(ceilDivInto(mode, tiler, t[i]).view());
    else
      out.push(mode);
    ++i;
  }
  out.close(at, shape.rank());
  return out;
}

IntTuple ceilDiv(View shape, const Tiler &tiler) { return ceilDivInto(shape, tiler, tiler.view()); }

static bool dividesEvenly(View shape, const Tiler &tiler, View t) {
  if (t.isTuple()) {
    if (t.rank() > shape.rank())
      return false;
    uint32_t i = 0;
    for (View part : t)
      if (!dividesEvenly(shape[i++], tiler, part))
        return false;
    return true;
  }
  Node tile = t.leaf().kind() == NodeKind::LayoutRef ? size(tiler.layoutAt(t)) : t.leaf();
  return product(shape) == mul(tile, product(ceilDivInto(shape, tiler, t)));
}

bool evenlyDivides(View shape, const Tiler &tiler) { return dividesEvenly(shape, tiler, tiler.view()); }

static Layout tileToShape(LayoutView block, View shape, const View *order) {
  uint32_t rank = shape.rank();
  if (block.rank() > rank)
    fail("tile_to_shape: the block " + print(block) + " has rank " + std::to_string(block.rank()) +
         ", more than the shape " + print(shape) + " of rank " + std::to_string(rank));
  Layout one;
  Layout padded = append(block, one.view(), rank);
  IntTuple have = productEach(padded.shape()), want = productEach(shape), copies = IntTuple::building();
  uint32_t at = copies.open();
  for (uint32_t i = 0; i < rank; ++i) {
    Node b = have[i].leaf(), w = want[i].leaf();
    if (w.isInt() && w.value < 1)
      fail("an extent must be an integer of at least 1, got " + printLeaf(w) + " in the shape " +
           print(shape));
    if (b.isInt() && w.isInt() && w.value % b.value != 0) {
      int64_t below = w.value - w.value % b.value, above = addInt(below, b.value);
      fail("tile_to_shape: the block's extent " + printLeaf(b) + " does not divide mode " +
               std::to_string(i) + " of size " + printLeaf(w) + " of the shape " + print(shape),
           {below
                ? "the nearest sizes that work are " + std::to_string(below) + " and " + std::to_string(above)
                : "the nearest size that works is " + std::to_string(above)});
    }
    copies.push(ceilDiv(w, b));
  }
  copies.close(at, rank);
  Layout grid = order ? makeOrderedLayout(copies, *order) : Layout(copies);
  return blockedProduct(padded, grid);
}

Layout tileToShape(LayoutView block, View shape) { return tileToShape(block, shape, nullptr); }
Layout tileToShape(LayoutView block, View shape, View order) { return tileToShape(block, shape, &order); }

} // namespace enigma::layout
