// SPDX-License-Identifier: MIT
//
// What Python's operators become, comparisons, selection, conversion, vectors, thread queries, memory and the kernel.
#ifndef ENIGMA_CORE_OPS_TD
#define ENIGMA_CORE_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

//===-- The kernel ------------------------------------------------------------------------------------------===//

def Enigma_KernelOp : Enigma_Op<"kernel", [IsolatedFromAbove, Symbol, SingleBlock, NoTerminator,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a compute kernel; its block arguments are its parameters, in binding order";
  let description = [{
    A buffer argument is bound at its position; any other argument is a scalar in constant memory. `arg_names` are the
    user's names; `written` lists the positions that the kernel stores to. `vec_width` positions of grid x are the
    work of one thread (1 unless the vectoriser ran).
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$arg_names, DenseI32ArrayAttr:$written,
                       DefaultValuedAttr<I32Attr, "1">:$vec_width, UnitAttr:$fast_math);
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::TypeRange":$argTypes,
                             "::llvm::ArrayRef<::llvm::StringRef>":$argNames, "::llvm::ArrayRef<int32_t>":$written)>];
  let extraClassDeclaration = [{
    ::mlir::Block &block() { return getBody().front(); }
    bool isWritten(unsigned index) { return ::llvm::is_contained(getWritten(), static_cast<int32_t>(index)); }
  }];
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let python = "";
}

//===-- Constants and conversion ----------------------------------------------------------------------------===//

def Enigma_ConstantOp : Enigma_Op<"constant", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "a number, or a vector of one number";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
  let python = "";
  let rule = "constant";
}

def Enigma_CastOp : Enigma_Elementwise<"cast", []> {
  let host = "b.cast(x, t)";
  let summary = "x converted to another type";
  let description = [{
    Float to integer truncates; out of range the value is unspecified (the host saturates, NaN gives 0). Integer to
    integer keeps the low bits. Integer to bf16 rounds to f32 first, on every device. To b1: whether x differs from 0.
  }];
  let arguments = (ins Enigma_Value:$x);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let python = "";
  let types = "any";
  let rule = "cast";
  let group = "Conversion";
  let section = "2.6";
  let bf16Native = 1;
}

