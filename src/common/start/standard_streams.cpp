// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace tally {

bool occupy_closed_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) {
            continue;
        }
        // The lowest free number is this one. O_PATH: it can be neither read nor written (EBADF), and there
        // need be no /dev.
        if (::open("/", O_PATH | O_CLOEXEC) != stream) {
            return false;
        }
    }
    return true;
}

}  // namespace tally
