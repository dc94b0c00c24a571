// SPDX-License-Identifier: MIT
//
// All that a C++ application needs: build a kernel, compile it, run it on a device.
//
//     using namespace enigma;
//     Kernel saxpy("saxpy", [](KernelBuilder &k) {
//       Buffer X = k.buffer("X", f32);
//       Value alpha = k.scalar("alpha", f32);
//       Buffer Y = k.buffer("Y", f32), Out = k.buffer("Out", f32);
//       Value tid = thread_position_in_grid();
//       Out[tid] = alpha * X[tid] + Y[tid];
//     });
//     std::vector<float> x(1024, 1), y(1024, 2), out(1024);
//     saxpy.run(*defaultDevice(), {1024}, {256}, {x, 0.5f, y, out});
//
// A Kernel is a shared handle: cheap to copy, and safe from any thread.
#pragma once

#include "enigma/Compile/Compile.h"
#include "enigma/Language/KernelBuilder.h"
#include "enigma/Runtime/Device.h"
#include "enigma/Runtime/HostDevice.h"
#include "enigma/Runtime/MetalDevice.h"

#include <concepts>
#include <initializer_list>
#include <ranges>

namespace enigma {

/// What a parameter is given at a launch: contiguous memory, a buffer of the device, or a number. Memory of a
/// C++ type fits a parameter of the type of that name (float: f32, int32_t: i32, bool: b1, ...), or of
/// vectors of it; a number is converted to the parameter's type and must fit it. A vector parameter takes
/// memory of as many numbers, such as a std::array.
class Argument {
public:
  /// A std::vector, std::array, std::span or C array. The kernel writes to it in place; one of const elements
  /// is only read.
  template <std::ranges::contiguous_range Range>
    requires std::ranges::sized_range<Range>
  Argument(Range &&range) : Argument(std::ranges::data(range), std::ranges::size(range)) {}
  /// `count` elements.
  template <class T>
  Argument(T *data, size_t count)
      : argument(of(data, count * sizeof(T))), elem(elementOf<std::remove_const_t<T>>()), typed(true) {}
  /// Memory of a device; its elements are taken to be of the parameter's type.
  Argument(std::shared_ptr<runtime::Buffer> buffer) : argument(runtime::Argument::of(std::move(buffer))) {}
  /// A number for a scalar parameter.
  template <Number T>
  Argument(T value) : number(Operand(value).numberValue()), isNumber(true) {}
  /// Memory that holds elements of `type` under another C++ type, such as uint16_t for bf16.
  static Argument bits(ElementType type, void *data, size_t bytes) {
    Argument a(runtime::Argument::memory(data, bytes));
    a.elem = type.elem;
    a.typed = true;
    return a;
  }
  /// The same, only read.
  static Argument bits(ElementType type, const void *data, size_t bytes) {
    Argument a(runtime::Argument::readOnlyMemory(data, bytes));
    a.elem = type.elem;
    a.typed = true;
    return a;
  }

private:
  friend class Kernel;
  explicit Argument(runtime::Argument is) : argument(std::move(is)) {}
  static runtime::Argument of(void *data, size_t bytes) { return runtime::Argument::memory(data, bytes); }
  static runtime::Argument of(const void *data, size_t bytes) {
    return runtime::Argument::readOnlyMemory(data, bytes);
  }
  template <class T>
  static consteval ir::Elem elementOf() {
    using ir::Elem;
    if constexpr (std::same_as<T, bool>)
      return Elem::b1;
    else if constexpr (std::same_as<T, float>)
      return Elem::f32;
#ifdef __FLT16_MANT_DIG__
    else if constexpr (std::same_as<T, _Float16>)
      return Elem::f16;
#endif
    else {
      static_assert(std::integral<T>, "no element type of Metal is like this one: use Argument::bits");
      constexpr Elem types[2][4] = {{Elem::u8, Elem::u16, Elem::u32, Elem::u64},
                                    {Elem::i8, Elem::i16, Elem::i32, Elem::i64}};
      return types[std::is_signed_v<T>][sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3];
    }
  }

  runtime::Argument argument;
  ir::Literal number{0};
  ir::Elem elem = ir::Elem::b1;
  bool isNumber = false, typed = false;
};

/// A compiled kernel.
class ENIGMA_API Kernel {
public:
  /// Compiles what the builder holds and finishes it. Throws Error at the line of the kernel that is at
  /// fault.
  explicit Kernel(KernelBuilder &builder, const compile::Options &options = {});
  /// Builds with `body(builder)`, then compiles.
  template <std::invocable<KernelBuilder &> Body>
  Kernel(std::string_view name, Body &&body, const compile::Options &options = {},
         std::source_location place = std::source_location::current())
      : Kernel(build(name, std::forward<Body>(body), place), options) {}

  /// Texts, parameters and options: see Compile/Compile.h.
  const compile::CompiledKernel &compiled() const { return *kernel; }
  const std::string &metalSource() const { return kernel->metalSource(); }

  /// The same kernel with numbers for function constants that it leaves open, by name:
  /// saxpy.specialize({{"N", 4}}). The text stays; a Metal device specialises its code, the CPU compiles
  /// anew.
  Kernel specialize(std::initializer_list<std::pair<std::string_view, Operand>> constants) const;

  /// The kernel, ready to run on a device.
  /// @param check mask and report accesses out of bounds; the CPU does, Metal cannot.
  std::shared_ptr<runtime::Pipeline> pipeline(runtime::Device &device, bool check = true) const;
  /// Runs and waits. One argument for each parameter; memory that the kernel writes is written in place.
  /// @param grid threads in all, divided by vecWidth along x.
  /// @param threads of one threadgroup.
  /// @return milliseconds on the device with `options.timed`, else 0.
  double run(runtime::Device &device, runtime::Size3 grid, runtime::Size3 threads,
             std::initializer_list<Argument> arguments, const runtime::RunOptions &options = {}) const;
  /// Binds and checks the arguments once, for many runs. Memory stays the caller's.
  std::unique_ptr<runtime::PreparedLaunch> prepare(runtime::Device &device,
                                                   std::initializer_list<Argument> arguments) const;
  /// Queues a launch on the device's stream and returns its ticket; arguments are buffers of the device and
  /// numbers.
  uint64_t submit(runtime::Device &device, runtime::Size3 grid, runtime::Size3 threads,
                  std::initializer_list<Argument> arguments, const runtime::RunOptions &options = {}) const;

private:
  Kernel(ir::Function function, const compile::Options &options);
  explicit Kernel(std::shared_ptr<const compile::CompiledKernel> is) : kernel(std::move(is)) {}
  template <class Body>
  static ir::Function build(std::string_view name, Body &&body, std::source_location place) {
    KernelBuilder builder(name, place);
    std::forward<Body>(body)(builder);
    return builder.finish();
  }
  std::vector<runtime::Argument> bind(std::span<const Argument> arguments) const;

  std::shared_ptr<const compile::CompiledKernel> kernel;
};

/// The system's Metal device where there is one, else the CPU.
ENIGMA_API std::shared_ptr<runtime::Device> defaultDevice();

} // namespace enigma
