// SPDX-License-Identifier: MIT
// The names from libdispatch that metal-cpp's headers mention.
#pragma once

typedef struct dispatch_data_s *dispatch_data_t;
typedef struct dispatch_queue_s *dispatch_queue_t;
