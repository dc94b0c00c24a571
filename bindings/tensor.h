// SPDX-License-Identifier: MIT
//
// Tensors between Python and C++: views of memories, loads and stores of their elements, and traced integers
// in layouts.
#pragma once

#include "enigma/IR/TensorAccess.h"
#include "trace.h"

namespace enigma::bindings {

/// What tensors need of a trace; made when the first one is used.
struct TensorState {
  TensorState(ir::Builder &builder, ir::LaunchSize launch) : space(builder, launch), access(space, builder) {}
  ir::IndexSpace space;
  ir::TensorAccess access;
};

/// How the elements of a fragment lie in its values; the same object wherever it is the same.
struct Arrangement {
  std::vector<ir::Fragment::Slot> slots;
  layout::IntTuple shape;
  bool operator==(const Arrangement &) const = default;
};

void bindTensor(nb::module_ &module);
void bindJit(nb::module_ &module);

} // namespace enigma::bindings
