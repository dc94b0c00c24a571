// SPDX-License-Identifier: MIT
//
// The C interface between the Python driver, the compiled kernels and the runtime.
//
// standin.py fills an MslRequest and calls msl_dispatch; a kernel's entry function gets its buffers and the
// numbers of its thread, and calls msl_barrier / msl_exchange where MSL code synchronises.
#pragma once
#include <cstdint>

// Indices into the thread's numbers: three per position, then single ones. standin.py has the same table.
enum MslNumber : std::uint32_t {
  positionInGrid = 0,
  positionInThreadgroup = 3,
  threadgroupPosition = 6,
  threadsPerThreadgroup = 9,
  dispatchThreadsPerThreadgroup = 12,
  threadsPerGrid = 15,
  threadgroupsPerGrid = 18,
  gridOrigin = 21,
  indexInThreadgroup = 24,
  indexInSimdgroup,
  simdgroupIndex,
  simdgroupsPerThreadgroup,
  dispatchSimdgroupsPerThreadgroup,
  threadsPerSimdgroup,
  indexInQuadgroup,
  quadgroupIndex,
  quadgroupsPerThreadgroup,
  dispatchQuadgroupsPerThreadgroup,
  numberCount
};

extern "C" {
typedef void (*MslEntry)(void *const *arguments, const std::uint32_t *numbers);

struct MslBuffer {
  void *data; // the caller's memory, copied in, and copied back when writable
  std::uint64_t bytes;
  std::uint32_t slot;  // position in the entry's argument array
  std::uint32_t index; // the n of [[buffer(n)]], for messages
  std::uint32_t writable;
  std::uint32_t threadgroup; // memory of a threadgroup: no data, poisoned for each group
  std::uint32_t alias;       // 1 + index of the entry whose memory this one shares, 0 for none
};
struct MslRequest {
  MslEntry entry;
  std::uint32_t grid[3];
  std::uint32_t threads[3];
  MslBuffer *buffers;
  std::uint32_t bufferCount;
  std::uint32_t reverse; // run the threads of a group last to first
  char *groupMemory;     // program variables of the threadgroup address space
  std::uint64_t groupBytes;
  double timeout; // seconds, 0 for none
  char *error;    // receives the message
  std::uint32_t errorBytes;
};
// 0, or 1 with a message in request->error. Nothing is copied back after an error.
int msl_dispatch(MslRequest *request);

// Called by kernels. `site` is line << 12 | column.
void msl_barrier(std::uint32_t simdgroupOnly, std::uint32_t site);
// Offers `size` bytes and waits for the lanes of the simdgroup that make the same call; returns their mask
// and stores their values at all[lane * size].
std::uint32_t msl_exchange(std::uint32_t site, const void *value, std::uint32_t size, void *all);
std::uint32_t msl_lane();
// Where a thread is in the program, for reconvergence (see standin.py, "scopes").
void msl_scope_enter(std::uint32_t position);
void msl_scope_advance(); // the next iteration, or the next phase, of the innermost scope
void msl_scope_leave();
void msl_need_all_lanes(std::uint32_t mask);
[[noreturn]] void msl_fail(const char *message);
}
