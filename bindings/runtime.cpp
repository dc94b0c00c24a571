// SPDX-License-Identifier: MIT
//
// See runtime.h. Every call that may take long releases the GIL, and polls for signals, so that Ctrl-C stops
// a launch.
#include "runtime.h"

#include "arguments.h"
#include "batch.h"
#include "enigma/Runtime/HostDevice.h"
#include "enigma/Runtime/MetalDevice.h"
#include "sharing.h"
#include "value.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace enigma::bindings {
namespace {

using runtime::Argument;
using runtime::RunOptions;
using runtime::Size3;

[[noreturn]] void failLaunch(std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorKind::Launch, std::move(message), {}, std::move(notes));
}

//===-- Sizes and options
//-----------------------------------------------------------------------------------===//

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

Size3 sizeFrom(const char *what, nb::handle object) {
  int64_t sizes[3] = {1, 1, 1};
  bool isTuple = PyTuple_Check(object.ptr());
  if (isTuple || PyList_Check(object.ptr())) {
    size_t n = isTuple ? PyTuple_Size(object.ptr()) : PyList_Size(object.ptr());
    if (n < 1 || n > 3)
      failLaunch(std::string(what) + " has 1 to 3 dimensions, got " + std::to_string(n),
                 {std::string("write ") + what + "=(x, y, z)"});
    for (size_t i = 0; i < n; ++i)
      sizes[i] = extent(what, isTuple ? PyTuple_GetItem(object.ptr(), i) : PyList_GetItem(object.ptr(), i));
  } else {
    sizes[0] = extent(what, object);
  }
  return {sizes[0], sizes[1], sizes[2]};
}

// A size as it is given, or the one that the kernel was compiled with (a jit function's).
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

bool poll(void *) {
  nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals())
    throw nb::python_error();
  return false;
}

