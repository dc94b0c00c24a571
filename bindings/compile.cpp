// SPDX-License-Identifier: MIT
//
// Runs a (rewritten) Python function on handles of its parameters, and compiles the trace. A KernelSpec holds
// what the annotations said, so that a compile that hits the cache costs little more than running the
// function.
#include "compile.h"

#include "enigma/IR/Constant.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

struct ParamSpec {
  std::string name;
  ir::Type type; ///< none for a Constexpr parameter
  SourceLoc loc;
};

struct KernelSpec {
  std::string name;
  SourceLoc loc;
  std::vector<ParamSpec> params;
};

// Each parameter is (name, kind, dtype or None, (line, column, end line, end column)).
void makeSpec(KernelSpec *self, std::string name, std::string file, nb::tuple range, nb::list params) {
  new (self) KernelSpec{std::move(name), locFrom(file, range), {}};
  for (nb::handle row : params) {
    std::string_view kind = utf8(nb::object(row[1]).ptr());
    ir::Type type;
    if (kind == "buffer")
      type = ir::Type::buffer(typeFrom("a parameter", row[2]));
    else if (kind == "scalar")
      type = typeFrom("a parameter", row[2]);
    self->params.push_back({nb::cast<std::string>(row[0]), type, locFrom(file, row[3])});
  }
}

// Arguments of the traced function: handles, and the Constexpr values in their places.
void trace(Trace &trace, const KernelSpec &spec, nb::handle function, nb::tuple constants) {
  trace.function.place = trace.places->add(spec.loc);
  std::vector<nb::object> held;
  std::vector<PyObject *> args;
  held.reserve(spec.params.size());
  size_t nextConstant = 0;
  // All parameters come before the first operation, so that their values are numbered from 1.
  for (const ParamSpec &param : spec.params)
    if (param.type.kind != ir::Type::Kind::none)
      trace.function.addParam({param.name, param.type, trace.places->add(param.loc)});
  size_t nextParam = 0;
  for (const ParamSpec &param : spec.params) {
    if (param.type.kind == ir::Type::Kind::none) {
      held.push_back(nb::borrow(constants[nextConstant++]));
    } else {
      ir::Value value = trace.function.paramValue(nextParam++);
      held.push_back(nb::steal(param.type.isBuffer() ? wrapBuffer(trace, value) : wrapValue(trace, value)));
    }
    args.push_back(held.back().ptr());
  }
  callKernel(trace, spec.loc, function, args, "Out[i] = value");
}

} // namespace

std::vector<ir::ConstantBinding> bindingsFrom(const std::string &kernel, const SourceLoc &place,
                                              std::span<const ir::FunctionConstant> declared,
                                              nb::handle given) {
  std::vector<ir::ConstantBinding> bound;
  const auto fail = [&](std::string message, std::vector<std::string> notes = {}) {
    throw Error(ErrorKind::Compile, "kernel " + kernel + ": " + std::move(message), place, std::move(notes));
  };
  if (!PyDict_Check(given.ptr()))
    failArgumentType("kernel " + kernel + ": function_constants must be a dict, got " + typeName(given.ptr()),
                     {"write function_constants={\"NAME\": number}"});
  nb::dict numbers = nb::borrow<nb::dict>(given);
  for (auto [key, number] : numbers) {
    const std::string shown = nb::cast<std::string>(nb::repr(key));
    const ir::FunctionConstant *found = nullptr;
    std::string known;
    const bool isNumber = PyLong_Check(key.ptr()) && !PyBool_Check(key.ptr());
    int overflow = 0;
    const long long index = isNumber ? PyLong_AsLongLongAndOverflow(key.ptr(), &overflow) : -1;
    for (const ir::FunctionConstant &c : declared) {
      const bool isIt =
          PyUnicode_Check(key.ptr()) ? utf8(key.ptr()) == c.name : !overflow && index == (long long)c.index;
      if (isIt)
        found = &c;
      known += (known.empty() ? "" : ", ") + c.name;
    }
    if (!found)
      fail("no function constant " + shown,
           {known.empty() ? "the kernel declares none" : "it declares " + known});
    auto literal = literalFrom(number.ptr());
    auto bits = literal ? ir::constantBits(found->elem, *literal) : std::nullopt;
    if (!bits)
      fail("function constant " + found->name + " is " + std::string(ir::name(found->elem)) + ", got " +
           (literal ? literal->str() : typeName(number.ptr())));
    for (const ir::ConstantBinding &other : bound)
      if (other.index == found->index)
        fail("function constant " + found->name + " is given twice, by its name and by its index");
    bound.push_back({found->index, *bits, true});
  }
  return bound;
}

