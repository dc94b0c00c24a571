// SPDX-License-Identifier: MIT
//
// The one file that holds metal-cpp's own definitions (selectors, classes, constants).
#define NS_PRIVATE_IMPLEMENTATION
#define MTL_PRIVATE_IMPLEMENTATION
#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>
