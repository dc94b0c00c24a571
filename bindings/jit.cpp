// SPDX-License-Identifier: MIT
//
// The launches of a jit function: each traces its kernel at once, with the tensors as its buffers and the
// size of the launch known, and the kernels are compiled when the function is done.
#include "compile.h"
#include "tensor.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

/// A kernel that is traced for one launch.
struct TracedLaunch {
  std::string name; ///< of the kernel, as the user wrote it
  ir::Function function;
  ir::LaunchSize size;
  std::vector<ir::AccessNote> notes;
  std::vector<ir::Coverage> coverage;
};

void traceLaunch(TracedLaunch *self, std::string name, SourceLoc place, nb::handle function,
                 nb::tuple arguments, nb::list memories, std::array<int64_t, 3> grid,
                 std::array<int64_t, 3> threads) {
  Trace trace(name, {grid, threads});
  trace.function.place = trace.places->add(place);
  for (nb::handle object : memories) {
    const auto &tensor = nb::cast<const ir::Tensor &>(object);
    const ir::Memory &memory = *tensor.memory();
    ir::Value value =
        trace.function.addParam({memory.name, ir::Type::buffer(memory.elem), trace.function.place});
    trace.memories.emplace_back(tensor.memory(), value);
  }
  // A raw buffer parameter (A: enigma.f32) takes the buffer of a whole tensor.
  std::vector<nb::object> held;
  std::vector<PyObject *> args;
  for (nb::handle argument : arguments) {
    nb::object object = nb::borrow(argument);
    if (nb::isinstance<ir::Tensor>(argument))
      for (auto &[memory, value] : trace.memories)
        if (memory == nb::cast<const ir::Tensor &>(argument).memory())
          object = nb::steal(wrapBuffer(trace, value));
    held.push_back(object);
    args.push_back(held.back().ptr());
  }
  callKernel(trace, place, function, args, "tensor.store(fragment)");
  new (self) TracedLaunch{std::move(name), std::move(trace.function), trace.launch, {}, {}};
  if (trace.tensorState) {
    self->notes = trace.tensorState->access.notes();
    self->coverage = trace.tensorState->access.coverage();
  }
}

nb::object sizeTuple(const std::array<int64_t, 3> &s) { return nb::make_tuple(s[0], s[1], s[2]); }

} // namespace

