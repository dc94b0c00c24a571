// SPDX-License-Identifier: MIT
// The name from IOSurface that metal-cpp's headers mention.
#pragma once

typedef struct __IOSurface *IOSurfaceRef;
