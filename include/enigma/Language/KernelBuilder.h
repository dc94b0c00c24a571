// SPDX-License-Identifier: MIT
//
// Builds a kernel from C++. Names are those of Python, and so are the rules: docs/types.md,
// docs/operations.md.
//
//     KernelBuilder k("saxpy");
//     Buffer X = k.buffer("X", f32);
//     Value alpha = k.scalar("alpha", f32);
//     Buffer Y = k.buffer("Y", f32), Out = k.buffer("Out", f32);
//     Value tid = thread_position_in_grid().named("tid");
//     Out[tid] = alpha * X[tid] + Y[tid];
//     Kernel saxpy(k);                         // Compile/Kernel.h, which also takes the body as a lambda
//
// One thread builds a kernel at a time. While a builder lives, it is the one that functions without operands
// (thread queries, constants) go to; an inner builder comes before an outer one.
#pragma once

#include "enigma/Language/ControlFlow.h"
#include "enigma/Language/Functions.h"
#include "enigma/Language/Matrices.h"
#include "enigma/Language/Memory.h"
#include "enigma/Language/Operations.h"
#include "enigma/Language/Tensor.h"
#include "enigma/Language/Value.h"

namespace enigma {

class KernelBuilder {
public:
  /// @param name of the kernel; the Metal function is "enigma_kernel_" and this.
  explicit KernelBuilder(std::string_view name, std::source_location place = std::source_location::current());
  ~KernelBuilder();
  KernelBuilder(const KernelBuilder &) = delete;
  KernelBuilder &operator=(const KernelBuilder &) = delete;

  /// The next parameter: memory of elements of a type (numbers, or vectors: vec(f32, 4)), bound at its
  /// position. All parameters come before the first operation.
  Buffer buffer(std::string_view name, ElementType type,
                std::source_location place = std::source_location::current());
  /// The next parameter: one number, or one vector, given at the launch.
  Value scalar(std::string_view name, ElementType type,
               std::source_location place = std::source_location::current());

  /// The finished function; nothing can be added after it. Throws the first error of the kernel, also if it
  /// was caught.
  ir::Function finish();

private:
  std::shared_ptr<language::State> state;
};

} // namespace enigma
