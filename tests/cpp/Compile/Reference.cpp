// SPDX-License-Identifier: MIT
//
// One case per operation, written for reading.
#include "Reference.h"

#include <cmath>
#include <stdexcept>

namespace enigma::test {

using namespace enigma::ir;
using Wide = __int128;

namespace {

Bits cut(Elem e, Bits v) { return v & (~Bits(0) >> (64 - bits(e))); }
Wide integer(Elem e, Bits v) {
  if (isSigned(e) && v >> (bits(e) - 1) & 1)
    return Wide(v) - (Wide(1) << bits(e));
  return Wide(v);
}
Wide lowest(Elem e) { return isSigned(e) ? -(Wide(1) << (bits(e) - 1)) : 0; }
Wide highest(Elem e) { return isSigned(e) ? (Wide(1) << (bits(e) - 1)) - 1 : (Wide(1) << bits(e)) - 1; }
Bits saturated(Elem e, Wide v) {
  return cut(e, Bits(v < lowest(e) ? lowest(e) : v > highest(e) ? highest(e) : v));
}
Wide floorDiv(Wide a, Wide b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

struct Format {
  int precision, minExponent, maxExponent; // of 2^e * [1, 2)
};
Format formatOf(Elem e) {
  return e == Elem::f16    ? Format{11, -14, 15}
         : e == Elem::bf16 ? Format{8, -126, 127}
                           : Format{24, -126, 127};
}

// x rounded to odd: to the long double towards zero, whose last bit then remembers that something was lost.
long double odd(__float128 x) {
  auto t = static_cast<long double>(x);
  if (std::isnan(t) || std::isinf(t) || __float128(t) == x)
    return t;
  if ((x > 0) == (__float128(t) > x))
    t = std::nextafter(t, 0.0L);
  uint64_t mantissa;
  std::memcpy(&mantissa, &t, 8);
  mantissa |= 1;
  std::memcpy(&t, &mantissa, 8);
  return t;
}

} // namespace

long double floatValue(Elem e, Bits v) {
  Format f = formatOf(e);
  int fractionBits = f.precision - 1, exponentBits = bits(e) - f.precision;
  Bits fraction = v & ((Bits(1) << fractionBits) - 1);
  int exponent = v >> fractionBits & ((1 << exponentBits) - 1);
  long double size = exponent == (1 << exponentBits) - 1 ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp((long double)fraction, f.minExponent - fractionBits)
                                     : std::ldexp((long double)(fraction | Bits(1) << fractionBits),
                                                  exponent - 1 + f.minExponent - fractionBits);
  return v >> (bits(e) - 1) & 1 ? -size : size;
}

Bits nearestFloat(Elem e, long double x) {
  Format f = formatOf(e);
  int fractionBits = f.precision - 1, exponentBits = bits(e) - f.precision;
  Bits sign = Bits(std::signbit(x)) << (bits(e) - 1), infinity = ((Bits(1) << exponentBits) - 1)
                                                                 << fractionBits;
  if (std::isnan(x))
    return infinity | Bits(1) << (fractionBits - 1);
  x = std::fabs(x);
  if (x == 0)
    return sign;
  if (std::isinf(x))
    return sign | infinity;
  int exponent = std::max(std::ilogb(x), f.minExponent);
  // In units of the last place the number is below 2^precision, and its bits follow one another across
  // binades.
  auto units = Bits(std::rint(std::ldexp(x, fractionBits - exponent)));
  Bits out = (Bits(exponent - f.minExponent) << fractionBits) + units;
  return sign | std::min(out, infinity);
}

bool isNan(Elem e, Bits v) { return isFloat(e) && std::isnan(floatValue(e, v)); }

void Reference::run(std::array<uint32_t, 3> position) {
  values.assign(f.numValues(), 0);
  for (size_t i = 0; i < f.params().size(); ++i)
    if (f.params()[i].type.isValue())
      std::memcpy(&values[f.paramValue(i).id], memory[i].data(), bytes(f.params()[i].type.elem));
  runRegion(f.region(0), position);
}

void Reference::runRegion(const Region &region, std::array<uint32_t, 3> position) {
  for (uint32_t index : region.ops) {
    const Op &op = f.op(index);
    auto at = [&](int buffer, int i) {
      Value b = f.operands(op)[buffer];
      size_t size = bytes(f.type(b).elem);
      Wide element = integer(f.type(f.operands(op)[i]).elem, in(op, i));
      auto &bytesOf = memory[f.paramIndex(b)];
      if (element < 0 || (element + 1) * Wide(size) > Wide(bytesOf.size()))
        throw std::out_of_range("the kernel goes past a buffer");
      return bytesOf.subspan(size_t(element) * size, size);
    };
    switch (op.opcode) {
    case Opcode::store:
    case Opcode::store_if:
      if (op.opcode == Opcode::store || in(op, 3)) {
        auto to = at(1, 2);
        std::memcpy(to.data(), &values[f.operands(op)[0].id], to.size());
      }
      break;
    case Opcode::load:
    case Opcode::load_if: {
      Bits v = op.opcode == Opcode::load ? 0 : in(op, 3);
      if (op.opcode == Opcode::load || in(op, 2)) {
        auto from = at(0, 1);
        v = 0;
        std::memcpy(&v, from.data(), from.size());
      }
      values[f.result(op).id] = v;
      break;
    }
    case Opcode::for_:
    case Opcode::if_:
    case Opcode::while_:
      control(op, position);
      break;
    case Opcode::yield:
      break;
    default:
      values[f.result(op).id] = compute(op, position);
    }
  }
}

void Reference::control(const Op &op, std::array<uint32_t, 3> position) {
  auto region = [&](int i) -> const Region & { return f.region(f.regionsOf(op)[i]); };
  auto yielded = [&](const Region &r) {
    std::vector<Bits> out;
    for (Value v : f.operands(f.op(r.ops.back())))
      out.push_back(values[v.id]);
    return out;
  };
  auto give = [&](std::span<const Value> to, std::span<const Bits> from) {
    for (size_t i = 0; i < to.size(); ++i)
      values[to[i].id] = from[i];
  };
  std::vector<Bits> carried;
  if (op.opcode == Opcode::if_) {
    const Region &arm = region(in(op, 0) ? 0 : 1);
    runRegion(arm, position);
    carried = yielded(arm);
  } else if (op.opcode == Opcode::for_) {
    Elem e = f.type(f.operands(op)[0]).elem;
    Wide upper = integer(e, in(op, 1)), step = integer(e, in(op, 2));
    for (int k = 3; k < op.numOperands; ++k)
      carried.push_back(in(op, k));
    std::span<const Value> args = region(0).args;
    for (Wide i = integer(e, in(op, 0)); step > 0 ? i < upper : step < 0 && i > upper; i += step) {
      values[args[0].id] = cut(e, Bits(i));
      give(args.subspan(1), carried);
      runRegion(region(0), position);
      carried = yielded(region(0));
    }
  } else {
    for (int k = 0; k < op.numOperands; ++k)
      carried.push_back(in(op, k));
    for (;;) {
      give(region(0).args, carried);
      runRegion(region(0), position);
      carried = yielded(region(0));
      bool more = carried[0];
      carried.erase(carried.begin());
      if (!more)
        break;
      give(region(1).args, carried);
      runRegion(region(1), position);
      carried = yielded(region(1));
    }
  }
  for (int r = 0; r < op.numResults; ++r)
    values[f.result(op, r).id] = carried[r];
}

Bits Reference::compute(const Op &op, std::array<uint32_t, 3> position) {
  Elem to = f.type(f.result(op)).elem;
  Elem e = op.numOperands ? f.type(f.operands(op)[op.opcode == Opcode::select ? 1 : 0]).elem : to;
  int width = bits(e);
  Bits a = op.numOperands > 0 ? in(op, 0) : 0, b = op.numOperands > 1 ? in(op, 1) : 0,
       c = op.numOperands > 2 ? in(op, 2) : 0;
  switch (op.opcode) {
  case Opcode::constant:
    return op.immediate;
  case Opcode::thread_position_in_grid:
    return position[op.immediate];
  case Opcode::select:
    return a ? b : c;
  case Opcode::as_type:
    return a;
  default:
    break;
  }

  if (isFloat(e)) {
    long double x = floatValue(e, a), y = floatValue(e, b), z = floatValue(e, c);
    __float128 qx = x, qy = y, qz = z;
    auto round = [&](__float128 exact) { return nearestFloat(e, odd(exact)); };
    auto f32 = [](long double v) { return float(v); };
    switch (op.opcode) {
    case Opcode::add: // f32's sums can be wider than any format here: the processor's own are right
      return e == Elem::f32 ? nearestFloat(e, f32(x) + f32(y))
                            : nearestFloat(e, std::isfinite(x) && std::isfinite(y) && e == Elem::f16
                                                  ? x + y
                                                  : (long double)(f32(x) + f32(y)));
    case Opcode::sub:
      return e == Elem::f32
                 ? nearestFloat(e, f32(x) - f32(y))
                 : nearestFloat(e, (long double)(e == Elem::f16 ? x - y : (long double)(f32(x) - f32(y))));
    case Opcode::mul:
      return nearestFloat(e, x * y);
    case Opcode::div:
      return e == Elem::f32 ? nearestFloat(e, f32(x) / f32(y)) : nearestFloat(e, x / y);
    case Opcode::fma:
      if (e == Elem::f16)
        return std::isfinite(x) && std::isfinite(y) && std::isfinite(z) && x * y != 0
                   ? round(qx * qy + qz)
                   : nearestFloat(e, x * y + z);
      return nearestFloat(e, std::fma(f32(x), f32(y), f32(z)));
    case Opcode::neg:
      return a ^ Bits(1) << (width - 1);
    case Opcode::abs:
      return a & ~(Bits(1) << (width - 1));
    case Opcode::copysign:
      return (a & ~(Bits(1) << (width - 1))) | (b & Bits(1) << (width - 1));
    case Opcode::min:
      return std::isnan(x) ? b : std::isnan(y) ? a : x < y ? a : b;
    case Opcode::max:
      return std::isnan(x) ? b : std::isnan(y) ? a : x > y ? a : b;
    case Opcode::sqrt:
      return e == Elem::f32 ? nearestFloat(e, std::sqrt(f32(x))) : nearestFloat(e, std::sqrt(x));
    case Opcode::floor:
      return nearestFloat(e, std::floor(x));
    case Opcode::ceil:
      return nearestFloat(e, std::ceil(x));
    case Opcode::trunc:
      return nearestFloat(e, std::trunc(x));
    case Opcode::rint:
      return nearestFloat(e, std::rint(x));
    case Opcode::isnan:
      return std::isnan(x);
    case Opcode::isinf:
      return std::isinf(x);
    case Opcode::isfinite:
      return std::isfinite(x);
    case Opcode::isnormal:
      return std::isfinite(x) && std::fabs(x) >= std::ldexp(1.0L, formatOf(e).minExponent);
    case Opcode::signbit:
      return a >> (width - 1) & 1;
    case Opcode::isordered:
      return !std::isnan(x) && !std::isnan(y);
    case Opcode::isunordered:
      return std::isnan(x) || std::isnan(y);
    case Opcode::cmp_eq:
      return x == y;
    case Opcode::cmp_ne:
      return x != y;
    case Opcode::cmp_lt:
      return x < y;
    case Opcode::cmp_le:
      return x <= y;
    case Opcode::cmp_gt:
      return x > y;
    case Opcode::cmp_ge:
      return x >= y;
    case Opcode::cast:
      if (to == Elem::b1)
        return x != 0;
      if (isFloat(to))
        return nearestFloat(to, x);
      if (std::isnan(x))
        return 0;
      // Saturating, as the host has it.
      return x <= (long double)lowest(to)    ? cut(to, Bits(lowest(to)))
             : x >= (long double)highest(to) ? cut(to, Bits(highest(to)))
                                             : cut(to, Bits(Wide(x)));
    default:
      throw std::logic_error("the reference does not know " + std::string(info(op.opcode).name));
    }
  }

  Wide x = integer(e, a), y = integer(e, b), z = integer(e, c);
  auto wrapped = [&](Wide v) { return cut(to, Bits(v)); };
  switch (op.opcode) {
  case Opcode::add:
    return wrapped(x + y);
  case Opcode::sub:
    return wrapped(x - y);
  case Opcode::mul:
    return cut(e, a * b);
  case Opcode::neg:
    return wrapped(-x);
  case Opcode::floor_div:
    return y == 0 ? 0 : wrapped(floorDiv(x, y));
  case Opcode::mod:
    return y == 0 ? 0 : wrapped(x - floorDiv(x, y) * y);
  case Opcode::and_:
    return a & b;
  case Opcode::or_:
    return a | b;
  case Opcode::xor_:
    return a ^ b;
  case Opcode::not_:
    return cut(e, ~a);
  case Opcode::shl:
    return cut(e, a << (b & (width - 1)));
  case Opcode::shr:
    return wrapped(x >> int(b & (width - 1)));
  case Opcode::min:
    return x < y ? a : b;
  case Opcode::max:
    return x > y ? a : b;
  case Opcode::clamp:
    return x < y ? b : x > z ? c : a;
  case Opcode::abs:
    return wrapped(x < 0 ? -x : x);
  case Opcode::abs_diff:
    return wrapped(x > y ? x - y : y - x);
  case Opcode::add_sat:
    return saturated(e, x + y);
  case Opcode::sub_sat:
    return saturated(e, x - y);
  case Opcode::mul_hi:
  case Opcode::mad_hi: {
    Wide high = isSigned(e) ? (x * y) >> width : Wide((unsigned __int128)(a)*b >> width);
    return wrapped(op.opcode == Opcode::mul_hi ? high : high + z);
  }
  case Opcode::hadd:
    return wrapped((x + y) >> 1);
  case Opcode::rhadd:
    return wrapped((x + y + 1) >> 1);
  case Opcode::rotate: {
    int n = int(b & (width - 1));
    return n ? cut(e, a << n | a >> (width - n)) : a;
  }
  case Opcode::popcount:
    return __builtin_popcountll(a);
  case Opcode::clz:
    return a ? __builtin_clzll(a) - (64 - width) : width;
  case Opcode::ctz:
    return a ? __builtin_ctzll(a) : width;
  case Opcode::reverse_bits: {
    Bits out = 0;
    for (int i = 0; i < width; ++i)
      out |= (a >> i & 1) << (width - 1 - i);
    return out;
  }
  case Opcode::extract_bits: {
    if (c == 0)
      return 0;
    Bits field = (a >> b) & (~Bits(0) >> (64 - c));
    return isSigned(e) && field >> (c - 1) & 1 ? cut(e, field | ~Bits(0) << (c - 1)) : field;
  }
  case Opcode::insert_bits: {
    Bits n = in(op, 3);
    if (n == 0)
      return a;
    Bits mask = (~Bits(0) >> (64 - n)) << c;
    return cut(e, (a & ~mask) | ((b << c) & mask));
  }
  case Opcode::ipow: {
    if (y < 0)
      return x == 1 ? 1 : x == -1 ? wrapped(b & 1 ? -1 : 1) : 0;
    Bits power = 1, square = a;
    for (Bits n = b; n; n >>= 1, square = cut(e, square * square))
      if (n & 1)
        power = cut(e, power * square);
    return cut(e, power);
  }
  case Opcode::cmp_eq:
    return x == y;
  case Opcode::cmp_ne:
    return x != y;
  case Opcode::cmp_lt:
    return x < y;
  case Opcode::cmp_le:
    return x <= y;
  case Opcode::cmp_gt:
    return x > y;
  case Opcode::cmp_ge:
    return x >= y;
  case Opcode::cast:
    if (to == Elem::bf16) // by way of f32
      return nearestFloat(to, floatValue(Elem::f32, nearestFloat(Elem::f32, (long double)x)));
    return to == Elem::b1 ? a != 0 : isFloat(to) ? nearestFloat(to, (long double)x) : wrapped(x);
  default:
    throw std::logic_error("the reference does not know " + std::string(info(op.opcode).name));
  }
}

} // namespace enigma::test