RunOptions optionsFrom(nb::handle timeout, bool timed = false) {
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

// The buffers of a sequence of launches: each as large as its tensor, and scratch memory after them.
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

void runSequence(const Runtime &rt, const Kernel &kernel, std::span<const Argument> bound, bool inBackground,
                 const RunOptions &options) {
  std::vector<std::shared_ptr<runtime::Pipeline>> pipelines;
  for (const Kernel::Step &step : kernel.steps)
    pipelines.push_back(pipelineOf(rt, *step.kernel));
  std::vector<Argument> all = sequenceArguments(rt, kernel, bound);
  nb::gil_scoped_release release;
  for (size_t i = 0; i < kernel.steps.size(); ++i) {
    const Kernel::Step &step = kernel.steps[i];
    if (inBackground)
      rt.device->stream().submit(std::move(pipelines[i]), argumentsOf(step, all), step.grid, step.threads,
                                 options);
    else
      rt.device->run(*pipelines[i], argumentsOf(step, all), step.grid, step.threads, options);
  }
}

std::string parameterList(const Kernel &kernel) {
  std::string out = "(";
  for (const ir::Param &param : kernel.params())
    out += (out.size() > 1 ? ", " : "") + param.name;
  return out + ")";
}

// A tuple or list of arguments, without a copy of it where it is one.
nb::object sequence(const Kernel &kernel, const char *what, nb::handle object) {
  if (!PyTuple_Check(object.ptr()) && !PyList_Check(object.ptr()))
    failArgumentType(kernel.name + ": " + what + " must be a list, got " + typeName(object.ptr()),
                     {std::string("write ") + what + "=[...], one for each parameter"});
  return nb::steal(PySequence_Fast(object.ptr(), "needs a list"));
}

size_t length(nb::handle sequence) { return PySequence_Size(sequence.ptr()); }
nb::object item(nb::handle sequence, size_t i) { return nb::steal(PySequence_GetItem(sequence.ptr(), i)); }

//===-- Launches
//--------------------------------------------------------------------------------------------===//

// A launch on arrays of the caller ends before the call does, which one in a batch does not.
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

void launch(Runtime &rt, nb::handle kernelObject, nb::handle argumentList, nb::handle grid,
            nb::handle threads, nb::handle timeout) {
  Kernel &kernel = *kernelFrom("launch", kernelObject);
  nb::object args = sequence(kernel, "args", argumentList);
  size_t wanted = kernel.params().size();
  if (length(args) != wanted)
    failLaunch(kernel.name + ": takes " + std::to_string(wanted) + " arguments " + parameterList(kernel) +
               ", got " + std::to_string(length(args)));
  Size3 g = launchSize("grid", "grid", grid, kernelObject),
        t = launchSize("threads", "block", threads, kernelObject);
  RunOptions options = optionsFrom(timeout);
  auto pipeline = kernel.steps.empty() ? pipelineOf(rt, kernel) : nullptr;
  Arguments bound(kernel);
  for (size_t i = 0; i < wanted; ++i)
    bound.add(item(args, i), true, *rt.device);
  if (!bound.inDeviceMemory())
    refuseInBatch(rt, kernel, args);
  if (!pipeline)
    return runSequence(rt, kernel, bound.span(), bound.inDeviceMemory(), options);
  nb::gil_scoped_release release;
  if (bound.inDeviceMemory())
    rt.device->stream().submit(std::move(pipeline), bound.span(), g, t, options);
  else
    rt.device->run(*pipeline, bound.span(), g, t, options);
}

nb::object newBytes(uint64_t size) {
  nb::object bytes = nb::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!bytes) {
    PyErr_Clear();
    throw Error(ErrorKind::Device, "cannot allocate " + std::to_string(size) + " bytes for an output");
  }
  char *data = PyBytes_AsString(bytes.ptr());
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t huge = 1 << 21; // fewer page faults: zeroing 64 MiB takes a third of the time
  uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + huge - 1) & ~(huge - 1),
            end = reinterpret_cast<uintptr_t>(data) + size;
  if (end > begin + huge)
    madvise(reinterpret_cast<void *>(begin), (end - begin) & ~(huge - 1), MADV_HUGEPAGE);
#endif
  nb::gil_scoped_release release;
  std::memset(data, 0, size);
  return bytes;
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

// Outputs are sizes in bytes, which become bytes objects, or writable arrays.
nb::list execute(Runtime &rt, nb::handle kernelObject, nb::handle inputList, nb::list outputs,
                 nb::handle grid, nb::handle threads, nb::handle timeout) {
  Kernel &kernel = *kernelFrom("execute", kernelObject);
  refuseInBatch(rt, kernel, "execute");
  nb::object inputs = sequence(kernel, "inputs", inputList);
  size_t numInputs = length(inputs), numOutputs = outputs.size();
  checkCount(kernel, numInputs, numOutputs);
  Size3 g = launchSize("grid", "grid", grid, kernelObject),
        t = launchSize("threads", "block", threads, kernelObject);
  RunOptions options = optionsFrom(timeout);
  auto pipeline = kernel.steps.empty() ? pipelineOf(rt, kernel) : nullptr;
  Arguments bound(kernel);
  for (size_t i = 0; i < numInputs; ++i)
    bound.add(item(inputs, i), false, *rt.device);
  nb::list results;
  for (size_t i = 0; i < numOutputs; ++i) {
    nb::object output = outputs[i];
    if (PyLong_Check(output.ptr()) || !PyObject_CheckBuffer(output.ptr())) {
      uint64_t bytes = outputBytes(kernel, numInputs + i, output);
      output = newBytes(bytes);
      bound.addMemory(PyBytes_AsString(output.ptr()), bytes);
    } else {
      bound.add(output, true, *rt.device);
    }
    results.append(output);
  }
  if (!pipeline) {
    runSequence(rt, kernel, bound.span(), false, options);
    return results;
  }
  nb::gil_scoped_release release;
  rt.device->run(*pipeline, bound.span(), g, t, options);
  return results;
}

