// RUN: enigma-opt %s | enigma-opt | FileCheck %s
// CHECK: enigma.example %{{.*}} : f32
// CHECK: enigma.example %{{.*}} : f32
%0 = builtin.unrealized_conversion_cast to f32
%1 = "enigma.example"(%0) : (f32) -> f32
%2 = enigma.example %1 : f32
