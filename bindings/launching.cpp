// SPDX-License-Identifier: MIT
//
// See launching.h.
#include "launching.h"

#include "batch.h"
#include "value.h"

namespace enigma::bindings {

int64_t extent(const char *what, nb::handle number) {
  if (PyLong_Check(number.ptr()) && !PyBool_Check(number.ptr())) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    return overflow ? (overflow < 0 ? INT64_MIN : INT64_MAX) : value;
  }
  nb::object index = PyBool_Check(number.ptr()) || Py_TYPE(number.ptr()) == valueType
                         ? nb::object()
                         : nb::steal(PyNumber_Index(number.ptr())); // NumPy's integers
  if (!index) {
    PyErr_Clear();
    failArgumentType(std::string(what) + " needs integers, got " + typeName(number.ptr()),
                     {std::string("write ") + what + (what[0] == 'o' ? "=n * 4, in bytes" : "=(n, 1, 1)")});
  }
  return extent(what, index);
}

namespace {

// A tuple of a tuple, a list or a NumPy array of sizes; null for a number, and for what is neither.
nb::object sequenceOf(nb::handle object) {
  if (PyTuple_Check(object.ptr()))
    return nb::borrow(object);
  if (PyLong_Check(object.ptr()) || PyUnicode_Check(object.ptr()) || PyBytes_Check(object.ptr()) ||
      !PySequence_Check(object.ptr()))
    return {};
  nb::object items = nb::steal(PySequence_Tuple(object.ptr()));
  if (!items)
    PyErr_Clear(); // an array without dimensions is a number
  return items;
}

} // namespace

Size3 sizeFrom(const char *what, nb::handle object) {
  int64_t sizes[3] = {1, 1, 1};
  nb::object items = sequenceOf(object);
  if (items) {
    const auto n = static_cast<size_t>(PyTuple_Size(items.ptr()));
    if (n < 1 || n > 3)
      failLaunch(std::string(what) + " has 1 to 3 dimensions, got " + std::to_string(n),
                 {std::string("write ") + what + "=(x, y, z)"});
    for (size_t i = 0; i < n; ++i)
      sizes[i] = extent(what, PyTuple_GetItem(items.ptr(), i));
  } else {
    sizes[0] = extent(what, object);
  }
  return {sizes[0], sizes[1], sizes[2]};
}

Size3 launchSize(const char *what, const char *attribute, nb::handle given, nb::handle kernel) {
  if (const auto &steps = nb::inst_ptr<Kernel>(kernel)->steps; !steps.empty()) {
    Size3 own = what[0] == 'g' ? steps.back().grid : steps.back().threads;
    if (given.is_none())
      return own;
    Size3 size = sizeFrom(what, given);
    auto text = [](Size3 s) {
      return "(" + std::to_string(s.x) + ", " + std::to_string(s.y) + ", " + std::to_string(s.z) + ")";
    };
    if (size.x != own.x || size.y != own.y || size.z != own.z)
      failLaunch(nb::inst_ptr<Kernel>(kernel)->name + ": is compiled for " + what + "=" + text(own) +
                     ", got " + text(size),
                 {std::string("leave ") + what + " out, or compile the jit function for another launch"});
    return size;
  }
  if (!given.is_none())
    return sizeFrom(what, given);
  nb::object own = nb::getattr(kernel, attribute, nb::none());
  if (own.is_none())
    failLaunch(std::string(nb::inst_ptr<Kernel>(kernel)->name) + ": " + what + " is missing",
               {"write grid=(threads in all), threads=(threads per threadgroup)"});
  return sizeFrom(what, own);
}

namespace {
bool poll(void *) {
  nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals())
    throw nb::python_error();
  return false;
}
} // namespace

RunOptions optionsFrom(nb::handle timeout, bool timed) {
  RunOptions options;
  if (!timeout.is_none()) {
    options.timeout = PyFloat_AsDouble(timeout.ptr());
    if (PyErr_Occurred()) {
      PyErr_Clear();
      failArgumentType("timeout needs a number of seconds or None, got " + typeName(timeout.ptr()));
    }
    if (!(options.timeout > 0))
      failLaunch("timeout must be a positive number of seconds, got " +
                 std::string(nb::str(timeout).c_str()));
  }
  options.interrupt = poll;
  options.timed = timed;
  return options;
}

std::shared_ptr<runtime::Pipeline> pipelineOf(const Runtime &rt, const Kernel &kernel) {
  if (rt.isMetal) {
    if (kernel.metalDevice != rt.device) {
      std::shared_ptr<runtime::Pipeline> made;
      {
        nb::gil_scoped_release release;
        made = kernel.compiled->metalPipeline(*rt.device);
      }
      kernel.metalPipeline = std::move(made);
      kernel.metalDevice = rt.device;
    }
    return kernel.metalPipeline;
  }
  auto &pipeline = kernel.pipelines[rt.check];
  if (!pipeline) {
    std::shared_ptr<runtime::Pipeline> made;
    {
      nb::gil_scoped_release release;
      made = kernel.compiled->hostPipeline(*rt.device, rt.check);
    }
    pipeline = std::move(made);
  }
  return pipeline;
}

