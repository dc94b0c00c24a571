// SPDX-License-Identifier: MIT
//
// A memory and a layout: what `enigma.Tensor` is, on the host and in a kernel.
//
// A tensor knows two functions of its coordinates: where an element lies, and which element of the whole
// memory it is. Both go through each divide, composition and slice, so that a tile that hangs over the end of
// the tensor knows so, and its accesses are masked where a coordinate can pass the end and only there.
//
//     Tensor a = Tensor::of(memory);                                  // (250,500):(500,1)
//     Tensor tiles = a.zippedDivide(tiler);                           //
//     ((16,256),(16,2)):((500,1),(8000,256)) Tensor tile = tiles.slice(coordinate); // with leaves of an
//     IndexSpace Fragment x = TensorAccess(space, builder, params).load(tile);   // TensorAccess.h
#pragma once

#include "enigma/IR/Type.h"
#include "enigma/Layout/ComposedLayout.h"

#include <memory>
#include <optional>

namespace enigma::ir {

/// What tensors lie in.
struct Memory {
  std::string name;
  int bufferIndex = -1; ///< the parameter that it binds to; -1 of memory that the kernel owns
  Elem elem = Elem::f32;
  layout::AnyLayout layout{layout::Layout()};
  int64_t baseOffset = 0; ///< elements
  /// A parameter, memory that the compiled kernel owns, an array of the kernel, or none.
  enum class Kind : uint8_t { buffer, scratch, array, coordinates } kind = Kind::buffer;
  Space space = Space::device;
};

class Tensor {
public:
  static Tensor of(std::shared_ptr<const Memory> memory);

  const std::shared_ptr<const Memory> &memory() const { return root; }
  const layout::AnyLayout &layout() const { return where; }
  const layout::Layout &domain() const { return layout::domainOf(where); }
  /// Elements from the start of the memory, without the memory's own base offset.
  layout::Node offset() const { return start; }
  /// Coordinates in the memory of each coordinate here, as basis strides E(k), k counting the leaves of the
  /// memory's shape; none where a composition has no such layout.
  const std::optional<layout::Layout> &coordinates() const { return which; }
  /// Where the coordinates start, by leaf.
  const std::vector<layout::Node> &origin() const { return from; }
  /// The extents of the memory, by leaf.
  const std::vector<int64_t> &bounds() const { return extents; }
  /// Whether a tile reaches past the end of the memory.
  bool overhangs() const { return overhang; }
  /// How many elements the slices by traced coordinates are taken from.
  int64_t covered() const { return whole; }

  /// LayoutError "tiler exceeds tensor" where a tile is larger than the tensor in some mode.
  Tensor zippedDivide(const layout::Tiler &tiler) const;
  Tensor logicalDivide(const layout::Tiler &tiler) const;
  Tensor composition(const layout::Tiler &by) const;
  /// Composes the tile mode of a divided tensor, or a tile, with a (thread, value) layout. The tiles of a
  /// divided tensor join the threads: ((thread, tile), value).
  Tensor threadValue(layout::LayoutView tv, const layout::Tiler &tiler) const;
  /// What open modes of the coordinate keep. LayoutError where a coordinate can be outside of its mode.
  Tensor slice(layout::View coord) const;
  /// The same elements, with modes rearranged by a function of layouts.
  template <class F>
  Tensor rearranged(F change) const {
    Tensor out = *this;
    out.where = layout::mapOuter(where, change);
    if (which)
      out.which = change(*which);
    return out;
  }

  std::string str() const;

private:
  template <class F>
  Tensor mapped(F change, const char *what) const;
  void checkTiler(const layout::Tiler &tiler) const;

  std::shared_ptr<const Memory> root;
  layout::AnyLayout where{layout::Layout()};
  layout::Node start = layout::intNode(0);
  std::optional<layout::Layout> which;
  std::vector<layout::Node> from;
  std::vector<int64_t> extents;
  bool overhang = false;
  int64_t whole = 0;
};

} // namespace enigma::ir
