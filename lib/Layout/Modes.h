// SPDX-License-Identifier: MIT
//
// Flat lists of modes, the working form of the algebra: a layout without its nesting.
#ifndef ENIGMA_LIB_LAYOUT_MODES_H
#define ENIGMA_LIB_LAYOUT_MODES_H

#include "enigma/Layout/Layout.h"

namespace enigma::layout {

struct Mode {
  Node shape, stride;
};
using Modes = InlineVector<Mode, 12>;

/// Appends the leaves of a layout.
void appendModes(Modes &out, LayoutView layout);
/// Merges neighbours and drops size-1 modes in place. With `keepLast` the last mode stays even if its size is
/// 1, so that positions past the end keep their value.
void coalesceModes(Modes &modes, bool keepLast);
/// LayoutError if an extent is negative, which only left inverses of negative strides have.
void needPositive(const char *op, LayoutView layout);
/// The layout of a list of modes: 1:0 if empty, a leaf if single, else a tuple.
Layout toLayout(const Modes &modes);
/// Appends the same as one mode of a layout under construction.
void pushModes(Layout &out, const Modes &modes);
/// Appends the mode composition(layout, (tile, rest)), where a tile that does not divide is legal: in a mode
/// of coalesce(layout) with extent 4, tiles of 3 give a rest of 2, and positions 4 and 5 of it lie past the
/// end. Every position within is met once.
void divideBy(Layout &out, LayoutView layout, LayoutView tileAndRest);

} // namespace enigma::layout

#endif
