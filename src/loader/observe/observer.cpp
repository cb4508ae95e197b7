// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/observe/observer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <cstring>

#include <xdp_tally/abi.h>

#include "common/kernel/bpf_info.h"
#include "common/kernel/libbpf_options.h"
#include "common/kernel/library_log.h"
#include "common/kernel/netns.h"
#include "loader/hook/capabilities.h"

// bpf/observe.bpf.c, embedded by cmake/Bpf.cmake.
extern "C" {
extern const unsigned char tally_observe_object[];
extern const unsigned char tally_observe_object_end[];
}

namespace tally::loader {
namespace {

constexpr const char* kProgram = "observe";

// The constants of bpf/observe.bpf.c, in their order.
struct Constants {
    std::int32_t ifindex = 0;
    std::uint32_t netns = 0;
};

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
            .with_hint("its object has to be compiled with -g, and loaded with its BTF");
    }
    const btf_type* const prototype = btf__type_by_id(types.get(), type->type);
    const btf_type* argument = btf_is_func_proto(prototype) && btf_vlen(prototype) > 0
                                   ? btf__type_by_id(types.get(), btf_params(prototype)->type)
                                   : nullptr;
    std::string pointed_to;
    if (argument != nullptr && btf_is_ptr(argument)) {
        argument = btf__type_by_id(types.get(), argument->type);
        pointed_to = btf__name_by_offset(types.get(), argument->name_off);
    }
    if (pointed_to != "xdp_md") {
        return make_error(ErrorKind::kSystem, what, "its argument is not declared as `struct xdp_md *`")
            .with_hint("the kernel hides the packet of such a program: its source has to be changed");
    }
    return std::string(btf__name_by_offset(types.get(), type->name_off));
}

Result<void> set_constants(bpf_object* object, const Interface& interface) {
    TALLY_ASSIGN_OR_RETURN(auto netns, current_netns_inode());
    const Constants constants = {static_cast<std::int32_t>(interface.ifindex),
                                 static_cast<std::uint32_t>(netns)};
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (std::strstr(bpf_map__name(map), ".rodata") != nullptr) {
            if (const int code = bpf_map__set_initial_value(map, &constants, sizeof(constants)); code != 0) {
                return system_error(code, "naming the observed interface");
            }
        }
    }
    return {};
}

// Why the kernel does not take the tracing program.
Error explain_refusal(int code, const std::string& what) {
    const std::string words = take_library_warnings();
    auto error = system_error(code, what);
    error.kind = ErrorKind::kSystem;
    if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACING, nullptr) != 1) {
        error.reason = "this kernel refuses tracing programs (fexit): " + error.reason;
        return error;
    }
    if (words.find("find valid kernel BTF") != std::string::npos) {
        error.reason = "the kernel does not tell its types (/sys/kernel/btf/vmlinux is missing)";
        return error;
    }
    error.reason = "the kernel refuses the program that counts: " + error.reason;
    error.details = words;
    return error;
}

}  // namespace

Result<Observer> Observer::load(std::uint32_t target_id, const Interface& interface,
                                std::optional<int> counter_fd) {
    TALLY_TRY(check_observe_capabilities());
    TALLY_ASSIGN_OR_RETURN(auto target, open_program_by_id(target_id));
    TALLY_ASSIGN_OR_RETURN(auto info, program_info(target.get()));
    Observer observer;
    observer.target_ = name_target(target_id, info.name);
    TALLY_ASSIGN_OR_RETURN(auto function, entry_function(target.get(), observer.target_));
    observer.function_ = std::move(function);
    observer.object_.reset(bpf_object__open_mem(
        tally_observe_object, static_cast<std::size_t>(tally_observe_object_end - tally_observe_object),
        nullptr));
    if (!observer.object_) {
        return last_error(observer.target_);
    }
    bpf_object* const object = observer.object_.get();
    bpf_program* const program = bpf_object__find_program_by_name(object, kProgram);
    if (const int code = bpf_program__set_attach_target(program, target.get(), observer.function_.c_str());
        code != 0) {
        return system_error(code, observer.target_);
    }
    TALLY_TRY(set_constants(object, interface));
    if (counter_fd) {
        bpf_map* const map = bpf_object__find_map_by_name(object, XDP_TALLY_MAP_NAME);
        if (const int code = bpf_map__reuse_fd(map, *counter_fd); code != 0) {
            return system_error(code, observer.target_);
        }
    }
    take_library_warnings();
    if (const int code = bpf_object__load(object); code != 0) {
        return explain_refusal(code, observer.target_);
    }
    return observer;
}

Result<UniqueFd> Observer::attach() const {
    const bpf_program* const program = bpf_object__find_program_by_name(object_.get(), kProgram);
    UniqueFd link(bpf_raw_tracepoint_open(nullptr, bpf_program__fd(program)));
    if (!link) {
        auto error = last_error(target_);
        if (error.code == EBUSY) {
            error.reason = "another program extends or traces it in a way that leaves no room";
        } else {
            error.kind = ErrorKind::kSystem;
        }
        return error;
    }
    return link;
}

int Observer::counter_fd() const {
    return bpf_object__find_map_fd_by_name(object_.get(), XDP_TALLY_MAP_NAME);
}

}  // namespace tally::loader
