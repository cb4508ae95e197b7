// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What there is in the file system. Only the kernel's word that there is nothing of a name counts as that.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/result.h"

namespace tally {

// The directory that a path is in, by its text alone: "." where it has no slash, "/" for what is in the root.
std::string directory_of(const std::string& path);
// What it is called there: what follows the last slash.
std::string name_of(const std::string& path);

// Names below a directory, without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);
// The same; none where there is no directory of this name, or this process may not look into it.
Result<std::vector<std::string>> list_directory_if_any(const std::string& path);

// The processes that /proc names, by number: of two that do as well, the first is more often the one that
// lasts.
Result<std::vector<pid_t>> list_processes();

// Whether there is something of this name, be it a symbolic link that leads nowhere.
Result<bool> path_exists(const std::string& path);

// What the kernel says of it. `flags` is 0, or AT_SYMLINK_NOFOLLOW for a symbolic link itself.
Result<struct stat> status_of(const std::string& path, int flags = 0);

// The text of a small file, such as those of /proc.
Result<std::string> read_file(const std::string& path);

}  // namespace tally
