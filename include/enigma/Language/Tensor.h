// SPDX-License-Identifier: MIT
//
// A buffer seen through a layout (Layout/Layout.h): coordinates in, elements out.
//
//     layout::Layout rows(layout::IntTuple{64, 32}, layout::IntTuple{32, 1});
//     Tensor a(A, rows);
//     Value x = a(i, j);                                     // A[i * 32 + j]
//     layout::Layout tiles = layout::zippedDivide(rows, layout::Tiler{8, 8});
//     Tensor t(A, tiles);
//     Value y = t(lane, tile);                               // element `lane` of tile number `tile`
#pragma once

#include "enigma/Language/Value.h"
#include "enigma/Layout/Algebra.h"

#include <initializer_list>

namespace enigma {

/// The offset that a layout gives a coordinate: one entry for each mode, or a single one that counts through
/// all of them, the first mode fastest. Entries are non-negative. Without a traced entry the offset is a
/// constant.
Value offset(const layout::Layout &layout, std::initializer_list<Operand> coordinate);

class Tensor {
public:
  /// @param layout takes coordinates to positions in the buffer, counted in elements.
  Tensor(Buffer buffer, layout::Layout layout) : memory(std::move(buffer)), map(std::move(layout)) {}

  /// The element at a coordinate: one entry for each mode of the layout, or one that counts through them all.
  Element operator()(const Operand &i) const { return at({i}); }
  Element operator()(const Operand &i, const Operand &j) const { return at({i, j}); }
  Element operator()(const Operand &i, const Operand &j, const Operand &k) const { return at({i, j, k}); }
  Element operator()(const Operand &i, const Operand &j, const Operand &k, const Operand &l) const {
    return at({i, j, k, l});
  }
  Element at(std::initializer_list<Operand> coordinate) const;
  const Buffer &buffer() const { return memory; }
  const layout::Layout &layout() const { return map; }

private:
  Buffer memory;
  layout::Layout map;
};

} // namespace enigma
