// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>

#include "common/base/shell_word.h"
#include "common/base/unique_fd.h"

namespace tally::stats {
namespace {

// A name that nobody can guess, and so put something there. It begins with a dot and does not end in .prom,
// so that nobody reads what a killed process left.
Result<std::string> temporary_name(const std::string& path) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        return last_error("getting a random number");
    }
    const auto name = path.find_last_of('/') + 1;
    return fmt::format("{}.{}.{:016x}", path.substr(0, name), path.substr(name), number);
}

// In a directory where others may write, too, the name may be another file's by now.
bool is_still(const std::string& name, int fd) {
    struct stat ours = {};
    struct stat there = {};
    return ::fstat(fd, &ours) == 0 && ::lstat(name.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

Result<OutputFile> OutputFile::at(const std::string& path) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0) {
        if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
            return make_error(ErrorKind::kUsage, fmt::format("--output '{}'", path),
                              "it is a symbolic link to a file that does not exist")
                .with_hint(
                    fmt::format("name the file itself: `readlink -m {}` prints its path", shell_word(path)));
        }
        return OutputFile(path);  // write() tells what is wrong with the directory
    }
    if (!S_ISREG(status.st_mode)) {
        return make_error(ErrorKind::kUsage, fmt::format("--output '{}'", path), "it is not a regular file");
    }
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
    return OutputFile(real ? real.get() : path);
}

Result<void> OutputFile::write(std::string_view text) const {
    const std::string what = "writing " + path_;
    TALLY_ASSIGN_OR_RETURN(const auto name, temporary_name(path_));
    constexpr mode_t kPermissions = 0777;
    struct stat old = {};
    const bool replaces = ::stat(path_.c_str(), &old) == 0;
    const mode_t mode = replaces ? old.st_mode & kPermissions : 0666;
    const UniqueFd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) {
        return last_error(what);
    }
    if (replaces) {
        ::fchmod(fd.get(), mode);  // whatever the umask
        // Root alone gives files away; a group of its own every user may give one to.
        [[maybe_unused]] const bool given = ::fchown(fd.get(), old.st_uid, old.st_gid) == 0 ||
                                            ::fchown(fd.get(), static_cast<uid_t>(-1), old.st_gid) == 0;
    }
    const bool written = write_all(fd.get(), text);
    if (written && !is_still(name, fd.get())) {
        return make_error(ErrorKind::kSystem, what,
                          "somebody else replaced the new file before it had its name")
            .with_hint("name a file in a directory where nobody else may write");
    }
    if (!written || std::rename(name.c_str(), path_.c_str()) != 0) {
        auto error = last_error(what);
        ::unlink(name.c_str());
        return error;
    }
    return {};
}

}  // namespace tally::stats
