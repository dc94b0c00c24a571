// SPDX-License-Identifier: MIT
//
// Which simdgroup multiplies which 8x8 blocks of a tile, and which thread copies which elements: CuTe's tiled
// MMA and tiled copy, on Metal's simdgroup matrices.
//
//     TiledMma mma = TiledMma::make(MmaAtom::make(Elem::f16, Elem::f32), atoms);  // atoms (2,2,1): 4
//     simdgroups Tensor a = mma.partition(MmaOperand::a, tileOfA, simdgroup);                //
//     ((8,8),M/16,K/8) std::vector<Value> matrices = access.loadMatrices(a, buffer, false);        //
//     TensorAccess.h
//
// Metal does not say which lane holds which element of a simdgroup matrix. In the atom's thread-value layouts
// all 32 lanes therefore hold all 64 elements together (stride 0), as CuTe writes it for operands that
// threads share. laneTV() is the map that public Metal kernels rely on.
#pragma once

#include "enigma/IR/Tensor.h"

#include <array>

namespace enigma::ir {

/// A is (M, K), B is (N, K), C and D are (M, N).
enum class MmaOperand : uint8_t { a, b, c };

/// simdgroup_multiply_accumulate on 8x8 matrices: factors of one type, sums of that type or of f32.
struct MmaAtom {
  static constexpr int64_t extent = 8, lanes = 32;
  Elem factor = Elem::f32, sum = Elem::f32;

  /// LayoutError for types that Metal does not multiply.
  static MmaAtom make(Elem factor, Elem sum);
  /// (lane, (row, column)) -> element of the operand, counted with the first mode fastest.
  static layout::Layout layoutTV();
  /// (lane, value): the two elements of each lane.
  static layout::Layout laneTV();
};

class TiledMma {
public:
  /// `atoms` takes the coordinate of an atom in (M, N, K) to a simdgroup. LayoutError where it is not compact
  /// or has more than one atom along K.
  static TiledMma make(MmaAtom atom, layout::LayoutView atoms);

  const MmaAtom &atom() const { return instruction; }
  const layout::Layout &atoms() const { return arrangement; }
  int64_t simdgroups() const;
  /// What all simdgroups multiply at once: M, N, K.
  std::array<int64_t, 3> tile() const;
  std::array<int64_t, 2> tile(MmaOperand operand) const;
  /// ((lane, simdgroup), (row, column)) -> element of the operand's tile.
  layout::Layout layoutTV(MmaOperand operand) const;
  /// The blocks of a tile that a simdgroup multiplies: ((8,8), blocks, blocks, rest...). LayoutError where
  /// the tile does not consist of whole blocks, or the launch has another number of simdgroups.
  Tensor partition(MmaOperand operand, const Tensor &tensor, layout::Node simdgroup,
                   bool isTraced = false) const;

private:
  layout::Layout simdgroupsTV(MmaOperand operand) const;
  layout::Layout valuesTV(MmaOperand operand) const;

  MmaAtom instruction;
  layout::Layout arrangement;
  std::array<int64_t, 3> extents{};
};

/// The elements of a block ((8,8), rest...) that a lane holds: (2, rest...).
Tensor lanesOf(const Tensor &blocks, layout::Node lane);

/// A thread-value layout over a tiler, as makeLayoutTV gives it, applied to tiles of any size.
class TiledCopy {
public:
  static TiledCopy make(layout::LayoutView threads, layout::LayoutView values);

  int64_t threads() const;
  const layout::Layout &layoutTV() const { return tv; }
  const layout::IntTuple &tiler() const { return tile; }
  /// What a thread copies of a tile: (values, rest...). LayoutError where the tiler does not divide the tile,
  /// or the launch has another number of threads.
  Tensor partition(const char *what, const Tensor &tensor, layout::Node thread, bool isTraced = false) const;

private:
  layout::IntTuple tile;
  layout::Layout tv;
};

} // namespace enigma::ir