def Enigma_AsTypeOp : Enigma_Elementwise<"as_type", []> {
  let host = "b.asType(x, t)";
  let summary = "the bits of x read as another type of the same width";
  let arguments = (ins Enigma_Number:$x);
  let results = (outs Enigma_Number:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let python = "";
  let types = "number";
  let rule = "cast";
  let group = "Conversion";
  let section = "2.19";
  let bf16Native = 1;
  let msl = ["number: as_type<$T>($x)"];
}

//===-- Arithmetic ------------------------------------------------------------------------------------------===//

class Enigma_Operator<string mnemonic, TypeConstraint type, string text, list<Trait> traits = []>
    : Enigma_Binary<mnemonic, type, "Operators", 0, traits> {
  let summary = text;
  let section = "3.1";
  let bf16Native = 1;
  let hasFolder = 1;
}

def Enigma_AddOp : Enigma_Operator<"add", Enigma_Number, "x + y; integers wrap", [Commutative]> {
  let host = "b.add(x, y)";
  let types = "number";
  let msl = ["float: $x + $y", "wraps: $T($U($x) + $U($y))", "narrow: $T($x + $y)", "int: $x + $y"];
}
def Enigma_SubOp : Enigma_Operator<"sub", Enigma_Number, "x - y; integers wrap"> {
  let host = "b.sub(x, y)";
  let types = "number";
  let msl = ["float: $x - $y", "wraps: $T($U($x) - $U($y))", "narrow: $T($x - $y)", "int: $x - $y"];
}
def Enigma_MulOp : Enigma_Operator<"mul", Enigma_Number, "x * y; integers wrap", [Commutative]> {
  let host = "b.mul(x, y)";
  let types = "number";
  let msl = ["float: $x * $y", "wraps: $T($U($x) * $U($y))", "narrow: $T(uint($x) * uint($y))", "int: $x * $y"];
}
def Enigma_DivOp : Enigma_Operator<"div", Enigma_Float, "true division x / y; integers are converted to f32 first"> {
  let host = "b.div(x, y)";
  let types = "float";
  let msl = ["float: $x / $y"];
}
def Enigma_FloorDivOp : Enigma_Operator<"floor_div", Enigma_Number, "x // y as Python has it: rounded down"> {
  let host = "b.floorDiv(x, y)";
  let description = "An integer divided by zero is unspecified (0 on the host). The smallest integer // -1 wraps.";
  let types = "number";
  let bf16Native = 0;
  let msl = ["float: enigma_floor_div($x, $y)", "checked: enigma_floor_div<$T, $U>($x, $y)", "narrow: $T($x / $y)",
             "int: $x / $y"];
}
def Enigma_ModOp : Enigma_Operator<"mod", Enigma_Number, "x % y as Python has it: with the sign of y"> {
  let host = "b.mod(x, y)";
  let description = "An integer modulo zero is unspecified (0 on the host).";
  let types = "number";
  let bf16Native = 0;
  let msl = ["float: enigma_mod($x, $y)", "checked: enigma_mod<$T>($x, $y)", "narrow: $T($x % $y)", "int: $x % $y"];
}
def Enigma_NegOp : Enigma_Unary<"neg", Enigma_Number, "Operators"> {
  let host = "b.neg(x)";
  let summary = "-x; integers wrap";
  let types = "number";
  let section = "3.1";
  let bf16Native = 1;
  let hasFolder = 1;
  let msl = ["float: -$x", "wraps: $T($U(0) - $U($x))", "narrow: $T(-$x)", "int: -$x"];
}

//===-- Bits ------------------------------------------------------------------------------------------------===//

def Enigma_AndOp : Enigma_Operator<"and", Enigma_IntOrBool, "bitwise x & y; logical on b1", [Commutative]> {
  let host = "b.bitAnd(x, y)";
  let python = "bitwise_and";
  let aliases = ["logical_and:b1"];
  let types = "int|bool";
  let msl = ["mask: $x & $y", "b1: $x && $y", "narrow: $T($x & $y)", "int: $x & $y"];
}
def Enigma_OrOp : Enigma_Operator<"or", Enigma_IntOrBool, "bitwise x | y; logical on b1", [Commutative]> {
  let host = "b.bitOr(x, y)";
  let python = "bitwise_or";
  let aliases = ["logical_or:b1"];
  let types = "int|bool";
  let msl = ["mask: $x | $y", "b1: $x || $y", "narrow: $T($x | $y)", "int: $x | $y"];
}
def Enigma_XorOp : Enigma_Operator<"xor", Enigma_IntOrBool, "bitwise x ^ y; logical on b1", [Commutative]> {
  let host = "b.bitXor(x, y)";
  let python = "bitwise_xor";
  let aliases = ["logical_xor:b1"];
  let types = "int|bool";
  let msl = ["b1: $x != $y", "narrow: $T($x ^ $y)", "int: $x ^ $y"];
}
def Enigma_NotOp : Enigma_Unary<"not", Enigma_IntOrBool, "Operators"> {
  let host = "b.bitNot(x)";
  let summary = "bitwise ~x; logical on b1";
  let python = "bitwise_not";
  let aliases = ["logical_not:b1"];
  let types = "int|bool";
  let section = "3.1";
  let hasFolder = 1;
  let msl = ["b1: !$x", "narrow: $T(~$x)", "int: ~$x"];
}
class Enigma_Shift<string mnemonic, string text, list<string> templates>
    : Enigma_Operator<mnemonic, Enigma_Int, text> {
  let types = "int";
  let rule = "T, I -> T";
  let msl = templates;
}
// $y& is the count reduced modulo the width.
def Enigma_ShlOp : Enigma_Shift<"shl", "x << y, the count taken modulo the width; the type of x",
    ["sint vector: $T($U($x) << $U($y&))", "sint: $T($U($x) << $y&)", "narrow: $T($x << $y&)", "int: $x << $y&"]> {
  let host = "b.shl(x, y)";
  let python = "shift_left";
}
def Enigma_ShrOp : Enigma_Shift<"shr", "x >> y, arithmetic for signed x, the count taken modulo the width; the type of x",
    ["narrow: $T($x >> $y&)", "int: $x >> $y&"]> {
  let host = "b.shr(x, y)";
  let python = "shift_right";
}

//===-- Comparison and selection ----------------------------------------------------------------------------===//

// Metal orders no vectors of b1: `mask` says it in logic.
class Enigma_Compare<string mnemonic, string operator, string text, list<string> mask = []>
    : Enigma_BinaryPredicate<mnemonic, Enigma_Value, "Comparisons"> {
  let summary = text;
  let types = "any";
  let section = "3.2";
  let bf16Native = 1;
  let hasFolder = 1;
  let msl = !listconcat(mask, ["any: $x " # operator # " $y"]);
}
def Enigma_CmpEqOp : Enigma_Compare<"cmp_eq", "==", "x == y; false where one is NaN"> {
  let host = "b.eq(x, y)";
}
def Enigma_CmpNeOp : Enigma_Compare<"cmp_ne", "!=", "x != y; true where one is NaN"> {
  let host = "b.ne(x, y)";
}
def Enigma_CmpLtOp : Enigma_Compare<"cmp_lt", "<", "x < y as numbers, also of different signs; false where one is NaN",
    ["mask: !$x & $y"]> {
  let host = "b.lt(x, y)";
}
def Enigma_CmpLeOp : Enigma_Compare<"cmp_le", "<=", "x <= y as numbers; false where one is NaN", ["mask: !$x | $y"]> {
  let host = "b.le(x, y)";
}
def Enigma_CmpGtOp : Enigma_Compare<"cmp_gt", ">", "x > y as numbers; false where one is NaN", ["mask: $x & !$y"]> {
  let host = "b.gt(x, y)";
}
def Enigma_CmpGeOp : Enigma_Compare<"cmp_ge", ">=", "x >= y as numbers; false where one is NaN", ["mask: $x | !$y"]> {
  let host = "b.ge(x, y)";
}

def Enigma_SelectOp : Enigma_Elementwise<"select", [AllTypesMatch<["x", "y", "result"]>]> {
  let host = "b.select(condition, x, y)";
  let summary = "x where the condition holds, else y";
  let arguments = (ins Enigma_Bool:$condition, Enigma_Value:$x, Enigma_Value:$y);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$condition `,` $x `,` $y attr-dict `:` type($condition) `,` type($x)";
  let python = "select_";
  let types = "any";
  let rule = "b1, T, T -> T";
  let group = "Comparisons";
  let section = "6.4";
  let bf16Native = 1;
  let hasFolder = 1;
  let hasVerifier = 1;
  let msl = ["vector: select($y, $x, $condition)", "any: $condition ? $x : $y"];
}

//===-- Shared by floats and integers -----------------------------------------------------------------------===//

def Enigma_AbsOp : Enigma_Unary<"abs", Enigma_Number, "Common functions"> {
  let host = "b.abs(x)";
  let summary = "size of x without its sign; the smallest integer stays itself";
  let aliases = ["fabs:float"];
  let types = "number";
  let section = "6.5";
  let msl = ["float: fabs($x)", "sint: enigma_abs<$T, $U>($x)", "int: $x"];
}
def Enigma_MinOp : Enigma_Binary<"min", Enigma_Number, "Common functions", 0, [Commutative]> {
  let host = "b.min(x, y)";
  let summary = "the smaller of x and y; of a number and NaN the number";
  let aliases = ["fmin:float", "imin:int"];
  let types = "number";
  let section = "6.5";
  let msl = ["float: fmin($x, $y)", "int: min($x, $y)"];
}
def Enigma_MaxOp : Enigma_Binary<"max", Enigma_Number, "Common functions", 0, [Commutative]> {
  let host = "b.max(x, y)";
  let summary = "the larger of x and y; of a number and NaN the number";
  let aliases = ["fmax:float", "imax:int"];
  let types = "number";
  let section = "6.5";
  let msl = ["float: fmax($x, $y)", "int: max($x, $y)"];
}
def Enigma_ClampOp : Enigma_Ternary<"clamp", Enigma_Number, "Common functions"> {
  let host = "b.clamp(x, y, z)";
  let summary = "x limited to [y, z]: min(max(x, y), z); unspecified where y > z";
  let aliases = ["iclamp:int"];
  let types = "number";
  let section = "6.2";
  let samples = "limits";
  let msl = ["number: clamp($x, $y, $z)"];
}

//===-- Vectors ---------------------------------------------------------------------------------------------===//

def Enigma_MakeVectorOp : Enigma_Op<"make_vector", [Pure]> {
  let summary = "a vector of 2 to 4 scalars";
  let arguments = (ins Variadic<Enigma_Scalar>:$components);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$components attr-dict `:` type($components) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let python = "";
  let rule = "vector";
  let group = "Vectors";
  let section = "2.2.1";
}
def Enigma_SplatOp : Enigma_Op<"splat", [Pure]> {
  let summary = "a vector whose components are all x";
  let arguments = (ins Enigma_Scalar:$x);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let python = "";
  let rule = "vector";
  let group = "Vectors";
  let section = "2.2.1";
}
def Enigma_ExtractOp : Enigma_Op<"extract", [Pure]> {
  let summary = "component `index` of a vector";
  let arguments = (ins Enigma_Vector:$x, I32Attr:$index);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$x `[` $index `]` attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let python = "";
  let rule = "component";
  let group = "Vectors";
  let section = "2.2.1";
}

//===-- Thread queries --------------------------------------------------------------------------------------===//

def Enigma_ThreadPositionInGridOp : Enigma_AxisQuery<"thread_position_in_grid", "position of the thread in the grid">;
def Enigma_ThreadPositionInThreadgroupOp : Enigma_AxisQuery<"thread_position_in_threadgroup",
    "position of the thread in its threadgroup">;
def Enigma_ThreadgroupPositionInGridOp : Enigma_AxisQuery<"threadgroup_position_in_grid",
    "position of the threadgroup in the grid, counted in threadgroups">;
def Enigma_ThreadsPerGridOp : Enigma_AxisQuery<"threads_per_grid", "threads in the grid">;
def Enigma_ThreadsPerThreadgroupOp : Enigma_AxisQuery<"threads_per_threadgroup",
    "threads in this threadgroup; fewer in a partial last one">;
def Enigma_DispatchThreadsPerThreadgroupOp : Enigma_AxisQuery<"dispatch_threads_per_threadgroup",
    "threads per threadgroup as dispatched, the same in a partial one">;
def Enigma_ThreadgroupsPerGridOp : Enigma_AxisQuery<"threadgroups_per_grid", "threadgroups in the grid">;
def Enigma_ThreadIndexInThreadgroupOp : Enigma_PlainQuery<"thread_index_in_threadgroup",
    "linear index of the thread in its threadgroup, x fastest">;
def Enigma_ThreadIndexInSimdgroupOp : Enigma_PlainQuery<"thread_index_in_simdgroup", "lane in the simdgroup, 0 to 31">;
def Enigma_SimdgroupIndexInThreadgroupOp : Enigma_PlainQuery<"simdgroup_index_in_threadgroup",
    "which simdgroup of the threadgroup">;
def Enigma_SimdgroupsPerThreadgroupOp : Enigma_PlainQuery<"simdgroups_per_threadgroup",
    "simdgroups in this threadgroup">;
def Enigma_ThreadsPerSimdgroupOp : Enigma_PlainQuery<"threads_per_simdgroup", "lanes of a simdgroup, 32">;
def Enigma_ThreadIndexInQuadgroupOp : Enigma_PlainQuery<"thread_index_in_quadgroup", "lane in the quadgroup, 0 to 3">;
def Enigma_QuadgroupIndexInThreadgroupOp : Enigma_PlainQuery<"quadgroup_index_in_threadgroup",
    "which quadgroup of the threadgroup">;
def Enigma_QuadgroupsPerThreadgroupOp : Enigma_PlainQuery<"quadgroups_per_threadgroup",
    "quadgroups in this threadgroup">;

//===-- Memory ----------------------------------------------------------------------------------------------===//

// An index counts elements of the buffer. A vector access covers as many consecutive elements as the vector has
// components and its first index is a multiple of 2 for 2 components and of 4 for 4: the width of a Metal vector is
// its alignment.
class Enigma_Access<string mnemonic, list<Trait> traits> : Enigma_Op<mnemonic, traits> {
  let group = "Memory";
  let section = "4.1";
  let hasVerifier = 1;
}
def Enigma_LoadOp : Enigma_Access<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "the element at an index";
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$buffer `[` $index `]` attr-dict `:` type($buffer) `,` type($index) `->` type($result)";
  let python = "";
  let rule = "load";
}
def Enigma_StoreOp : Enigma_Access<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes the element at an index";
  let arguments = (ins Enigma_Value:$value, Enigma_Buffer:$buffer, Enigma_Index:$index);
  let assemblyFormat = "$value `,` $buffer `[` $index `]` attr-dict `:` type($value) `,` type($buffer) `,` type($index)";
  let python = "";
  let rule = "store";
}
def Enigma_LoadIfOp : Enigma_Access<"load_if", [MemoryEffects<[MemRead]>, AllTypesMatch<["fallback", "result"]>]> {
  let summary = "the element at an index where the mask holds, else the fallback; memory is not touched then";
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, I1:$mask, Enigma_Value:$fallback);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$buffer `[` $index `]` `if` $mask `else` $fallback attr-dict `:` type($buffer) `,` type($index) `->` type($result)";
  let rule = "load";
  let python = "";
  let hasCanonicalizer = 1;
}
def Enigma_StoreIfOp : Enigma_Access<"store_if", [MemoryEffects<[MemWrite]>]> {
  let summary = "writes the element at an index where the mask holds; memory is not touched otherwise";
  let arguments = (ins Enigma_Value:$value, Enigma_Buffer:$buffer, Enigma_Index:$index, I1:$mask);
  let assemblyFormat = "$value `,` $buffer `[` $index `]` `if` $mask attr-dict `:` type($value) `,` type($buffer) `,` type($index)";
  let rule = "store";
  let python = "";
  let hasCanonicalizer = 1;
}

#endif // ENIGMA_CORE_OPS_TD
