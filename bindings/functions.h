// SPDX-License-Identifier: MIT
//
// The functions of the language and the thread queries, as Python functions of the extension module.
#pragma once

#include "errors.h"

namespace enigma::bindings {

/// enigma.Fragment: functions of it are those of its values, element by element.
extern PyTypeObject *fragmentType;

/// Arrays that a kernel declares, and barriers.
void bindMemory(nb::module_ &extension);
void bindFunctions(nb::module_ &module);
/// Atomic accesses, into the same module.
void bindAtomics(nb::module_ &module);
/// Simdgroup matrices, into the same module.
void bindMatrices(nb::module_ &module);
/// Function constants, into the same module.
void bindFunctionConstants(nb::module_ &module);
void bindQueries(nb::module_ &module);

} // namespace enigma::bindings
