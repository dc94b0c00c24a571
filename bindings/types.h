// SPDX-License-Identifier: MIT
//
// enigma.f32 and its kin: annotations of parameters and, in a kernel, callables that make or convert a value.
#pragma once

#include "trace.h"

namespace enigma::bindings {

struct DType {
  ir::Elem elem;
};

/// The one Python object of an element type.
nb::object dtypeObject(ir::Elem elem);
/// An element type from enigma.f32 or a name such as "float" or "f32"; an error that names `what` for
/// anything else.
ir::Elem elemFrom(std::string_view what, nb::handle object);

void bindTypes(nb::module_ &module);

} // namespace enigma::bindings
