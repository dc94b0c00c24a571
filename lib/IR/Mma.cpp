// SPDX-License-Identifier: MIT
//
// A partition divides a tile by the tiler, sees each part through the thread-value layout and slices it at
// the thread.
#include "enigma/IR/Mma.h"

#include "enigma/IR/Index.h"

namespace enigma::ir {

using namespace layout;

namespace {

int64_t sizeOf(LayoutView l) { return staticInt(IntTuple(size(l)), "the size of a layout"); }

int64_t extentOf(View mode) { return staticInt(IntTuple(product(mode)), "an extent"); }

const char *nameOf(MmaOperand operand) {
  return operand == MmaOperand::a ? "partition_A" : operand == MmaOperand::b ? "partition_B" : "partition_C";
}

IntTuple pairOf(int64_t first, int64_t second) {
  IntTuple out = IntTuple::building();
  uint32_t at = out.open();
  out.push(intNode(first));
  out.push(intNode(second));
  out.close(at);
  return out;
}

Layout pairOf(int64_t e0, int64_t s0, int64_t e1, int64_t s1) {
  return Layout(pairOf(e0, e1), pairOf(s0, s1));
}

// As many workers as the layout has and no others: more or fewer would leave parts of the tile out, unseen.
void checkWorkers(const char *what, Node worker, int64_t needed, const char *workers, int64_t threadsOfEach) {
  int64_t have = worker.value + 1;
  if (worker.isDynamic()) {
    auto *space = dynamic_cast<IndexSpace *>(&ownerOf(worker));
    if (!space || !space->launch().known())
      fail(std::string(what) + ": the size of the launch must be known, to be compared with the layout of " +
               std::to_string(needed) + " " + workers,
           {"launch the kernel in a jit function: inner(...).launch(grid=..., block=" +
            std::to_string(needed * threadsOfEach) + ")"});
    have = space->range(space->id(worker)).high + 1;
  }
  if (have == needed)
    return;
  std::string size = std::to_string(needed * threadsOfEach);
  fail(std::string(what) + ": the launch has " + std::to_string(have) + " " + workers +
           " in a threadgroup, the layout is of " + std::to_string(needed),
       {"launch it with block=" + size + ", or give the tiled " +
        (threadsOfEach == 1 ? "copy a layout of " + std::to_string(have) + " threads"
                            : "MMA " + std::to_string(have) + (have == 1 ? " atom" : " atoms"))});
}

// ((tile), (rest...)) of a tensor, tile by tile; the tiler must divide the first modes.
Tensor divided(const char *what, const char *whose, const Tensor &tensor, View tiler) {
  View shape = tensor.domain().shape();
  const std::string &name = tensor.memory()->name;
  std::vector<int64_t> extents;
  if (tiler.isTuple())
    for (View mode : tiler)
      extents.push_back(extentOf(mode));
  else
    extents.push_back(extentOf(tiler));
  uint32_t rank = shape.isTuple() ? shape.rank() : 1;
  if (rank < extents.size())
    fail(std::string(what) + ": the tensor " + name + " of shape " + layout::print(shape) + " has " +
             std::to_string(rank) + (rank == 1 ? " mode, " : " modes, ") + whose + " needs " +
             std::to_string(extents.size()),
         {"give a tile, such as " + name + "[(None, None), (i, j)] of a divided tensor"});
  for (size_t i = 0; i < extents.size(); ++i) {
    int64_t have = extentOf(shape.isTuple() ? shape[i] : shape), want = extents[i];
    if (have % want)
      fail(std::string(what) + ": mode " + std::to_string(i) + " of the tensor " + name + " has " +
               std::to_string(have) + " elements, " + whose + " needs a multiple of " + std::to_string(want),
           {"the tensor has the shape " + layout::print(shape) + ", the tile of " + whose + " is " +
                layout::print(tiler),
            "choose a tile that it divides: enigma.tensor_zipped_divide masks what is past the end of the "
            "tensor"});
  }
  return tensor.zippedDivide(Tiler(IntTuple(tiler)));
}

// (worker, values..., rest...) at a worker.
Tensor sliced(const Tensor &divided, LayoutView workers, LayoutView values, Node worker) {
  Tensor split = divided.rearranged([&](const Layout &x) {
    Layout first = composition(x.view()[0], workers), second = composition(x.view()[0], values);
    Layout out = Layout::building();
    uint32_t at = out.open();
    out.push(first.view());
    out.push(second.view());
    LayoutView rest = x.view()[1];
    if (rest.isTuple())
      for (uint32_t i = 0; i < rest.rank(); ++i)
        out.push(rest[i]);
    else
      out.push(rest);
    out.close(at);
    return out;
  });
  IntTuple coord = IntTuple::building();
  uint32_t at = coord.open();
  coord.push(worker);
  for (uint32_t i = 1; i < split.domain().rank(); ++i)
    coord.push(nullNode());
  coord.close(at);
  return split.slice(coord.view());
}

} // namespace

//===-- The atom
//-------------------------------------------------------------------------------------------===//

MmaAtom MmaAtom::make(Elem factor, Elem sum) {
  std::string got = std::string(ir::name(factor)) + " with sums in " + std::string(ir::name(sum));
  if (!isFloat(factor) || !isFloat(sum))
    fail("MmaAtom: a simdgroup multiplies f32, f16 or bf16, got " + got,
         {"write enigma.MmaAtom(enigma.f16, enigma.f32)"});
  if (sum != factor && sum != Elem::f32)
    fail("MmaAtom: sums are in the type of the factors or in f32, got " + got,
         {"write enigma.MmaAtom(enigma." + std::string(ir::name(factor)) + ", enigma.f32)"});
  return {factor, sum};
}

Layout MmaAtom::layoutTV() {
  Layout out = Layout::building();
  uint32_t at = out.open();
  out.push(intNode(lanes), intNode(0));
  out.push(pairOf(extent, 1, extent, extent).view());
  out.close(at);
  return out;
}

Layout MmaAtom::laneTV() {
  // Row: bits 1, 2 and 4 of the lane. Column: bits 0 and 3, times two, and the value.
  Layout out = Layout::building();
  uint32_t at = out.open(), lane = out.open();
  out.push(intNode(2), intNode(2 * extent));
  out.push(intNode(4), intNode(1));
  out.push(intNode(2), intNode(4 * extent));
  out.push(intNode(2), intNode(4));
  out.close(lane);
  out.push(intNode(2), intNode(extent));
  out.close(at);
  return out;
}

Tensor lanesOf(const Tensor &blocks, Node lane) {
  View shape = blocks.domain().shape();
  if (!shape.isTuple() || extentOf(shape[0]) != MmaAtom::extent * MmaAtom::extent)
    fail("lanes: needs blocks of 8 x 8 elements, as partition_C gives them, got " + blocks.memory()->name +
         " of shape " + layout::print(shape));
  Layout tv = MmaAtom::laneTV();
  Tensor split = blocks.rearranged([&](const Layout &x) {
    Layout lanes = composition(x.view()[0], tv.view()[0]), values = composition(x.view()[0], tv.view()[1]);
    Layout out = Layout::building();
    uint32_t at = out.open();
    out.push(lanes.view());
    out.push(values.view());
    for (uint32_t i = 1; i < x.rank(); ++i)
      out.push(x.view()[i]);
    out.close(at);
    return out;
  });
  IntTuple coord = IntTuple::building();
  uint32_t at = coord.open();
  coord.push(lane);
  for (uint32_t i = 1; i < split.domain().rank(); ++i)
    coord.push(nullNode());
  coord.close(at);
  return split.slice(coord.view());
}

//===-- The tiled MMA
//--------------------------------------------------------------------------------------===//

TiledMma TiledMma::make(MmaAtom atom, LayoutView atoms) {
  TiledMma out;
  out.instruction = atom;
  uint32_t rank = atoms.isTuple() ? atoms.rank() : 1;
  std::string got = "got " + layout::print(atoms);
  if (rank != 3)
    fail("TiledMma: the layout of atoms has three modes (M, N, K), " + got,
         {"write enigma.TiledMma(atom, (2, 2, 1)) for four simdgroups, two by two"});
  if (!isStatic(atoms))
    fail("TiledMma: the layout of atoms has constant extents and strides, " + got);
  int64_t n = sizeOf(atoms);
  if (sizeOf(rightInverse(atoms)) != n || staticInt(IntTuple(cosize(atoms)), "a size") != n)
    fail("TiledMma: each simdgroup from 0 to " + std::to_string(n - 1) + " has one atom, " + got,
         {"use a compact layout, such as " + layout::print(makeLayoutLike(atoms))});
  if (n > 32)
    fail("TiledMma: a threadgroup has at most 1024 threads, which are 32 simdgroups, got " +
         std::to_string(n) + " in " + layout::print(atoms));
  for (uint32_t i = 0; i < 3; ++i)
    out.extents[i] = sizeOf(atoms[i]);
  if (out.extents[2] != 1)
    fail("TiledMma: the layout of atoms has one atom along K, got " + std::to_string(out.extents[2]) +
             " in " + layout::print(atoms),
         {"simdgroups along K would each have a part of the sum of the same elements, which nothing adds"});
  out.arrangement = Layout(atoms);
  return out;
}

int64_t TiledMma::simdgroups() const { return extents[0] * extents[1] * extents[2]; }

std::array<int64_t, 3> TiledMma::tile() const {
  constexpr int64_t e = MmaAtom::extent;
  return {e * extents[0], e * extents[1], e * extents[2]};
}

std::array<int64_t, 2> TiledMma::tile(MmaOperand operand) const {
  auto [m, n, k] = tile();
  return operand == MmaOperand::a   ? std::array<int64_t, 2>{m, k}
         : operand == MmaOperand::b ? std::array<int64_t, 2>{n, k}
                                    : std::array<int64_t, 2>{m, n};
}

// Simdgroup -> its first element in the operand's tile.
Layout TiledMma::simdgroupsTV(MmaOperand operand) const {
  constexpr int64_t e = MmaAtom::extent;
  int64_t across = e * tile(operand)[0]; // from one block to the next in the second mode
  int64_t m = operand == MmaOperand::b ? 0 : e;
  int64_t n = operand == MmaOperand::a ? 0 : operand == MmaOperand::b ? e : across;
  Layout steps = Layout::building();
  uint32_t at = steps.open();
  steps.push(intNode(extents[0]), intNode(m));
  steps.push(intNode(extents[1]), intNode(n));
  steps.push(intNode(extents[2]), intNode(0));
  steps.close(at);
  return composition(steps.view(), rightInverse(arrangement.view()));
}

Layout TiledMma::valuesTV(MmaOperand operand) const {
  return pairOf(MmaAtom::extent, 1, MmaAtom::extent, tile(operand)[0]);
}

Layout TiledMma::layoutTV(MmaOperand operand) const {
  Layout simdgroup = simdgroupsTV(operand), out = Layout::building();
  uint32_t at = out.open(), threads = out.open();
  out.push(intNode(MmaAtom::lanes), intNode(0));
  out.push(simdgroup.view());
  out.close(threads);
  out.push(valuesTV(operand).view());
  out.close(at);
  return out;
}

Tensor TiledMma::partition(MmaOperand operand, const Tensor &tensor, Node simdgroup, bool isTraced) const {
  const char *what = nameOf(operand);
  Elem want = operand == MmaOperand::c ? instruction.sum : instruction.factor;
  const Memory &memory = *tensor.memory();
  if (operand != MmaOperand::c && memory.elem != want && memory.kind != Memory::Kind::coordinates)
    fail(std::string(what) + ": the tensor " + memory.name + " holds " + std::string(ir::name(memory.elem)) +
             ", the MMA multiplies " + std::string(ir::name(want)),
         {"convert while copying into threadgroup memory of enigma." + std::string(ir::name(want)) +
          ", or use enigma.MmaAtom(enigma." + std::string(ir::name(memory.elem)) + ", ...)"});
  if (isTraced)
    checkWorkers(what, simdgroup, simdgroups(), "simdgroups", MmaAtom::lanes);
  auto [rows, columns] = tile(operand);
  Tensor parts = divided(what, "the tiled MMA", tensor, pairOf(rows, columns).view());
  return sliced(parts, simdgroupsTV(operand).view(), valuesTV(operand).view(), simdgroup);
}

//===-- The tiled copy
//-------------------------------------------------------------------------------------===//

TiledCopy TiledCopy::make(LayoutView threads, LayoutView values) {
  TiledCopy out;
  std::tie(out.tile, out.tv) = makeLayoutTV(threads, values);
  return out;
}

int64_t TiledCopy::threads() const { return sizeOf(tv.view()[0]); }

Tensor TiledCopy::partition(const char *what, const Tensor &tensor, Node thread, bool isTraced) const {
  if (isTraced)
    checkWorkers(what, thread, threads(), "threads", 1);
  Tensor parts = divided(what, "the tiled copy", tensor, tile.view());
  return sliced(parts, tv.view()[0], tv.view()[1], thread);
}

} // namespace enigma::ir
