// SPDX-License-Identifier: MIT
//
// See LaneVector.h.
#include "LaneVector.h"

namespace enigma::host {
namespace {

constexpr ElementKind kF32 = ElementKind::F32, kU32 = ElementKind::U32, kI32 = ElementKind::I32;

Components each(const Components &x, llvm::function_ref<Lanes(const Lanes &, size_t)> f) {
  Components out;
  for (size_t c = 0; c < x.size(); ++c)
    out.push_back(f(x[c], c));
  return out;
}
Components wide(LaneBuilder &b, const Components &x) {
  return each(x, [&](const Lanes &v, size_t) { return b.cast(v, kF32); });
}
Lanes sumOfProducts(LaneBuilder &b, const Components &x, const Components &y) {
  Lanes sum = b.mul(x[0], y[0]);
  for (size_t c = 1; c < x.size(); ++c)
    sum = b.add(sum, b.mul(x[c], y[c]));
  return sum;
}
/// One number of f32, rounded to the type of the operands.
Components rounded(LaneBuilder &b, const Lanes &value, const Components &like) {
  return {b.cast(value, like[0].type)};
}
Components difference(LaneBuilder &b, const Components &x, const Components &y) {
  return each(x, [&](const Lanes &v, size_t c) { return b.sub(v, y[c]); });
}

} // namespace

// ---- Geometry

Components dot(LaneBuilder &b, const Components &x, const Components &y) {
  return rounded(b, sumOfProducts(b, wide(b, x), wide(b, y)), x);
}
Components lengthSquared(LaneBuilder &b, const Components &x) { return dot(b, x, x); }
Components length(LaneBuilder &b, const Components &x) {
  const Components w = wide(b, x);
  return rounded(b, b.sqrt(sumOfProducts(b, w, w)), x);
}
Components distance(LaneBuilder &b, const Components &x, const Components &y) {
  return length(b, difference(b, x, y));
}
Components distanceSquared(LaneBuilder &b, const Components &x, const Components &y) {
  return lengthSquared(b, difference(b, x, y));
}
Components normalize(LaneBuilder &b, const Components &x) {
  const Components w = wide(b, x);
  const Lanes size = b.sqrt(sumOfProducts(b, w, w));
  return each(w, [&](const Lanes &v, size_t) { return b.cast(b.div(v, size), x[0].type); });
}
Components cross(LaneBuilder &b, const Components &x, const Components &y) {
  const Components v = wide(b, x), w = wide(b, y);
  return each(x, [&](const Lanes &, size_t c) {
    const size_t i = (c + 1) % 3, k = (c + 2) % 3;
    return b.cast(b.sub(b.mul(v[i], w[k]), b.mul(v[k], w[i])), x[0].type);
  });
}
Components reflect(LaneBuilder &b, const Components &i, const Components &n) {
  const Components in = wide(b, i), normal = wide(b, n);
  const Lanes twice = b.mul(b.number(kF32, 2), sumOfProducts(b, normal, in));
  return each(in,
              [&](const Lanes &v, size_t c) { return b.cast(b.sub(v, b.mul(twice, normal[c])), i[0].type); });
}
Components refract(LaneBuilder &b, const Components &i, const Components &n, const Components &eta) {
  const Components in = wide(b, i), normal = wide(b, n);
  const Lanes e = b.cast(eta[0], kF32), one = b.number(kF32, 1), zero = b.number(kF32, 0);
  const Lanes cosine = sumOfProducts(b, normal, in);
  const Lanes k = b.sub(one, b.mul(b.mul(e, e), b.sub(one, b.mul(cosine, cosine))));
  const Lanes reflected = b.lt(k, zero);
  const Lanes along = b.add(b.mul(e, cosine), b.sqrt(b.max(k, zero)));
  return each(in, [&](const Lanes &v, size_t c) {
    const Lanes through = b.sub(b.mul(e, v), b.mul(along, normal[c]));
    return b.cast(b.select(reflected, zero, through), i[0].type);
  });
}
Components faceForward(LaneBuilder &b, const Components &n, const Components &i, const Components &nref) {
  const Lanes towards = b.lt(sumOfProducts(b, wide(b, nref), wide(b, i)), b.number(kF32, 0));
  return each(n, [&](const Lanes &v, size_t) { return b.select(towards, v, b.neg(v)); });
}

// ---- Components

Components all(LaneBuilder &b, const Components &x) {
  Lanes result = x[0];
  for (size_t c = 1; c < x.size(); ++c)
    result = b.bitAnd(result, x[c]);
  return {result};
}
Components any(LaneBuilder &b, const Components &x) {
  Lanes result = x[0];
  for (size_t c = 1; c < x.size(); ++c)
    result = b.bitOr(result, x[c]);
  return {result};
}

Components extractAt(LaneBuilder &b, const Components &x, const Lanes &index) {
  Lanes result = x.back();
  for (size_t c = x.size() - 1; c-- > 0;)
    result = b.select(b.eq(index, b.integer(index.type, static_cast<int64_t>(c))), x[c], result);
  return {result};
}

Components asType(LaneBuilder &b, const Components &x, ElementKind to, unsigned count) {
  if (x.size() == count)
    return each(x, [&](const Lanes &v, size_t) { return b.asType(v, to); });
  const auto unsignedKind = [](unsigned bits) {
    return bits == 8 ? ElementKind::U8 : bits == 16 ? ElementKind::U16 : bits == 32 ? kU32 : ElementKind::U64;
  };
  const unsigned from = bitsOf(x[0].type), into = bitsOf(to);
  Components out;
  if (from < into) { // put together
    const unsigned each = into / from;
    for (unsigned c = 0; c < count; ++c) {
      Lanes word = b.integer(unsignedKind(into), 0);
      for (unsigned k = 0; k < each; ++k) {
        const Lanes part = b.cast(b.asType(x[c * each + k], unsignedKind(from)), unsignedKind(into));
        word = b.bitOr(word, b.shl(part, b.integer(unsignedKind(into), k * from)));
      }
      out.push_back(b.asType(word, to));
    }
    return out;
  }
  const unsigned each = from / into;
  for (unsigned c = 0; c < count; ++c) {
    const Lanes word = b.asType(x[c / each], unsignedKind(from));
    const Lanes part = b.shr(word, b.integer(unsignedKind(from), c % each * into));
    out.push_back(b.asType(b.cast(part, unsignedKind(into)), to));
  }
  return out;
}

// ---- Packing

namespace {

double largest(const PackedFormat &format, size_t c) {
  return double((1u << (format.bits[c] - format.isSigned)) - 1);
}
bool isCurved(const PackedFormat &format, size_t c) { return format.isSrgb && c < 3; }

Lanes toSrgb(LaneBuilder &b, const Lanes &x) {
  const Lanes straight = b.mul(x, b.number(kF32, 12.92f));
  const Lanes power = b.math("pow", x, b.number(kF32, 1.0f / 2.4f));
  const Lanes curved = b.sub(b.mul(b.number(kF32, 1.055f), power), b.number(kF32, 0.055f));
  return b.select(b.lt(x, b.number(kF32, 0.0031308f)), straight, curved);
}
Lanes fromSrgb(LaneBuilder &b, const Lanes &x) {
  const Lanes straight = b.div(x, b.number(kF32, 12.92f));
  const Lanes base = b.div(b.add(x, b.number(kF32, 0.055f)), b.number(kF32, 1.055f));
  return b.select(b.le(x, b.number(kF32, 0.04045f)), straight, b.math("pow", base, b.number(kF32, 2.4f)));
}

} // namespace

Components pack(LaneBuilder &b, const Components &x, const PackedFormat &format) {
  Lanes word = b.integer(kU32, 0);
  unsigned shift = 0;
  for (size_t c = 0; c < x.size(); ++c) {
    Lanes v = b.cast(x[c], kF32);
    // NaN counts as 0, whichever limit a comparison would make of it.
    v = b.select(b.isnan(v), b.number(kF32, 0), v);
    v = b.clamp(v, b.number(kF32, format.isSigned ? -1 : 0), b.number(kF32, 1));
    if (isCurved(format, c))
      v = toSrgb(b, v);
    const Lanes whole = b.cast(b.rint(b.mul(v, b.number(kF32, largest(format, c)))), kI32);
    const Lanes field = b.bitAnd(b.cast(whole, kU32), b.integer(kU32, (int64_t(1) << format.bits[c]) - 1));
    word = b.bitOr(word, b.shl(field, b.integer(kU32, shift)));
    shift += format.bits[c];
  }
  return {word};
}

Components unpack(LaneBuilder &b, const Components &x, const PackedFormat &format, ElementKind to) {
  Components out;
  unsigned shift = 0;
  for (size_t c = 0; c < 4 && format.bits[c]; ++c) {
    // The field at the top of the word and down again, so that its sign counts where it has one.
    const Lanes top = b.shl(x[0], b.integer(kU32, 32 - shift - format.bits[c]));
    const ElementKind whole = format.isSigned ? kI32 : kU32;
    const Lanes field = b.shr(b.cast(top, whole), b.integer(whole, 32 - format.bits[c]));
    Lanes v = b.div(b.cast(field, kF32), b.number(kF32, largest(format, c)));
    if (format.isSigned)
      v = b.max(v, b.number(kF32, -1));
    if (isCurved(format, c))
      v = fromSrgb(b, v);
    out.push_back(b.cast(v, to));
    shift += format.bits[c];
  }
  return out;
}

} // namespace enigma::host
