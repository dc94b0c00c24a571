// SPDX-License-Identifier: MIT
//
// Thread queries, one Python function for each query of the table:
//
//     thread_position_in_threadgroup("x")    a component
//     threads_per_threadgroup()              of a size, the product of the components
//     arch.thread_idx()                      all three, as (x, y, z)
#include "functions.h"
#include "value.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

using ir::Opcode;

// A position is a triple; a size has a product.
bool isSize(std::string_view name) { return name.find("_per_") != std::string_view::npos; }

int axisFrom(const ir::Builder &builder, const std::string &name, nb::handle component) {
  if (PyUnicode_Check(component.ptr())) {
    std::string_view text = utf8(component.ptr());
    if (text == "x" || text == "y" || text == "z")
      return text[0] - 'x';
    builder.fail(name + ": the component is \"x\", \"y\" or \"z\", got \"" + std::string(text) + "\"");
  }
  builder.fail(name + ": the component is \"x\", \"y\" or \"z\", got " + typeName(component.ptr()));
}

nb::object query(const ir::OpInfo &info, Opcode op, nb::handle component) {
  std::string name(info.name);
  Trace &trace = requireTrace(name);
  ir::Builder &builder = trace.at();
  if (!component.is_none())
    return nb::steal(wrapValue(trace, builder.query(op, axisFrom(builder, name, component))));
  if (!isSize(name))
    builder.fail(name + ": which component?",
                 {"write " + name + "(\"x\"); enigma.arch has functions that give all three"});
  ir::Value product = builder.query(op, 0);
  for (int axis = 1; axis < 3; ++axis)
    product = builder.binary(ir::Operator::mul, product, builder.query(op, axis));
  return nb::steal(wrapValue(trace, product));
}

nb::object triple(std::string_view name, Opcode op) {
  Trace &trace = requireTrace(name);
  ir::Builder &builder = trace.at();
  nb::object parts[3];
  for (int axis = 0; axis < 3; ++axis)
    parts[axis] = nb::steal(wrapValue(trace, builder.query(op, axis)));
  return nb::make_tuple(parts[0], parts[1], parts[2]);
}

} // namespace

void bindQueries(nb::module_ &extension) {
  nb::module_ module = extension.attr("functions");
  std::span<const ir::OpInfo> all = ir::allOps();
  for (size_t i = 0; i < all.size(); ++i) {
    const ir::OpInfo &info = all[i];
    auto op = static_cast<Opcode>(i);
    if (info.rule.kind != ir::Rule::Kind::query)
      continue;
    std::string name(info.name), doc = "The " + std::string(info.summary) + ", as u32.";
    if (info.hasAxis) {
      if (isSize(name))
        doc += "\n\nWithout a component it is the product of x, y and z.";
      if (op == Opcode::thread_position_in_grid)
        name += "_xyz"; // the bare name stands for x and is a value (value.cpp)
      module.def(
          name.c_str(), [&info, op](nb::handle component) { return query(info, op, component); },
          nb::arg("component") = nb::none(), doc.c_str());
    } else {
      module.def(
          name.c_str(),
          [&info, op] {
            Trace &trace = requireTrace(info.name);
            return nb::steal(wrapValue(trace, trace.at().query(op)));
          },
          doc.c_str());
    }
  }
  module.attr("thread_position_in_grid") = nb::cast(GridPosition{});
  nb::module_ arch =
      extension.def_submodule("arch", "Thread positions and sizes as (x, y, z), under the names of CuTe.");
  arch.def(
      "thread_idx", [] { return triple("thread_idx", Opcode::thread_position_in_threadgroup); },
      "Position of the thread in its threadgroup, (x, y, z).");
  arch.def(
      "block_idx", [] { return triple("block_idx", Opcode::threadgroup_position_in_grid); },
      "Position of the threadgroup in the grid, (x, y, z).");
  arch.def(
      "block_dim", [] { return triple("block_dim", Opcode::dispatch_threads_per_threadgroup); },
      "Threads per threadgroup as dispatched, (x, y, z); the same in a partial last one.");
  arch.def(
      "grid_dim", [] { return triple("grid_dim", Opcode::threadgroups_per_grid); },
      "Threadgroups in the grid, (x, y, z).");
}

} // namespace enigma::bindings
