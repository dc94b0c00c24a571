// SPDX-License-Identifier: MIT
//
// Loads and stores of all elements of a tensor: which of them lie side by side and aligned, so that one
// access of a vector moves them, where a mask is needed, and the operations for it.
//
//     TensorAccess access(space, builder);
//     Fragment x = access.load(tile, buffer, 0.0);       // 16 elements in 4 values of type f32x4
//     access.store(other, otherBuffer, x);
//     access.notes();                                     // the width of each, and why it is no wider
#pragma once

#include "enigma/IR/Index.h"
#include "enigma/IR/Tensor.h"

#include <functional>

namespace enigma::ir {

/// Elements of a tensor as values: element i is component `lane` of value `value`.
struct Fragment {
  struct Slot {
    uint16_t value, lane;
    bool operator==(const Slot &) const = default;
  };
  std::vector<Value> values;
  std::vector<Slot> slots;
  layout::IntTuple shape;
};

/// What explain() says of one load or store.
struct AccessNote {
  std::string tensor;
  bool isStore = false;
  Elem elem = Elem::f32;
  int64_t elements = 0;
  std::vector<int> widths; ///< elements moved by each access
  bool masked = false;
  std::string reason; ///< why not wider; empty where it is as wide as Metal has it
  Place place = 0;
  size_t values = 0; ///< of the function before it
};

/// What a store writes, for the check that a launch reaches all of its output.
struct Coverage {
  std::shared_ptr<const Memory> memory;
  int64_t needed;                 ///< elements that the tensor spans
  std::optional<int64_t> written; ///< at most; nothing where that depends on data
  Place place = 0;
  size_t values = 0; ///< of the function before it
};

class TensorAccess {
public:
  TensorAccess(IndexSpace &space, Builder &builder) : space(space), b(builder) {}

  /// All elements; those outside of the memory are `outside`.
  Fragment load(const Tensor &tensor, Value buffer, Literal outside = 0);
  /// Stores the elements of a fragment of the same shape; those outside of the memory are left out.
  void store(const Tensor &tensor, Value buffer, const Fragment &fragment);
  /// The same number everywhere.
  void fill(const Tensor &tensor, Value buffer, Operand value);
  /// The blocks of a tensor of shape ((8,8), ...) as simdgroup matrices; `swapped` exchanges their rows and
  /// columns. See MatrixAccess.cpp.
  std::vector<Value> loadMatrices(const Tensor &tensor, Value buffer, bool swapped);
  /// Stores matrices in blocks, converted to the tensor's type.
  void storeMatrices(const Tensor &tensor, Value buffer, std::span<const Value> matrices);
  /// The coordinates of the one element of a tensor in its memory, by leaf.
  std::vector<IndexSpace::Id> coordinates(const Tensor &tensor);
  /// One element of a fragment, or of all of them together.
  Value element(const Fragment &fragment, size_t index);

  /// Forgets the accesses of a body that is traced again: values from this id on are numbered anew.
  void forget(size_t values);
  const std::vector<AccessNote> &notes() const { return said; }
  const std::vector<Coverage> &coverage() const { return stored; }

private:
  struct Group {
    std::vector<std::vector<uint32_t>> lanes; ///< elements at each position
    IndexSpace::Id terms;                     ///< address without its constant, unless that keeps it positive
    int64_t constant;
    std::vector<std::pair<IndexSpace::Id, int64_t>> below; ///< coordinate < bound, where that must be asked
    bool never = false;                                    ///< outside for every thread
    uint32_t first() const { return lanes[0][0]; }
  };
  struct MatrixSpot {
    Group group;
    int64_t apart; ///< elements from one row to the next
    bool transpose;
  };
  /// Where the matrices are, or why Metal's loads and stores of matrices cannot be used.
  std::string planMatrices(const Tensor &tensor, bool swapped, std::vector<MatrixSpot> &spots);
  void noteMatrices(const Tensor &tensor, bool isStore, size_t count, std::string reason);
  std::vector<Group> plan(const Tensor &tensor, bool isStore, AccessNote &note);
  Value address(const Group &group);
  int64_t vectorsIn(IndexSpace::Id terms);
  Value mask(const Group &group);
  Value extract(Value vector, int lane);
  Value gather(const Group &group, const Fragment &fragment, Elem to);
  void storeGroups(const Tensor &tensor, Value buffer, const std::vector<Group> &groups,
                   const std::function<Value(const Group &)> &value);
  Value converted(Value value, Elem to, const Tensor &tensor);
  void cover(const Tensor &tensor, const std::vector<Group> &groups);

  IndexSpace &space;
  Builder &b;
  std::vector<AccessNote> said;
  std::vector<Coverage> stored;
  int vectorLength = 1;                                    ///< of all accesses at hand, 1 where they differ
  std::unordered_map<IndexSpace::Id, Value> bases;         ///< of the access at hand
  std::unordered_map<IndexSpace::Id, int64_t> vectorBases; ///< the length of vectors that a base counted
};

} // namespace enigma::ir
