// SPDX-License-Identifier: MIT
//
// The enigma dialect, its types, and the classes of which every operation is made.
//
// An operation is declared once, in the Enigma*Ops.td files beside this one. MLIR reads operands, results and
// traits; the fields under "Enigma's own" below are read by tools/opgen from `llvm-tblgen --dump-json` and become
// the IR's operation table, the Python functions, the MSL templates, the host lowering, the documentation of
// operations and the table of tests. Nothing else in the project lists operations.
#ifndef ENIGMA_BASE_TD
#define ENIGMA_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Enigma_Dialect : Dialect {
  let name = "enigma";
  let summary = "Metal compute kernels as typed SSA operations";
  let description = [{
    Scalars are `f16 bf16 f32 i1 i8 i16 i32 i64` and, unsigned, `ui8 ui16 ui32 ui64`; vectors are builtin
    `vector<2..4 x scalar>`; memory is reached through `!enigma.buffer<element, space>`. Integers wrap, shift counts are
    taken modulo the width, and dividing by zero gives an unspecified value: every elementwise operation is pure and
    may be speculated.
  }];
  let cppNamespace = "::enigma::dialect";
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

//===-- Attributes ------------------------------------------------------------------------------------------===//

def Enigma_Axis : I32EnumAttr<"Axis", "a component of a thread position", [
    I32EnumAttrCase<"x", 0>, I32EnumAttrCase<"y", 1>, I32EnumAttrCase<"z", 2>]> {
  let cppNamespace = "::enigma::dialect";
}

def Enigma_MathMode : I32EnumAttr<"MathMode", "which of Metal's math namespaces a function is taken from", [
    I32EnumAttrCase<"standard", 0>, I32EnumAttrCase<"fast", 1>, I32EnumAttrCase<"precise", 2>]> {
  let cppNamespace = "::enigma::dialect";
}

def Enigma_AddressSpace : I32EnumAttr<"AddressSpace", "Metal address space", [
    I32EnumAttrCase<"device", 0>, I32EnumAttrCase<"constant", 1>, I32EnumAttrCase<"threadgroup", 2>,
    I32EnumAttrCase<"thread", 3>]> {
  let cppNamespace = "::enigma::dialect";
}

//===-- Types -----------------------------------------------------------------------------------------------===//

class Enigma_Type<string name, string typeMnemonic> : TypeDef<Enigma_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Enigma_BufferType : Enigma_Type<"Buffer", "buffer"> {
  let summary = "a run of elements in a Metal address space; buffers may overlap";
  let parameters = (ins "::mlir::Type":$elementType, EnumParameter<Enigma_AddressSpace>:$space);
  let assemblyFormat = "`<` $elementType `,` $space `>`";
  let genVerifyDecl = 1;
}

def Enigma_SimdgroupMatrixType : Enigma_Type<"SimdgroupMatrix", "simdgroup_matrix"> {
  let summary = "8x8 elements of f16, bf16 or f32 that the lanes of a simdgroup hold together";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
  let genVerifyDecl = 1;
}

def Enigma_Bool : Type<CPred<"::enigma::dialect::isBoolLike($_self)">, "b1 or a vector of it">;
def Enigma_Float : Type<CPred<"::enigma::dialect::isFloatLike($_self)">,
    "f16, bf16, f32 or a vector of one">;
def Enigma_Int : Type<CPred<"::enigma::dialect::isIntLike($_self)">,
    "an integer of 8 to 64 bits or a vector of one">;
def Enigma_SignedInt : Type<CPred<"::enigma::dialect::isSignedIntLike($_self)">,
    "a signed integer of 8 to 64 bits or a vector of one">;
def Enigma_Number : Type<Or<[Enigma_Float.predicate, Enigma_Int.predicate]>,
    "a float or integer or a vector of one">;
def Enigma_IntOrBool : Type<Or<[Enigma_Int.predicate, Enigma_Bool.predicate]>,
    "an integer, b1 or a vector of one">;
def Enigma_Value : Type<Or<[Enigma_Number.predicate, Enigma_Bool.predicate]>,
    "a float, integer, b1 or a vector of one">;
def Enigma_SimdgroupMatrix : Type<CPred<"::llvm::isa<::enigma::dialect::SimdgroupMatrixType>($_self)">,
    "a simdgroup matrix">;
def Enigma_Carried : Type<Or<[Enigma_Value.predicate, Enigma_SimdgroupMatrix.predicate]>,
    "a value or a simdgroup matrix">;
def Enigma_Scalar : Type<CPred<"::enigma::dialect::isScalar($_self)">, "a scalar">;
def Enigma_Vector : Type<CPred<"::enigma::dialect::isVector($_self)">, "a vector of 2 to 4 components">;
def Enigma_Index : Type<CPred<"::enigma::dialect::isIndex($_self)">, "a scalar integer">;
def Enigma_Buffer : Type<CPred<"::llvm::isa<::enigma::dialect::BufferType>($_self)">, "a buffer">;
def Enigma_I32Like : Type<CPred<"::enigma::dialect::isI32Like($_self)">, "i32 or a vector of it">;

//===-- Operations ------------------------------------------------------------------------------------------===//

