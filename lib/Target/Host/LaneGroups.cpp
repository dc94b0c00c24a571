// SPDX-License-Identifier: MIT
//
// See LaneGroups.h.
#include "LaneGroups.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace enigma::host {
namespace {

using hostabi::GroupFault;

/// The memory that a thread keeps. It is taken again while it is in use where a kernel's interrupt check runs
/// another kernel: that one gets memory of its own.
struct Kept {
  void *memory = nullptr;
  uint64_t bytes = 0;
  bool isTaken = false;
  ~Kept() { std::free(memory); }
};
thread_local Kept kept;

/// More than this goes back at once.
constexpr uint64_t kMostKept = 16 << 20;

std::array<uint32_t, 3> groupOf(const LaneFrame &frame) {
  const uint32_t *threads = frame.launch->threads;
  return {frame.x / threads[0], frame.y / threads[1], frame.z / threads[2]};
}

uint64_t linearGroup(const LaneFrame &frame) {
  const uint32_t *groups = frame.launch->groups;
  const auto at = groupOf(frame);
  return (static_cast<uint64_t>(at[2]) * groups[1] + at[1]) * groups[0] + at[0];
}

template <class Fill>
void report(const LaneFrame &frame, GroupFault::Kind kind, Fill fill) {
  frame.launch->groupFault->report(linearGroup(frame), [&](GroupFault &fault) {
    fault.kind = kind;
    std::ranges::copy(groupOf(frame), fault.group);
    fill(fault);
  });
}

} // namespace

void *takeFrames(const LaneFrame *frame, uint64_t bytes) {
  bytes = (bytes + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
  if (!kept.isTaken && bytes <= kept.bytes) {
    kept.isTaken = true;
    return kept.memory;
  }
  void *memory = std::aligned_alloc(kFrameAlign, bytes);
  if (!memory) {
    frame->launch->groupFault->report(0, [](GroupFault &fault) { fault.kind = GroupFault::Kind::Memory; });
  } else if (!kept.isTaken && bytes <= kMostKept) {
    std::free(kept.memory);
    kept.memory = memory;
    kept.bytes = bytes;
    kept.isTaken = true;
  }
  return memory;
}

void giveFrames(void *memory) {
  if (memory == kept.memory)
    kept.isTaken = false;
  else
    std::free(memory);
}

void reportSimdgroups(const LaneFrame *frame, uint32_t first, uint32_t at, uint32_t simdgroup) {
  using Kind = GroupFault::Kind;
  report(*frame, first == at ? Kind::Rounds : Kind::Simdgroups, [&](GroupFault &fault) {
    // One of the two is at a barrier, and that is the place to show.
    const bool isFirstDone = first == kFinished;
    fault.site = isFirstDone ? at : first;
    fault.simdgroup = isFirstDone ? simdgroup : 0;
    fault.other = isFirstDone ? first : at;
    fault.otherSimdgroup = isFirstDone ? 0 : simdgroup;
  });
}

void reportLanes(const LaneFrame *frame, uint32_t kind, uint32_t site, uint32_t present, uint32_t expected) {
  report(*frame, static_cast<GroupFault::Kind>(kind), [&](GroupFault &fault) {
    fault.site = site;
    fault.simdgroup = frame->first / hostabi::kLanes;
    fault.present = present;
    fault.expected = expected;
  });
}

} // namespace enigma::host
