// SPDX-License-Identifier: MIT
//
// The algebra of tensors: each operation is applied to both layouts.
#include "enigma/IR/Tensor.h"

#include "enigma/IR/Index.h"

#include <numeric>

namespace enigma::ir {

using namespace layout;

namespace {

int64_t sizeOf(LayoutView l) { return staticInt(IntTuple(size(l)), "the size of a tensor"); }

void strides(IntTuple &out, View shape, uint32_t &leaf) {
  if (!shape.isTuple()) {
    if (leaf > kMaxBasisMode)
      fail("a tensor has at most " + std::to_string(kMaxBasisMode + 1) + " modes");
    out.push(scaleBasis(intNode(1), &leaf, 1));
    ++leaf;
    return;
  }
  uint32_t at = out.open();
  for (View mode : shape)
    strides(out, mode, leaf);
  out.close(at);
}

void leaves(View shape, std::vector<int64_t> &out) {
  if (!shape.isTuple())
    return out.push_back(staticInt(shape, "an extent of a tensor"));
  for (View mode : shape)
    leaves(mode, out);
}

// Adds an offset of coordinates: an integer 0, or a tuple of the first leaves.
void addCoordinates(std::vector<Node> &to, View offset) {
  if (!offset.isTuple())
    return;
  for (uint32_t i = 0; i < offset.rank(); ++i)
    to[i] = add(to[i], integer(offset[i], "a coordinate"));
}

std::string extentText(View shape) {
  std::string n = std::to_string(staticInt(IntTuple(product(shape)), "an extent"));
  return shape.isTuple() ? n + " " + layout::print(shape) : n;
}

// Leaves of a coordinate against the modes that they count through.
void checkInside(View coord, View shape, const Memory &memory, std::string path) {
  if (coord.isNull())
    return;
  if (coord.isTuple()) {
    if (coord.rank() == 0)
      return;
    if (!shape.isTuple() || coord.rank() != shape.rank())
      fail(memory.name + ": the coordinate " + layout::print(coord) + " does not fit the shape " +
               layout::print(shape),
           {"a coordinate has one entry for each mode; None keeps a mode"});
    for (uint32_t i = 0; i < coord.rank(); ++i)
      checkInside(coord[i], shape[i], memory,
                  path.empty() ? std::to_string(i) : path + "." + std::to_string(i));
    return;
  }
  int64_t extent = staticInt(IntTuple(product(shape)), "an extent");
  Node leaf = coord.leaf();
  IndexRange r{leaf.value, leaf.value};
  std::string what = "is " + std::to_string(leaf.value);
  std::vector<std::string> notes;
  if (leaf.isDynamic()) {
    auto *space = dynamic_cast<IndexSpace *>(&ownerOf(leaf));
    if (!space)
      return;
    r = space->range(space->id(leaf));
    if (!space->launch().known())
      return;
    const auto &launch = space->launch();
    auto sizes = [](const std::array<int64_t, 3> &s) {
      return "(" + std::to_string(s[0]) + ", " + std::to_string(s[1]) + ", " + std::to_string(s[2]) + ")";
    };
    what = "goes from " + std::to_string(r.low) + " to " + std::to_string(r.high);
    notes = {"the launch has grid=" + sizes(launch.grid) + " threads in all, block=" + sizes(launch.threads) +
                 " in a threadgroup",
             "use the position in the threadgroup for a thread of a tile, the threadgroup's position for a "
             "tile; or "
             "guard it: with enigma.if_(i < " +
                 std::to_string(extent) + ")"};
  }
  if (r.low >= 0 && r.high < extent)
    return;
  fail(memory.name + ": the coordinate" + (path.empty() ? "" : " of mode " + path) + " " + what +
           ", but the mode has " + extentText(shape) + (extent == 1 ? " element" : " elements"),
       std::move(notes));
}

} // namespace

Tensor Tensor::of(std::shared_ptr<const Memory> memory) {
  Tensor t;
  t.where = memory->layout;
  const Layout &domain = domainOf(memory->layout);
  IntTuple stride = IntTuple::building();
  uint32_t leaf = 0;
  strides(stride, domain.shape(), leaf);
  leaves(domain.shape(), t.extents);
  t.which = Layout(domain.shape(), std::move(stride));
  t.from.assign(leaf, intNode(0));
  t.whole = sizeOf(domain);
  t.root = std::move(memory);
  return t;
}

// Applies one operation to both layouts.
template <class F>
Tensor Tensor::mapped(F change, const char *what) const {
  Tensor out = *this;
  out.where = change(where);
  int64_t before = sizeOf(domain()), after = sizeOf(out.domain());
  if (which) {
    try {
      AnyLayout changed = change(AnyLayout(*which));
      if (changed.layout())
        out.which = *changed.layout();
      else
        out.which.reset();
    } catch (const Error &) {
      if (overhang || after > before)
        throw;
      out.which.reset();
    }
  }
  if (after > before) {
    out.overhang = true;
    out.whole = mulInt(whole, after) / before;
  }
  return out;
}

void Tensor::checkTiler(const Tiler &tiler) const {
  View shape = domain().shape(), tiles = tiler.view();
  auto extentOf = [&](View tile) -> int64_t {
    if (tile.isNull())
      return 1;
    if (!tile.isTuple() && tile.leaf().kind() == NodeKind::LayoutRef)
      return staticInt(IntTuple(cosize(tiler.layoutAt(tile))), "a tiler");
    if (tile.isTuple()) {
      int64_t n = 1;
      for (const Node *i = tile.nodes(), *end = i + tile.span(); i != end; ++i)
        if (i->kind() == NodeKind::LayoutRef)
          return 1;
        else if (i->isInt())
          n = mulInt(n, i->value);
      return n;
    }
    return tile.leaf().isInt() ? tile.leaf().value : 1;
  };
  auto compare = [&](View tile, View mode, const std::string &name) {
    int64_t have = staticInt(IntTuple(product(mode)), "an extent"), want = extentOf(tile);
    if (want > have)
      fail("tiler exceeds tensor: " + name + " of the tile has " + std::to_string(want) +
               " elements, of the tensor " + root->name + " " + std::to_string(have),
           {"the tensor has the shape " + layout::print(shape) + ", the tiler is " + layout::print(tiler),
            "use a smaller tile, or a larger tensor; what a tile leaves over at the end is masked"});
  };
  if (!tiles.isTuple())
    return compare(tiles, shape, "the whole");
  if (tiles.rank() > shape.rank() || (!shape.isTuple() && tiles.rank() > 1))
    fail("tiler exceeds tensor: the tiler " + layout::print(tiler) + " has " + std::to_string(tiles.rank()) +
         " modes, the tensor " + root->name + " of shape " + layout::print(shape) + " has " +
         std::to_string(shape.rank()));
  for (uint32_t i = 0; i < tiles.rank(); ++i)
    compare(tiles[i], shape[i], "mode " + std::to_string(i));
}

Tensor Tensor::zippedDivide(const Tiler &tiler) const {
  checkTiler(tiler);
  return mapped(
      [&](const AnyLayout &l) {
        return mapOuter(l, [&](const Layout &x) { return layout::zippedDivide(x, tiler); });
      },
      "zipped_divide");
}

Tensor Tensor::logicalDivide(const Tiler &tiler) const {
  checkTiler(tiler);
  return mapped(
      [&](const AnyLayout &l) {
        return mapOuter(l, [&](const Layout &x) { return layout::logicalDivide(x, tiler); });
      },
      "logical_divide");
}

Tensor Tensor::composition(const Tiler &by) const {
  return mapped([&](const AnyLayout &l) { return layout::composition(l, by); }, "composition");
}

Tensor Tensor::threadValue(LayoutView tv, const Tiler &tiler) const {
  int64_t tile = 1;
  View tiles = tiler.view();
  for (uint32_t i = 0; i < tiles.span(); ++i) {
    const Node &n = tiles.nodes()[i];
    if (n.isInt())
      tile = mulInt(tile, n.value);
    else if (n.kind() == NodeKind::LayoutRef)
      tile = mulInt(tile, sizeOf(tiler.layoutAt(View(&n))));
    else if (!n.isTuple())
      fail("the tiler of a composition consists of extents and layouts, got " + layout::print(tiler));
  }
  const Layout &here = domain();
  if (sizeOf(here) == tile)
    return composition(Tiler(tv));
  if (here.rank() != 2 || !here.shape().isTuple() || sizeOf(here.view()[0]) != tile)
    fail(root->name + ": the tensor of shape " + layout::print(here.shape().view()) +
             " is neither one tile of " + layout::print(tiler) + " (" + std::to_string(tile) +
             " elements) nor divided into such tiles",
         {"divide it first: enigma.tensor_zipped_divide(tensor, tiler)"});
  if (tv.rank() != 2 || !tv.isTuple())
    fail("a thread-value layout has two modes (thread, value), got " + layout::print(tv));
  return mapped(
      [&](const AnyLayout &l) {
        return mapOuter(l, [&](const Layout &x) {
          Layout composed = layout::composition(x.view()[0], tv);
          Layout out = Layout::building();
          uint32_t outer = out.open(), threads = out.open();
          out.push(composed.view()[0]);
          out.push(x.view()[1]);
          out.close(threads);
          out.push(composed.view()[1]);
          out.close(outer);
          return out;
        });
      },
      "composition");
}

Tensor Tensor::slice(View coord) const {
  checkInside(coord, domain().shape(), *root, "");
  Tensor out = *this;
  auto [sliced, offset] = layout::sliceAndOffset(coord, where);
  out.where = std::move(sliced);
  if (offset.isTuple())
    fail(root->name + ": the offset of a slice is " + layout::print(offset.view()) + ", which is no integer");
  out.start = add(start, offset.view().leaf());
  if (which) {
    auto [rest, at] = layout::sliceAndOffset(coord, *which);
    out.which = std::move(rest);
    addCoordinates(out.from, at);
  }
  // A constant coordinate chooses; a traced one goes over its mode.
  int64_t chosen = 1;
  auto choose = [&](auto &self, View c, View shape) -> void {
    if (c.isTuple() && shape.isTuple() && c.rank() == shape.rank()) {
      for (uint32_t i = 0; i < c.rank(); ++i)
        self(self, c[i], shape[i]);
    } else if (!c.isTuple() && !c.isNull() && !c.leaf().isDynamic()) {
      chosen *= staticInt(IntTuple(product(shape)), "an extent");
    }
  };
  choose(choose, coord, domain().shape());
  out.whole = std::max<int64_t>(1, whole / chosen);
  return out;
}

std::string Tensor::str() const {
  std::string text = root->name + ": " + std::string(ir::name(root->elem)) + " " + layout::print(where);
  Node at = add(start, intNode(root->baseOffset));
  if (!at.isInt(0))
    text += " at " + (at.isInt() ? std::to_string(at.value) : printLeaf(at));
  return text;
}

} // namespace enigma::ir
