// SPDX-License-Identifier: MIT
// The names from CoreFoundation that metal-cpp's headers mention.
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef double CFTimeInterval;
typedef const struct __CFString *CFStringRef;
