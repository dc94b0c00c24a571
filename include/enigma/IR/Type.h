// SPDX-License-Identifier: MIT
//
// Types of the IR: twelve element types, vectors of 2 to 4 of them, and buffers of either.
//
//     Type f = Type::value(Elem::f32), v = Type::value(Elem::f16, 4), b = Type::buffer(Elem::u8);
//     v.str() == "f16x4"; b.str() == "buffer<u8>"; Type::buffer(v).str() == "buffer<f16x4>"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace enigma::ir {

/// An element type, under the name that Python gives it. f64 does not exist on Metal GPUs.
enum class Elem : uint8_t { b1, i8, u8, i16, u16, i32, u32, i64, u64, f16, bf16, f32 };
inline constexpr int numElems = 12;

constexpr bool isFloat(Elem e) { return e >= Elem::f16; }
constexpr bool isInt(Elem e) { return e != Elem::b1 && e < Elem::f16; }
constexpr bool isSigned(Elem e) { return isInt(e) && (static_cast<int>(e) & 1); }
constexpr bool isUnsigned(Elem e) { return isInt(e) && !isSigned(e); }
/// Width in bits of the value: 1 for b1.
constexpr int bits(Elem e) {
  constexpr uint8_t table[] = {1, 8, 8, 16, 16, 32, 32, 64, 64, 16, 16, 32};
  return table[static_cast<int>(e)];
}
/// Size in bytes in memory: 1 for b1.
constexpr int bytes(Elem e) { return e == Elem::b1 ? 1 : bits(e) / 8; }
/// The integer type of the same width and the other signedness.
constexpr Elem toUnsigned(Elem e) { return isSigned(e) ? static_cast<Elem>(static_cast<int>(e) + 1) : e; }
constexpr Elem toSigned(Elem e) { return isUnsigned(e) ? static_cast<Elem>(static_cast<int>(e) - 1) : e; }

/// "f32".
std::string_view name(Elem e);
/// From "f32", or from MSL's and Python's other names: "float", "Float32", "uint", "bool", ...
std::optional<Elem> elemFromName(std::string_view name);
/// Metal's name: "float".
std::string_view mslName(Elem e);

/// Metal's address spaces.
enum class Space : uint8_t { device, constant, threadgroup, thread };

struct Type {
  enum class Kind : uint8_t { none, value, buffer, simdgroupMatrix };
  Kind kind = Kind::none;
  Elem elem = Elem::b1;
  uint8_t lanes = 1; ///< components of a value or of a buffer's elements, 1 for scalars
  Space space = Space::device;

  static constexpr Type value(Elem e, int lanes = 1) {
    return {Kind::value, e, static_cast<uint8_t>(lanes), Space::device};
  }
  static constexpr Type buffer(Elem e, Space s = Space::device) { return {Kind::buffer, e, 1, s}; }
  /// A buffer whose elements are vectors.
  static constexpr Type buffer(Type element, Space s = Space::device) {
    return {Kind::buffer, element.elem, element.lanes, s};
  }

  /// 8x8 elements that the lanes of a simdgroup hold together.
  static constexpr Type simdgroupMatrix(Elem e) { return {Kind::simdgroupMatrix, e, 1, Space::device}; }

  constexpr bool operator==(const Type &) const = default;
  constexpr bool isValue() const { return kind == Kind::value; }
  constexpr bool isBuffer() const { return kind == Kind::buffer; }
  constexpr bool isSimdgroupMatrix() const { return kind == Kind::simdgroupMatrix; }
  constexpr bool isScalar() const { return isValue() && lanes == 1; }
  constexpr bool isVector() const { return isValue() && lanes > 1; }
  /// What a buffer holds.
  constexpr Type element() const { return value(elem, lanes); }
  /// Bytes that a value takes in memory, and its alignment: 3 components take as much as 4.
  constexpr int bytes() const { return ir::bytes(elem) * (lanes == 3 ? 4 : lanes); }
  constexpr Type withElem(Elem e) const { return {kind, e, lanes, space}; }
  constexpr Type withLanes(int n) const { return {kind, elem, static_cast<uint8_t>(n), space}; }
  /// One word, for hashing and tables.
  constexpr uint32_t key() const {
    return static_cast<uint32_t>(kind) | static_cast<uint32_t>(elem) << 8 |
           static_cast<uint32_t>(lanes) << 16 | static_cast<uint32_t>(space) << 24;
  }
  /// "f32", "f16x4", "buffer<u8>", "buffer<f32, threadgroup>".
  std::string str() const;
};

/// What Python calls a scalar or vector type under `enigma.`: "f32", "float4".
std::string pythonName(Type t);
/// A scalar or vector from its name: "f32", "float4", "f32x4".
std::optional<Type> typeFromName(std::string_view name);

/// What two operands of an arithmetic operation are brought to (the table in docs/types.md): the same type
/// keeps itself, the wider wins, equal widths of different sign give unsigned, an integer with a float gives
/// that float, b1 counts as i32; f16 with bf16 has no answer.
std::optional<Elem> promote(Elem a, Elem b);

} // namespace enigma::ir
