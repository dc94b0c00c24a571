// SPDX-License-Identifier: MIT
//
// The arguments of one launch, ready to be encoded: Metal buffers with offsets, and the bytes of scalars.
// Memory of the user that the GPU cannot use in place is copied: `copyIn` before the launch, `copyOut` after
// it. Arguments that overlap share one copy, so that the kernel sees one memory, as it does on the CPU.
//
//   auto binding = std::make_shared<Binding>(pipeline, capabilities, args, map);
//   binding->copyIn();  binding->encode(encoder, grid, threads);  ... wait ...  binding->copyOut();
#pragma once

#include "Memory.h"
#include "enigma/Runtime/Device.h"

#include <array>
#include <atomic>

namespace enigma::runtime::metal {

class Queue; // Queue.h

/// Memory as users hold it.
class MetalBuffer final : public Buffer {
public:
  MetalBuffer(std::shared_ptr<Queue> onQueue, void *data, uint64_t bytes, bool canWrite,
              std::shared_ptr<Allocation> of, std::shared_ptr<void> keeps);
  void wait(const RunOptions &options) override;
  void usedBy(uint64_t ticket);
  /// Null for a view of memory that the GPU cannot use in place.
  const std::shared_ptr<Allocation> &allocation() const { return memory; }
  bool isOn(const MemoryMap &map) const { return home == &map; }

private:
  std::shared_ptr<Queue> queue;
  const MemoryMap *home;
  std::shared_ptr<Allocation> memory;
  std::shared_ptr<void> owner;
  std::atomic<uint64_t> lastUse{0};
};

class MetalPipeline final : public Pipeline {
public:
  MetalPipeline(PipelineSource from, Owned<MTL::ComputePipelineState> compiled)
      : Pipeline(std::move(from)), state(std::move(compiled)) {}
  const Owned<MTL::ComputePipelineState> state;
};

class Binding {
public:
  /// Checks the arguments against the parameters. Throws ErrorKind::Launch.
  Binding(const MetalPipeline &pipeline, const Capabilities &capabilities, std::span<const Argument> args,
          const std::shared_ptr<MemoryMap> &map);
  ~Binding();
  Binding(const Binding &) = delete;
  Binding &operator=(const Binding &) = delete;

  /// Whether some argument lives in memory of the user, which must not be used after the call.
  bool needsCopies() const { return !copies.empty(); }
  /// Whether some argument is memory that nothing keeps alive after the call.
  bool hasUsersMemory() const { return isOnLoan; }
  void copyIn() const;
  void copyOut() const;
  void encode(MTL::ComputeCommandEncoder *encoder, const hostabi::LaunchContext &sizes) const;
  /// Notes on each buffer which launch used it last.
  void usedBy(uint64_t ticket) const;
  /// The last launch of this binding that was given up and may still be running; 0 for none.
  std::atomic<uint64_t> abandoned{0};
  const std::string &kernel() const { return name; }

private:
  struct Slot {
    MTL::Buffer *buffer = nullptr; // null: the bytes below
    uint64_t offset = 0;
    uint32_t bytes = 0;
    std::array<unsigned char, 8> value = {};
  };
  struct Copy {
    char *user = nullptr;
    uint64_t bytes = 0;
    bool isWritten = false;
    Owned<MTL::Buffer> buffer;
  };

  std::string name;
  std::shared_ptr<MemoryMap> map;
  Owned<MTL::ComputePipelineState> state;
  bool isOnLoan = false;
  std::vector<Slot> slots;
  std::vector<Copy> copies;
  std::vector<std::shared_ptr<Allocation>> allocations;
  std::vector<std::shared_ptr<Buffer>> buffers;
};

} // namespace enigma::runtime::metal
