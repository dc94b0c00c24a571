// SPDX-License-Identifier: MIT
// What metal-cpp takes from the Objective-C runtime, declared for systems without one (ObjectiveC.cpp defines
// it).
#pragma once

#include <stddef.h>
#include <stdint.h>

extern "C" {
typedef struct objc_class *Class;
typedef struct objc_selector *SEL;
typedef struct objc_protocol Protocol;
struct objc_object {
  Class isa;
};
typedef struct objc_object *id;
typedef void (*IMP)(void);

Class objc_lookUpClass(const char *name);
Protocol *objc_getProtocol(const char *name);
SEL sel_registerName(const char *name);
}
