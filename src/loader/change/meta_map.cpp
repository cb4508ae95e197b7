// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/meta_map.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <cstdint>

#include "common/bpf/libbpf_options.h"
#include "common/pins/meta.h"
#include "loader/object/object_file.h"

#include "meta.skel.h"

namespace tally::loader {
namespace {

UniqueFd create_map(const bpf_map_create_opts* options) {
    return UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, XDP_TALLY_META_NAME, sizeof(std::uint32_t),
                                   sizeof(Meta), 1, options));
}

// Only people read the types: without them, whatever the reason, the map is as good.
UniqueFd create_typed_map() {
    std::size_t size = 0;
    const void* const image = tally_meta__elf_bytes(&size);
    const UniqueObject object(bpf_object__open_mem(image, size, nullptr));
    btf* const types = object ? bpf_object__btf(object.get()) : nullptr;
    const bpf_map* const map =
        object ? bpf_object__find_map_by_name(object.get(), XDP_TALLY_META_NAME) : nullptr;
    if (types == nullptr || map == nullptr || btf__load_into_kernel(types) != 0) {
        return UniqueFd();
    }
    bpf_map_create_opts options;
    init_options(options);
    options.btf_fd = static_cast<std::uint32_t>(btf__fd(types));
    options.btf_key_type_id = bpf_map__btf_key_type_id(map);
    options.btf_value_type_id = bpf_map__btf_value_type_id(map);
    return create_map(&options);
}

}  // namespace

Result<UniqueFd> create_meta_map() {
    UniqueFd fd = create_typed_map();
    if (!fd) {
        fd = create_map(nullptr);
    }
    if (!fd) {
        auto error = last_error("creating the map of the meta");
        if (error.code == EPERM) {
            // libbpf raises the limit where CAP_SYS_RESOURCE lets it.
            error.hint =
                "if the process has the capabilities, the limit of locked memory is too low, which kernels "
                "before 5.11 apply to BPF maps: `ulimit -l` shows it, and root can raise it";
        }
        return error;
    }
    return fd;
}

}  // namespace tally::loader
