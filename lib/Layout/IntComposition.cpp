// SPDX-License-Identifier: MIT
//
// Composition of small layouts of plain integers, the everyday case, in one pass over each side:
//
//   ((6,2),8):((8,2),64) o (4,3):(3,1)  ->  ((2,2),3):((24,2),8)
//
// The same steps as in Composition.cpp, which explains them, on integers instead of nodes and into space that
// is there already. What does not fit, and whatever looks like an error, is declined: Composition.cpp then
// starts anew and finds the answer or the words for it.
#include "Modes.h"

namespace enigma::layout {

namespace {

constexpr uint32_t kMaxDigits = 8;

/// One mode of coalesce(a), the largest sum of steps that the modes of b take in it, and in how many
/// combinations.
struct Digit {
  int64_t radix, stride, reach, combinations;
};

/// The digits of a, of which there is at least one; 0 to decline.
inline uint32_t readDigits(Digit *digits, LayoutView a) {
  const Node *s = a.shape.nodes(), *d = a.stride.nodes();
  int64_t lastShape = 1, lastStride = 0, end = 0; // end: where the last digit ends, and the next would go on
  uint32_t count = 0;
  bool joinable = false; // the last digit's end is within 64 bits
  for (const Node *stop = s + a.span(); s != stop; ++s, ++d) {
    if (s->isTuple())
      continue;
    if (!s->isInt() || !d->isInt() || s->value < 1)
      return 0;
    lastShape = s->value;
    lastStride = d->value;
    if (lastShape == 1)
      continue;
    if (joinable && end == lastStride) {
      Digit &last = digits[count - 1];
      if (__builtin_mul_overflow(last.radix, lastShape, &last.radix))
        return 0;
      joinable = !__builtin_mul_overflow(last.radix, last.stride, &end);
      continue;
    }
    if (count == kMaxDigits)
      return 0;
    digits[count++] = {lastShape, lastStride, 0, 1};
    joinable = !__builtin_mul_overflow(lastShape, lastStride, &end);
  }
  if (lastShape == 1 && !(joinable && end == lastStride)) { // it tells how positions past the end run on
    if (count == kMaxDigits)
      return 0;
    digits[count++] = {1, lastStride, 0, 1};
  }
  return count;
}

/// Adds the steps of one mode to those that a digit takes already. False if that overflows.
inline bool reaches(Digit &digit, int64_t steps, int64_t step) {
  int64_t far;
  return !__builtin_mul_overflow(steps - 1, step, &far) &&
         !__builtin_add_overflow(digit.reach, far, &digit.reach);
}

/// Writes the image of s:d (s > 1, d not 0) as a list of modes and counts them; 0 to decline.
[[gnu::always_inline]] inline uint32_t imageOf(Node *shape, Node *stride, int64_t s, int64_t d, Digit *digits,
                                               uint32_t last) {
  const int64_t sign = d < 0 ? -1 : 1;
  int64_t step = d * sign, scaled;
  uint32_t count = 0;
  for (uint32_t i = 0; i < last; ++i) {
    Digit &digit = digits[i];
    const int64_t radix = digit.radix;
    if (step >= radix) {
      if (step % radix != 0)
        return 0;
      step /= radix;
      continue;
    }
    const int64_t fit = step == 1 ? radix : (radix - 1) / step + 1;
    int64_t taken = s, left = 1, whole;
    if (fit < s) { // else it ends in this digit
      if (__builtin_mul_overflow(fit, step, &whole) || whole != radix || s % fit != 0)
        return 0;
      taken = fit;
      left = s / fit;
    }
    if (__builtin_mul_overflow(step * sign, digit.stride, &scaled) || !reaches(digit, taken, step) ||
        digit.reach >= radix || __builtin_mul_overflow(digit.combinations, taken, &digit.combinations))
      return 0;
    shape[count] = intNode(taken);
    stride[count++] = intNode(scaled);
    if (left == 1)
      return count;
    s = left;
    step = 1;
  }
  if (__builtin_mul_overflow(step * sign, digits[last].stride, &scaled) || !reaches(digits[last], s, step))
    return 0;
  shape[count] = intNode(s);
  stride[count++] = intNode(scaled);
  return count;
}

/// The stride of a mode of extent 1, which moves nowhere but must be able to step all the same.
inline bool strideOfOne(int64_t &stride, const Digit *digits, uint32_t last) {
  if (last == 0)
    return !__builtin_mul_overflow(stride, digits[0].stride, &stride);
  int64_t step = stride < 0 ? -stride : stride;
  for (uint32_t i = 0; i < last; ++i) {
    if (step >= digits[i].radix && step % digits[i].radix != 0)
      return false;
    step = ceilDivInt(step, digits[i].radix);
  }
  stride = 0;
  return true;
}

} // namespace

bool composeInts(Layout &out, LayoutView a, LayoutView b) {
  constexpr uint32_t room = IntTuple::kInlineNodes;
  const uint32_t span = b.span();
  if (span > room)
    return false;
  Digit digits[kMaxDigits];
  const uint32_t count = readDigits(digits, a);
  if (count == 0)
    return false;
  struct Open {
    uint32_t head;   // of the tuple in the result
    const Node *end; // of the tuple in the shape of b
  } open[room];
  uint32_t opened = 0, at = 0;
  bool forward = false, backward = false;
  auto [shape, stride] = out.extend(room);
  const Node *s = b.shape.nodes(), *d = b.stride.nodes();
  for (const Node *stop = s + span; s != stop; ++d) {
    if (at + count >= room) // a head and a mode for each digit
      return false;
    if (s->isTuple()) {
      open[opened++] = {at, s + s->span()};
      shape[at++] = *s; // for its rank
    } else {
      if (!s->isInt() || !d->isInt() || d->value == INT64_MIN)
        return false;
      int64_t extent = s->value, step = d->value;
      if (step == 0 || extent <= 1) {
        if (step != 0 && (extent != 1 || !strideOfOne(step, digits, count - 1)))
          return false;
        shape[at] = intNode(extent);
        stride[at++] = intNode(step);
      } else {
        (step < 0 ? backward : forward) = true;
        // A leaf if it stays in one digit; else it moves up to make room for the head of a tuple.
        const uint32_t modes = imageOf(shape + at, stride + at, extent, step, digits, count - 1);
        if (modes == 0)
          return false;
        if (modes > 1) {
          for (uint32_t i = at + modes; i > at; --i) {
            shape[i] = shape[i - 1];
            stride[i] = stride[i - 1];
          }
          shape[at] = stride[at] = tupleNode(modes, modes + 1);
          ++at;
        }
        at += modes;
      }
    }
    ++s;
    for (; opened && open[opened - 1].end == s; --opened) {
      const uint32_t head = open[opened - 1].head;
      shape[head] = stride[head] = tupleNode(static_cast<uint32_t>(shape[head].value), at - head);
    }
  }
  if (forward && backward)
    return false;
  out.rewind(at);
  return true;
}

} // namespace enigma::layout
