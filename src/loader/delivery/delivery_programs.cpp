// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/delivery/delivery_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <array>
#include <span>
#include <utility>

#include "common/base/directory.h"
#include "common/base/unique_handle.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/libbpf_options.h"
#include "common/bpf/library_log.h"
#include "loader/object/map_memory.h"

#include "delivery.skel.h"

namespace tally::loader {
namespace {

constexpr const char* kLoading = "loading the programs that count deliveries";
constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";
constexpr const char* kForgetting = "forgetting what is gone";

Result<std::uint32_t> find_tracepoints() {
    const UniqueHandle<btf, btf__free> kernel(btf__load_vmlinux_btf());
    if (!kernel) {
        TALLY_ASSIGN_OR_RETURN(const bool there, path_exists(kKernelTypes));
        if (there) {
            return make_error(ErrorKind::kSystem, kLoading,
                              fmt::format("the kernel's type information, {}, cannot be read", kKernelTypes));
        }
        return make_error(
                   ErrorKind::kSystem, kLoading,
                   fmt::format("the kernel has no type information ({} is missing), without which they "
                               "cannot tell devices apart",
                               kKernelTypes))
            .with_hint("it takes a kernel with CONFIG_DEBUG_INFO_BTF=y");
    }
    std::uint32_t bits = 0;
    for (const auto& tracepoint : kTracepoints) {
        bits |= has_tracepoint(kernel.get(), tracepoint) ? tracepoint.bit : 0;
    }
    if (bits == 0) {
        return make_error(ErrorKind::kSystem, kLoading, "this kernel has none of the XDP tracepoints");
    }
    return bits;
}

// What no program of this kernel can use would only be in the way.
void leave_out_missing(const tally_delivery& skeleton, std::uint32_t available) {
    for (const auto& tracepoint : kTracepoints) {
        if ((available & tracepoint.bit) == 0) {
            for (const char* name : {tracepoint.attached, tracepoint.counting}) {
                bpf_program__set_autoload(bpf_object__find_program_by_name(skeleton.obj, name), false);
            }
        }
    }
}

Result<void> reuse(const tally_delivery& skeleton, const DeliveryMapFds& maps) {
    for (const auto& [map, fd] : {std::pair(skeleton.maps.delivery_dev, maps.devices.get()),
                                  std::pair(skeleton.maps.delivery_cpumap, maps.cpumaps.get()),
                                  std::pair(skeleton.maps.delivery_over, maps.overflow.get()),
                                  std::pair(skeleton.maps.delivery_progs, maps.programs.get())}) {
        TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd));
        if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
            info.value_size != bpf_map__value_size(map) || info.max_entries < bpf_map__max_entries(map)) {
            return make_error(ErrorKind::kConflict, kLoading,
                              fmt::format("the pinned map {} '{}' has another layout", info.id, info.name));
        }
        if (const int code = bpf_map__reuse_fd(map, fd); code != 0) {
            return system_error(code, kLoading);
        }
    }
    return {};
}

Error explain_refusal(int code) {
    const std::string words = take_library_warnings();
    auto error = system_error(code, kLoading);
    if (error.kind != ErrorKind::kPermission) {
        error.kind = ErrorKind::kSystem;
    }
    error.reason = "the kernel refuses them: " + error.reason;
    error.details = words;
    return error;
}

// What the program returned.
Result<std::int32_t> run_once(int program_fd, std::span<const std::uint64_t> arguments) {
    bpf_test_run_opts options;
    init_options(options);
    options.ctx_in = arguments.data();
    options.ctx_size_in = static_cast<std::uint32_t>(arguments.size_bytes());
    if (bpf_prog_test_run_opts(program_fd, &options) != 0) {
        return last_error(kForgetting);
    }
    return static_cast<std::int32_t>(options.retval);
}

Result<void> forget_by(const Result<int>& program, std::span<const std::uint64_t> arguments) {
    if (!program) {
        return program.error();
    }
    TALLY_ASSIGN_OR_RETURN(const std::int32_t code, run_once(*program, arguments));
    return code == 0 || code == -ENOENT ? Result<void>() : system_error(code, kForgetting);
}

}  // namespace

void DeliveryPrograms::Destroyer::operator()(tally_delivery* skeleton) const {
    tally_delivery__destroy(skeleton);
}

Result<DeliveryPrograms> DeliveryPrograms::load(const DeliveryMapFds* maps) {
    raise_locked_memory_limit();
    DeliveryPrograms self;
    TALLY_ASSIGN_OR_RETURN(self.available_, find_tracepoints());
    self.skeleton_.reset(tally_delivery__open());
    if (!self.skeleton_) {
        return last_error(kLoading);
    }
    leave_out_missing(*self.skeleton_, self.available_);
    if (maps != nullptr) {
        TALLY_TRY(reuse(*self.skeleton_, *maps));
    }
    take_library_warnings();
    if (const int code = tally_delivery__load(self.skeleton_.get()); code != 0) {
        return explain_refusal(code);
    }
    if (maps == nullptr) {
        for (const int fd : {self.devices_fd(), self.cpumaps_fd(), self.overflow_fd()}) {
            TALLY_TRY(freeze_map(fd));
        }
    }
    return self;
}

Result<int> DeliveryPrograms::program_fd(const char* name) const {
    const int fd = bpf_program__fd(bpf_object__find_program_by_name(skeleton_->obj, name));
    if (fd < 0) {
        return system_error(fd, fmt::format("looking for the program {}", name));
    }
    return fd;
}

Result<void> DeliveryPrograms::renew(const Tracepoint& tracepoint) const {
    TALLY_ASSIGN_OR_RETURN(const int program, program_fd(tracepoint.counting));
    const std::uint32_t slot = tracepoint.slot();
    if (bpf_map_update_elem(programs_fd(), &slot, &program, BPF_ANY) != 0) {
        return last_error("setting the program for the tracepoint {}", tracepoint.name);
    }
    return {};
}

Result<UniqueFd> DeliveryPrograms::attach(const Tracepoint& tracepoint) const {
    TALLY_ASSIGN_OR_RETURN(const int program, program_fd(tracepoint.attached));
    UniqueFd link(bpf_raw_tracepoint_open(tracepoint.name, program));
    if (!link) {
        auto error = last_error("attaching to the tracepoint {}", tracepoint.name);
        error.kind = error.kind == ErrorKind::kPermission ? error.kind : ErrorKind::kSystem;
        return error;
    }
    return link;
}

Result<void> DeliveryPrograms::forget(const xdp_tally_delivery_key& key) const {
    const std::array<std::uint64_t, 4> arguments = {key.netns_inode, key.ifindex, key.action, key.reason};
    return forget_by(program_fd("forget_device"), arguments);
}

Result<void> DeliveryPrograms::forget(const xdp_tally_cpumap_key& key) const {
    const std::array<std::uint64_t, 2> arguments = {key.map_id, key.reason};
    return forget_by(program_fd("forget_cpumap"), arguments);
}

int DeliveryPrograms::devices_fd() const {
    return bpf_map__fd(skeleton_->maps.delivery_dev);
}

int DeliveryPrograms::cpumaps_fd() const {
    return bpf_map__fd(skeleton_->maps.delivery_cpumap);
}

int DeliveryPrograms::overflow_fd() const {
    return bpf_map__fd(skeleton_->maps.delivery_over);
}

int DeliveryPrograms::programs_fd() const {
    return bpf_map__fd(skeleton_->maps.delivery_progs);
}

}  // namespace tally::loader
