// SPDX-License-Identifier: MIT
//
// Prepared launches: a kernel, or the launches of a jit function, with its arguments bound once.
#include "batch.h"
#include "launching.h"

namespace enigma::bindings {
namespace {

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

} // namespace

void bindPrepared(nb::module_ &module) {
  using nb::arg;
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
