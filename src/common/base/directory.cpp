// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "common/base/unique_fd.h"

namespace tally {

std::string directory_of(const std::string& path) {
    const auto slash = path.find_last_of('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

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

Result<std::vector<std::string>> list_directory_if_any(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(auto names, answer_of(list_directory(path)));
    return std::move(names).value_or(std::vector<std::string>());
}

Result<std::vector<pid_t>> list_processes() {
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory("/proc"));
    std::vector<pid_t> processes;
    for (const auto& name : names) {
        pid_t process = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (error == std::errc() && end == name.data() + name.size()) {
            processes.push_back(process);
        }
    }
    std::sort(processes.begin(), processes.end());
    return processes;
}

Result<bool> path_exists(const std::string& path) {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) == 0) {
        return true;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return false;
    }
    return last_error("looking for {}", path);
}

Result<struct stat> status_of(const std::string& path, int flags) {
    struct stat status = {};
    if (::fstatat(AT_FDCWD, path.c_str(), &status, flags) != 0) {
        return last_error("looking at {}", path);
    }
    return status;
}

Result<std::string> read_file(const std::string& path) {
    const std::string what = fmt::format("reading {}", path);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return last_error(what);
    }
    std::string text;
    std::array<char, 4096> part = {};
    for (;;) {
        const auto size = ::read(file.get(), part.data(), part.size());
        if (size < 0 && errno != EINTR) {
            return last_error(what);
        }
        if (size == 0) {
            return text;
        }
        text.append(part.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    }
}

}  // namespace tally