namespace {

void compileKernel(Kernel *self, const KernelSpec &spec, nb::handle function, nb::tuple constants,
                   int vecWidth, bool contract, bool fastMath, int mslVersion, nb::handle numbers) {
  ir::Function traced(spec.name);
  {
    Trace current(spec.name);
    trace(current, spec, function, constants);
    traced = std::move(current.function);
  }
  std::vector<ir::ConstantBinding> bound;
  if (!numbers.is_none())
    bound = bindingsFrom(traced.name(), traced.locate(traced.place), traced.constants(), numbers);
  std::shared_ptr<const compile::CompiledKernel> compiled;
  {
    nb::gil_scoped_release release;
    compiled = compile::compile(std::move(traced), {.vecWidth = vecWidth,
                                                    .contract = contract,
                                                    .fastMath = fastMath,
                                                    .mslVersion = mslVersion,
                                                    .constants = std::move(bound)});
  }
  new (self) Kernel{std::move(compiled), spec.name};
}

// The kernel with numbers for the function constants that its text leaves open.
void specializeKernel(Kernel *self, const Kernel &from, nb::handle numbers) {
  const compile::CompiledKernel &kernel = *from.compiled;
  const auto bound = bindingsFrom(from.name, {}, kernel.declaredConstants(), numbers);
  new (self) Kernel{kernel.specialized(bound), from.name};
}

nb::list constantRows(const Kernel &kernel) {
  nb::list rows; // (name, type, index, whether it has a default)
  for (const ir::FunctionConstant &c : kernel.compiled->openConstants())
    rows.append(nb::make_tuple(c.name, dtypeObject(c.elem), c.index, c.hasDefault));
  return rows;
}

nb::dict openConstants(const Kernel &kernel) {
  nb::dict rows;
  for (const ir::FunctionConstant &c : kernel.compiled->openConstants())
    rows[c.name.c_str()] = dtypeObject(c.elem);
  return rows;
}

nb::list paramRows(const Kernel &kernel) {
  nb::list rows;
  for (const ir::Param &param : kernel.params())
    rows.append(nb::make_tuple(param.name, dtypeObject(param.type.element()), param.type.isBuffer(),
                               param.read, param.written));
  return rows;
}

PyObject *kernelType = nullptr;

} // namespace

Kernel *kernelFrom(const char *what, nb::handle object) {
  if (PyObject_TypeCheck(object.ptr(), reinterpret_cast<PyTypeObject *>(kernelType)))
    return nb::inst_ptr<Kernel>(object);
  std::string name = typeName(object.ptr());
  failArgumentType(std::string(what) + " needs a compiled kernel, got " + name,
                   {name == "enigma.decorators.KernelFunction" ? "compile it first: enigma.compile(kernel)"
                                                               : "enigma.compile(kernel) gives one"});
}

void bindCompile(nb::module_ &module) {
  nb::class_<KernelSpec>(module, "KernelSpec",
                         "Name, parameters and places of a kernel, from its annotations.")
      .def("__init__", makeSpec, nb::arg("name"), nb::arg("file"), nb::arg("range"), nb::arg("params"));

  auto type = nb::class_<Kernel>(module, "Kernel", "A compiled kernel: text and, on each device, code.");
  kernelType = type.ptr();
  type.def("__init__", compileKernel, nb::arg("spec"), nb::arg("function"), nb::arg("constants"),
           nb::arg("vec_width"), nb::arg("contract"), nb::arg("fast_math"), nb::arg("msl_version"),
           nb::arg("function_constants").none() = nb::none(),
           "Traces the function with the parameters of the specification, and compiles the trace.")
      .def("__init__", specializeKernel, nb::arg("kernel"), nb::arg("function_constants"),
           "The kernel with numbers for its function constants.")
      .def_prop_ro("name", [](const Kernel &k) { return k.name; })
      .def_prop_ro("_constant_rows", constantRows)
      .def_prop_ro("function_constants", openConstants,
                   "Name and type of each function constant that has no number yet.")
      .def_prop_ro("kernel_name", [](const Kernel &k) { return k.compiled->kernelName(); })
      .def_prop_ro("metal_source", [](const Kernel &k) { return k.compiled->metalSource(); })
      .def_prop_ro("msl_version", [](const Kernel &k) { return k.compiled->mslVersion(); })
      .def_prop_ro("mlir_source",
                   [](const Kernel &k) {
                     nb::gil_scoped_release release;
                     return k.compiled->mlirSource();
                   })
      .def_prop_ro("ir_source", [](const Kernel &k) { return k.compiled->irSource(); })
      .def_prop_ro("params", paramRows)
      .def_prop_ro("vec_width", [](const Kernel &k) { return k.compiled->vecWidth(); })
      .def_prop_ro("fast_math", [](const Kernel &k) { return k.compiled->options().fastMath; })
      .def_prop_ro("key", [](const Kernel &k) { return k.compiled->key().str(); });

  module.def(
      "is_tracing", [] { return currentTrace != nullptr; },
      "Whether a kernel is being traced on this thread.");
}

} // namespace enigma::bindings
