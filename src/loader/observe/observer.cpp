// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/observe/observer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include "common/base/unique_handle.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/libbpf_options.h"
#include "common/bpf/library_log.h"
#include "common/network/netns.h"
#include "loader/hook/capabilities.h"
#include "loader/hook/component_signature.h"
#include "loader/object/map_memory.h"

#include "observe.skel.h"

namespace tally::loader {
namespace {

std::string name_target(std::uint32_t id, const std::string& name) {
    return fmt::format("observing program {} '{}'", id, name);
}

// The function a program begins with, by its full name; its context must be told as such, or a tracer gets
// nothing but a number.
Result<std::string> entry_function(int program_fd, const std::string& what) {
    bpf_func_info function = {};
    bpf_prog_info info = {};
    info.nr_func_info = 1;
    info.func_info_rec_size = sizeof(function);
    info.func_info = reinterpret_cast<std::uintptr_t>(&function);
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0) {
        return last_error(what);
    }
    const UniqueHandle<btf, btf__free> types(info.btf_id != 0 ? btf__load_from_kernel_by_id(info.btf_id)
                                                              : nullptr);
    const btf_type* const type = types ? btf__type_by_id(types.get(), function.type_id) : nullptr;
    if (info.nr_func_info == 0 || type == nullptr || !btf_is_func(type)) {
        return make_error(ErrorKind::kSystem, what, "it was loaded without type information (BTF)")
            .with_hint("compile its object with -g, and load it with its BTF");
    }
    const btf_type* const prototype = btf__type_by_id(types.get(), type->type);
    if (!btf_is_func_proto(prototype) || btf_vlen(prototype) == 0 ||
        !is_packet_context(types.get(), btf_params(prototype)->type)) {
        return make_error(ErrorKind::kSystem, what, "its argument is not declared as `struct xdp_md *`")
            .with_hint(
                "without that declaration the packet cannot be read: change the source of the program");
    }
    return std::string(btf__name_by_offset(types.get(), type->name_off));
}

// Why the kernel does not take the tracing program.
Error explain_refusal(int code, const std::string& what) {
    const std::string words = take_library_warnings();
    auto error = system_error(code, what);
    error.kind = ErrorKind::kSystem;
    if (!kernel_takes(BPF_PROG_TYPE_TRACING)) {
        error.reason = "this kernel refuses tracing programs (fexit): " + error.reason;
        error.hint =
            "--observe takes a kernel that allows them: on x86-64 Linux 5.5 does, on arm64 6.0; a program "
            "with <xdp_tally/tally.bpf.h> in its source counts by itself, and takes none";
        return error;
    }
    if (words.find("find valid kernel BTF") != std::string::npos) {
        error.reason = "the kernel has no type information (/sys/kernel/btf/vmlinux is missing)";
        return error;
    }
    error.reason = "the kernel refuses the counting program: " + error.reason;
    error.details = words;
    return error;
}

}  // namespace

void Observer::Destroyer::operator()(tally_observe* skeleton) const {
    tally_observe__destroy(skeleton);
}

Result<Observer> Observer::load(std::uint32_t target_id, const Interface& interface,
                                std::optional<int> counter_fd) {
    TALLY_ASSIGN_OR_RETURN(auto netns, current_netns_inode());
    TALLY_ASSIGN_OR_RETURN(auto target, open_program_by_id(target_id));
    TALLY_ASSIGN_OR_RETURN(auto info, program_info(target.get()));
    Observer observer;
    observer.target_ = name_target(target_id, info.name);
    TALLY_ASSIGN_OR_RETURN(observer.function_, entry_function(target.get(), observer.target_));
    observer.skeleton_.reset(tally_observe__open());
    tally_observe* const skeleton = observer.skeleton_.get();
    if (skeleton == nullptr) {
        return last_error(observer.target_);
    }
    skeleton->rodata->observed_ifindex = static_cast<std::int32_t>(interface.ifindex);
    skeleton->rodata->observed_netns = static_cast<std::uint32_t>(netns);
    int code =
        bpf_program__set_attach_target(skeleton->progs.observe, target.get(), observer.function_.c_str());
    if (code == 0 && counter_fd) {
        code = bpf_map__reuse_fd(skeleton->maps.xdp_stats_map, *counter_fd);
    }
    if (code != 0) {
        return system_error(code, observer.target_);
    }
    raise_locked_memory_limit();
    take_library_warnings();
    code = tally_observe__load(skeleton);
    if (code != 0) {
        return explain_refusal(code, observer.target_);
    }
    return observer;
}

Result<UniqueFd> Observer::attach() const {
    UniqueFd link(bpf_raw_tracepoint_open(nullptr, bpf_program__fd(skeleton_->progs.observe)));
    if (!link) {
        auto error = last_error(target_);
        if (error.code == EBUSY) {
            error.reason =
                "another program already replaces or traces it, and the kernel allows no second one";
        } else {
            error.kind = ErrorKind::kSystem;
        }
        return error;
    }
    return link;
}

int Observer::counter_fd() const {
    return bpf_map__fd(skeleton_->maps.xdp_stats_map);
}

}  // namespace tally::loader
