# SPDX-License-Identifier: MIT
# What is installed: libenigma, the headers, the CMake package, and inside a wheel the extension beside them.
