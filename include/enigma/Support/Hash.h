// SPDX-License-Identifier: MIT
//
// A 128-bit hash that is the same on every platform and in every run: the name of a kernel in the caches.
//
// Two kernels with one hash would run each other's code, so the state is 128 bits wide and every word passes
// through two different 64 x 64 -> 128 bit multiplications. It is not meant to resist an attacker.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace enigma {

struct Hash128 {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Hash128 &) const = default;
  /// 32 hexadecimal digits.
  std::string str() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out(32, '0');
    for (int i = 0; i < 16; ++i) {
      out[15 - i] = digits[(high >> (4 * i)) & 15];
      out[31 - i] = digits[(low >> (4 * i)) & 15];
    }
    return out;
  }
};

class Hasher {
public:
  void word(uint64_t value) {
    a = fold(a ^ value, 0x9E3779B97F4A7C15u);
    b = fold(b + value, 0xD6E8FEB86659FD93u) ^ a;
    ++count;
  }
  void text(std::string_view value) {
    word(value.size());
    while (!value.empty()) {
      uint64_t chunk = 0;
      size_t n = value.size() < 8 ? value.size() : 8;
      for (size_t i = 0; i < n; ++i) // byte by byte: the same on either endianness
        chunk |= uint64_t(static_cast<unsigned char>(value[i])) << (8 * i);
      word(chunk);
      value.remove_prefix(n);
    }
  }
  Hash128 finish() const {
    uint64_t x = fold(a ^ count, 0xA0761D6478BD642Fu), y = fold(b + count, 0xE7037ED1A0B428DBu);
    return {fold(x ^ (y << 1), 0x8EBC6AF09C88C6E3u) ^ y, fold(y + x, 0x589965CC75374CC3u) ^ x};
  }

private:
  // Both halves of the product are kept: the map is a bijection of neither, but no single word is lost.
  static uint64_t fold(uint64_t value, uint64_t odd) {
    __uint128_t product = static_cast<__uint128_t>(value ^ (odd >> 7)) * odd;
    return static_cast<uint64_t>(product) ^ (static_cast<uint64_t>(product >> 64) * 0x2127599BF4325C37u);
  }
  uint64_t a = 0x243F6A8885A308D3u, b = 0x13198A2E03707344u, count = 0;
};

} // namespace enigma

template <>
struct std::hash<enigma::Hash128> {
  size_t operator()(const enigma::Hash128 &h) const { return h.low; }
};
