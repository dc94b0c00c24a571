// SPDX-License-Identifier: MIT
//
// See Binding.h.
#include "Binding.h"

#include "../LaunchChecks.h"
#include "Queue.h"

#include <algorithm>
#include <cstring>

namespace enigma::runtime::metal {
namespace {

constexpr uint64_t kLeastOffsetAlignment = 4; // Metal feature set tables, "buffer offset alignment"
constexpr uint64_t kVectorAlignment = 16;

[[noreturn]] void refuse(const hostabi::KernelDescriptor &kernel, size_t param, const std::string &why,
                         std::vector<std::string> notes) {
  throw Error(ErrorKind::Launch, kernel.name + ": parameter " + kernel.params[param].name + " " + why, {},
              std::move(notes));
}

} // namespace

MetalBuffer::MetalBuffer(std::shared_ptr<Queue> onQueue, void *data, uint64_t bytes, bool canWrite,
                         std::shared_ptr<Allocation> of, std::shared_ptr<void> keeps)
    : Buffer(data, bytes, canWrite), queue(std::move(onQueue)), home(&queue->memory()), memory(std::move(of)),
      owner(std::move(keeps)) {}

void MetalBuffer::wait(const RunOptions &options) {
  if (const uint64_t ticket = lastUse.load(std::memory_order_acquire))
    queue->wait(ticket, options);
}

void MetalBuffer::usedBy(uint64_t ticket) {
  uint64_t before = lastUse.load(std::memory_order_relaxed);
  while (before < ticket && !lastUse.compare_exchange_weak(before, ticket, std::memory_order_release)) {
  }
}

Binding::Binding(const MetalPipeline &pipeline, const Capabilities &capabilities,
                 std::span<const Argument> args, const std::shared_ptr<MemoryMap> &in)
    : name(pipeline.kernel().name), map(in), state(pipeline.state) {
  const auto &kernel = pipeline.kernel();
  std::vector<hostabi::BufferArg> checked(std::max(args.size(), kernel.params.size()));
  bindArguments(kernel, capabilities, args, checked.data());

  slots.resize(args.size());
  std::vector<size_t> copied;
  for (size_t i = 0; i < args.size(); ++i) {
    const Argument &arg = args[i];
    Slot &slot = slots[i];
    // A scalar may also be given as memory of one element: its value now is what counts.
    if (arg.isScalar() || (kernel.params[i].isScalar && !arg.buffer())) {
      slot.bytes = uint32_t(arg.bytes());
      std::memcpy(slot.value.data(), arg.data(), arg.bytes());
      continue;
    }
    std::shared_ptr<Allocation> allocation;
    isOnLoan |= !arg.buffer();
    if (arg.buffer()) {
      auto *buffer = dynamic_cast<MetalBuffer *>(arg.buffer().get());
      if (!buffer || !buffer->isOn(*map))
        refuse(kernel, i, "is bound to a buffer of another device",
               {"allocate it on the device that runs the kernel"});
      buffers.push_back(arg.buffer());
      allocation = buffer->allocation();
    }
    if (!allocation && arg.bytes())
      allocation = map->find(arg.data(), arg.bytes());
    if (!allocation && !arg.bytes()) {
      allocation = map->allocate(0);
      slot.buffer = allocation->buffer();
      slot.offset = allocation->offsetOf(allocation->data());
    } else if (allocation) {
      slot.buffer = allocation->buffer();
      slot.offset = allocation->offsetOf(arg.data());
    } else if (map->overlaps(arg.data(), arg.bytes())) {
      refuse(kernel, i, "is memory of which only a part belongs to a buffer of the device",
             {"bind the buffer, or memory that has nothing of it"});
    } else {
      copied.push_back(i);
      continue;
    }
    allocations.push_back(std::move(allocation));
  }

  // One copy for arguments that overlap.
  const auto begin = [&](size_t i) { return static_cast<char *>(args[i].data()); };
  std::sort(copied.begin(), copied.end(), [&](size_t a, size_t b) { return begin(a) < begin(b); });
  std::vector<size_t> copyOf(args.size());
  for (const size_t i : copied) {
    char *const end = begin(i) + args[i].bytes();
    if (copies.empty() || begin(i) >= copies.back().user + copies.back().bytes)
      copies.push_back({begin(i), 0, false, {}});
    Copy &copy = copies.back();
    copy.bytes = std::max<uint64_t>(copy.bytes, uint64_t(end - copy.user));
    copy.isWritten |= kernel.params[i].isWritten;
    copyOf[i] = copies.size() - 1;
  }
  for (Copy &copy : copies)
    copy.buffer = map->borrow(copy.bytes);
  for (const size_t i : copied) {
    const Copy &copy = copies[copyOf[i]];
    slots[i].buffer = copy.buffer.get();
    slots[i].offset = uint64_t(begin(i) - copy.user);
  }

  const uint64_t alignment = kernel.vecWidth > 1 ? kVectorAlignment : kLeastOffsetAlignment;
  for (size_t i = 0; i < slots.size(); ++i)
    if (slots[i].buffer && slots[i].offset % alignment)
      refuse(kernel, i,
             "begins " + std::to_string(slots[i].offset) +
                 " bytes into its memory; the GPU needs a multiple of " + std::to_string(alignment),
             {"pass a copy of the array"});
}

Binding::~Binding() {
  for (Copy &copy : copies)
    if (copy.buffer)
      map->giveBack(std::move(copy.buffer));
}

void Binding::copyIn() const {
  for (const Copy &copy : copies)
    std::memcpy(copy.buffer->contents(), copy.user, copy.bytes);
}

void Binding::copyOut() const {
  for (const Copy &copy : copies)
    if (copy.isWritten)
      std::memcpy(copy.user, copy.buffer->contents(), copy.bytes);
}

void Binding::encode(MTL::ComputeCommandEncoder *encoder, const hostabi::LaunchContext &sizes) const {
  encoder->setComputePipelineState(state.get());
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot &slot = slots[i];
    if (slot.buffer)
      encoder->setBuffer(slot.buffer, slot.offset, i);
    else
      encoder->setBytes(slot.value.data(), slot.bytes, i);
  }
  encoder->dispatchThreads(MTL::Size(sizes.grid[0], sizes.grid[1], sizes.grid[2]),
                           MTL::Size(sizes.threads[0], sizes.threads[1], sizes.threads[2]));
}

void Binding::usedBy(uint64_t ticket) const {
  for (const auto &buffer : buffers)
    static_cast<MetalBuffer &>(*buffer).usedBy(ticket);
}

} // namespace enigma::runtime::metal
