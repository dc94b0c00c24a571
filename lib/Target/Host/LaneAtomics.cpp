// SPDX-License-Identifier: MIT
//
// See LaneAtomics.h.
#include "LaneAtomics.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <type_traits>

namespace enigma::host {
namespace {

using hostabi::ElementKind;

constexpr auto kRelaxed = std::memory_order_relaxed;

/// x op y; integers wrap.
template <class T>
T combined(AtomicKind kind, T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    return kind == AtomicKind::Add ? x + y : x - y;
  } else {
    using U = std::make_unsigned_t<T>;
    switch (kind) {
    case AtomicKind::Add:
      return T(U(x) + U(y));
    case AtomicKind::Sub:
      return T(U(x) - U(y));
    case AtomicKind::Min:
      return std::min(x, y);
    case AtomicKind::Max:
      return std::max(x, y);
    case AtomicKind::And:
      return x & y;
    case AtomicKind::Or:
      return x | y;
    default:
      return x ^ y;
    }
  }
}

template <class T>
T changed(AtomicKind kind, std::atomic_ref<T> element, T value) {
  switch (kind) {
  case AtomicKind::Load:
    return element.load(kRelaxed);
  case AtomicKind::Store:
    element.store(value, kRelaxed);
    return value;
  case AtomicKind::Exchange:
    return element.exchange(value, kRelaxed);
  case AtomicKind::Add:
    return element.fetch_add(value, kRelaxed);
  case AtomicKind::Sub:
    return element.fetch_sub(value, kRelaxed);
  default:
    break;
  }
  T old = element.load(kRelaxed);
  // Most elements are there already when the largest or smallest is sought.
  for (T wanted = combined(kind, old, value); wanted != old; wanted = combined(kind, old, value))
    if (element.compare_exchange_weak(old, wanted, kRelaxed))
      break;
  return old;
}

/// Whether all active lanes name one element, and doing their sum once is the same as doing each.
template <class T>
bool canJoin(AtomicKind kind, const uint64_t *indices, uint32_t mask) {
  if (std::is_floating_point_v<T> || kind < AtomicKind::Add)
    return false;
  const uint64_t first = indices[std::countr_zero(mask)];
  bool same = true;
  for (uint32_t lane = 0; lane < hostabi::kLanes; ++lane)
    same &= !(mask >> lane & 1) || indices[lane] == first;
  return same;
}

template <class T>
uint32_t run(const LaneFrame &frame, const AccessSite &site, AtomicKind kind, void *data, uint64_t count,
             const uint64_t *indices, uint32_t mask, const T *values, T *old) {
  uint32_t exchanged = 0;
  const bool join = !old && mask && canJoin<T>(kind, indices, mask);
  if (join && (!site.isChecked || indices[std::countr_zero(mask)] < count)) {
    const auto first = static_cast<uint32_t>(std::countr_zero(mask));
    T total = values[first];
    // What is subtracted adds up.
    const AtomicKind joining = kind == AtomicKind::Sub ? AtomicKind::Add : kind;
    for (uint32_t rest = mask & (mask - 1); rest; rest &= rest - 1)
      total = combined(joining, total, values[std::countr_zero(rest)]);
    changed(kind, std::atomic_ref<T>(static_cast<T *>(data)[indices[first]]), total);
    return 0;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(rest));
    const uint64_t index = indices[lane];
    if (site.isChecked && index >= count) {
      reportOutOfBounds(frame, site, lane, kind != AtomicKind::Load, index, count);
      if (old)
        old[lane] = T(0);
      continue;
    }
    T &place = static_cast<T *>(data)[index];
    if (kind == AtomicKind::CompareExchange) {
      // By bits, as in Metal: NaN is itself, and the two zeros differ.
      using Bits =
          std::conditional_t<sizeof(T) == 8, uint64_t,
                             std::conditional_t<sizeof(T) == 4, uint32_t,
                                                std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
      auto wanted = std::bit_cast<Bits>(old[lane]);
      const bool done = std::atomic_ref<Bits>(reinterpret_cast<Bits &>(place))
                            .compare_exchange_strong(wanted, std::bit_cast<Bits>(values[lane]), kRelaxed);
      old[lane] = std::bit_cast<T>(wanted);
      exchanged |= uint32_t(done) << lane;
      continue;
    }
    const T before = changed(kind, std::atomic_ref<T>(place), values ? values[lane] : T(0));
    if (old)
      old[lane] = before;
  }
  return exchanged;
}

} // namespace

uint32_t atomicLanes(const LaneFrame *frame, const AccessSite *site, uint32_t how, void *data, uint64_t count,
                     const uint64_t *indices, uint32_t mask, const void *values, void *old) {
  const auto kind = static_cast<AtomicKind>(how & 0xff);
  const auto as = [&](auto t) {
    using T = decltype(t);
    return run<T>(*frame, *site, kind, data, count, indices, mask, static_cast<const T *>(values),
                  static_cast<T *>(old));
  };
  switch (static_cast<ElementKind>(how >> 8)) {
  case ElementKind::F32:
    return as(float());
  case ElementKind::I32:
    return as(int32_t());
  case ElementKind::U64:
    return as(uint64_t());
  case ElementKind::B1:
    return as(uint8_t());
  default:
    return as(uint32_t());
  }
}

} // namespace enigma::host