std::vector<Argument> sequenceArguments(const Runtime &rt, const Kernel &kernel,
                                        std::span<const Argument> bound) {
  std::vector<Argument> all(bound.begin(), bound.end());
  for (size_t i = 0; i < bound.size(); ++i)
    if (bound[i].bytes() < kernel.needed[i]) {
      unsigned size = ir::bytes(kernel.params()[i].type.elem);
      failLaunch(Subject{kernel, i}.str() + " has " + std::to_string(bound[i].bytes() / size) +
                     " elements, its tensor needs " + std::to_string(kernel.needed[i] / size),
                 {"pass an array as large as the layout that the kernel was compiled with"});
    }
  for (uint64_t bytes : kernel.scratch)
    all.push_back(Argument::of(rt.device->allocate(bytes)));
  return all;
}

std::span<const Argument> argumentsOf(const Kernel::Step &step, std::span<const Argument> all) {
  return all.first(step.kernel->params().size());
}

std::string parameterList(const Kernel &kernel) {
  std::string out = "(";
  for (const ir::Param &param : kernel.params())
    out += (out.size() > 1 ? ", " : "") + param.name;
  return out + ")";
}

nb::object sequence(const Kernel &kernel, const char *what, nb::handle object) {
  if (!PyTuple_Check(object.ptr()) && !PyList_Check(object.ptr()))
    failArgumentType(kernel.name + ": " + what + " must be a list, got " + typeName(object.ptr()),
                     {std::string("write ") + what + "=[...], one for each parameter"});
  return nb::steal(PySequence_Fast(object.ptr(), "needs a list"));
}

void refuseInBatch(const Runtime &rt, const Kernel &kernel, nb::handle args) {
  if (!isInBatch(*rt.device))
    return;
  for (size_t i = 0; i < length(args); ++i)
    if (kernel.params()[i].type.isBuffer() && !deviceArrayFrom(item(args, i)))
      failLaunch(Subject{kernel, i}.str() + " of a launch in a batch needs an array of the runtime, got " +
                     typeName(item(args, i).ptr()),
                 {"make it before the batch: rt.array(x)"});
}

void refuseInBatch(const Runtime &rt, const Kernel &kernel, const char *what) {
  if (isInBatch(*rt.device))
    failLaunch(kernel.name + ": " + what + " gives its result at once, which a batch does not have",
               {"use rt.launch on arrays of the runtime, or prepared.dispatch"});
}

uint64_t outputBytes(const Kernel &kernel, size_t param, nb::handle size) {
  const ir::Param &p = kernel.params()[param];
  std::string subject = Subject{kernel, param}.str();
  if (!p.written)
    failLaunch(subject + " is never written by the kernel, so it cannot be an output",
               {"inputs come first, in parameter order; outputs are what is left: " + parameterList(kernel)});
  int64_t bytes = extent("output_size", size);
  if (bytes < 0)
    failLaunch(subject + " needs an output_size in bytes, got " + std::to_string(bytes));
  if (bytes % p.type.bytes())
    failLaunch(subject + " holds " + p.type.element().str() + ", so output_size must be a multiple of " +
                   std::to_string(p.type.bytes()) + " bytes, got " + std::to_string(bytes),
               {"output_size counts bytes, not elements"});
  return bytes;
}

void checkCount(const Kernel &kernel, size_t inputs, size_t outputs) {
  size_t wanted = kernel.params().size();
  if (inputs + outputs == wanted)
    return;
  auto plural = [](size_t n, const char *word) {
    return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
  };
  std::string written;
  for (const ir::Param &param : kernel.params())
    if (param.written)
      written += (written.empty() ? "" : ", ") + param.name;
  failLaunch(kernel.name + ": has " + plural(wanted, "parameter") + " " + parameterList(kernel) + ", got " +
                 plural(inputs, "input") + " and " + plural(outputs, "output"),
             {"the kernel writes " + written + "; give one input for each parameter before the outputs"});
}

void copyOut(const void *data, uint64_t bytes, nb::handle target) {
  Py_buffer view;
  if (PyObject_GetBuffer(target.ptr(), &view, PyBUF_WRITABLE) != 0)
    throw nb::python_error();
  if (static_cast<uint64_t>(view.len) == bytes) {
    nb::gil_scoped_release release;
    std::memcpy(view.buf, data, bytes);
  }
  PyBuffer_Release(&view);
}

} // namespace enigma::bindings
