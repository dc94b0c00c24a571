// SPDX-License-Identifier: MIT
//
// What Python sees of vectors: components by attribute (v.x, v.wzyx), by index and by iteration, and their
// replacement.
#pragma once

#include "value.h"

namespace enigma::bindings {

/// Whether the object is a traced vector.
bool isVector(PyObject *object);
/// v[i], of a traced vector.
PyObject *vectorItem(PyObject *self, PyObject *index);
/// An iterator over the components.
PyObject *vectorIterator(PyObject *self);
/// The swizzle that a name is for a traced vector; null for other names.
nb::object vectorAttribute(PyObject *self, std::string_view name);

/// set_component, which rewritten kernels call.
void bindComponents(nb::module_ &module);
/// The functions extract and insert.
void bindVectors(nb::module_ &module);

} // namespace enigma::bindings
