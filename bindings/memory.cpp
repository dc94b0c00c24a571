// SPDX-License-Identifier: MIT
//
// Arrays that a kernel declares in Metal's address spaces, and barriers:
//
//     tile = enigma.threadgroup_alloc((32, 33), enigma.f32)
//     acc = enigma.register_tensor(8, enigma.f32)
//     table = enigma.constant_array([1, 2, 4, 8], enigma.u8)
//     enigma.barrier()
#include "enigma/IR/Constant.h"
#include "functions.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

using ir::MemFlags;
using ir::Opcode;

// An int, or a tuple or list of ints: sizes, the last dimension contiguous.
std::vector<int64_t> shapeFrom(const ir::Builder &builder, const std::string &what, nb::handle object) {
  std::vector<int64_t> shape;
  const auto add = [&](nb::handle size) {
    auto literal = literalFrom(size.ptr());
    if (!literal || literal->kind != ir::Literal::Kind::integer) {
      bool isTraced = Py_TYPE(size.ptr()) == valueType || Py_TYPE(size.ptr()) == gridPositionType;
      builder.fail(what + ": a size must be a Python int, got " +
                       (literal    ? literal->str()
                        : isTraced ? "a traced value"
                                   : typeName(size.ptr())),
                   {isTraced ? "sizes are fixed when the kernel is compiled; use a Constexpr parameter"
                             : "give the shape as an int or a tuple of ints"});
    }
    if (literal->negative || literal->magnitude == 0 || literal->magnitude > (uint64_t(1) << 31))
      builder.fail(what + ": a size must be 1 or more, got " + literal->str());
    shape.push_back(static_cast<int64_t>(literal->magnitude));
  };
  if (PyTuple_Check(object.ptr()) || PyList_Check(object.ptr())) {
    nb::object sizes = nb::steal(PySequence_Tuple(object.ptr()));
    for (Py_ssize_t i = 0; i < PyTuple_Size(sizes.ptr()); ++i)
      add(PyTuple_GetItem(sizes.ptr(), i));
    if (shape.empty())
      builder.fail(what + ": the shape () has no size", {"write 1 for a single element"});
  } else {
    add(object);
  }
  return shape;
}

uint64_t countOf(const std::vector<int64_t> &shape) {
  uint64_t count = 1;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(size), &count))
      return UINT64_MAX;
  return count;
}

nb::object threadgroupAlloc(nb::handle shape, nb::handle dtype) {
  Trace &trace = requireTrace("threadgroup_alloc");
  ir::Builder &builder = trace.at();
  ir::Type element = typeFrom("threadgroup_alloc", dtype);
  std::vector<int64_t> sizes = shapeFrom(builder, "threadgroup_alloc", shape);
  ir::Value array = builder.threadgroupAlloc(countOf(sizes), element);
  return nb::steal(wrapBuffer(trace, array, std::move(sizes)));
}

nb::object registerTensor(nb::handle shape, nb::handle dtype, nb::handle fill) {
  Trace &trace = requireTrace("register_tensor");
  ir::Builder &builder = trace.at();
  ir::Type element = typeFrom("register_tensor", dtype);
  std::vector<int64_t> sizes = shapeFrom(builder, "register_tensor", shape);
  ir::Value array =
      builder.registerAlloc(countOf(sizes), element, operandFrom(trace, "register_tensor", fill.ptr()));
  return nb::steal(wrapBuffer(trace, array, std::move(sizes)));
}

// Literals of a nested sequence in order, its shape, and whether there are numbers with a fraction.
struct Table {
  std::vector<ir::Literal> values;
  std::vector<int64_t> shape;
};

void collect(const ir::Builder &builder, nb::handle object, size_t depth, Table &table) {
  const bool isSequence = PyList_Check(object.ptr()) || PyTuple_Check(object.ptr());
  const bool isLeaf = depth == table.shape.size() && !table.values.empty();
  if (!isSequence) {
    auto literal = literalFrom(object.ptr());
    if (!literal)
      builder.fail("constant_array: needs numbers, got " + typeName(object.ptr()),
                   {"its elements are fixed when the kernel is compiled"});
    if (depth != table.shape.size())
      builder.fail("constant_array: the rows have different lengths");
    table.values.push_back(*literal);
    return;
  }
  nb::object row = nb::steal(PySequence_Tuple(object.ptr()));
  const Py_ssize_t size = PyTuple_Size(row.ptr());
  if (isLeaf)
    builder.fail("constant_array: the rows have different lengths");
  if (depth == table.shape.size())
    table.shape.push_back(size);
  else if (table.shape[depth] != size)
    builder.fail("constant_array: the rows have different lengths, " + std::to_string(table.shape[depth]) +
                 " and " + std::to_string(size));
  for (Py_ssize_t i = 0; i < size; ++i)
    collect(builder, nb::handle(PyTuple_GetItem(row.ptr(), i)), depth + 1, table);
}

ir::Elem elementFor(const Table &table) {
  bool real = false, boolean = true;
  for (const ir::Literal &value : table.values) {
    real |= value.kind == ir::Literal::Kind::real;
    boolean &= value.kind == ir::Literal::Kind::boolean;
  }
  return real ? ir::Elem::f32 : boolean ? ir::Elem::b1 : ir::Elem::i32;
}

