// SPDX-License-Identifier: MIT
// Sending messages: callers cast these to the type of the method.
#pragma once

#include <objc/runtime.h>

extern "C" {
void objc_msgSend(void);
void objc_msgSend_fpret(void);
void objc_msgSend_stret(void);
}
