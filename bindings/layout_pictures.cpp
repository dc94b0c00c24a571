// SPDX-License-Identifier: MIT
//
// Pictures of layouts, and linear layouts over F2, in Python.
#include "enigma/Layout/Draw.h"
#include "layout_values.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

DrawOptions optionsFrom(const std::string &format, const std::string &color, nb::handle tile,
                        int elementBits) {
  DrawOptions o;
  if (format == "svg")
    o.format = Format::Svg;
  else if (format == "latex")
    o.format = Format::Latex;
  else if (format != "text")
    throw nb::value_error("format must be 'text', 'svg' or 'latex'");
  if (color == "bank")
    o.color = Color::Bank;
  else if (color == "thread")
    o.color = Color::Thread;
  else if (color == "none")
    o.color = Color::None;
  else if (color != "offset")
    throw nb::value_error("color must be 'offset', 'bank', 'thread' or 'none'");
  if (!tile.is_none())
    o.tile = tupleFrom(tile, "a tile");
  o.elementBits = elementBits;
  return o;
}

std::string drawing(nb::handle layout, const std::string &format, const std::string &color, nb::handle tile,
                    int elementBits) {
  return draw(anyFrom(layout, "the layout"), optionsFrom(format, color, tile, elementBits));
}

template <class T>
void bindMethods(nb::module_ &m) {
  auto cls = nb::borrow<nb::class_<T>>(nb::type<T>());
  cls.def(
         "draw",
         [](nb::handle self, const std::string &format, const std::string &color, nb::handle tile, int bits) {
           return drawing(self, format, color, tile, bits);
         },
         "format"_a = "text", "color"_a = "offset", "tile"_a = nb::none(), "element_bits"_a = 32,
         nb::sig("def draw(self, format: str = \"text\", color: str = \"offset\", tile: object = None, "
                 "element_bits: int = 32) -> str"),
         "The same as draw(layout, ...).")
      .def(
          "_repr_svg_",
          [](const T &self) -> nb::object {
            AnyLayout any(self);
            return isDrawable(any) ? nb::object(nb::cast(draw(any, {.format = Format::Svg}))) : nb::none();
          },
          nb::sig("def _repr_svg_(self) -> str | None"),
          "The picture that notebooks show; None where it is too large.")
      .def(
          "_repr_html_",
          [](const T &self) -> nb::object {
            AnyLayout any(self);
            if (!isDrawable(any))
              return nb::none();
            return nb::cast("<div style=\"overflow:auto\">" + draw(any, {.format = Format::Svg}) + "</div>");
          },
          nb::sig("def _repr_html_(self) -> str | None"),
          "The picture that notebooks show; None where it is too large.");
  (void)m;
}

nb::object linearToLayout(const LinearLayout &l) {
  std::optional<AnyLayout> layout = l.toLayout();
  return layout ? toPython(std::move(*layout)) : nb::none();
}

} // namespace

