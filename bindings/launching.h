// SPDX-License-Identifier: MIT
//
// What launches, prepared launches and arrays have in common: sizes and options from Python, checks, the
// pipelines of a kernel, the buffers of a sequence of launches.
//
//   Size3 g = launchSize("grid", "grid", grid, kernel);
//   auto pipeline = pipelineOf(rt, kernel);
//   rt.device->run(*pipeline, bound.span(), g, t, optionsFrom(timeout));
#pragma once

#include "arguments.h"
#include "runtime.h"

namespace enigma::bindings {

using runtime::Argument;
using runtime::RunOptions;
using runtime::Size3;

[[noreturn]] inline void failLaunch(std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorKind::Launch, std::move(message), {}, std::move(notes));
}

/// An integer, NumPy's too; one that no size can be arrives as it is, or as the nearest int64.
int64_t extent(const char *what, nb::handle number);
/// One to three integers.
Size3 sizeFrom(const char *what, nb::handle object);
/// A size as it is given, or the one that the kernel was compiled with (a jit function's).
Size3 launchSize(const char *what, const char *attribute, nb::handle given, nb::handle kernel);
/// Polls for signals, so that Ctrl-C stops a launch.
RunOptions optionsFrom(nb::handle timeout, bool timed = false);

/// The kernel on the runtime's device, compiled at the first call. Releases the GIL meanwhile.
std::shared_ptr<runtime::Pipeline> pipelineOf(const Runtime &rt, const Kernel &kernel);
/// The buffers of a sequence of launches: each as large as its tensor, and scratch memory after them.
std::vector<Argument> sequenceArguments(const Runtime &rt, const Kernel &kernel,
                                        std::span<const Argument> bound);
std::span<const Argument> argumentsOf(const Kernel::Step &step, std::span<const Argument> all);

/// "(X, alpha, Out)".
std::string parameterList(const Kernel &kernel);
/// A tuple or list of arguments, without a copy of it where it is one.
nb::object sequence(const Kernel &kernel, const char *what, nb::handle object);
inline size_t length(nb::handle sequence) { return PySequence_Size(sequence.ptr()); }
inline nb::object item(nb::handle sequence, size_t i) {
  return nb::steal(PySequence_GetItem(sequence.ptr(), i));
}

/// A launch on arrays of the caller ends before the call does, which one in a batch does not.
void refuseInBatch(const Runtime &rt, const Kernel &kernel, nb::handle args);
void refuseInBatch(const Runtime &rt, const Kernel &kernel, const char *what);

/// The bytes of an output, which the kernel must write.
uint64_t outputBytes(const Kernel &kernel, size_t param, nb::handle size);
void checkCount(const Kernel &kernel, size_t inputs, size_t outputs);

/// Copies into a writable Python buffer of the same size.
void copyOut(const void *data, uint64_t bytes, nb::handle target);

void bindPrepared(nb::module_ &module);
void bindArrays(nb::module_ &module);

} // namespace enigma::bindings
