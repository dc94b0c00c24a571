// SPDX-License-Identifier: MIT
//
// 8x8 blocks of a tensor as simdgroup matrices. Metal loads and stores a block whose rows, or columns, are
// side by side and evenly apart, and knows no masks; what else there is goes by the elements that each lane
// holds.
#include "enigma/IR/Mma.h"
#include "enigma/IR/TensorAccess.h"

#include <algorithm>

namespace enigma::ir {

using namespace layout;

namespace {

// Blocks (8,8) with their modes exchanged.
Tensor exchanged(const Tensor &blocks) {
  return blocks.rearranged([](const Layout &x) {
    Layout out = Layout::building();
    uint32_t at = out.open(), block = out.open();
    out.push(x.view()[0][1]);
    out.push(x.view()[0][0]);
    out.close(block);
    for (uint32_t i = 1; i < x.rank(); ++i)
      out.push(x.view()[i]);
    out.close(at);
    return out;
  });
}

} // namespace

std::string TensorAccess::planMatrices(const Tensor &tensor, bool swapped, std::vector<MatrixSpot> &spots) {
  const Memory &memory = *tensor.memory();
  const Layout &domain = tensor.domain();
  const Layout *plain = tensor.layout().layout();
  if (!plain)
    return "a swizzled layout has no rows that are evenly apart";
  if (!isStatic(domain.view()))
    fail(memory.name + ": elements are counted by constant extents and strides, got " + print(domain));
  constexpr int64_t e = MmaAtom::extent;
  int64_t elements = staticInt(IntTuple(size(domain)), "the size of a tensor"), blocks = elements / (e * e);
  Layout block(domain.shape().isTuple() ? domain.view()[0] : domain.view());
  int64_t down = evaluate(block.view(), 1), across = evaluate(block.view(), e);
  for (int64_t i = 0; i < e * e; ++i)
    if (evaluate(block.view(), i) != i % e * down + i / e * across)
      return "the rows of a block are not evenly apart";
  if (down != 1 && across != 1)
    return "neither rows nor columns of a block are side by side";
  int64_t apart = across == 1 ? down : across;
  if (apart <= 0)
    return "the rows of a block lie in one place or go backwards";
  // Memory is by rows of the matrix where the second mode is side by side; B's matrix is (K, N) of (N, K).
  bool transpose = (across != 1) != swapped;

  Node origin = add(tensor.offset(), intNode(memory.baseOffset));
  IndexSpace::Id whole = space.from(origin);
  int64_t constant = space.linear(whole).constant;
  IndexSpace::Id terms = space.add(whole, space.constant(-constant));
  std::vector<IndexSpace::Id> from;
  for (Node leaf : tensor.origin())
    from.push_back(space.from(leaf));
  const auto &bounds = tensor.bounds();
  if (tensor.overhangs() && !tensor.coordinates())
    fail(memory.name +
             ": a tile reaches past the end of the tensor, and this composition has lost where that is",
         {"use a tiler that divides the shape " + print(domainOf(memory.layout).shape().view())});
  for (int64_t i = 0; i < blocks; ++i) {
    int64_t first = i * e * e;
    if (tensor.coordinates())
      for (int64_t corner : {int64_t(0), e - 1, e * (e - 1), e * e - 1}) {
        IntTuple at = crd2idx(IntTuple(first + corner), tensor.coordinates()->view());
        for (size_t k = 0; k < bounds.size(); ++k) {
          int64_t step = at.isTuple() && k < at.rank() ? staticInt(at[k], "a coordinate") : 0;
          if (space.range(from[k]).high + step >= bounds[k])
            return "mode " + std::to_string(k) + " (" + std::to_string(bounds[k]) +
                   " elements) can end inside a block";
        }
      }
    Group group{{}, terms, addInt(constant, evaluate(plain->view(), first)), {}};
    spots.push_back({std::move(group), apart, transpose});
  }
  return {};
}

void TensorAccess::noteMatrices(const Tensor &tensor, bool isStore, size_t count, std::string reason) {
  const Memory &memory = *tensor.memory();
  constexpr int side = MmaAtom::extent;
  AccessNote note{memory.name, isStore, memory.elem, int64_t(count) * side * side, {},
                  false,       {},      b.place,     b.function().numValues()};
  note.widths.assign(count, side * side);
  note.reason = std::move(reason);
  said.push_back(std::move(note));
}

std::vector<Value> TensorAccess::loadMatrices(const Tensor &tensor, Value buffer, bool swapped) {
  std::vector<MatrixSpot> spots;
  std::vector<Value> out;
  bases.clear();
  vectorLength = 1;
  std::string why = planMatrices(tensor, swapped, spots);
  if (why.empty()) {
    for (const MatrixSpot &spot : spots)
      out.push_back(b.matrixLoad(
          {buffer, address(spot.group), Literal(spot.apart), Literal(0), Literal(0), spot.transpose}));
    noteMatrices(tensor, false, spots.size(), {});
    return out;
  }
  IndexSpace::Id lane = space.of(b.query(Opcode::thread_index_in_simdgroup));
  Tensor mine = lanesOf(swapped ? exchanged(tensor) : tensor, space.leaf(lane));
  Fragment f = load(mine, buffer);
  said.back().reason = "by the lanes, since " + why;
  for (size_t i = 0; i + 1 < f.slots.size(); i += 2)
    out.push_back(b.matrixFromElements(element(f, i), element(f, i + 1)));
  return out;
}

void TensorAccess::storeMatrices(const Tensor &tensor, Value buffer, std::span<const Value> matrices) {
  std::vector<MatrixSpot> spots;
  bases.clear();
  vectorLength = 1;
  std::string why = planMatrices(tensor, false, spots);
  Elem to = tensor.memory()->elem;
  if (why.empty()) {
    std::vector<Group> groups;
    for (size_t i = 0; i < spots.size(); ++i) {
      Value matrix = matrices[i];
      if (b.function().type(matrix).elem != to) {
        Value first = b.matrixElements(matrix);
        matrix = b.matrixFromElements(converted(first, to, tensor), converted({first.id + 1}, to, tensor));
      }
      b.matrixStore(matrix, {buffer, address(spots[i].group), Literal(spots[i].apart), Literal(0), Literal(0),
                             spots[i].transpose});
      spots[i].group.lanes.resize(MmaAtom::extent * MmaAtom::extent);
      groups.push_back(spots[i].group);
    }
    cover(tensor, groups);
    noteMatrices(tensor, true, spots.size(), {});
    return;
  }
  IndexSpace::Id lane = space.of(b.query(Opcode::thread_index_in_simdgroup));
  Tensor mine = lanesOf(tensor, space.leaf(lane));
  Fragment f;
  f.shape = mine.domain().shape();
  for (Value matrix : matrices) {
    Value first = b.matrixElements(matrix);
    for (uint32_t i = 0; i < 2; ++i) {
      f.slots.push_back({static_cast<uint16_t>(f.values.size()), 0});
      f.values.push_back({first.id + i});
    }
  }
  store(mine, buffer, f);
  said.back().reason = "by the lanes, since " + why;
}

} // namespace enigma::ir