void bindLayoutPictures(nb::module_ &m) {
  bindMethods<Layout>(m);
  bindMethods<ComposedLayout>(m);

  m.def("draw", drawing, "layout"_a, "format"_a = "text", "color"_a = "offset", "tile"_a = nb::none(),
        "element_bits"_a = 32,
        nb::sig("def draw(layout: Layout | ComposedLayout, format: str = \"text\", color: str = \"offset\", "
                "tile: object = None, element_bits: int = 32) -> str"),
        "A picture of a layout: the grid of its offsets, rows by the first mode, or of the owners of a "
        "tile.\n\n"
        "format: 'text', 'svg' or 'latex'. color: 'offset' (modulo 8), 'bank' (32 banks of 4 bytes; the "
        "conflicts of reading a "
        "row and a column are counted), 'thread', 'none'. tile: the shape that a (thread, value) layout "
        "covers; each cell "
        "then names its thread and value.\n\n"
        ">>> print(draw(Layout((2, 3), (3, 1))))\n"
        "(2,3):(3,1)\n      0   1   2\n    +---+---+---+\n 0  | 0 | 1 | 2 |\n    +---+---+---+\n 1  | 3 | 4 "
        "| 5 |\n    +---+---+---+");
  m.def(
      "to_latex",
      [](nb::handle layout, const std::string &color, nb::handle tile) {
        return drawing(layout, "latex", color, tile, 32);
      },
      "layout"_a, "color"_a = "offset", "tile"_a = nb::none(),
      nb::sig("def to_latex(layout: Layout | ComposedLayout, color: str = \"offset\", tile: object = None) "
              "-> str"),
      "The picture as a LaTeX document with TikZ.\n\n>>> to_latex(Layout((2, 3))).splitlines()[0]\n'% "
      "(2,3):(1,2)'");

  nb::class_<LinearLayout>(
      m, "LinearLayout", nb::is_final(),
      "A function on bits that is linear over xor, given by its outputs for single bits.\n\n"
      "Layouts of powers of two and swizzles are such functions; their compositions always exist, and "
      "those that keep inputs apart have inverses.\n\n"
      ">>> l = LinearLayout(Layout((4, 8), (8, 1)))\n>>> l\nLinearLayout([8, 16, 1, 2, 4])\n>>> l(5)\n9\n"
      ">>> l.inverse()(9)\n5\n>>> l.to_layout()\n(4,8):(8,1)")
      .def(
          "__init__",
          [](LinearLayout *self, nb::handle from) {
            if (isAnyLayout(from))
              new (self) LinearLayout(LinearLayout::of(anyFrom(from, "the layout")));
            else
              new (self) LinearLayout(nb::cast<std::vector<int64_t>>(from));
          },
          "bases"_a, nb::sig("def __init__(self, bases: object) -> None"))
      .def_prop_ro(
          "bases", [](const LinearLayout &l) { return nb::tuple(nb::cast(l.bases())); },
          nb::sig("def bases(self) -> tuple[int, ...]"), "The outputs of input bits 0, 1, 2, ...")
      .def_prop_ro("in_bits", &LinearLayout::inBits, "Number of input bits.")
      .def_prop_ro("out_bits", &LinearLayout::outBits, "One more than the highest output bit.")
      .def_prop_ro("rank", &LinearLayout::rank, "Number of independent outputs: 2**rank different ones.")
      .def_prop_ro("is_injective", &LinearLayout::isInjective, "Do different inputs have different outputs?")
      .def("__call__", &LinearLayout::operator(), "x"_a)
      .def(
          "compose", [](const LinearLayout &a, const LinearLayout &b) { return compose(a, b); }, "other"_a,
          "The linear layout of self(other(x)).")
      .def(
          "__matmul__", [](const LinearLayout &a, const LinearLayout &b) { return compose(a, b); }, "other"_a,
          "a @ b is a.compose(b).")
      .def(
          "inverse", [](const LinearLayout &l) { return invert(l); },
          "The linear layout with inverse(l(x)) == x; LayoutError where two inputs have one output.")
      .def("to_layout", linearToLayout, nb::sig("def to_layout(self) -> Layout | ComposedLayout | None"),
           "The same as a layout or a swizzled layout; None where neither is it.")
      .def("__repr__", [](const LinearLayout &l) { return print(l); })
      .def("__hash__", [](const LinearLayout &l) { return nb::hash(nb::tuple(nb::cast(l.bases()))); })
      .def(
          "__eq__",
          [](const LinearLayout &a, nb::handle b) -> nb::object {
            if (!nb::isinstance<LinearLayout>(b))
              return nb::borrow(nb::handle(Py_NotImplemented));
            return nb::bool_(a == *nb::inst_ptr<LinearLayout>(b));
          },
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def(
          "__reduce__",
          [](const LinearLayout &l) {
            return nb::make_tuple(nb::type<LinearLayout>(), nb::make_tuple(nb::cast(l.bases())));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));

  nb::class_<BankConflicts>(m, "BankConflicts", nb::is_final(),
                            "How an access to threadgroup memory is served.")
      .def_ro("transactions", &BankConflicts::transactions, "Rounds that the access takes.")
      .def_ro("ideal", &BankConflicts::ideal, "Rounds that it would take without conflicts.")
      .def_ro("worst", &BankConflicts::worst, "Most different words that one round asks of one bank.")
      .def("__repr__", [](const BankConflicts &c) {
        return "BankConflicts(transactions=" + std::to_string(c.transactions) +
               ", ideal=" + std::to_string(c.ideal) + ", worst=" + std::to_string(c.worst) + ")";
      });
  m.def(
      "bank_conflicts",
      [](nb::handle layout, int bits, int64_t lanes) {
        return bankConflicts(anyFrom(layout, "the layout"), bits, lanes);
      },
      "layout"_a, "element_bits"_a, "lanes"_a = 32,
      nb::sig("def bank_conflicts(layout: typing.Any, element_bits: int, lanes: int = 32) -> BankConflicts"),
      "How 32 banks of 4 bytes serve the lanes of a simdgroup that access layout(lane, value), one value "
      "after the other.\n\n"
      ">>> bank_conflicts(Layout(32, 32), 32)\nBankConflicts(transactions=32, ideal=1, worst=32)\n"
      ">>> bank_conflicts(swizzle(5, 0, 5, Layout(32, 32)), 32)\nBankConflicts(transactions=1, ideal=1, "
      "worst=1)");
  m.def(
      "best_swizzle",
      [](nb::handle store, nb::handle load, int bits) {
        return bestSwizzle(anyFrom(store, "the store layout"), anyFrom(load, "the load layout"), bits);
      },
      "store_layout"_a, "load_layout"_a, "element_bits"_a,
      nb::sig("def best_swizzle(store_layout: typing.Any, load_layout: typing.Any, element_bits: int) -> "
              "Swizzle"),
      "The swizzle with the fewest transactions for a buffer that is written through one (thread, value) "
      "layout and read through "
      "another.\n\n"
      ">>> row, column = Layout((32, 32), (1, 32)), Layout((32, 32), (32, 1))\n>>> best_swizzle(row, column, "
      "32)\nSw<5,0,5>");
}

} // namespace enigma::bindings
