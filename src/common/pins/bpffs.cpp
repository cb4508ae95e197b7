// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/bpffs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <xdp_tally/abi.h>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/libbpf_options.h"
#include "common/pins/pin_names.h"

namespace tally {
namespace {

// The first directory of the path that this user may not enter or, where the path ends with its slash, may
// not list; empty where there is none.
std::string barrier_on(const std::string& path) {
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        std::string directory = path.substr(0, slash);
        const int wanted = slash + 1 == path.size() ? R_OK | X_OK : X_OK;
        if (::faccessat(AT_FDCWD, directory.c_str(), wanted, AT_EACCESS) != 0 && errno == EACCES) {
            return directory;
        }
    }
    return {};
}

}  // namespace

Result<bool> look_for_bpffs(const std::string& path) {
    struct statfs status = {};
    while (::statfs(path.c_str(), &status) != 0) {
        if (errno != EINTR) {
            return last_error("looking for a BPF file system at '{}'", path);
        }
    }
    return status.f_type == static_cast<long>(BPF_FS_MAGIC);
}

Result<bool> is_bpffs(const std::string& path) {
    auto found = look_for_bpffs(path);
    const bool nothing = !found && (found.error().code == ENOENT || found.error().code == ENOTDIR);
    return nothing ? Result<bool>(false) : found;
}

Result<TrustedOwners> TrustedOwners::of(const std::string& root) {
    TALLY_ASSIGN_OR_RETURN(const auto status, answer_of(status_of(root)));
    TrustedOwners owners;
    owners.root_owner_ = status ? status->st_uid : 0;
    return owners;
}

bool TrustedOwners::include(uid_t owner) const {
    return owner == 0 || owner == root_owner_ || owner == ::geteuid();
}

Result<void> check_trusted(const std::string& directory, const std::string& root) {
    TALLY_ASSIGN_OR_RETURN(const auto owners, TrustedOwners::of(root));
    for (std::string path = directory; path.size() > root.size(); path.resize(path.find_last_of('/'))) {
        // None: it is not there, or nobody here can read what is below it.
        TALLY_ASSIGN_OR_RETURN(const auto status, answer_of(status_of(path, AT_SYMLINK_NOFOLLOW)));
        if (status && !owners.include(status->st_uid)) {
            return make_error(ErrorKind::kConflict, fmt::format("reading the pins in {}", directory),
                              fmt::format("{} belongs to user {}, who could pin anything there", path,
                                          status->st_uid))
                .with_hint(fmt::format("`xdp_stats --map {}` reads it all the same",
                                       shell_word(directory + '/' + XDP_TALLY_MAP_NAME)));
        }
    }
    return {};
}

Result<UniqueFd> open_pin(const std::string& path, bool read_only) {
    struct bpf_obj_get_opts options;
    init_options(options);
    options.file_flags = read_only ? BPF_F_RDONLY : 0;
    UniqueFd fd(bpf_obj_get_opts(path.c_str(), &options));
    if (!fd) {
        auto error = last_error("opening the pin {}", path);
        // Without CAP_BPF, Linux 5.10 says so before it looks whether there is a pin of this name.
        const auto there = error.code == EPERM ? path_exists(path) : Result<bool>(true);
        return there && !*there ? system_error(ENOENT, error.what) : error;
    }
    return fd;
}

std::string root_option(const std::string& bpffs) {
    return bpffs.empty() || bpffs == kDefaultBpffs ? "" : shell_option("--bpffs", bpffs) + ' ';
}

Error explain_barrier(Error error, const std::string& path) {
    const std::string directory = error.code == EACCES ? barrier_on(path) : std::string();
    if (directory.empty()) {
        return error;
    }
    struct stat status = {};
    error.reason += fmt::format(": this user may not look into {}", directory);
    if (::stat(directory.c_str(), &status) == 0) {
        error.reason += fmt::format(" (mode {:04o})", status.st_mode & 07777U);
    }
    // Without the right to list it, nobody could watch it either.
    error.hint = fmt::format("as root, `chmod a+rx {}` lets every user read the counters below it",
                             shell_word(directory));
    return error;
}

Result<UniqueFd> open_map_pin(const std::string& path, bool read_only) {
    TALLY_ASSIGN_OR_RETURN(auto fd, open_pin(path, read_only));
    TALLY_ASSIGN_OR_RETURN(const auto type, object_type(fd.get()));
    if (type != ObjectType::kMap) {
        return make_error(ErrorKind::kConflict, fmt::format("opening the pin {}", path), "it is not a map");
    }
    return fd;
}

Result<std::vector<std::string>> pin_directories(const std::string& bpffs) {
    std::vector<std::string> directories;
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(bpffs));
    for (const auto& name : names) {
        const std::string path = fmt::format("{}/{}", bpffs, name);
        if (!netns_of_directory_name(name)) {
            directories.push_back(path);
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(const auto inside, list_directory_if_any(path));
        for (const auto& interface : inside) {
            directories.push_back(fmt::format("{}/{}", path, interface));
        }
    }
    return directories;
}

}  // namespace tally
