// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/netns_pin_name.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <vector>

#include "common/base/directory.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/meta.h"

namespace tally {
namespace {

// For those who may not look at process 1: what the metas of the pins say.
std::string guess_pin_name(std::uint64_t inode, const std::string& bpffs) {
    bool others = false;
    const auto directories = list_directory(bpffs);
    for (const auto& directory : directories ? *directories : std::vector<std::string>()) {
        const std::string path = fmt::format("{}/{}", bpffs, directory);
        const auto meta = check_trusted(path, bpffs) ? read_meta(path + '/' + XDP_TALLY_META_NAME)
                                                     : Result<Meta>(make_error(ErrorKind::kConflict, path));
        if (meta && meta->netns_inode == inode) {
            return {};
        }
        others = others || meta;
    }
    const std::string name = netns_name(inode);
    return name.empty() && others ? std::to_string(inode) : name;
}

bool shares_bpffs_with_init(const std::string& bpffs) {
    struct stat ours = {};
    struct stat inits = {};
    return ::stat(bpffs.c_str(), &ours) == 0 && ::stat(("/proc/1/root" + bpffs).c_str(), &inits) == 0 &&
           ours.st_dev == inits.st_dev;
}

}  // namespace

std::string netns_pin_name(std::uint64_t inode, const std::string& bpffs) {
    const auto initial = netns_inode_at("/proc/1/ns/net");
    if (!initial) {
        return guess_pin_name(inode, bpffs);
    }
    if (*initial == inode) {
        return {};
    }
    if (auto name = netns_name(inode); !name.empty()) {
        return name;
    }
    return shares_bpffs_with_init(bpffs) ? std::to_string(inode) : std::string();
}

}  // namespace tally
