// SPDX-License-Identifier: MIT
//
// See runtime.h. Every call that may take long releases the GIL, and polls for signals, so that Ctrl-C stops
// a launch. Prepared launches are in prepared.cpp, arrays in arrays.cpp.
#include "runtime.h"

#include "enigma/Runtime/HostDevice.h"
#include "enigma/Runtime/MetalDevice.h"
#include "launching.h"

#include <nanobind/stl/string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace enigma::bindings {
namespace {

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
  bindPrepared(module);
}

} // namespace enigma::bindings
