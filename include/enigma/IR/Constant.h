// SPDX-License-Identifier: MIT
//
// Constants as bits: a number rounded once to an element type, and back.
//
//     constantBits(Elem::f16, Literal(0.1)) == 0x2e66; constantText(Elem::f16, 0x2e66) == "0.1"
#pragma once

#include "enigma/IR/Builder.h"

#include <optional>
#include <string>

namespace enigma::ir {

/// The bits of a literal in an element type, in the low bits of the word, the rest zero; nothing when the
/// type can't hold it: an integer out of range, a fraction for an integer, a finite number that rounds to
/// infinity.
std::optional<uint64_t> constantBits(Elem elem, const Literal &literal);
/// The number that the bits stand for; exact for every type but i64 and u64.
double constantNumber(Elem elem, uint64_t bits);
/// The integer that the bits stand for, sign-extended; only for integer types and b1.
int64_t constantInteger(Elem elem, uint64_t bits);
/// The shortest decimal text that reads back as these bits: "0.1", "-5", "true", "inf", "nan".
std::string constantText(Elem elem, uint64_t bits);

} // namespace enigma::ir
