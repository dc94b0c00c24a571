// SPDX-License-Identifier: MIT
//
// Constants print as the shortest decimal that reads back to the same bits.
#include "Literals.h"

#include "enigma/Dialect/Enigma.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"

#include <charconv>
#include <cmath>

using namespace mlir;

namespace enigma::msl {
namespace {

std::string scalarName(Type t) {
  if (t.isF32())
    return "float";
  if (t.isF16())
    return "half";
  if (t.isBF16())
    return "bfloat";
  unsigned width = t.getIntOrFloatBitWidth();
  if (width == 1)
    return "bool";
  std::string name = width == 8 ? "char" : width == 16 ? "short" : width == 32 ? "int" : "long";
  return t.isUnsignedInteger() ? "u" + name : name;
}

// The shortest decimal that rounds to x in the format, with a point or an exponent.
std::string shortest(const APFloat &x) {
  bool lossy;
  APFloat wide = x;
  wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  double value = wide.convertToDouble();
  for (int digits = 1;; ++digits) {
    char text[64];
    std::string out(text,
                    std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr);
    APFloat back(x.getSemantics());
    llvm::cantFail(back.convertFromString(out, APFloat::rmNearestTiesToEven));
    if (digits >= 17 || back.bitwiseIsEqual(x))
      return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
  }
}

Expression floating(Type type, const APFloat &x) {
  std::string name = scalarName(type);
  if (x.isNaN()) {
    APInt bits = x.bitcastToAPInt();
    return {"as_type<" + name + ">(" + (bits.getBitWidth() == 32 ? "" : "ushort(") + "0x" +
            llvm::toString(bits, 16, false, false, false, false) + "u" +
            (bits.getBitWidth() == 32 ? ")" : "))")};
  }
  bool negative = x.isNegative();
  std::string text;
  if (x.isInfinity())
    text = type.isF32() ? "INFINITY" : name + (negative ? "(-INFINITY)" : "(INFINITY)");
  else {
    APFloat size = abs(x);
    // A decimal bfloat is exact as a float, so it is rounded once.
    if (type.isBF16())
      text = "bfloat(" + std::string(negative ? "-" : "") + shortest([&] {
               bool lossy;
               APFloat wide = size;
               wide.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lossy);
               return wide;
             }()) +
             "f)";
    else
      text = shortest(size) + (type.isF16() ? "h" : "f");
  }
  bool outside = negative && !type.isBF16() && !(x.isInfinity() && !type.isF32());
  return outside ? Expression{"-" + text, 15} : Expression{text, 16};
}

Expression integral(Type type, const APInt &x) {
  unsigned width = x.getBitWidth();
  if (width == 1)
    return {x.isZero() ? "false" : "true"};
  bool isUnsigned = type.isUnsignedInteger();
  std::string digits = llvm::toString(x, 10, !isUnsigned);
  if (width < 32)
    return {scalarName(type) + "(" + digits + ")"};
  if (!isUnsigned && x.isMinSignedValue()) // its absolute value is no literal of the type
    return {"(" + llvm::toString(x + 1, 10, true) + (width == 64 ? "L" : "") + " - 1" +
            (width == 64 ? "L" : "") + ")"};
  digits += isUnsigned ? (width == 64 ? "UL" : "u") : (width == 64 ? "L" : "");
  return {digits, x.isNegative() && !isUnsigned ? 15 : 16};
}

} // namespace

std::string typeName(Type t) {
  if (auto matrix = dyn_cast<dialect::SimdgroupMatrixType>(t))
    return "simdgroup_" + scalarName(matrix.getElementType()) + "8x8";
  std::string name = scalarName(dialect::scalarOf(t));
  int64_t lanes = dialect::lanesOf(t);
  return lanes > 1 ? name + std::to_string(lanes) : name;
}

Expression literal(TypedAttr value) {
  if (auto splat = dyn_cast<SplatElementsAttr>(value))
    return {typeName(value.getType()) + "(" +
            literal(cast<TypedAttr>(splat.getSplatValue<Attribute>())).text + ")"};
  if (auto number = dyn_cast<FloatAttr>(value))
    return floating(number.getType(), number.getValue());
  auto number = cast<IntegerAttr>(value);
  return integral(number.getType(), number.getValue());
}

} // namespace enigma::msl