//===-- Prepared launches
//-----------------------------------------------------------------------------------===//

// Buffers allocated and bound once. Scalars are bound by value, so writing one binds all again.
class Prepared {
public:
  Prepared(const Runtime &runtime, nb::handle kernelObject, nb::handle inputList, nb::list outputs)
      : rt(runtime), kernel(*kernelFrom("prepare", kernelObject)), kernelObject(nb::borrow(kernelObject)) {
    nb::object inputs = sequence(kernel, "inputs", inputList);
    numInputs = length(inputs);
    checkCount(kernel, numInputs, outputs.size());
    for (size_t i = 0; i < kernel.params().size(); ++i) {
      if (i < numInputs)
        bindInput(i, item(inputs, i), false);
      else
        args.push_back(Argument::of(rt.device->allocate(outputBytes(kernel, i, outputs[i - numInputs]))));
    }
    prepareAll();
  }

  void dispatch(nb::handle grid, nb::handle threads, nb::handle timeout) {
    run(grid, threads, timeout, false);
  }
  double dispatchTimed(nb::handle grid, nb::handle threads, nb::handle timeout) {
    return run(grid, threads, timeout, true);
  }

  void writeInput(int64_t index, nb::handle array) {
    live();
    if (index < 0 || static_cast<size_t>(index) >= numInputs)
      failLaunch(kernel.name + ": has inputs 0 to " + std::to_string(int64_t(numInputs) - 1) + ", got " +
                 std::to_string(index));
    bindInput(index, array, true);
  }

  uint64_t outputSize(int64_t index) { return output(index).bytes(); }
  nb::object readBytes(int64_t index) {
    Argument argument = finished(index);
    return nb::steal(PyBytes_FromStringAndSize(static_cast<char *>(argument.data()), argument.bytes()));
  }
  void readInto(int64_t index, nb::handle target) {
    Argument argument = finished(index); // its memory outlives a release() by another thread
    copyOut(argument.data(), argument.bytes(), target);
  }
  void release() {
    launches.reset();
    args.clear();
  }

  static void copyOut(const void *data, uint64_t bytes, nb::handle target) {
    Py_buffer view;
    if (PyObject_GetBuffer(target.ptr(), &view, PyBUF_WRITABLE) != 0)
      throw nb::python_error();
    if (static_cast<uint64_t>(view.len) == bytes) {
      nb::gil_scoped_release release;
      std::memcpy(view.buf, data, bytes);
    }
    PyBuffer_Release(&view);
  }

private:
  using Launches = std::vector<std::shared_ptr<runtime::PreparedLaunch>>;

  void prepareAll() {
    auto made = std::make_shared<Launches>();
    if (kernel.steps.empty())
      made->push_back(rt.device->prepare(pipelineOf(rt, kernel), args));
    std::vector<Argument> all;
    if (!kernel.steps.empty())
      all = sequenceArguments(rt, kernel, args);
    for (const Kernel::Step &step : kernel.steps) {
      std::span<const Argument> own = argumentsOf(step, all);
      made->push_back(rt.device->prepare(pipelineOf(rt, *step.kernel), own));
    }
    launches = std::move(made);
  }

  void live() const {
    if (!launches)
      failLaunch(kernel.name + ": the prepared kernel is released", {"prepare it again: rt.prepare(...)"});
  }

  double run(nb::handle grid, nb::handle threads, nb::handle timeout, bool timed) {
    live();
    Size3 g = launchSize("grid", "grid", grid, kernelObject),
          t = launchSize("threads", "block", threads, kernelObject);
    RunOptions options = optionsFrom(timeout, timed);
    if (timed)
      refuseInBatch(rt, kernel, "dispatch_timed");
    const bool isRecorded = isInBatch(*rt.device);
    std::shared_ptr<const Launches> running = launches; // another thread may release or rebind meanwhile
    double elapsed = 0;
    nb::gil_scoped_release release;
    for (size_t i = 0; i < running->size(); ++i) {
      if (!kernel.steps.empty()) {
        g = kernel.steps[i].grid;
        t = kernel.steps[i].threads;
      }
      if (isRecorded)
        (*running)[i]->submit(g, t, options);
      else
        elapsed += (*running)[i]->run(g, t, options);
    }
    return elapsed;
  }

