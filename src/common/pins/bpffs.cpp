// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/bpffs.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include "common/kernel/bpf_info.h"
#include "common/kernel/libbpf_options.h"

namespace tally {

Result<bool> check_is_bpffs(const std::string& path) {
    struct statfs status = {};
    while (::statfs(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return false;
        }
        if (errno != EINTR) {
            return last_error(fmt::format("looking for a BPF file system at '{}'", path));
        }
    }
    return status.f_type == static_cast<long>(BPF_FS_MAGIC);
}

bool is_bpffs(const std::string& path) {
    const auto answer = check_is_bpffs(path);
    return answer && *answer;
}

Result<UniqueFd> open_pin(const std::string& path, bool read_only) {
    struct bpf_obj_get_opts options;
    init_options(options);
    options.file_flags = read_only ? BPF_F_RDONLY : 0;
    UniqueFd fd(bpf_obj_get_opts(path.c_str(), &options));
    if (!fd) {
        return last_error(fmt::format("opening the pin {}", path));
    }
    return fd;
}

Result<UniqueFd> open_map_pin(const std::string& path, bool read_only) {
    TALLY_ASSIGN_OR_RETURN(auto fd, open_pin(path, read_only));
    if (object_type(fd.get()) != ObjectType::kMap) {
        return make_error(ErrorKind::kConflict, fmt::format("opening the pin {}", path), "it is not a map");
    }
    return fd;
}

}  // namespace tally
