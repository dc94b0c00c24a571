// SPDX-License-Identifier: MIT
//
// enigma.f32, enigma.float4 and their kin: annotations of parameters and, in a kernel, callables that make or
// convert a value.
#pragma once

#include "trace.h"

namespace enigma::bindings {

struct DType {
  ir::Type type; ///< a scalar or a vector
};

/// The one Python object of an element type or vector type.
nb::object dtypeObject(ir::Type type);
inline nb::object dtypeObject(ir::Elem elem) { return dtypeObject(ir::Type::value(elem)); }
/// A type from enigma.f32, enigma.float4 or a name such as "float", "f32" or "float4"; an error that names
/// `what` for anything else.
ir::Type typeFrom(std::string_view what, nb::handle object);
/// The same for element types alone.
ir::Elem elemFrom(std::string_view what, nb::handle object);

void bindTypes(nb::module_ &module);

} // namespace enigma::bindings
