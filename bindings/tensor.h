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
  std::vector<const ir::Memory *> staged; ///< what pipelines write
};

/// How the elements of a fragment lie in its values. A shape of one mode is the same with and without
/// parentheses.
struct Arrangement {
  std::vector<ir::Fragment::Slot> slots;
  layout::IntTuple shape;
  bool operator==(const Arrangement &other) const {
    return slots == other.slots && layout::wrap(shape) == layout::wrap(other.shape);
  }
};

/// A layout error of a tensor names the user's line.
template <class Body>
auto placed(Body &&body) {
  try {
    return body();
  } catch (const Error &error) {
    if (error.loc())
      throw;
    throw Error(error.kind(), error.message(), callerLocation(), error.notes());
  }
}

/// The buffer of a tensor in the kernel that is traced; an error where the tensor cannot be used.
ir::Value bufferOf(Trace &trace, const ir::Tensor &tensor, const char *what);
/// A tuple of handles, and the values of one.
nb::object handles(Trace &trace, const std::vector<ir::Value> &values);
std::vector<ir::Value> valuesFrom(Trace &trace, const char *what, nb::handle tuple);

void bindTensor(nb::module_ &module);
void bindMma(nb::module_ &module);
void bindJit(nb::module_ &module);

} // namespace enigma::bindings
