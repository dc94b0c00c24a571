// SPDX-License-Identifier: MIT
//
// See tensor.h. The algebra is ir::Tensor's; here objects are converted, errors get the user's line, and
// values the handles of the current trace.
#include "tensor.h"

#include "functions.h"
#include "layout_values.h"
#include "types.h"
#include "value.h"

#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

using ir::IndexSpace;
using ir::Tensor;

bool tracedInteger(PyObject *object, layout::Node &out) {
  PyTypeObject *type = Py_TYPE(object);
  if (type != valueType && type != gridPositionType)
    return false;
  Trace &trace = requireTrace("a coordinate");
  IndexSpace &space = trace.tensors().space;
  trace.at();
  ir::Operand operand = operandFrom(trace, "a coordinate", object);
  // Where nothing runs, any coordinate will do, and this one is inside.
  out = space.isDead() ? layout::intNode(0) : space.leaf(space.of(operand.value));
  return true;
}

PyObject *integerOf(layout::Node leaf) {
  Trace &trace = requireTrace("a traced integer");
  IndexSpace &space = trace.tensors().space;
  trace.at();
  return wrapValue(trace, space.emit(space.from(leaf)));
}

Tensor checkedTensor(std::shared_ptr<ir::Memory> memory) {
  if (memory->layout.swizzle())
    layout::fail(memory->name + ": a swizzle alone is no layout of a tensor",
                 {"compose it with a layout: enigma.composition(swizzle, layout)"});
  if (!isStatic(domainOf(memory->layout).view()))
    layout::fail(memory->name + ": a tensor's layout has constant extents and strides, got " +
                 print(memory->layout));
  if (const layout::Layout *plain = memory->layout.layout()) {
    int64_t low = 0;
    for (uint32_t i = 0; i < plain->nodeCount(); ++i) {
      const layout::Node &s = plain->shape().data()[i], &d = plain->stride().data()[i];
      if (s.isTuple())
        continue;
      if (!d.isInt())
        layout::fail(memory->name + ": a tensor's strides are integers, got " + print(*plain));
      if (d.value < 0)
        low = layout::addInt(low, layout::mulInt(s.value - 1, d.value));
    }
    if (layout::addInt(low, memory->baseOffset) < 0)
      layout::fail(memory->name + ": the layout reaches " + std::to_string(-(low + memory->baseOffset)) +
                       " elements before the start of the buffer",
                   {"give a base_offset of at least " + std::to_string(-low)});
  }
  return placed([&] { return Tensor::of(std::move(memory)); });
}

Tensor makeTensor(std::string name, int index, nb::handle dtype, nb::handle layout, int64_t baseOffset,
                  const std::string &kind) {
  auto memory = std::make_shared<ir::Memory>();
  memory->name = std::move(name);
  memory->bufferIndex = index;
  memory->elem = elemFrom("a tensor", dtype);
  memory->layout = anyFrom(layout, "the layout of a tensor");
  memory->baseOffset = baseOffset;
  memory->kind = kind == "buffer"    ? ir::Memory::Kind::buffer
                 : kind == "scratch" ? ir::Memory::Kind::scratch
                                     : ir::Memory::Kind::coordinates;
  return checkedTensor(std::move(memory));
}

// A tensor of a buffer or array of the kernel that is traced.
Tensor tensorOfBuffer(nb::handle buffer, nb::handle layout, int64_t baseOffset) {
  Trace &trace = requireTrace("make_tensor");
  trace.at();
  ir::Value value = bufferFrom(trace, "make_tensor", buffer.ptr());
  ir::Type type = trace.function.type(value);
  auto memory = std::make_shared<ir::Memory>();
  memory->name = std::string(trace.function.nameOf(value));
  if (memory->name.empty())
    memory->name = "the array";
  memory->elem = type.elem;
  memory->space = type.space;
  memory->kind = ir::Memory::Kind::array;
  memory->baseOffset = baseOffset;
  memory->layout = anyFrom(layout, "the layout of a tensor");
  Tensor tensor = checkedTensor(memory);
  const std::vector<int64_t> &shape =
      nb::inst_ptr<BufferHandle>(buffer)->shape; // of an array, none of a parameter
  int64_t count = 1;
  for (int64_t extent : shape)
    count = layout::mulInt(count, extent);
  int64_t needed =
      layout::staticInt(layout::IntTuple(cosize(memory->layout)), "the size of a layout") + baseOffset;
  if (!shape.empty() && needed > count)
    layout::fail("make_tensor: the layout reaches element " + std::to_string(needed - 1) + ", but " +
                     memory->name + " has " + std::to_string(count) + " elements",
                 {"allocate enigma.cosize(layout) elements"});
  trace.memories.emplace_back(std::move(memory), value);
  return tensor;
}

} // namespace

