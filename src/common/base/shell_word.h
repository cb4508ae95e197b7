// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Words of a command that is printed to be typed. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tally {

// As one word of a POSIX shell: quoted where the shell would act on it. Interfaces and namespaces may be
// called "a;reboot".
std::string shell_word(std::string_view text);

// An option with its value; "--dev=-x" where that begins like an option.
std::string shell_option(std::string_view name, std::string_view value);

}  // namespace tally
