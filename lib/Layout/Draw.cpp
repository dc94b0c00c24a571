// SPDX-License-Identifier: MIT
//
// Drawing: a layout becomes a grid of labelled, coloured cells, and the grid is printed in one of three
// formats.
#include "enigma/Layout/Draw.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace enigma::layout {

namespace {

struct Cell {
  std::string label;
  int64_t color = -1; ///< index into the palette; -1 is white
};

struct Grid {
  std::string title;
  int64_t rows = 1, columns = 1;
  int64_t tileRows = 0, tileColumns = 0; ///< distance of the heavier lines, 0 without
  int64_t ramp = 0;        ///< number of colours of one ramp of hues; 0 for colours that are well apart
  std::vector<Cell> cells; ///< row by row
  std::vector<std::string> captions;
  Cell &at(int64_t i, int64_t j) { return cells[static_cast<size_t>(i * columns + j)]; }
  const Cell &at(int64_t i, int64_t j) const { return cells[static_cast<size_t>(i * columns + j)]; }
};

int64_t constantSize(LayoutView mode, const AnyLayout &whole) {
  Node n = size(mode);
  if (!n.isInt())
    fail("only constant layouts can be drawn, got " + print(whole));
  return n.value;
}

/// Extent of the first sub-mode, where a line is drawn.
int64_t tileExtent(LayoutView mode) {
  if (!mode.isTuple() || mode.rank() < 2)
    return 0;
  return size(mode[0]).value;
}

std::string plural(int64_t n, const char *what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

void addConflicts(Grid &grid, const AnyLayout &layout, const DrawOptions &options) {
  auto report = [&](const char *what, int64_t count, int64_t lanes, auto position) {
    int64_t worst = 0, ideal = 0;
    for (int64_t k = 0; k < count; ++k) {
      // One access: lanes along this row or column, as a layout of one mode over the evaluated offsets.
      std::vector<int64_t> load(static_cast<size_t>(options.banks.count), 0);
      std::vector<int64_t> words;
      for (int64_t lane = 0; lane < std::min<int64_t>(lanes, 32); ++lane) {
        int64_t bit = mulInt(evaluate(layout, position(k, lane)), options.elementBits);
        words.push_back(bit / (8 * options.banks.bytes));
      }
      std::sort(words.begin(), words.end());
      words.erase(std::unique(words.begin(), words.end()), words.end());
      int64_t most = 0;
      for (int64_t w : words)
        most = std::max(most, ++load[static_cast<size_t>(((w % options.banks.count) + options.banks.count) %
                                                         options.banks.count)]);
      worst = std::max(worst, most);
      ideal = std::max<int64_t>(ideal, (static_cast<int64_t>(words.size()) + options.banks.count - 1) /
                                           options.banks.count);
    }
    grid.captions.push_back(
        "reading a " + std::string(what) + " with " + plural(std::min<int64_t>(lanes, 32), "lane") + ": " +
        plural(worst, "transaction") +
        (worst > ideal ? " (" + std::to_string(ideal) + " without conflicts)" : ", no conflicts"));
  };
  int64_t rows = grid.rows;
  report("column", grid.columns, grid.rows, [&](int64_t j, int64_t i) { return i + rows * j; });
  report("row", grid.rows, grid.columns, [&](int64_t i, int64_t j) { return i + rows * j; });
}

Grid offsetGrid(const AnyLayout &layout, const DrawOptions &options) {
  LayoutView domain = domainOf(layout).view();
  Grid grid;
  grid.title = print(layout);
  grid.rows =
      domain.isTuple() && domain.rank() ? constantSize(domain[0], layout) : constantSize(domain, layout);
  int64_t all = constantSize(domain, layout);
  if (grid.rows < 1 || all < 1)
    fail("a layout of negative size can't be drawn, got " + print(layout));
  grid.columns = all / grid.rows;
  if (all > kMostCells)
    fail("a layout of " + std::to_string(all) + " elements has too many cells to draw (at most " +
             std::to_string(kMostCells) + ")",
         {"draw a tile of it, such as zipped_divide(layout, tile)[0]"});
  if (domain.isTuple() && domain.rank()) {
    grid.tileRows = tileExtent(domain[0]);
    if (domain.rank() == 2)
      grid.tileColumns = tileExtent(domain[1]);
    else if (domain.rank() > 2)
      grid.tileColumns = constantSize(domain[1], layout);
  }
  grid.cells.resize(static_cast<size_t>(all));
  bool plain = true;
  for (uint32_t i = 0; i < domain.span(); ++i)
    plain = plain && (domain.shape.nodes()[i].isTuple() || domain.stride.nodes()[i].isInt());
  int64_t wordBits = int64_t(options.banks.bytes) * 8;
  for (int64_t i = 0; i < grid.rows; ++i) {
    for (int64_t j = 0; j < grid.columns; ++j) {
      Cell &cell = grid.at(i, j);
      int64_t position = i + grid.rows * j;
      if (!plain) { // basis strides: offsets are coordinates
        cell.label = print(layout(IntTuple(position)).view());
        continue;
      }
      int64_t offset = evaluate(layout, position);
      cell.label = std::to_string(offset);
      if (options.color == Color::Offset)
        cell.color = ((offset % 8) + 8) % 8;
      else if (options.color == Color::Bank)
        cell.color =
            ((mulInt(offset, options.elementBits) / wordBits % options.banks.count) + options.banks.count) %
            options.banks.count;
      else if (options.color == Color::Thread)
        cell.color = i;
    }
  }
  if (options.color == Color::Bank)
    grid.ramp = options.banks.count;
  if (options.color == Color::Bank && plain)
    addConflicts(grid, layout, options);
  return grid;
}

Grid ownerGrid(const AnyLayout &layout, const DrawOptions &options) {
  const IntTuple &tile = *options.tile;
  LayoutView domain = domainOf(layout).view();
  if (!domain.isTuple() || domain.rank() != 2)
    fail("a tile is drawn from a layout (thread, value) -> position, got " + print(layout));
  int64_t threads = constantSize(domain[0], layout), values = constantSize(domain[1], layout);
  Grid grid;
  grid.title = print(layout) + " on " + print(tile.view());
  Node all = product(tile.view()),
       rows = tile.isTuple() && tile.rank() ? product(tile[0]) : product(tile.view());
  if (!all.isInt() || all.value < 1 || rows.value < 1 || all.value > kMostCells ||
      mulInt(threads, values) > 16 * kMostCells)
    fail("the tile " + print(tile.view()) + " has too many cells to draw (at most " +
         std::to_string(kMostCells) + ")");
  grid.rows = rows.value;
  grid.columns = all.value / rows.value;
  grid.cells.resize(static_cast<size_t>(all.value));
  for (int64_t v = 0; v < values; ++v) {
    for (int64_t t = 0; t < threads; ++t) {
      int64_t position = evaluate(layout, t + v * threads);
      if (position < 0 || position >= all.value)
        fail("thread " + std::to_string(t) + ", value " + std::to_string(v) + " lies at position " +
             std::to_string(position) + ", outside the tile " + print(tile.view()) + " of " +
             std::to_string(all.value));
      Cell &cell = grid.at(position % grid.rows, position / grid.rows);
      if (!cell.label.empty()) { // several owners: the first, and a mark
        if (cell.label.back() != '+')
          cell.label += '+';
        continue;
      }
      cell.label = "T" + std::to_string(t) + " V" + std::to_string(v);
      cell.color = options.color == Color::None ? -1 : t;
    }
  }
  return grid;
}

/// Light colours, well apart: eight for small indices, then hues by the golden angle. With a ramp, neighbours
/// are alike.
std::array<int, 3> palette(int64_t index, int64_t ramp) {
  static constexpr std::array<int, 3> first[8] = {{174, 199, 232}, {255, 214, 165}, {178, 223, 178},
                                                  {247, 182, 178}, {207, 190, 228}, {226, 207, 188},
                                                  {247, 202, 227}, {222, 222, 165}};
  if (index < 0)
    return {255, 255, 255};
  if (index < 8 && !ramp)
    return first[index];
  double hue = std::fmod(static_cast<double>(index) * 137.508, 360.0),
         light = 0.72 + 0.08 * static_cast<double>(index % 3);
  if (ramp) {
    hue = 330.0 * static_cast<double>(index) / static_cast<double>(ramp);
    light = 0.8;
  }
  double chroma = (1 - std::fabs(2 * light - 1)) * 0.65,
         x = chroma * (1 - std::fabs(std::fmod(hue / 60, 2) - 1));
  double m = light - chroma / 2, rgb[3] = {0, 0, 0};
  int sector = static_cast<int>(hue / 60) % 6;
  static constexpr int high[6] = {0, 1, 1, 2, 2, 0}, middle[6] = {1, 0, 2, 1, 0, 2};
  rgb[high[sector]] = chroma;
  rgb[middle[sector]] = x;
  return {static_cast<int>(255 * (rgb[0] + m)), static_cast<int>(255 * (rgb[1] + m)),
          static_cast<int>(255 * (rgb[2] + m))};
}

size_t widest(const Grid &grid) {
  size_t width = 1;
  for (const Cell &c : grid.cells)
    width = std::max(width, c.label.size());
  return width;
}

std::string padded(const std::string &text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string asText(const Grid &grid) {
  size_t width = std::max(widest(grid), std::to_string(grid.columns - 1).size());
  size_t margin = std::max<size_t>(2, std::to_string(grid.rows - 1).size());
  std::string line = std::string(margin + 2, ' ');
  for (int64_t j = 0; j < grid.columns; ++j)
    line += "+" + std::string(width + 2, '-');
  line += "+\n";
  std::string out = grid.title + "\n" + std::string(margin + 2, ' ');
  for (int64_t j = 0; j < grid.columns; ++j)
    out += "  " + padded(std::to_string(j), width) + " ";
  while (out.back() == ' ')
    out.pop_back();
  out += "\n";
  for (int64_t i = 0; i < grid.rows; ++i) {
    out += line + padded(std::to_string(i), margin) + "  ";
    for (int64_t j = 0; j < grid.columns; ++j)
      out += "| " + padded(grid.at(i, j).label, width) + " ";
    out += "|\n";
  }
  out += line;
  for (const std::string &caption : grid.captions)
    out += caption + "\n";
  out.pop_back();
  return out;
}

std::string hex(std::array<int, 3> rgb) {
  static const char *digits = "0123456789abcdef";
  std::string out = "#";
  for (int v : rgb) {
    out += digits[v >> 4 & 15];
    out += digits[v & 15];
  }
  return out;
}

std::string asSvg(const Grid &grid) {
  const int size = 11; // of the text, in pixels
  const int w = std::max(26, static_cast<int>(widest(grid)) * 7 + 10), h = 24, margin = 30,
            top = 44; // of cells and borders
  int width = std::max(margin + w * static_cast<int>(grid.columns) + 10,
                       static_cast<int>(grid.title.size()) * 8 + 20);
  for (const std::string &caption : grid.captions)
    width = std::max(width, static_cast<int>(caption.size()) * 7 + 20);
  int bottom = top + h * static_cast<int>(grid.rows);
  int height = bottom + 10 + 18 * static_cast<int>(grid.captions.size());
  auto num = [](int v) { return std::to_string(v); };
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + num(width) + "\" height=\"" +
                    num(height) + "\" viewBox=\"0 0 " + num(width) + " " + num(height) +
                    "\" font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"" + num(size) +
                    "\" text-anchor=\"middle\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text "
                    "x=\"10\" y=\"18\" "
                    "font-size=\"13\" text-anchor=\"start\">" +
                    grid.title + "</text>\n";
  std::string heads;
  for (int64_t j = 0; j < grid.columns; ++j)
    heads += "<text x=\"" + num(margin + w * static_cast<int>(j) + w / 2) + "\" y=\"" + num(top - 6) + "\">" +
             std::to_string(j) + "</text>";
  for (int64_t i = 0; i < grid.rows; ++i)
    heads += "<text x=\"" + num(margin - 12) + "\" y=\"" + num(top + h * static_cast<int>(i) + 16) + "\">" +
             std::to_string(i) + "</text>";
  out += "<g fill=\"#888\">" + heads + "</g>\n";
  std::string boxes, labels;
  for (int64_t i = 0; i < grid.rows; ++i) {
    for (int64_t j = 0; j < grid.columns; ++j) {
      int x = margin + w * static_cast<int>(j), y = top + h * static_cast<int>(i);
      const Cell &cell = grid.at(i, j);
      boxes += "<path fill=\"" + hex(palette(cell.color, grid.ramp)) + "\" d=\"M" + num(x) + " " + num(y) +
               "h" + num(w) + "v" + num(h) + "h-" + num(w) + "z\"/>";
      labels += "<text x=\"" + num(x + w / 2) + "\" y=\"" + num(y + 16) + "\">" + cell.label + "</text>";
    }
  }
  out += "<g stroke=\"#999\" stroke-width=\".5\">" + boxes + "</g>\n<g fill=\"#111\">" + labels + "</g>\n";
  std::string lines = "M" + num(margin) + " " + num(top) + "h" + num(w * static_cast<int>(grid.columns)) +
                      "v" + num(bottom - top) + "h-" + num(w * static_cast<int>(grid.columns)) + "z";
  for (int64_t i = grid.tileRows; grid.tileRows > 0 && i < grid.rows; i += grid.tileRows)
    lines += "M" + num(margin) + " " + num(top + h * static_cast<int>(i)) + "h" +
             num(w * static_cast<int>(grid.columns));
  for (int64_t j = grid.tileColumns; grid.tileColumns > 0 && j < grid.columns; j += grid.tileColumns)
    lines += "M" + num(margin + w * static_cast<int>(j)) + " " + num(top) + "v" + num(bottom - top);
  out += "<path fill=\"none\" stroke=\"#222\" stroke-width=\"1.6\" d=\"" + lines + "\"/>\n";
  for (size_t k = 0; k < grid.captions.size(); ++k)
    out += "<text x=\"10\" y=\"" + num(bottom + 20 + 18 * static_cast<int>(k)) + "\" text-anchor=\"start\">" +
           grid.captions[k] + "</text>\n";
  // `Sw<3,0,3>` is text, not a tag.
  size_t from = out.find("<text x=\"10\" y=\"18\""), at = out.find('>', from) + 1,
         end = at + grid.title.size();
  std::string title;
  for (char c : grid.title)
    title += c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  out.replace(at, end - at, title);
  return out + "</svg>\n";
}

std::string asLatex(const Grid &grid) {
  std::string title;
  for (char c : grid.title)
    title += c == '%' ? ' ' : c;
  std::string out = "% " + title +
                    "\n\\documentclass[tikz]{standalone}\n\\begin{document}\n"
                    "\\begin{tikzpicture}[x={(0cm,-1cm)},y={(1cm,0cm)},every node/.style={minimum "
                    "size=1cm,inner sep=0pt}]\n";
  for (int64_t i = 0; i < grid.rows; ++i) {
    for (int64_t j = 0; j < grid.columns; ++j) {
      const Cell &cell = grid.at(i, j);
      auto [r, g, b] = palette(cell.color, grid.ramp);
      out += "\\node[draw,fill={rgb,255:red," + std::to_string(r) + ";green," + std::to_string(g) + ";blue," +
             std::to_string(b) + "}] at (" + std::to_string(i) + "," + std::to_string(j) + ") {" +
             cell.label + "};\n";
    }
  }
  for (int64_t i = 0; i < grid.rows; ++i)
    out += "\\node at (" + std::to_string(i) + ",-1) {\\texttt{" + std::to_string(i) + "}};\n";
  for (int64_t j = 0; j < grid.columns; ++j)
    out += "\\node at (-1," + std::to_string(j) + ") {\\texttt{" + std::to_string(j) + "}};\n";
  return out + "\\end{tikzpicture}\n\\end{document}\n";
}

} // namespace

bool isDrawable(const AnyLayout &layout) {
  if (layout.swizzle())
    return false;
  const Layout &domain = domainOf(layout);
  if (!isStatic(domain.view()))
    return false;
  try {
    Node n = size(domain.view());
    return n.isInt() && n.value >= 1 && n.value <= kMostCells;
  } catch (const Error &) { // beyond 64 bits
    return false;
  }
}

std::string draw(const AnyLayout &layout, const DrawOptions &options) {
  if (options.elementBits < 1 || options.elementBits > 1024 || options.banks.count < 1 ||
      options.banks.bytes < 1)
    fail("element_bits must be from 1 to 1024, got " + std::to_string(options.elementBits));
  Grid grid = options.tile ? ownerGrid(layout, options) : offsetGrid(layout, options);
  switch (options.format) {
  case Format::Svg:
    return asSvg(grid);
  case Format::Latex:
    return asLatex(grid);
  default:
    return asText(grid);
  }
}

} // namespace enigma::layout