class Enigma_Op<string mnemonic, list<Trait> traits = []> : Op<Enigma_Dialect, mnemonic, traits> {
  // ---- Enigma's own ----
  // Python name, "" when it is not a function of its own; further names as "name" or "name:class", the class
  // restricting the types as in `types`.
  string python = mnemonic;
  list<string> aliases = [];
  // The heading it stands under in the documentation.
  string group = "";
  // Classes of type that T takes: "float", "int", "sint", "number", "bool", "int|bool", "any".
  string types = "";
  // Type rule: "T, T -> T". T is the one type the operands are brought to; a type name (i32, u32, b1) is fixed;
  // "I" is an integer that is converted to T's type. The result may also be "b1" (with T's shape) or "T, i32".
  // "V" is T where it must be a vector, "V3" one of 3, "S" one component of it, "f32x4" and its kin fixed.
  string rule = "";
  // MSL text by class of T, first match wins: "class: template". Classes as above, a type name, or "wraps" (signed
  // arithmetic that C leaves undefined) and "checked" (signed, with guards): both are passed over for operations marked in_range;
  // "narrow" (8 and 16 bits, which C promotes), "mask" (vectors of b1), "vector" (any vector),
  // "sint vector" (of signed integers). In a template $x is an operand, $T the MSL type of the result, $X that of
  // the operand x, $U the unsigned type of x's width, $mode the math namespace. enigma_* names are functions of
  // lib/Target/MSL/Prelude.cpp, printed when used.
  list<string> msl = [];
  // Host lowering: a C++ expression over the LaneBuilder `b` and the operands by name.
  string host = "";
  // Section of the Metal Shading Language specification, and the first version that has the operation.
  string section = "";
  string mslVersion = "2.2";
  // bf16 is computed in f32 and rounded unless MSL has the operation on bfloat.
  bit bf16Native = 0;
  // Whether metal::fast and metal::precise have forms of it.
  bit modal = 0;
  // Values the tests feed: "edge" (every edge value of the type) followed by intervals, e.g. "edge [-1,1]".
  string samples = "edge";
  // Largest error in units in the last place of f32, against a correctly rounded result; f16 and bf16 allow one.
  int ulp = 0;
  // Its example stands in EnigmaExamples.td.
}

// Elementwise operations work on each component by itself, know no memory, and never trap.
class Enigma_Elementwise<string mnemonic, list<Trait> traits = []>
    : Enigma_Op<mnemonic, !listconcat([Pure], traits)> {
  bit elementwise = 1;
}

class Enigma_ModalArg<bit isModal> {
  dag arg = !if(isModal, (ins DefaultValuedAttr<Enigma_MathMode, "::enigma::dialect::MathMode::standard">:$mode),
                (ins));
}

class Enigma_Unary<string mnemonic, TypeConstraint type, string docGroup, bit isModal = 0>
    : Enigma_Elementwise<mnemonic, [SameOperandsAndResultType]> {
  let arguments = !con((ins type:$x), Enigma_ModalArg<isModal>.arg);
  let results = (outs type:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let rule = "T -> T";
  let group = docGroup;
  let modal = isModal;
}

class Enigma_Binary<string mnemonic, TypeConstraint type, string docGroup, bit isModal = 0, list<Trait> traits = []>
    : Enigma_Elementwise<mnemonic, !listconcat([SameOperandsAndResultType], traits)> {
  let arguments = !con((ins type:$x, type:$y), Enigma_ModalArg<isModal>.arg);
  let results = (outs type:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let rule = "T, T -> T";
  let group = docGroup;
  let modal = isModal;
}

class Enigma_Ternary<string mnemonic, TypeConstraint type, string docGroup>
    : Enigma_Elementwise<mnemonic, [SameOperandsAndResultType]> {
  let arguments = (ins type:$x, type:$y, type:$z);
  let results = (outs type:$result);
  let assemblyFormat = "$x `,` $y `,` $z attr-dict `:` type($x)";
  let rule = "T, T, T -> T";
  let group = docGroup;
}

class Enigma_BoolResult<string operand> : TypesMatchWith<"the result is b1 in the shape of the operand", operand,
    "result", "::enigma::dialect::boolLike($_self)">;

class Enigma_Predicate<string mnemonic, TypeConstraint type, string docGroup>
    : Enigma_Elementwise<mnemonic, [Enigma_BoolResult<"x">]> {
  let arguments = (ins type:$x);
  let results = (outs Enigma_Bool:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let rule = "T -> b1";
  let group = docGroup;
}

class Enigma_BinaryPredicate<string mnemonic, TypeConstraint type, string docGroup>
    : Enigma_Elementwise<mnemonic, [AllTypesMatch<["x", "y"]>, Enigma_BoolResult<"x">]> {
  let arguments = (ins type:$x, type:$y);
  let results = (outs Enigma_Bool:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let rule = "T, T -> b1";
  let group = docGroup;
}

// A thread query: the value of one of Metal's kernel input attributes. `perLane` says how it varies on the host.
class Enigma_Query<string mnemonic, string text> : Enigma_Op<mnemonic, [Pure]> {
  let summary = text;
  let results = (outs UI32:$result);
  let group = "Thread queries";
  let section = "5.2.3.6";
  let types = "u32";
  bit query = 1;
  bit hasAxis = 0;
}

class Enigma_AxisQuery<string mnemonic, string text> : Enigma_Query<mnemonic, text> {
  let arguments = (ins Enigma_Axis:$axis);
  let assemblyFormat = "$axis attr-dict";
  let results = (outs UI32:$result);
  let rule = "axis -> u32";
  let hasAxis = 1;
}

class Enigma_PlainQuery<string mnemonic, string text> : Enigma_Query<mnemonic, text> {
  let assemblyFormat = "attr-dict";
  let rule = "-> u32";
}

#endif // ENIGMA_BASE_TD
