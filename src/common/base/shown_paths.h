// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Paths that this process reaches in another way than whoever called it.
#pragma once

#include <string>

namespace tally {

// From now on `used`, a directory, is called `shown` in what is printed. May be called by any thread.
void show_path_as(std::string used, std::string shown);

// The text with those paths as the caller knows them.
std::string as_shown(std::string text);

}  // namespace tally