ir::Value bufferOf(Trace &trace, const Tensor &tensor, const char *what) {
  const ir::Memory &memory = *tensor.memory();
  if (memory.kind == ir::Memory::Kind::coordinates)
    trace.builder.fail(std::string(what) + ": an identity tensor has coordinates and no memory",
                       {"take a coordinate: tensor[i, j]"});
  std::vector<layout::Node> leaves = tensor.origin();
  leaves.push_back(tensor.offset());
  IndexSpace &space = trace.tensors().space;
  for (layout::Node leaf : leaves)
    for (ir::Value v : space.values(space.from(leaf)))
      if (v.id < trace.ended.size() && trace.ended[v.id])
        trace.builder.fail(std::string(what) + ": this part of the tensor " + memory.name +
                               " was cut by a value of a loop or branch that has ended",
                           {"take the part again where it is used, with a coordinate that is known there"});
  for (auto &[known, value] : trace.memories)
    if (known == tensor.memory()) {
      if (value.id < trace.ended.size() && trace.ended[value.id])
        trace.builder.fail(std::string(what) + ": the array " + memory.name +
                               " was declared in a loop or branch that has ended",
                           {"declare it before the loop or branch"});
      return value;
    }
  trace.builder.fail(std::string(what) + ": the tensor " + memory.name + " is not bound to this kernel",
                     {"pass it to the jit function: enigma.compile(function, " + memory.name + ", ...)"});
}

nb::object handles(Trace &trace, const std::vector<ir::Value> &values) {
  nb::object tuple = nb::steal(PyTuple_New(values.size()));
  for (size_t i = 0; i < values.size(); ++i)
    PyTuple_SetItem(tuple.ptr(), i, wrapValue(trace, values[i]));
  return tuple;
}

std::vector<ir::Value> valuesFrom(Trace &trace, const char *what, nb::handle tuple) {
  std::vector<ir::Value> out;
  for (nb::handle item : nb::borrow<nb::tuple>(tuple))
    out.push_back(operandFrom(trace, what, item.ptr()).value);
  return out;
}

