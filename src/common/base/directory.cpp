// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/directory.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tally {

Result<std::vector<std::string>> list_directory(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) {
        return last_error("listing {}", path);
    }
    std::vector<std::string> names;
    errno = 0;  // readdir tells an error from the end by this alone
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(name);
        }
        errno = 0;
    }
    if (errno != 0) {
        return last_error("listing {}", path);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace tally
