// SPDX-License-Identifier: MIT
//
// The one command queue of a device. Launches in the background gather in an open command buffer, which is
// committed when the GPU has nothing to do, when it is full, or when somebody waits; a launch that is waited
// for gets a command buffer of its own after it. Metal runs the command buffers of a queue in the order of
// commitment, and launches that share memory one after the other.
//
//   const uint64_t ticket = queue->submit(binding, sizes);  queue->wait(ticket, {});
//
// Objects are only let go of outside the lock: what keeps the user's memory may run the user's code.
#pragma once

#include "Binding.h"

#include <deque>
#include <exception>

namespace enigma::runtime::metal {

class Patience;

class Queue {
public:
  Queue(const Owned<MTL::Device> &device, std::shared_ptr<MemoryMap> memory);
  Queue(const Queue &) = delete;
  Queue &operator=(const Queue &) = delete;

  /// Encodes a launch and returns its ticket.
  uint64_t submit(std::shared_ptr<Binding> binding, const hostabi::LaunchContext &sizes);
  /// Runs a launch after all others and waits. Milliseconds on the GPU if `options.timed`, else 0.
  double run(const std::shared_ptr<Binding> &binding, const hostabi::LaunchContext &sizes,
             const RunOptions &options);
  /// Runs a launch that is submitted to the background but cannot stay there; its error is kept for `wait`.
  uint64_t runInOrder(const std::shared_ptr<Binding> &binding, const hostabi::LaunchContext &sizes);
  /// Waits for a ticket and all before it, and throws the first error among them, once.
  void wait(uint64_t ticket, const RunOptions &options);
  void synchronize(const RunOptions &options);
  /// Between the two the open command buffer takes everything, unless somebody waits.
  void hold();
  void release();
  /// Waits for everything, keeping errors for `wait`. A launch keeps its buffers, and they the queue: whoever
  /// lets go of the queue calls this first.
  void finish();
  MemoryMap &memory() const { return *map; }

private:
  struct Batch {
    Owned<MTL::CommandBuffer> commands;
    std::vector<std::shared_ptr<Binding>> bindings; // keeps what the GPU uses
    uint64_t first = 0, last = 0;
    bool isForgiven = false; // whoever waited knows that it was given up
  };
  struct Failure {
    uint64_t ticket = 0;
    std::exception_ptr error;
  };

  Owned<MTL::CommandBuffer> newCommands();
  void commitOpen();
  void retire(std::vector<Batch> &done);
  void drain(uint64_t ticket, Patience &patience);
  std::exception_ptr takeFailure(uint64_t ticket);

  std::shared_ptr<MemoryMap> map;
  Owned<MTL::CommandQueue> queue;
  std::mutex mutex;
  uint64_t submitted = 0;
  uint32_t holds = 0;
  Batch open; // `commands` is null while there is none
  Owned<MTL::ComputeCommandEncoder> encoder;
  std::deque<Batch> flying; // in the order of commitment
  std::deque<Failure> failures;
};

} // namespace enigma::runtime::metal
