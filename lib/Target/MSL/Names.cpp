// SPDX-License-Identifier: MIT
//
// Which identifiers MSL reserves (specification 1.5, 2, 4, 5) or its library defines.
#include "Names.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

namespace enigma::msl {
namespace {

bool isReserved(llvm::StringRef name) {
  static const llvm::StringSet<> words = {
      // C++14
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case",
      "catch", "char", "char16_t", "char32_t", "class", "compl", "const", "const_cast", "constexpr",
      "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit",
      "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
      "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
      "protected", "public", "register", "reinterpret_cast", "return", "short", "signed", "sizeof", "static",
      "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local", "throw", "true",
      "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual", "void", "volatile",
      "wchar_t", "while", "xor", "xor_eq", "main",
      // Metal's words and types
      "kernel", "vertex", "fragment", "device", "constant", "thread", "threadgroup", "threadgroup_imageblock",
      "ray_data", "object_data", "half", "bfloat", "uint", "uchar", "ushort", "ulong", "size_t", "ptrdiff_t",
      "metal", "sampler", "atomic_int", "atomic_uint", "atomic_bool", "atomic_ulong", "atomic_float", "fast",
      "precise", "as_type", "access", "visible", "intersection", "mesh", "object", "stitchable", "patch",
      "simd", "quad", "packed", "array",
      // Functions that expressions call by these names
      "abs", "absdiff", "acos", "acosh", "addsat", "all", "any", "asin", "asinh", "atan", "atan2", "atanh",
      "ceil", "clamp", "clz", "copysign", "cos", "cosh", "cospi", "ctz", "erf", "erfinv", "exp", "exp10",
      "exp2", "extract_bits", "fabs", "fdim", "floor", "fma", "fmax", "fmin", "fmod", "fract", "frexp",
      "hadd", "insert_bits", "isfinite", "isinf", "isnan", "isnormal", "isordered", "isunordered", "ldexp",
      "log", "log10", "log2", "madhi", "madsat", "max", "min", "mix", "modf", "mulhi", "nextafter",
      "popcount", "pow", "powr", "reverse_bits", "rhadd", "rint", "rotate", "round", "rsqrt", "saturate",
      "select", "sign", "signbit", "sin", "sinh", "sinpi", "smoothstep", "sqrt", "step", "subsat", "tan",
      "tanh", "tanpi", "trunc",
      // Macros
      "INFINITY", "NAN", "MAXFLOAT", "MAXHALF", "MAXBFLOAT", "HUGE_VALF", "HUGE_VALH", "HUGE_VALBF", "NULL",
      "assert", "offsetof"};
  // Macros of <metal_stdlib>: FLT_EPSILON, INT_MAX, M_PI_F, ... (specification 6.3, 6.5, 7.5)
  static constexpr llvm::StringLiteral limits[] = {"FLT_",   "HALF_",  "BFLT_",  "DBL_",   "CHAR_",
                                                   "SCHAR_", "UCHAR_", "SHRT_",  "USHRT_", "INT_",
                                                   "UINT_",  "LONG_",  "ULONG_", "M_"};
  if (name == name.upper() &&
      llvm::any_of(limits, [&](llvm::StringRef prefix) { return name.starts_with(prefix); }))
    return true;
  if (words.contains(name) || name.starts_with("enigma_") || name.starts_with("__") ||
      name.starts_with("simd_") || name.starts_with("quad_") || name.starts_with("atomic_") ||
      name.starts_with("texture"))
    return true;
  // float4, half2x2, packed_float3, ...
  llvm::StringRef stem = name.rtrim("x0123456789");
  stem.consume_front("packed_");
  return stem.size() != name.size() && words.contains(stem) &&
         (stem == "float" || stem == "half" || stem == "bfloat" || stem == "int" || stem == "uint" ||
          stem == "short" || stem == "ushort" || stem == "char" || stem == "uchar" || stem == "long" ||
          stem == "ulong" || stem == "bool");
}

} // namespace

std::string Names::claim(llvm::StringRef wish) {
  std::string name;
  for (char c : wish) // letters beyond ASCII, which Python allows, by their bytes
    if (llvm::isAlnum(c) || c == '_')
      name += c;
    else
      name += "u" + llvm::utohexstr(static_cast<unsigned char>(c), /*LowerCase=*/true);
  if (!name.empty() && (llvm::isDigit(name.front()) || (name.size() > 1 && name[0] == '_')))
    name = "v" + name; // a leading underscore is the implementation's before a capital letter or another one
  if (name.empty()) {
    do
      name = "v" + std::to_string(next++);
    while (taken.contains(name));
  } else if (name == "_") {
    name = "v_";
  } else if (isReserved(name)) {
    // A reserved prefix (simd_, enigma_, ...) stays reserved whatever follows, numbers included.
    name = isReserved(name + "_") ? "v_" + name : name + "_";
  }
  if (!taken.contains(name)) {
    taken[name] = 1;
    return name;
  }
  std::string numbered;
  do
    numbered = name + "_" + std::to_string(taken[name]++);
  while (taken.contains(numbered) || isReserved(numbered));
  taken[numbered] = 1;
  return numbered;
}

void Names::release(llvm::StringRef name) {
  taken.erase(name);
  if (next > 0 && name == "v" + std::to_string(next - 1))
    --next;
}

} // namespace enigma::msl