  const Argument &output(int64_t index) const {
    live();
    if (index < 0 || numInputs + index >= args.size())
      failLaunch(kernel.name + ": has outputs 0 to " + std::to_string(int64_t(args.size() - numInputs) - 1) +
                 ", got " + std::to_string(index));
    return args[numInputs + index];
  }

  /// An output, after the launches of batches that use it.
  Argument finished(int64_t index) const {
    Argument argument = output(index);
    waitFor(argument);
    return argument;
  }
  static void waitFor(const Argument &argument) {
    RunOptions options = optionsFrom(nb::none());
    nb::gil_scoped_release release;
    argument.buffer()->wait(options);
  }

  void bindInput(size_t index, nb::handle object, bool again) {
    const ir::Param &param = kernel.params()[index];
    Subject subject{kernel, index};
    if (!param.type.isBuffer()) {
      Argument scalar = scalarArgument(object, param.type, subject);
      if (!again)
        return args.push_back(scalar);
      args[index] = scalar;
      return prepareAll();
    }
    auto store = [&](const void *data, uint64_t bytes) {
      if (!again)
        args.push_back(Argument::of(rt.device->allocate(bytes)));
      else if (bytes != args[index].bytes())
        failLaunch(subject.str() + " was prepared with " + std::to_string(args[index].bytes()) +
                   " bytes, got " + std::to_string(bytes));
      else
        waitFor(Argument(args[index]));
      std::memcpy(args[index].data(), data, bytes);
    };
    if (DeviceArray *array = deviceArrayFrom(object)) {
      if (array->elem != param.type.elem)
        failArgumentType(subject.str() + " needs an array of " + std::string(ir::name(param.type.elem)) +
                         ", got " + std::string(ir::name(array->elem)));
      checkVectors(param.type.element(), array->buffer->bytes(),
                   array->shape.empty() ? 0 : array->shape.back(), subject);
      std::shared_ptr<runtime::Buffer> buffer = array->buffer;
      {
        nb::gil_scoped_release release;
        buffer->wait();
      }
      if (again)
        live();
      return store(buffer->data(), buffer->bytes());
    }
    ArrayView view;
    view.open(object, param.type.element(), false, subject);
    store(view.data(), view.bytes());
  }

  Runtime rt;
  Kernel kernel;
  nb::object kernelObject;
  size_t numInputs = 0;
  std::vector<Argument> args;
  std::shared_ptr<const Launches> launches;
};

//===-- Arrays
//----------------------------------------------------------------------------------------------===//

void makeArray(DeviceArray *self, const Runtime &rt, std::vector<int64_t> shape, nb::handle dtype) {
  ir::Elem elem = elemFrom("an array", dtype);
  uint64_t bytes = ir::bytes(elem);
  for (int64_t extent : shape) {
    if (extent < 0)
      failLaunch("an array cannot have a negative extent, got " + std::to_string(extent));
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes))
      failLaunch("the array is larger than any memory");
  }
  new (self) DeviceArray{rt.device->allocate(bytes), elem, std::move(shape), rt.device.get()};
}

void waitFor(const DeviceArray &array) {
  RunOptions options = optionsFrom(nb::none());
  nb::gil_scoped_release release;
  array.buffer->wait(options);
}

void arrayRead(const DeviceArray &array, nb::handle target) {
  waitFor(array);
  Prepared::copyOut(array.buffer->data(), array.buffer->bytes(), target);
}