void bindJit(nb::module_ &module) {
  nb::class_<TracedLaunch>(module, "TracedLaunch", "A kernel traced for one launch of a jit function.")
      .def(
          "__init__",
          [](TracedLaunch *self, std::string name, std::string file, nb::tuple range, nb::handle function,
             nb::tuple arguments, nb::list memories, std::array<int64_t, 3> grid,
             std::array<int64_t, 3> threads) {
            traceLaunch(self, std::move(name), locFrom(file, range), function, std::move(arguments),
                        std::move(memories), grid, threads);
          },
          nb::arg("name"), nb::arg("file"), nb::arg("range"), nb::arg("function"), nb::arg("arguments"),
          nb::arg("memories"), nb::arg("grid"), nb::arg("threads"))
      .def_prop_ro("name", [](const TracedLaunch &l) { return l.name; })
      .def_prop_ro("grid", [](const TracedLaunch &l) { return sizeTuple(l.size.grid); })
      .def_prop_ro("block", [](const TracedLaunch &l) { return sizeTuple(l.size.threads); })
      .def_prop_ro("accessed",
                   [](const TracedLaunch &l) {
                     nb::list rows; // (name, read, written)
                     for (const ir::Param &p : l.function.params())
                       rows.append(nb::make_tuple(p.name, p.read, p.written));
                     return rows;
                   })
      .def_prop_ro("function_constants",
                   [](const TracedLaunch &l) {
                     nb::list rows; // (name, index)
                     for (const ir::FunctionConstant &c : l.function.constants())
                       rows.append(nb::make_tuple(c.name, c.index));
                     return rows;
                   })
      .def_prop_ro("notes",
                   [](const TracedLaunch &l) {
                     nb::list rows;
                     for (const ir::AccessNote &n : l.notes) {
                       SourceLoc loc = l.function.locate(n.place);
                       nb::list widths;
                       for (int w : n.widths)
                         widths.append(w);
                       rows.append(nb::make_tuple(n.tensor, n.isStore, dtypeObject(n.elem), n.elements,
                                                  widths, n.masked, n.reason, loc.file, loc.line));
                     }
                     return rows;
                   })
      .def_prop_ro("coverage",
                   [](const TracedLaunch &l) {
                     nb::list rows;
                     for (const ir::Coverage &c : l.coverage) {
                       SourceLoc loc = l.function.locate(c.place);
                       rows.append(
                           nb::make_tuple(c.memory->name, c.needed, c.written, loc.file,
                                          nb::make_tuple(loc.line, loc.col, loc.endLine, loc.endCol)));
                     }
                     return rows;
                   })
      .def(
          "rename", [](TracedLaunch &l, std::string name) { l.function.rename(std::move(name)); },
          nb::arg("name"));

  nb::class_<Kernel> kernel = nb::borrow<nb::class_<Kernel>>(module.attr("Kernel"));
  kernel.def_prop_ro(
      "buffer_bytes",
      [](const Kernel &k) {
        std::vector<uint64_t> bytes = k.needed;
        bytes.insert(bytes.end(), k.scratch.begin(), k.scratch.end());
        return bytes;
      },
      "Of a jit function: bytes of each tensor, at least, and of each scratch memory after them.");
  kernel.def(
      "__init__",
      [](Kernel *self, const TracedLaunch &launch, bool contract, bool fastMath, int mslVersion,
         nb::handle numbers) {
        ir::Function function = launch.function;
        compile::Options options{0, contract, fastMath, mslVersion, launch.size.grid, launch.size.threads};
        if (!numbers.is_none())
          options.constants =
              bindingsFrom(function.name(), function.locate(function.place), function.constants(), numbers);
        std::shared_ptr<const compile::CompiledKernel> compiled;
        {
          nb::gil_scoped_release release;
          compiled = compile::compile(std::move(function), options);
        }
        std::string name = launch.function.name();
        new (self) Kernel{std::move(compiled), std::move(name)};
      },
      nb::arg("launch"), nb::arg("contract"), nb::arg("fast_math"), nb::arg("msl_version"),
      nb::arg("function_constants").none(), "Compiles one launch of a jit function.");
  kernel.def(
      "__init__",
      [](Kernel *self, std::string name, std::vector<Kernel *> launches, std::vector<TracedLaunch *> traced,
         nb::list memories) {
        Kernel made{launches.back()->compiled, std::move(name)};
        for (size_t i = 0; i < launches.size(); ++i) {
          auto size3 = [](const std::array<int64_t, 3> &s) { return runtime::Size3{s[0], s[1], s[2]}; };
          made.steps.push_back({std::make_shared<Kernel>(*launches[i]), size3(traced[i]->size.grid),
                                size3(traced[i]->size.threads)});
        }
        for (nb::handle object : memories) {
          const ir::Memory &memory = *nb::cast<const ir::Tensor &>(object).memory();
          layout::IntTuple extent(layout::add(cosize(memory.layout), layout::intNode(memory.baseOffset)));
          uint64_t bytes = layout::staticInt(extent, "the size of a tensor") * ir::bytes(memory.elem);
          if (memory.kind == ir::Memory::Kind::scratch) {
            made.scratch.push_back(bytes);
            continue;
          }
          ir::Param param{memory.name, ir::Type::buffer(memory.elem)};
          for (const Kernel::Step &step : made.steps)
            for (const ir::Param &used : step.kernel->compiled->params())
              if (used.name == memory.name) {
                param.read |= used.read;
                param.written |= used.written;
              }
          made.ownParams.push_back(std::move(param));
          made.needed.push_back(bytes);
        }
        new (self) Kernel(std::move(made));
      },
      nb::arg("name"), nb::arg("launches"), nb::arg("traced"), nb::arg("memories"),
      "Several launches in order, with the tensors that they take and the scratch memories after them.");
}

} // namespace enigma::bindings