namespace {

nb::object load(const Tensor &tensor, nb::handle outside) {
  Trace &trace = requireTrace("load");
  trace.at();
  ir::Value buffer = bufferOf(trace, tensor, "load");
  auto literal = literalFrom(outside.ptr());
  if (!literal)
    trace.builder.fail("load: the default is a number, got " + typeName(outside.ptr()));
  ir::Fragment f = placed([&] { return trace.tensors().access.load(tensor, buffer, *literal); });
  return nb::make_tuple(handles(trace, f.values),
                        nb::cast(Arrangement{std::move(f.slots), std::move(f.shape)}));
}

void store(const Tensor &tensor, nb::handle values, const Arrangement &arrangement) {
  Trace &trace = requireTrace("store");
  trace.at();
  ir::Value buffer = bufferOf(trace, tensor, "store");
  ir::Fragment f{valuesFrom(trace, "store", values), arrangement.slots, arrangement.shape};
  placed([&] { trace.tensors().access.store(tensor, buffer, f); });
}

void fill(const Tensor &tensor, nb::handle value) {
  Trace &trace = requireTrace("fill");
  trace.at();
  ir::Value buffer = bufferOf(trace, tensor, "fill");
  ir::Operand operand = operandFrom(trace, "fill", value.ptr());
  placed([&] { trace.tensors().access.fill(tensor, buffer, operand); });
}

// The coordinate of the first element in its memory: ints where they are constant, else traced.
nb::object coordinates(const Tensor &tensor) {
  const auto &leaves = tensor.origin();
  nb::object tuple = nb::steal(PyTuple_New(leaves.size()));
  for (size_t i = 0; i < leaves.size(); ++i)
    PyTuple_SetItem(tuple.ptr(), i, nb::object(toPython(leaves[i])).release().ptr());
  return tuple;
}

nb::object scalars(nb::handle values, const Arrangement &arrangement) {
  Trace &trace = requireTrace("a fragment");
  trace.at();
  ir::Fragment f{valuesFrom(trace, "a fragment", values), arrangement.slots, arrangement.shape};
  std::vector<ir::Value> out;
  for (size_t i = 0; i < f.slots.size(); ++i)
    out.push_back(trace.tensors().access.element(f, i));
  return handles(trace, out);
}

Arrangement scalarArrangement(nb::handle shape) {
  Arrangement out;
  out.shape = shapeFrom(shape, "a shape");
  int64_t n = layout::staticInt(layout::IntTuple(layout::product(out.shape)), "the size of a fragment");
  if (n < 1 || n > 4096)
    layout::fail("a fragment has 1 to 4096 elements, each in a register; got " + std::to_string(n));
  for (int64_t i = 0; i < n; ++i)
    out.slots.push_back({static_cast<uint16_t>(i), 0});
  return out;
}

// A number everywhere, arranged as the loads of so many contiguous elements are.
nb::object full(nb::handle shape, nb::handle number, nb::handle dtype) {
  Trace &trace = requireTrace("full");
  ir::Builder &builder = trace.at();
  auto literal = literalFrom(number.ptr());
  if (!literal)
    builder.fail("full: needs a number, got " + typeName(number.ptr()));
  const ir::Elem elem = elemFrom("full", dtype);
  Arrangement arrangement = scalarArrangement(shape);
  const size_t n = arrangement.slots.size();
  size_t width = elem == ir::Elem::b1 ? 1 : std::min(4, 16 / ir::bytes(elem));
  while (n % width)
    width /= 2;
  for (size_t i = 0; i < n; ++i)
    arrangement.slots[i] = {static_cast<uint16_t>(i / width), static_cast<uint16_t>(i % width)};
  std::vector<ir::Value> values(n / width,
                                builder.constant(*literal, ir::Type::value(elem, static_cast<int>(width))));
  return nb::make_tuple(handles(trace, values), nb::cast(std::move(arrangement)));
}

} // namespace