void arrayWrite(DeviceArray &array, nb::handle source) {
  Py_buffer view;
  if (PyObject_GetBuffer(source.ptr(), &view, PyBUF_SIMPLE) != 0)
    throw nb::python_error();
  try {
    waitFor(array);
  } catch (...) {
    PyBuffer_Release(&view);
    throw;
  }
  if (static_cast<uint64_t>(view.len) == array.buffer->bytes())
    std::memcpy(array.buffer->data(), view.buf, view.len);
  PyBuffer_Release(&view);
}

nb::object arrayDlpack(nb::pointer_and_handle<DeviceArray> self, nb::kwargs) {
  DeviceArray &array = *self.p;
  waitFor(array);
  using nb::dlpack::dtype_code;
  ir::Elem e = array.elem;
  dtype_code code = e == ir::Elem::b1     ? dtype_code::Bool
                    : e == ir::Elem::bf16 ? dtype_code::Bfloat
                    : ir::isFloat(e)      ? dtype_code::Float
                    : ir::isSigned(e)     ? dtype_code::Int
                                          : dtype_code::UInt;
  nb::dlpack::dtype dtype{static_cast<uint8_t>(code), static_cast<uint8_t>(8 * ir::bytes(e)), 1};
  std::vector<size_t> shape(array.shape.begin(), array.shape.end());
  nb::ndarray<> view(array.buffer->data(), shape.size(), shape.data(), self.h, nullptr, dtype,
                     nb::device::cpu::value, 0);
  return nb::cast(view, nb::rv_policy::reference);
}

void bindArrays(nb::module_ &module) {
  auto type = nb::class_<DeviceArray>(module, "DeviceArray", "An array in a device's memory.");
  deviceArrayType = reinterpret_cast<PyTypeObject *>(type.ptr());
  type.def("__init__", makeArray, nb::arg("runtime"), nb::arg("shape"), nb::arg("dtype"))
      .def("__init__", shareArray, nb::arg("runtime"), nb::arg("source").none())
      .def_prop_ro(
          "shape", [](const DeviceArray &a) { return nb::tuple(nb::cast(a.shape)); },
          "Elements in each dimension.")
      .def_prop_ro(
          "dtype", [](const DeviceArray &a) { return dtypeObject(a.elem); },
          "The element type, such as enigma.f32.")
      .def_prop_ro(
          "nbytes", [](const DeviceArray &a) { return a.buffer->bytes(); }, "Bytes of memory.")
      .def("wait", waitFor, "Waits for every launch that uses the array.")
      .def("_read_into", arrayRead, nb::arg("target"))
      .def("_write_from", arrayWrite, nb::arg("source"))
      .def("__dlpack__", arrayDlpack)
      .def("__dlpack_device__",
           [](const DeviceArray &) { return nb::make_tuple(nb::device::cpu::value, 0); });
}

void bindCapabilities(nb::module_ &module) {
  using C = runtime::Capabilities;
  nb::class_<C>(module, "DeviceCapabilities", "What a device can do. Sizes in bytes.")
      .def_ro("name", &C::name, "The GPU, or the CPU's model.")
      .def_ro("backend", &C::backend, "\"host\" or \"metal\".")
      .def_ro("max_threads_per_threadgroup", &C::maxThreadsPerThreadgroup, "Largest x * y * z of threads.")
      .def_ro("simdgroup_size", &C::simdgroupSize, "Threads of a simdgroup.")
      .def_ro("max_threadgroup_memory", &C::maxThreadgroupMemory,
              "Threadgroup memory of one threadgroup, in bytes.")
      .def_ro("max_buffers", &C::maxBuffers, "Parameters of one kernel.")
      .def_ro("max_buffer_length", &C::maxBufferLength, "Largest buffer, in bytes.")
      .def_ro("total_memory", &C::totalMemory, "Memory of the device, in bytes.")
      .def_ro("compute_units", &C::computeUnits, "CPU threads, or GPU cores where known.")
      .def_ro("has_unified_memory", &C::hasUnifiedMemory, "Whether CPU and device share memory.")
      .def("__repr__", [](const C &c) {
        return "<" + c.backend + " device " + c.name + ": " + std::to_string(c.computeUnits) +
               " compute units, threadgroups of up to " + std::to_string(c.maxThreadsPerThreadgroup) +
               " threads, simdgroups of " + std::to_string(c.simdgroupSize) + ">";
      });
}

} // namespace

