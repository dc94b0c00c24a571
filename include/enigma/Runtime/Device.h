// SPDX-License-Identifier: MIT
//
// The one interface to whatever runs kernels. A Device allocates Buffers, makes Pipelines out of compiled
// kernels and runs them: at once (`run`, or a PreparedLaunch for hot loops) or in order in the background
// (CommandStream). HostDevice (Runtime/HostDevice.h) runs them on the CPU; a Metal device has the same face.
//
//   auto device = runtime::hostDevice();
//   auto pipeline = device->createPipeline({.kernel = executable->descriptor(), .owner = executable});
//   auto x = device->allocate(4096), y = device->allocate(4096);
//   Argument args[] = {Argument::of(x), Argument::of(y)};
//   device->run(*pipeline, args, {1024}, {256});
//
// Everything here may be called from any thread. What a user passes in never aborts: it throws enigma::Error.
#pragma once

#include "enigma/Runtime/CodeStore.h"
#include "enigma/Support/Error.h"
#include "enigma/Support/HostAbi.h"

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace enigma::runtime {

/// Threads in a grid or a threadgroup. Signed and wide, so that a user's wrong number arrives as it is and is
/// refused.
struct Size3 {
  int64_t x = 1, y = 1, z = 1;
};

/// What a device can do. Sizes in bytes.
struct Capabilities {
  std::string name;                         ///< of the GPU, or the CPU's model
  std::string backend;                      ///< "host" or "metal"
  std::string family = {};                  ///< of the GPU, such as "apple8"; empty on the host
  uint32_t maxThreadsPerThreadgroup = 1024; ///< x * y * z
  uint32_t simdgroupSize = 32;
  uint32_t maxThreadgroupMemory = 32768;
  uint32_t maxBuffers = 31; ///< parameters of one kernel
  uint64_t maxBufferLength = 0;
  uint64_t totalMemory = 0;
  uint32_t computeUnits = 1; ///< CPU threads; 0 on a GPU: Metal does not tell
  bool hasUnifiedMemory = true;
};

/// How long a launch may take and who may stop it.
struct RunOptions {
  /// Seconds after which the launch is stopped with an error; 0: never.
  double timeout = 0;
  /// Called about every 20 ms, on the calling thread only; true stops the launch. It may throw: the launch is
  /// stopped, and what was thrown arrives at the caller.
  bool (*interrupt)(void *state) = nullptr;
  void *interruptState = nullptr;
  /// Measure the time on the device. Costs two clock reads.
  bool timed = false;
};

/// Memory that kernels can use, 64-byte aligned unless it is a view of the user's own.
class Buffer {
public:
  virtual ~Buffer() = default;
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  /// The bytes, for the CPU. Call `wait` first where launches on them may be under way.
  void *data() const { return memory; }
  uint64_t bytes() const { return length; }
  /// False for a view of memory that the user may not write.
  bool isWritable() const { return writable; }

  /// Waits for every submitted launch that uses this buffer; throws the error of one that failed.
  virtual void wait(const RunOptions &options = {}) = 0;

protected:
  Buffer(void *data, uint64_t bytes, bool canWrite) : memory(data), length(bytes), writable(canWrite) {}
  void *memory;
  uint64_t length;
  bool writable;
};

/// What a kernel parameter is bound to: a buffer, the caller's own memory (for launches that end before the
/// call does), or the value of a scalar parameter or vector parameter (copied in, at most 32 bytes).
class Argument {
public:
  /// A vector of 4 words of 64 bits.
  static constexpr size_t mostValueBytes = 32;
  static Argument of(std::shared_ptr<Buffer> buffer) {
    Argument a;
    if (buffer) {
      a.pointer = buffer->data();
      a.length = buffer->bytes();
      a.canWrite = buffer->isWritable();
    }
    a.held = std::move(buffer);
    return a;
  }
  static Argument memory(void *data, uint64_t bytes) {
    Argument a;
    a.pointer = data;
    a.length = bytes;
    return a;
  }
  static Argument readOnlyMemory(const void *data, uint64_t bytes) {
    Argument a = memory(const_cast<void *>(data), bytes);
    a.canWrite = false;
    return a;
  }
  template <class T>
  static Argument scalar(T value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= mostValueBytes);
    return scalarBytes(&value, sizeof(T));
  }
  /// A scalar or vector from `bytes` (at most 32) bytes at `value`, already of the parameter's type.
  static Argument scalarBytes(const void *value, size_t bytes) {
    Argument a;
    a.length = bytes;
    a.isValue = true;
    a.canWrite = false;
    std::memcpy(a.value, value, bytes < mostValueBytes ? bytes : mostValueBytes);
    return a;
  }

  void *data() const { return isValue ? const_cast<unsigned char *>(value) : pointer; }
  uint64_t bytes() const { return length; }
  bool isScalar() const { return isValue; }
  bool isWritable() const { return canWrite; }
  const std::shared_ptr<Buffer> &buffer() const { return held; }

private:
  std::shared_ptr<Buffer> held;
  void *pointer = nullptr;
  uint64_t length = 0;
  alignas(16) unsigned char value[mostValueBytes] = {};
  bool isValue = false;
  bool canWrite = true;
};

