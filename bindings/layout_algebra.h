// SPDX-License-Identifier: MIT
//
// What the bindings of the layout algebra share: functions of layouts that take a composed layout by its
// outermost one, or a tuple.
//
//     onLayout(x, "the layout", [](const Layout &l) { return flatten(l.view()); });  // a new Python object
#pragma once

#include "layout_values.h"

#include <string>

namespace enigma::bindings {

/// Applies a function of a layout to a Layout, or to the outermost layout of a composed one.
template <class F>
nb::object onLayout(nb::handle x, const char *what, F change) {
  if (const layout::Layout *l = layoutIf(x))
    return toPython(change(*l));
  return toPython(mapOuter(anyFrom(x, what), change));
}

/// The same, with a function of tuples for what is no layout.
template <class F, class G>
nb::object onLayoutOrTuple(nb::handle x, const char *what, F onLayouts, G onTuples) {
  if (isAnyLayout(x))
    return onLayout(x, what, onLayouts);
  return toPython(onTuples(tupleFrom(x, what)));
}

/// The beginning of a signature for nb::sig.
inline std::string signatureOf(const char *name, const char *rest) {
  return std::string("def ") + name + rest;
}

// One topic each.
void bindLayoutTuples(nb::module_ &module);
void bindLayoutModes(nb::module_ &module);

} // namespace enigma::bindings
