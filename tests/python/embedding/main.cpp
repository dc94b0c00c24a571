// SPDX-License-Identifier: MIT
// Links libenigma as an application does and prints the version of it that runs.
#include "enigma/Support/Version.h"

#include <cstdio>
#include <string>

int main() { std::puts(std::string(enigma::support::version()).c_str()); }
