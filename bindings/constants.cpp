// SPDX-License-Identifier: MIT
//
// Function constants: numbers that a kernel leaves open until a pipeline is made of it.
//
//     n = function_constant(u32, 0, "N", default=4)
#include "functions.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

nb::object functionConstant(nb::handle dtype, uint32_t index, std::string name, nb::handle fallback) {
  constexpr const char *what = "function_constant";
  Trace &trace = requireTrace(what);
  ir::Builder &builder = trace.at();
  const ir::Elem elem = elemFrom(what, dtype);
  std::optional<ir::Literal> number;
  if (!fallback.is_none()) {
    number = literalFrom(fallback.ptr());
    if (!number)
      builder.fail(std::string(what) + ": the default must be a number, got " + typeName(fallback.ptr()));
  }
  return nb::steal(wrapValue(trace, builder.functionConstant(elem, index, std::move(name), number)));
}

nb::object isDefined(nb::handle constant) {
  constexpr const char *what = "is_function_constant_defined";
  Trace &trace = requireTrace(what);
  ir::Builder &builder = trace.at();
  return nb::steal(
      wrapValue(trace, builder.isFunctionConstantDefined(operandFrom(trace, what, constant.ptr()))));
}

} // namespace

void bindFunctionConstants(nb::module_ &extension) {
  nb::module_ module = extension.attr("functions");
  using nb::arg;
  module.def(
      "function_constant", functionConstant, arg("dtype"), arg("index"), arg("name") = "",
      arg("default").none() = nb::none(),
      "A number that the text leaves open until a pipeline is made of it.\n\ndtype: any type. index: 0 to "
      "65535. name: an identifier, by which enigma.compile(kernel, function_constants={name: number}) gives "
      "it, "
      "as it does by index. default: what it is where none is given.\nMetal: [[function_constant(index)]], "
      "specification 5.8.");
  module.def("is_function_constant_defined", isDefined, arg("constant"),
             "Whether the number of a function constant is given, and not its default.\n\nconstant: what "
             "function_constant gave. Result: b1.");
}

} // namespace enigma::bindings