void bindRuntime(nb::module_ &module) {
  using nb::arg;
  bindCapabilities(module);
  bindArrays(module);
  nb::class_<Runtime>(module, "Runtime", "A device that runs compiled kernels.")
      .def(
          "__init__", [](Runtime *self, bool check) { new (self) Runtime{runtime::hostDevice(), check}; },
          arg("check"))
      .def(
          "__init__",
          [](Runtime *self, const std::string &metalDevice) {
            std::shared_ptr<runtime::Device> device;
            {
              nb::gil_scoped_release release;
              device = runtime::metalDevice(metalDevice);
            }
            new (self) Runtime{std::move(device), false, true};
          },
          arg("metal_device"))
      .def("launch", launch, arg("compiled").none(), arg("args").none(), arg("grid").none() = nb::none(),
           arg("threads").none() = nb::none(), arg("timeout").none() = nb::none(),
           "Runs a compiled kernel on one array per parameter, in place.\n\n"
           "args: in parameter order, arrays (NumPy, or anything with the buffer protocol or DLPack, "
           "C-contiguous, of the parameter's\n"
           "type) without a copy, or arrays of this runtime; numbers for scalars.\n"
           "grid: threads in all, an int or (x, y, z). threads: threads per threadgroup, likewise.\n"
           "timeout: seconds after which the launch is stopped with an error.\n\n"
           "With arrays of the runtime alone the launch runs in the background, in order; synchronize() "
           "waits.")
      .def("_execute", execute, arg("compiled").none(), arg("inputs").none(), arg("outputs"),
           arg("grid").none(), arg("threads").none(), arg("timeout").none())
      .def(
          "synchronize",
          [](Runtime &rt, nb::handle timeout) {
            RunOptions options = optionsFrom(timeout);
            nb::gil_scoped_release release;
            rt.device->stream().synchronize(options);
          },
          arg("timeout").none() = nb::none(),
          "Waits for all launches in the background; raises the first error among them.")
      .def(
          "device_capabilities", [](const Runtime &rt) { return rt.device->capabilities(); },
          "What the device can do.");
  nb::class_<Prepared>(module, "Prepared", "A compiled kernel with its arguments bound once.")
      .def(nb::init<const Runtime &, nb::handle, nb::handle, nb::list>(), arg("runtime"),
           arg("compiled").none(), arg("inputs").none(), arg("outputs"))
      .def("dispatch", &Prepared::dispatch, arg("grid").none() = nb::none(),
           arg("threads").none() = nb::none(), arg("timeout").none() = nb::none(),
           "Runs the kernel and waits. grid: threads in all; threads: per threadgroup; timeout in seconds.")
      .def("dispatch_timed", &Prepared::dispatchTimed, arg("grid").none() = nb::none(),
           arg("threads").none() = nb::none(), arg("timeout").none() = nb::none(),
           "Runs the kernel and gives the time it took on the device, in milliseconds.")
      .def("write_input", &Prepared::writeInput, arg("index"), arg("array").none(),
           "Copies an array of the same size, or a number for a scalar, into input `index`.")
      .def("release", &Prepared::release, "Frees the buffers; the prepared kernel cannot be used after it.")
      .def("_output_size", &Prepared::outputSize, arg("index"))
      .def("_read_bytes", &Prepared::readBytes, arg("index"))
      .def("_read_into", &Prepared::readInto, arg("index"), arg("target"));
}

} // namespace enigma::bindings
