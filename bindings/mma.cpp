// SPDX-License-Identifier: MIT
//
// Tiled MMA and tiled copy: which simdgroup, or thread, has which part of a tile, and the loads and stores of
// blocks as simdgroup matrices. What users call is python/enigma/mma.py.
#include "enigma/IR/Mma.h"

#include "layout_values.h"
#include "tensor.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

namespace enigma::bindings {
namespace {

using ir::MmaAtom;
using ir::MmaOperand;
using ir::Tensor;
using ir::TiledCopy;
using ir::TiledMma;

MmaOperand operandNamed(const std::string &name) {
  return name == "A" ? MmaOperand::a : name == "B" ? MmaOperand::b : MmaOperand::c;
}

// The number of this simdgroup, which is the same in all its lanes: a value of its own for layouts, and no
// digit of the thread's position.
nb::object simdgroup() {
  Trace &trace = requireTrace("get_slice");
  ir::Value value = trace.at().query(ir::Opcode::simdgroup_index_in_threadgroup);
  if (trace.launch.known()) {
    const auto &[x, y, z] = trace.launch.threads;
    int64_t count = (x * y * z + MmaAtom::lanes - 1) / MmaAtom::lanes;
    trace.tensors().space.setRange(value, {0, count - 1});
  }
  return nb::steal(wrapValue(trace, value));
}

bool isTraced(nb::handle index) { return Py_TYPE(index.ptr()) == valueType; }

layout::Node indexFrom(nb::handle index, const char *what) {
  layout::IntTuple tuple = tupleFrom(index, what);
  if (tuple.view().isTuple() || tuple.view().isNull())
    layout::fail(std::string(what) + " is one integer, got " + layout::print(tuple.view()));
  return tuple.view().leaf();
}

nb::object loadMatrices(const Tensor &tensor, bool swapped) {
  Trace &trace = requireTrace("copy");
  trace.at();
  ir::Value buffer = bufferOf(trace, tensor, "copy");
  return handles(trace, placed([&] { return trace.tensors().access.loadMatrices(tensor, buffer, swapped); }));
}

void storeMatrices(const Tensor &tensor, nb::handle values) {
  Trace &trace = requireTrace("copy");
  trace.at();
  ir::Value buffer = bufferOf(trace, tensor, "copy");
  std::vector<ir::Value> matrices = valuesFrom(trace, "copy", values);
  placed([&] { trace.tensors().access.storeMatrices(tensor, buffer, matrices); });
}

// Two pipelines on one memory, or one in a loop, wait for each other.
bool mustWait(const std::vector<Tensor> &tensors) {
  Trace &trace = requireTrace("pipeline");
  std::vector<const ir::Memory *> &staged = trace.tensors().staged;
  bool before = !trace.scopes.empty();
  for (const Tensor &tensor : tensors) {
    const ir::Memory *memory = tensor.memory().get();
    before |= std::find(staged.begin(), staged.end(), memory) != staged.end();
    staged.push_back(memory);
  }
  return before;
}

} // namespace

void bindMma(nb::module_ &module) {
  nb::class_<TiledMma>(module, "TiledMmaLayout",
                       "Which simdgroup multiplies what: what is in an enigma.TiledMma.")
      .def_static(
          "make",
          [](nb::handle factor, nb::handle sum, nb::handle atoms) {
            return placed([&] {
              MmaAtom atom = MmaAtom::make(elemFrom("MmaAtom", factor), elemFrom("MmaAtom", sum));
              return TiledMma::make(atom, layoutFrom(atoms, "the layout of atoms").view());
            });
          },
          nb::arg("factor"), nb::arg("sum"), nb::arg("atoms"))
      .def_prop_ro("simdgroups", &TiledMma::simdgroups)
      .def_prop_ro(
          "tile",
          [](const TiledMma &m) {
            auto [x, y, z] = m.tile();
            return nb::make_tuple(x, y, z);
          },
          nb::for_getter(nb::sig("def tile(self, /) -> tuple[int, int, int]")))
      .def(
          "layout_tv",
          [](const TiledMma &m, const std::string &operand) {
            return toPython(m.layoutTV(operandNamed(operand)));
          },
          nb::arg("operand"))
      .def(
          "partition",
          [](const TiledMma &m, const std::string &operand, const Tensor &tensor, nb::handle index) {
            return placed([&] {
              return m.partition(operandNamed(operand), tensor,
                                 indexFrom(index, "the number of the simdgroup"), isTraced(index));
            });
          },
          nb::arg("operand"), nb::arg("tensor"), nb::arg("simdgroup"));
  nb::class_<TiledCopy>(module, "TiledCopyLayout",
                        "Which thread copies what: what is in an enigma.TiledCopy.")
      .def_static(
          "make",
          [](nb::handle threads, nb::handle values) {
            return placed([&] {
              return TiledCopy::make(layoutFrom(threads, "the layout of threads").view(),
                                     layoutFrom(values, "the layout of values").view());
            });
          },
          nb::arg("threads"), nb::arg("values"))
      .def_prop_ro("threads", &TiledCopy::threads)
      .def_prop_ro("tiler", [](const TiledCopy &c) { return toPython(c.tiler()); })
      .def_prop_ro("layout_tv", [](const TiledCopy &c) { return toPython(layout::Layout(c.layoutTV())); })
      .def(
          "partition",
          [](const TiledCopy &c, const std::string &what, const Tensor &tensor, nb::handle index) {
            return placed([&] {
              return c.partition(what.c_str(), tensor, indexFrom(index, "the number of the thread"),
                                 isTraced(index));
            });
          },
          nb::arg("what"), nb::arg("tensor"), nb::arg("thread"));
  module.def(
      "check_mma_atom",
      [](nb::handle factor, nb::handle sum) {
        placed([&] { return MmaAtom::make(elemFrom("MmaAtom", factor), elemFrom("MmaAtom", sum)); });
      },
      nb::arg("factor"), nb::arg("sum"));
  module.def("mma_layout_tv", [] { return toPython(MmaAtom::layoutTV()); });
  module.def("mma_lane_tv", [] { return toPython(MmaAtom::laneTV()); });
  module.def(
      "mma_lanes",
      [](const Tensor &blocks, nb::handle lane) {
        return placed([&] { return ir::lanesOf(blocks, indexFrom(lane, "the number of the lane")); });
      },
      nb::arg("blocks"), nb::arg("lane"));
  module.def("mma_simdgroup", simdgroup, "The number of this simdgroup, for layouts.");
  module.def(
      "last_access",
      [] {
        Trace &trace = requireTrace("copy");
        const ir::AccessNote &note = trace.tensors().access.notes().back();
        return nb::make_tuple(note.widths, note.reason);
      },
      nb::sig("def last_access() -> tuple[list[int], str]"),
      "How wide the latest load or store of a tensor is, and why no wider.");
  module.def("must_wait", mustWait, nb::arg("tensors"),
             "Whether a pipeline that writes these tensors may follow one that reads them.");
  module.def("load_matrices", loadMatrices, nb::arg("tensor"), nb::arg("swapped"),
             nb::sig("def load_matrices(tensor: TensorView, swapped: bool) -> tuple[Value, ...]"));
  module.def("store_matrices", storeMatrices, nb::arg("tensor"), nb::arg("values"));
}

} // namespace enigma::bindings
