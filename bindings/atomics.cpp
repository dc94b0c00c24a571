// SPDX-License-Identifier: MIT
//
// Atomic accesses, one Python function for each row of the table:
//
//     atomic_fetch_add(Out, i, 1)                                    the old value
//     atomic_compare_exchange_weak(Out, i, expected, desired)        (the old value, whether it was replaced)
#include "functions.h"
#include "value.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

using ir::Opcode;

// Below MSL 4.1 there is one order.
void checkOrder(const ir::Builder &builder, std::string_view name, const std::string &order) {
  if (order == "relaxed")
    return;
  builder.fail(
      std::string(name) + ": the order must be \"relaxed\", got \"" + order + "\"",
      {"Metal has no other below MSL 4.1; between the threads of a group a barrier orders accesses"});
}

nb::object run(Opcode op, nb::handle buffer, nb::handle index, std::initializer_list<nb::handle> values,
               const std::string &order) {
  const ir::OpInfo &info = ir::info(op);
  Trace &trace = requireTrace(info.name);
  ir::Builder &builder = trace.at();
  checkOrder(builder, info.name, order);
  std::vector<ir::Operand> operands;
  ir::Value target = bufferFrom(trace, info.name, buffer.ptr());
  ir::Operand at = operandFrom(trace, info.name, index.ptr());
  for (nb::handle value : values)
    operands.push_back(operandFrom(trace, info.name, value.ptr()));
  ir::Value first = builder.atomic(op, target, at, operands);
  if (info.rule.numResults == 0)
    return nb::none();
  nb::object old = nb::steal(wrapValue(trace, first));
  if (info.rule.numResults == 1)
    return old;
  return nb::make_tuple(old, nb::object(nb::steal(wrapValue(trace, {first.id + 1}))));
}

} // namespace

void bindAtomics(nb::module_ &extension) {
  nb::module_ module = extension.attr("functions");
  std::span<const ir::OpInfo> all = ir::allOps();
  using nb::arg;
  for (size_t i = 0; i < all.size(); ++i) {
    const ir::OpInfo &info = all[i];
    auto op = static_cast<Opcode>(i);
    if (info.rule.kind != ir::Rule::Kind::atomic)
      continue;
    std::string name(info.name), doc(info.summary);
    doc[0] = static_cast<char>(std::toupper(doc[0]));
    doc += ".\n\nbuffer: of " + std::string(info.typeWord) +
           ". index: an integer, counted in elements. order: \"relaxed\".\nMetal: " + name +
           "_explicit, specification 6.15.";
    if (op == Opcode::atomic_load)
      module.def(
          name.c_str(),
          [op](nb::handle b, nb::handle at, const std::string &order) { return run(op, b, at, {}, order); },
          arg("buffer"), arg("index"), nb::kw_only(), arg("order") = "relaxed", doc.c_str());
    else if (op == Opcode::atomic_compare_exchange_weak)
      module.def(
          name.c_str(),
          [op](nb::handle b, nb::handle at, nb::handle expected, nb::handle value, const std::string &order) {
            return run(op, b, at, {expected, value}, order);
          },
          arg("buffer"), arg("index"), arg("expected"), arg("value"), nb::kw_only(), arg("order") = "relaxed",
          doc.c_str());
    else
      module.def(
          name.c_str(),
          [op](nb::handle b, nb::handle at, nb::handle value, const std::string &order) {
            return run(op, b, at, {value}, order);
          },
          arg("buffer"), arg("index"), arg("value"), nb::kw_only(), arg("order") = "relaxed", doc.c_str());
  }
}

} // namespace enigma::bindings
