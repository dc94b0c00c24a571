// SPDX-License-Identifier: MIT
//
// The contract between code that Target/Host generates and the Runtime that calls it. Both rooms include this
// header and neither includes the other, so it holds plain data only: what a kernel is told about a launch
// (LaunchContext), what it reports back (OutOfBoundsRecord), and what the runtime must know of it before it
// may call it (KernelDescriptor). Generated code reads LaunchContext by field offset; the static_asserts pin
// them.
//
//   void entry(const LaunchContext *launch, uint64_t begin, uint64_t end);   // runs work units [begin, end)
//
// A work unit is a block of 32 neighbouring grid-x positions of one row (Traversal::Flat: unit u is block
// u % blocksPerRow of row u / blocksPerRow, rows counted y fastest) or one threadgroup (Traversal::Grouped, x
// fastest). Units are independent, so any thread may run any of them in any order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace enigma::hostabi {

/// Lanes per simdgroup, and grid positions per flat work unit.
inline constexpr uint32_t kLanes = 32;

/// Element types a parameter can have. b1 is one byte per element in memory, 0 or 1.
enum class ElementKind : uint8_t { F16, BF16, F32, I8, U8, I16, U16, I32, U32, I64, U64, B1 };

/// Bytes that one element takes in a buffer.
constexpr uint32_t elementSize(ElementKind kind) {
  constexpr uint8_t sizes[] = {2, 2, 4, 1, 1, 2, 2, 4, 4, 8, 8, 1};
  return sizes[static_cast<uint8_t>(kind)];
}

/// The name that users write and read: "f32", "bf16", ...
constexpr const char *elementName(ElementKind kind) {
  constexpr const char *names[] = {"f16", "bf16", "f32", "i8",  "u8",  "i16",
                                   "u16", "i32",  "u32", "i64", "u64", "b1"};
  return names[static_cast<uint8_t>(kind)];
}

/// One bound parameter. `data` is aligned to the element's scalar and stays valid for the launch; `count` is
/// in elements. A scalar parameter is a buffer of one element. Buffers of one launch may overlap.
struct BufferArg {
  void *data = nullptr;
  uint64_t count = 0;
};

/// The out-of-bounds access that a launch reports: of all of them the one by the thread that comes first in
/// grid order (x fastest), and of that thread's the first in program order, so the report does not depend on
/// scheduling.
struct OutOfBoundsRecord {
  std::atomic<uint64_t> count{0};                ///< offending lane accesses in the whole launch
  std::atomic<uint64_t> firstThread{UINT64_MAX}; ///< linear grid position of the reported thread
  std::atomic<uint32_t> lock{0};                 ///< guards the fields below
  uint32_t site = 0;  ///< number of the access in the kernel, for the caller's line table
  uint32_t param = 0; ///< parameter number
  bool isStore = false;
  bool indexIsUnsigned = false;   ///< print `index` as uint64_t
  int64_t index = 0;              ///< as the kernel computed it, extended by its own sign
  uint64_t size = 0;              ///< elements in the buffer
  uint32_t thread[3] = {0, 0, 0}; ///< thread_position_in_grid

  /// Forgets earlier reports; only between launches.
  void reset() {
    count.store(0, std::memory_order_relaxed);
    firstThread.store(UINT64_MAX, std::memory_order_relaxed);
  }

  /// Counts one access and keeps it if it comes before the one held. Any thread, any time.
  void report(uint64_t linearThread, uint32_t x, uint32_t y, uint32_t z, uint32_t siteId, uint32_t paramIndex,
              bool store, bool isUnsigned, int64_t badIndex, uint64_t elements) {
    count.fetch_add(1, std::memory_order_relaxed);
    if (linearThread >= firstThread.load(std::memory_order_acquire))
      return;
    while (lock.exchange(1, std::memory_order_acquire) != 0) {
    }
    if (linearThread < firstThread.load(std::memory_order_relaxed)) {
      site = siteId;
      param = paramIndex;
      isStore = store;
      indexIsUnsigned = isUnsigned;
      index = badIndex;
      size = elements;
      thread[0] = x;
      thread[1] = y;
      thread[2] = z;
      firstThread.store(linearThread, std::memory_order_release);
    }
    lock.store(0, std::memory_order_release);
  }
};

/// What kept a threadgroup from running to its end. Of several the one of the group that comes first in grid
/// order is kept, so the report does not depend on scheduling.
struct GroupFault {
  enum class Kind : uint8_t {
    None,
    Lanes,      ///< some threads of a simdgroup came to a barrier, others did not
    Simdgroups, ///< a simdgroup waits at a barrier that another one passed by
    Rounds,     ///< two simdgroups wait at one barrier, but in different rounds of a loop around it
    Memory,     ///< no memory for the threads that wait
    Matrix,     ///< some threads of a simdgroup came to an operation on a matrix, others did not
    Place,      ///< some threads gave another place in memory for a matrix than the first one
    Carried,    ///< some threads of a simdgroup change a matrix, others do not
  };
  /// Instead of an access number: the simdgroup had ended.
  static constexpr uint32_t finished = ~0u;

