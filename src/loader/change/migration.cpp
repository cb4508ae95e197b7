// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/migration.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <array>
#include <memory>

#include <xdp_tally/abi.h>

#include "common/kernel/libbpf_options.h"
#include "common/pins/abi_names.h"

// bpf/migrate.bpf.c, embedded by cmake/Bpf.cmake.
extern "C" {
extern const unsigned char tally_migrate_object[];
extern const unsigned char tally_migrate_object_end[];
}

namespace tally::loader {
namespace {

constexpr const char* kWhat = "moving counts to another map";

bool means(const Fields& fields, std::uint32_t offset, const char* name) {
    const auto field = fields.find(offset);
    return field != fields.end() && field->second.bits == 64 &&
           (field->second.names.count(name) > 0 || field->second.names.count(std::string("rx_") + name) > 0);
}

}  // namespace

bool counts_like_ours(const MapLayout& layout) {
    const bool array = layout.type == BPF_MAP_TYPE_PERCPU_ARRAY || layout.type == BPF_MAP_TYPE_ARRAY;
    const bool entries = layout.max_entries == kActions || layout.max_entries == kActions + 1;
    const bool sizes = layout.key_size == sizeof(std::uint32_t) && layout.value_size == sizeof(Counter);
    const bool fields = !layout.value_fields || (means(*layout.value_fields, 0, "packets") &&
                                                 means(*layout.value_fields, 64, "bytes"));
    return array && entries && sizes && fields;
}

void CountMover::Closer::operator()(bpf_object* object) const {
    bpf_object__close(object);
}

Result<CountMover> CountMover::prepare(int counter_fd, int meta_fd) {
    CountMover mover;
    mover.object_.reset(bpf_object__open_mem(
        tally_migrate_object, static_cast<std::size_t>(tally_migrate_object_end - tally_migrate_object),
        nullptr));
    if (!mover.object_) {
        return last_error(kWhat);
    }
    for (const auto& [name, fd] :
         {std::pair{XDP_TALLY_MAP_NAME, counter_fd}, {XDP_TALLY_META_NAME, meta_fd}}) {
        bpf_map* map = bpf_object__find_map_by_name(mover.object_.get(), name);
        if (const int code = bpf_map__reuse_fd(map, fd); code != 0) {
            return system_error(code, kWhat);
        }
    }
    if (const int code = bpf_object__load(mover.object_.get()); code != 0) {
        return system_error(code, kWhat);
    }
    return mover;
}

Result<void> CountMover::add(const Counters& counts) {
    const int additions = bpf_object__find_map_fd_by_name(object_.get(), "additions");
    for (std::uint32_t action = 0; action < counts.size(); ++action) {
        if (bpf_map_update_elem(additions, &action, &counts[action], BPF_ANY) != 0) {
            return last_error(kWhat);
        }
    }
    std::array<unsigned char, 64> frame = {};
    bpf_test_run_opts options;
    init_options(options);
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = 1;
    const int program_fd = bpf_program__fd(bpf_object__find_program_by_name(object_.get(), "add_counts"));
    if (const int code = bpf_prog_test_run_opts(program_fd, &options); code != 0) {
        return system_error(code, kWhat);
    }
    return {};
}

}  // namespace tally::loader