nb::object constantArray(nb::handle values, nb::handle dtype) {
  Trace &trace = requireTrace("constant_array");
  ir::Builder &builder = trace.at();
  nb::object nested = nb::borrow(values);
  std::optional<ir::Elem> elem;
  int lanes = 1;
  if (!dtype.is_none()) {
    const ir::Type given = typeFrom("constant_array", dtype);
    elem = given.elem;
    lanes = given.lanes;
  }
  if (nb::hasattr(values, "dtype") && nb::hasattr(values, "tolist")) { // a NumPy array
    nb::object name = values.attr("dtype").attr("name");
    if (!elem && utf8(name.ptr()) == "bool")
      elem = ir::Elem::b1;
    if (!elem) {
      std::string type(utf8(name.ptr()));
      constexpr std::pair<std::string_view, ir::Elem> rows[] = {
          {"int8", ir::Elem::i8},     {"uint8", ir::Elem::u8},     {"int16", ir::Elem::i16},
          {"uint16", ir::Elem::u16},  {"int32", ir::Elem::i32},    {"uint32", ir::Elem::u32},
          {"int64", ir::Elem::i64},   {"uint64", ir::Elem::u64},   {"float16", ir::Elem::f16},
          {"float32", ir::Elem::f32}, {"bfloat16", ir::Elem::bf16}};
      for (const auto &[numpy, ours] : rows)
        if (type == numpy)
          elem = ours;
      if (!elem)
        builder.fail("constant_array: has no elements of NumPy's type " + type,
                     {"give the type: enigma.constant_array(values, enigma.f32)"});
    }
    nested = values.attr("tolist")();
  }
  Table table;
  collect(builder, nested, 0, table);
  if (table.shape.empty())
    builder.fail("constant_array: needs a list of numbers, got one number");
  ir::Elem type = elem ? *elem : elementFor(table);
  const ir::Type element = ir::Type::value(type, lanes);
  if (lanes > 1) {
    if (table.shape.size() < 2 || table.shape.back() != lanes)
      builder.fail("constant_array: needs rows of " + std::to_string(lanes) + " numbers for enigma." +
                       ir::pythonName(element) + ", got " +
                       (table.shape.size() < 2 ? std::string("a list of numbers")
                                               : "rows of " + std::to_string(table.shape.back())),
                   {"each vector is a row: [[1, 2], [3, 4]] are two of enigma.float2"});
    table.shape.pop_back();
  }
  std::vector<uint64_t> bits;
  for (const ir::Literal &value : table.values) {
    auto word = ir::constantBits(type, value);
    if (!word)
      builder.fail("constant_array: the number " + value.str() + " does not fit " +
                   std::string(ir::name(type)));
    bits.push_back(*word);
  }
  return nb::steal(
      wrapBuffer(trace, builder.constantArray(std::move(bits), element), std::move(table.shape)));
}

MemFlags flagsFrom(const ir::Builder &builder, const std::string &what, nb::handle flags) {
  if (flags.is_none())
    return MemFlags::automatic;
  auto literal = literalFrom(flags.ptr());
  if (literal && literal->kind == ir::Literal::Kind::integer && !literal->negative && literal->magnitude <= 3)
    return static_cast<MemFlags>(literal->magnitude);
  builder.fail(what + ": the flags are of enigma.mem_flags, got " +
                   (literal ? literal->str() : typeName(flags.ptr())),
               {"write enigma.mem_flags.mem_threadgroup, or mem_device, or both with |"});
}

template <Opcode op>
void barrier(const std::string &name, nb::handle flags) {
  Trace &trace = requireTrace(name);
  ir::Builder &builder = trace.at();
  builder.barrier(op, flagsFrom(builder, name, flags));
}

} // namespace

void bindMemory(nb::module_ &extension) {
  nb::module_ module = extension.attr("functions");
  using nb::arg;
  module.def("threadgroup_alloc", threadgroupAlloc, arg("shape"), arg("dtype"),
             "An array that the threads of a threadgroup share, 32 KB at most in all.\n\nshape: an int or a "
             "tuple of ints; tile[i, j] has the last dimension contiguous. What it holds at first is "
             "unspecified (on the host 0); put a barrier() between the writes of some threads and the "
             "reads of others.");
  module.def("register_tensor", registerTensor, arg("shape"), arg("dtype"), arg("fill") = 0,
             "An array of one thread, whose elements start as `fill`; in registers where it is indexed by "
             "Python ints. At most 4 KB.");
  module.def(
      "constant_array", constantArray, arg("values"), arg("dtype") = nb::none(),
      "An array of fixed numbers that all threads read: a list, nested for several dimensions, or a "
      "NumPy array. The type is that of the array, or i32, f32 or b1 after the numbers. Of vectors, such "
      "as enigma.float2, each is a row.");
  constexpr const char *groupDoc =
      "Waits until all threads of the threadgroup have come here, and lets them see what each has written."
      "\n\nflags: which memory, of enigma.mem_flags. Without them threadgroup memory, and device memory too "
      "where the kernel reads a parameter that it writes. All threads must come here: a barrier under a "
      "condition that differs between threads is an error.";
  constexpr const char *simdDoc =
      "The same for the 32 threads of a simdgroup: cheaper, and enough for what they exchange.";
  module.def(
      "barrier", [](nb::handle flags) { barrier<Opcode::threadgroup_barrier>("barrier", flags); },
      arg("flags") = nb::none(), groupDoc);
  module.def(
      "threadgroup_barrier",
      [](nb::handle flags) { barrier<Opcode::threadgroup_barrier>("threadgroup_barrier", flags); },
      arg("flags") = nb::none(), groupDoc);
  module.def(
      "simd_barrier", [](nb::handle flags) { barrier<Opcode::simdgroup_barrier>("simd_barrier", flags); },
      arg("flags") = nb::none(), simdDoc);
  module.def(
      "simdgroup_barrier",
      [](nb::handle flags) { barrier<Opcode::simdgroup_barrier>("simdgroup_barrier", flags); },
      arg("flags") = nb::none(), simdDoc);
}

} // namespace enigma::bindings