  std::atomic<uint64_t> firstGroup{UINT64_MAX}; ///< linear position of the reported group
  std::atomic<uint32_t> lock{0};                ///< guards the fields below
  Kind kind = Kind::None;
  uint32_t site = 0;             ///< number of the barrier among the accesses
  uint32_t other = 0;            ///< Simdgroups: where the other one is
  uint32_t simdgroup = 0;        ///< that is at `site`
  uint32_t otherSimdgroup = 0;   ///< Simdgroups, Rounds: that is at `other`
  uint32_t present = 0;          ///< of threads: bits of those that came, or agree
  uint32_t expected = 0;         ///< of threads: bits of those that there are
  uint32_t group[3] = {0, 0, 0}; ///< threadgroup_position_in_grid

  bool isRaised() const { return firstGroup.load(std::memory_order_acquire) != UINT64_MAX; }
  /// Forgets earlier reports; only between launches.
  void reset() { firstGroup.store(UINT64_MAX, std::memory_order_relaxed); }
  /// Calls fill(*this) if this group comes before the one that is held. Any thread, any time.
  template <class Fill>
  void report(uint64_t linearGroup, Fill fill) {
    if (linearGroup >= firstGroup.load(std::memory_order_acquire))
      return;
    while (lock.exchange(1, std::memory_order_acquire) != 0) {
    }
    if (linearGroup < firstGroup.load(std::memory_order_relaxed)) {
      fill(*this);
      firstGroup.store(linearGroup, std::memory_order_release);
    }
    lock.store(0, std::memory_order_release);
  }
};

/// Everything one launch tells the generated code. Read-only to it, but for what the pointers lead to.
struct LaunchContext {
  const BufferArg *args = nullptr;               ///< one per parameter, in order
  OutOfBoundsRecord *outOfBounds = nullptr;      ///< never null
  const std::atomic<uint32_t> *cancel = nullptr; ///< non-zero: stop soon. Loops read it at their back edge.
  /// Called by long loops now and then: runs the caller's interrupt check and the time-out; true means stop.
  bool (*poll)(const LaunchContext *) = nullptr;
  void *runtime = nullptr;          ///< the runtime's own; generated code leaves it alone
  uint32_t grid[3] = {1, 1, 1};     ///< threads per grid
  uint32_t threads[3] = {1, 1, 1};  ///< threads per (full) threadgroup
  uint32_t groups[3] = {1, 1, 1};   ///< threadgroups per grid: ceil(grid / threads)
  uint32_t blocksPerRow = 1;        ///< ceil(grid[0] / 32)
  GroupFault *groupFault = nullptr; ///< never null
};
static_assert(offsetof(LaunchContext, args) == 0 && offsetof(LaunchContext, cancel) == 16 &&
                  offsetof(LaunchContext, poll) == 24 && offsetof(LaunchContext, grid) == 40 &&
                  offsetof(LaunchContext, threads) == 52 && offsetof(LaunchContext, groups) == 64 &&
                  offsetof(LaunchContext, blocksPerRow) == 76,
              "generated code reads these fields by offset");

/// Runs work units [begin, end) of a launch. Never throws.
using KernelEntry = void (*)(const LaunchContext *launch, uint64_t begin, uint64_t end);

/// What a work unit is (see the top of this file).
enum class Traversal : uint8_t { Flat, Grouped };

struct ParamDescriptor {
  std::string name;
  ElementKind element = ElementKind::F32;
  bool isScalar = false; ///< one value, not a buffer
  bool isRead = true;
  bool isWritten = false;
  uint8_t components = 1; ///< of each element: more than 1 for vectors

  /// Bytes of one element: a vector of 3 takes as much as one of 4.
  uint32_t bytes() const { return elementSize(element) * (components == 3 ? 4 : components); }
  /// As users write it: "f32", "f32x4".
  std::string type() const {
    return elementName(element) + (components > 1 ? "x" + std::to_string(components) : std::string());
  }
};

/// Memory that the kernel brings itself. In reports it is numbered after the parameters.
struct ArrayDescriptor {
  std::string name;
  uint32_t site = 0; ///< number of its declaration among the accesses
};

/// A callable kernel. Whoever holds `entry` keeps the owner of the code alive.
struct KernelDescriptor {
  std::string name;     ///< as errors show it: the user's
  std::string function; ///< the Metal function's name where it is another
  std::vector<ParamDescriptor> params;
  std::vector<ArrayDescriptor> arrays;
  Traversal traversal = Traversal::Flat;
  KernelEntry entry = nullptr;
  uint32_t vecWidth = 1;         ///< grid-x positions that one thread covers
  uint32_t threadgroupBytes = 0; ///< threadgroup memory that one threadgroup uses
  uint32_t maxThreadsPerThreadgroup = 1024;
  bool needsFullSimdgroups = false; ///< every threadgroup has a multiple of 32 threads
};

/// Work units of a launch (see Traversal).
inline uint64_t workUnits(const LaunchContext &launch, Traversal traversal) {
  return traversal == Traversal::Flat ? uint64_t(launch.blocksPerRow) * launch.grid[1] * launch.grid[2]
                                      : uint64_t(launch.groups[0]) * launch.groups[1] * launch.groups[2];
}

} // namespace enigma::hostabi
