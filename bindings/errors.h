// SPDX-License-Identifier: MIT
//
// From C++ errors to Python exceptions. A slot or built-in function wraps its body in `guarded`; functions
// that nanobind binds need nothing, a translator does the same for them:
//
//     PyObject *negate(PyObject *self) {
//       return guarded([&] { return wrapValue(trace, builder.negate(operand)); });
//     }
#pragma once

#include "enigma/Support/Error.h"

#include <nanobind/nanobind.h>

namespace enigma::bindings {

namespace nb = nanobind;

/// Sets the Python exception for `error`, with the source line that Python knows for its place. An error of a
/// trace is also remembered there, so that swallowing it does not hide it.
void setPythonError(const Error &error);
/// The same for an AttributeError, which is asked for by hasattr() and is therefore not remembered.
void setAttributeError(const Error &error);
/// Sets the Python exception for the C++ exception that is being handled.
void setPythonErrorFromCurrent() noexcept;
/// Throws LaunchTypeError: an argument has the wrong type, so that a Python user expects a TypeError.
[[noreturn]] void failArgumentType(std::string message, std::vector<std::string> notes = {});
/// The same for an operand of a layout operation: LayoutTypeError.
[[noreturn]] void failLayoutType(std::string message);

template <class Body>
PyObject *guarded(Body &&body) noexcept {
  try {
    return body();
  } catch (...) {
    setPythonErrorFromCurrent();
    return nullptr;
  }
}

/// A new reference to what nb::object holds.
inline PyObject *newReference(nb::handle object) { return object.inc_ref().ptr(); }

void bindErrors(nb::module_ &module);

} // namespace enigma::bindings