/// The value of `constant T name [[function_constant(index)]]` in Metal text.
struct FunctionConstant {
  uint32_t index = 0;
  hostabi::ElementKind type = hostabi::ElementKind::I32;
  uint64_t bits = 0; ///< of the value, in the low bytes
};

/// What a device needs to make a pipeline; each device reads its own part.
struct PipelineSource {
  hostabi::KernelDescriptor kernel = {}; ///< name and parameters; `entry` only for the host
  std::shared_ptr<void> owner = {};      ///< keeps `kernel.entry` callable
  std::string metalSource = {};          ///< MSL text, for a Metal device
  int mslVersion = 0;    ///< that the text needs, as major * 10 + minor; 0: the system's newest
  bool fastMath = false; ///< let Metal's compiler reassociate and approximate
  std::vector<FunctionConstant> constants = {}; ///< of the Metal text or metallib, those that are given
  bool isOpen = false;       ///< the text or metallib declares function constants, given or not
  std::string metallib = {}; ///< path of a .metallib with the kernel, for a Metal device in place of the text
  std::shared_ptr<CodeStore> store = {}; ///< where a Metal device may keep what it compiled; may be null
  std::vector<SourceLoc> sites = {};     ///< the user's line of each access number, for out-of-bounds errors
};

/// A kernel, ready to run on one device.
class Pipeline {
public:
  virtual ~Pipeline() = default;
  const hostabi::KernelDescriptor &kernel() const { return source.kernel; }
  /// The user's line of access number `site`; empty where unknown.
  SourceLoc siteLocation(uint32_t site) const {
    return site < source.sites.size() ? source.sites[site] : SourceLoc{};
  }

protected:
  explicit Pipeline(PipelineSource from) : source(std::move(from)) {}
  PipelineSource source;
};

/// A kernel with its arguments bound and checked once, for hot loops: `run` allocates nothing.
class PreparedLaunch {
public:
  virtual ~PreparedLaunch() = default;
  /// Runs after everything submitted before. Milliseconds on the device if `options.timed`, else 0.
  virtual double run(Size3 grid, Size3 threads, const RunOptions &options = {}) = 0;
  /// Queues it in the device's stream, as CommandStream::submit does; `run` and this may be mixed. All
  /// arguments must be Buffers or scalars.
  virtual uint64_t submit(Size3 grid, Size3 threads, const RunOptions &options = {}) = 0;
};

/// Launches in the background, one after the other in the order of submission.
class CommandStream {
public:
  virtual ~CommandStream() = default;
  /// Queues a launch and returns its ticket; checks arguments and sizes first. Memory arguments must be
  /// Buffers or scalars. `options.interrupt` is not used here: `synchronize` has it.
  virtual uint64_t submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                          Size3 threads, const RunOptions &options = {}) = 0;
  /// Waits for the launch of that ticket and all before it; throws the first error among them, once.
  virtual void wait(uint64_t ticket, const RunOptions &options = {}) = 0;
  /// Waits for everything submitted; throws the first error, once. When the time-out or the interrupt strikes
  /// in a wait, what is still queued is dropped.
  virtual void synchronize(const RunOptions &options = {}) = 0;

  /// From here to `release`, launches are recorded and not begun: on a GPU into one command buffer. Somebody
  /// who waits for one of them begins those up to it early. Calls nest; Batch pairs them.
  virtual void hold() = 0;
  virtual void release() = 0;
};

/// Records the launches of a scope, and begins them at its end:
///
///   { Batch batch(device->stream());  for (...) prepared->submit(grid, threads); }
///   device->stream().synchronize();
class Batch {
public:
  explicit Batch(CommandStream &of) : stream(of) { stream.hold(); }
  ~Batch() { stream.release(); }
  Batch(const Batch &) = delete;
  Batch &operator=(const Batch &) = delete;

private:
  CommandStream &stream;
};

class Device {
public:
  virtual ~Device() = default;
  virtual const Capabilities &capabilities() const = 0;

  /// `bytes` of zero-filled memory (0 is allowed). Throws ErrorKind::Device when there is not enough.
  virtual std::shared_ptr<Buffer> allocate(uint64_t bytes) = 0;
  /// A view, without a copy, of memory that `owner` keeps alive.
  virtual std::shared_ptr<Buffer> wrap(void *data, uint64_t bytes, bool writable,
                                       std::shared_ptr<void> owner) = 0;

  virtual std::shared_ptr<Pipeline> createPipeline(PipelineSource source) = 0;
  virtual std::unique_ptr<PreparedLaunch> prepare(std::shared_ptr<Pipeline> pipeline,
                                                  std::span<const Argument> args) = 0;
  /// Runs a kernel after everything submitted before and waits for it. Milliseconds if `options.timed`, else
  /// 0.
  virtual double run(const Pipeline &pipeline, std::span<const Argument> args, Size3 grid, Size3 threads,
                     const RunOptions &options = {}) = 0;
  virtual CommandStream &stream() = 0;

  /// Records what the device does until `stopCapture` in a new document `path` (*.gputrace) for Xcode. Throws
  /// ErrorKind::Unsupported where there is no such thing, ErrorKind::Device where Metal refuses.
  virtual void startCapture(const std::string &path);
  /// Waits for what was submitted, keeping its errors for `synchronize`, and writes the document.
  virtual void stopCapture();
};

} // namespace enigma::runtime
