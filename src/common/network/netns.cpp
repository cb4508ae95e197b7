// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/base/directory.h"
#include "common/base/shell_word.h"

namespace tally {
namespace {

// To a process that may not follow this link, Linux 5.10 shows the directory that the link is in.
bool is_denial(const std::string& path, const struct stat& status) {
    return S_ISDIR(status.st_mode) && path.ends_with("/ns/net");
}

}  // namespace

// All namespace files are in one file system, so the inode alone tells them apart.
Result<std::optional<std::uint64_t>> netns_inode_at(const std::string& path) {
    const auto status = status_of(path);
    if (status && is_denial(path, *status)) {
        return system_error(EACCES, "looking at " + path);
    }
    if (status) {
        return std::optional<std::uint64_t>(status->st_ino);
    }
    const int code = status.error().code;
    if (code == ENOENT || code == ENOTDIR || code == ESRCH) {
        return std::optional<std::uint64_t>();
    }
    return status.error();
}

Result<std::string> netns_name(std::uint64_t inode) {
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(kNamedNamespaces));
    for (const auto& name : names) {
        TALLY_ASSIGN_OR_RETURN(const auto found,
                               answer_of(netns_inode_at(fmt::format("{}/{}", kNamedNamespaces, name))));
        if (found && *found == inode) {
            return name;
        }
    }
    return std::string();
}

Result<std::uint64_t> current_netns_inode() {
    TALLY_ASSIGN_OR_RETURN(const auto inode, netns_inode_at(kOwnNetns));
    if (!inode) {
        return system_error(ENOENT, fmt::format("reading {}", kOwnNetns));
    }
    return *inode;
}

Result<void> check_netns_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
        return make_error(ErrorKind::kUsage, fmt::format("looking for network namespace '{}'", name),
                          "no namespace can have this name");
    }
    return {};
}

std::string netns_file(const std::string& name_or_path) {
    return name_or_path.find('/') != std::string::npos ? name_or_path
                                                       : fmt::format("{}/{}", kNamedNamespaces, name_or_path);
}

std::string netns_prefix(const std::string& name_or_path) {
    return name_or_path.empty() ? std::string()
                                : fmt::format("nsenter --net={} ", shell_word(netns_file(name_or_path)));
}

Result<UniqueFd> open_netns(const std::string& name_or_path) {
    const bool is_path = name_or_path.find('/') != std::string::npos;
    const std::string what = fmt::format("looking for network namespace '{}'", name_or_path);
    if (!is_path) {
        TALLY_TRY(check_netns_name(name_or_path));
    }
    // A FIFO would be waited for.
    UniqueFd netns(::open(netns_file(name_or_path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!netns) {
        auto error = last_error(what);
        if (error.code == ENOENT) {
            error.reason = is_path ? "there is no such file" : "there is no namespace of that name";
            error.hint = "`ip netns list` lists the namespaces";
        }
        return error;
    }
    struct stat status = {};
    if (::fstat(netns.get(), &status) == 0 && is_denial(name_or_path, status)) {
        return system_error(EACCES, what);
    }
    const int kind = ::ioctl(netns.get(), NS_GET_NSTYPE);
    if (kind < 0) {
        auto error = last_error(what);
        if (error.code != ENOTTY && is_failed_question(error)) {
            return error;
        }
    }
    if (kind < 0 && !is_path) {
        // `ip netns add` makes the file before it mounts the namespace on it.
        return make_error(ErrorKind::kNotFound, what,
                          "there is a file of that name, but no namespace is mounted on it")
            .with_hint("`ip netns list` lists the namespaces");
    }
    if (kind != CLONE_NEWNET) {
        return make_error(ErrorKind::kUsage, what,
                          kind < 0 ? "the file is not a namespace" : "it is a namespace of another kind")
            .with_hint("`ip netns list` lists the namespaces; a process has its own in /proc/PID/ns/net");
    }
    return netns;
}

Result<std::uint64_t> netns_inode(const UniqueFd& netns) {
    struct stat status = {};
    if (::fstat(netns.get(), &status) != 0) {
        return last_error("identifying a network namespace");
    }
    return static_cast<std::uint64_t>(status.st_ino);
}

Result<void> enter_netns(const UniqueFd& netns, const std::string& name_or_path) {
    TALLY_ASSIGN_OR_RETURN(const auto here, current_netns_inode());
    TALLY_ASSIGN_OR_RETURN(const auto there, netns_inode(netns));
    if (here == there) {
        return {};
    }
    if (::setns(netns.get(), CLONE_NEWNET) != 0) {
        auto error = last_error("entering network namespace '{}'", name_or_path);
        if (error.kind == ErrorKind::kPermission) {
            error.reason += " (it requires CAP_SYS_ADMIN)";
        }
        return error;
    }
    return {};
}

}  // namespace tally
