// SPDX-License-Identifier: MIT
//
// Pictures of layouts: as text, SVG and LaTeX.
//
//   draw(layout, {.format = Format::Text});                     // the grid of offsets, rows by the first
//   mode draw(layout, {.format = Format::Svg, .color = Color::Bank}) // coloured by memory bank, conflicts of
//   columns and rows counted draw(tv, {.tile = IntTuple{16, 64}})                        // a thread-value
//   layout: who owns each element of the tile
//
// Modes beyond the second are drawn along the columns. Lines between the outermost modes of a tiling are
// heavier.
#ifndef ENIGMA_LAYOUT_DRAW_H
#define ENIGMA_LAYOUT_DRAW_H

#include "enigma/Layout/LinearLayout.h"

#include <optional>

namespace enigma::layout {

enum class Format { Text, Svg, Latex };
/// Offset: by offset modulo 8; Bank: by memory bank; Thread: by thread (of a tile drawing); None: white.
enum class Color { Offset, Bank, Thread, None };

struct DrawOptions {
  Format format = Format::Text;
  Color color = Color::Offset;
  /// Shape of the tile: the layout is (thread, value) -> position in it, and each cell names its thread and
  /// value.
  std::optional<IntTuple> tile = std::nullopt;
  int elementBits = 32; ///< for banks
  Banks banks = {};
};

constexpr int64_t kMostCells = 4096; ///< more cells than a screen shows; larger layouts are refused

/// LayoutError for layouts of more than kMostCells cells and for integers known only at run time.
std::string draw(const AnyLayout &layout, const DrawOptions &options = {});
/// Can it be drawn? (What a notebook asks before.)
bool isDrawable(const AnyLayout &layout);

} // namespace enigma::layout

#endif
