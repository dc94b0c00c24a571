// SPDX-License-Identifier: MIT
//
// Arrays that a kernel declares itself, and function constants. Barriers and atomics are rows of the table of
// operations (Operations.h).
//
//     Buffer tile = threadgroup_alloc(32 * 33, f32).named("tile");      // shared by a threadgroup
//     tile[lane] = A[i];
//     barrier();
//     Buffer sums = register_tensor(8, f32), masks = constant_array(u8, {1, 2, 4, 8});
//     Value n = function_constant(i32, 0, "N", 4);                      // Kernel::specialize gives the
//     number
#pragma once

#include "enigma/Language/Operations.h"

#include <initializer_list>
#include <span>
#include <vector>

namespace enigma {

/// An array that the threads of a threadgroup share, 32 KB at most in all. What it holds at first is not
/// specified; put a barrier() between the writes of some threads and the reads of others.
/// @param count elements, a constant; a Tensor gives them several dimensions.
Buffer threadgroup_alloc(uint64_t count, ElementType type,
                         std::source_location place = std::source_location::current());
/// An array of one thread whose elements start as `fill`, in registers where the indices are constants. At
/// most 4 KB.
Buffer register_tensor(uint64_t count, ElementType type, const Operand &fill = 0);
/// An array of fixed numbers that all threads read; of vectors, one component after the other.
Buffer constant_array(ElementType type, std::span<const Operand> values,
                      std::source_location place = std::source_location::current());
/// The same: constant_array(u8, {1, 2, 4, 8}).
inline Buffer constant_array(ElementType type, std::initializer_list<Operand> values,
                             std::source_location place = std::source_location::current()) {
  return constant_array(type, std::span(values.begin(), values.size()), place);
}
/// The same, of a std::vector or std::array of numbers.
template <class Range>
  requires Number<typename Range::value_type>
Buffer constant_array(ElementType type, const Range &values,
                      std::source_location place = std::source_location::current()) {
  return constant_array(type, std::vector<Operand>(values.begin(), values.end()), place);
}

/// Waits until all threads of the threadgroup are here, and lets them see what each has written. All of them
/// must come here.
inline void barrier(MemFlags flags = MemFlags::automatic,
                    std::source_location place = std::source_location::current()) {
  threadgroup_barrier(flags, place);
}
/// The same for the 32 threads of a simdgroup.
inline void simd_barrier(MemFlags flags = MemFlags::automatic,
                         std::source_location place = std::source_location::current()) {
  simdgroup_barrier(flags, place);
}

/// A number that the Metal text leaves open: Kernel::specialize gives it by this name, as does
/// compile::Options::constants by the index (0 to 65535). A launch without it is an error.
Value function_constant(ElementType type, uint32_t index, std::string_view name = {},
                        std::source_location place = std::source_location::current());
/// The same with a number for launches that it is not given for.
Value function_constant(ElementType type, uint32_t index, std::string_view name, const Operand &fallback);
/// Whether the number of a function constant is given, and not its default; b1.
Value is_function_constant_defined(const Operand &constant);

} // namespace enigma