void bindTensor(nb::module_ &module) {
  setDynamicIntegers({tracedInteger, integerOf});

  nb::class_<Arrangement>(module, "Arrangement", "How the elements of a fragment lie in its values.")
      .def_static("scalars", scalarArrangement, nb::arg("shape"), "One value for each element.")
      .def_static(
          "lanes",
          [](uint16_t count) {
            Arrangement out;
            out.shape = layout::IntTuple(count);
            for (uint16_t i = 0; i < count; ++i)
              out.slots.push_back({0, i});
            return out;
          },
          nb::arg("count"), "The components of one value.")
      .def_prop_ro("shape", [](const Arrangement &a) { return toPython(a.shape); })
      .def_prop_ro("size", [](const Arrangement &a) { return a.slots.size(); })
      .def("__eq__",
           [](const Arrangement &a, nb::handle b) {
             return nb::isinstance<Arrangement>(b) && a == nb::cast<const Arrangement &>(b);
           })
      .def("__hash__", [](const Arrangement &a) { return a.slots.size(); });
  module.def(
      "set_fragment_type",
      [](nb::handle type) { fragmentType = reinterpret_cast<PyTypeObject *>(type.inc_ref().ptr()); },
      nb::arg("type"), "Says what type fragments have.");
  module.def(
      "fragment_full",
      [](nb::handle values, nb::handle number) {
        Trace &trace = requireTrace("full_like");
        ir::Builder &builder = trace.at();
        auto literal = literalFrom(number.ptr());
        if (!literal)
          builder.fail("full_like: needs a number, got " + typeName(number.ptr()));
        std::vector<ir::Value> out;
        for (ir::Value v : valuesFrom(trace, "full_like", values))
          out.push_back(builder.constant(*literal, trace.function.type(v)));
        return handles(trace, out);
      },
      nb::arg("values"), nb::arg("number"), "A number in place of every element.");
  module.def("fragment_of", full, nb::arg("shape"), nb::arg("number"), nb::arg("dtype"),
             "A number for every element of a shape: values and their arrangement.");
  module.def("fragment_scalars", scalars, nb::arg("values"), nb::arg("arrangement"),
             "Every element as a value.");

  nb::class_<Tensor>(module, "TensorView", "A memory and a layout: what is in an enigma.Tensor.")
      .def_static("make", makeTensor, nb::arg("name"), nb::arg("buffer_index"), nb::arg("dtype"),
                  nb::arg("layout"), nb::arg("base_offset"), nb::arg("kind"), "A tensor of a whole memory.")
      .def_static("of_buffer", tensorOfBuffer, nb::arg("buffer"), nb::arg("layout"), nb::arg("base_offset"),
                  "A tensor of a buffer or array of the kernel that is traced.")
      .def_prop_ro("name", [](const Tensor &t) { return t.memory()->name; })
      .def_prop_ro("buffer_index", [](const Tensor &t) { return t.memory()->bufferIndex; })
      .def_prop_ro("dtype", [](const Tensor &t) { return dtypeObject(t.memory()->elem); })
      .def_prop_ro("layout", [](const Tensor &t) { return toPython(layout::AnyLayout(t.layout())); })
      .def_prop_ro("shape", [](const Tensor &t) { return toPython(t.domain().shape()); })
      .def_prop_ro("offset",
                   [](const Tensor &t) {
                     return toPython(layout::add(t.offset(), layout::intNode(t.memory()->baseOffset)));
                   })
      .def_prop_ro("size", [](const Tensor &t) { return toPython(layout::size(t.domain().view())); })
      .def_prop_ro("kind",
                   [](const Tensor &t) {
                     using Kind = ir::Memory::Kind;
                     Kind kind = t.memory()->kind;
                     return kind == Kind::buffer    ? "buffer"
                            : kind == Kind::scratch ? "scratch"
                            : kind == Kind::array   ? "array"
                                                    : "coordinates";
                   })
      .def_prop_ro("extent",
                   [](const Tensor &t) {
                     // Elements of the memory that the whole tensor needs.
                     layout::IntTuple n(
                         layout::add(cosize(t.memory()->layout), layout::intNode(t.memory()->baseOffset)));
                     return toPython(n);
                   })
      .def(
          "same_memory", [](const Tensor &a, const Tensor &b) { return a.memory() == b.memory(); },
          nb::arg("other"))
      .def(
          "zipped_divide",
          [](const Tensor &t, nb::handle tiler) {
            return placed([&] { return t.zippedDivide(tilerFrom(tiler)); });
          },
          nb::arg("tiler").none())
      .def(
          "logical_divide",
          [](const Tensor &t, nb::handle tiler) {
            return placed([&] { return t.logicalDivide(tilerFrom(tiler)); });
          },
          nb::arg("tiler").none())
      .def(
          "composition",
          [](const Tensor &t, nb::handle by) { return placed([&] { return t.composition(tilerFrom(by)); }); },
          nb::arg("by").none())
      .def(
          "thread_value",
          [](const Tensor &t, nb::handle tv, nb::handle tiler) {
            return placed([&] {
              return t.threadValue(layoutFrom(tv, "a thread-value layout").view(), tilerFrom(tiler));
            });
          },
          nb::arg("tv"), nb::arg("tiler"))
      .def(
          "slice",
          [](const Tensor &t, nb::handle coord) {
            return placed([&] { return t.slice(tupleFrom(coord, "a coordinate")); });
          },
          nb::arg("coord").none())
      .def(
          "group",
          [](const Tensor &t, uint32_t begin, uint32_t end) {
            return placed([&] {
              return t.rearranged([&](const layout::Layout &l) { return layout::group(l, begin, end); });
            });
          },
          nb::arg("begin"), nb::arg("end"))
      .def("flatten",
           [](const Tensor &t) {
             return placed(
                 [&] { return t.rearranged([&](const layout::Layout &l) { return layout::flatten(l); }); });
           })
      .def(
          "mode",
          [](const Tensor &t, nb::handle path) {
            layout::IntTuple at = tupleFrom(path, "a mode");
            return placed([&] {
              return t.rearranged(
                  [&](const layout::Layout &l) { return layout::Layout(layout::getMode(l.view(), at)); });
            });
          },
          nb::arg("path"))
      .def("load", load, nb::arg("outside"))
      .def("store", store, nb::arg("values"), nb::arg("arrangement"))
      .def("fill", fill, nb::arg("value"))
      .def("coordinates", coordinates)
      .def("__repr__", &Tensor::str);
}

} // namespace enigma::bindings
