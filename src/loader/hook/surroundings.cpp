// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/surroundings.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "common/base/unique_fd.h"
#include "loader/hook/capabilities.h"
#include "loader/object/map_memory.h"

namespace tally::loader {
namespace {

bool is_refusal(int code) {
    return code == EPERM || code == EACCES || code == ENOSYS;
}

std::string first_line(const char* path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

int load_simplest_program() {
    constexpr std::array<bpf_insn, 2> kPass = {
        {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    const UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_XDP, "simplest", "GPL", kPass.data(), kPass.size(), nullptr));
    return program ? 0 : errno;
}

bool is_every_bpf_call_refused() {
    bpf_attr attributes = {};
    attributes.info.bpf_fd = static_cast<std::uint32_t>(-1);
    return ::syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes.info)) != 0 &&
           is_refusal(errno);
}

bool is_initial_user_namespace() {
    constexpr ino_t kInitial = 0xEFFFFFFD;  // PROC_USER_INIT_INO of the kernel
    struct stat status = {};
    return ::stat("/proc/self/ns/user", &status) != 0 || status.st_ino == kInitial;
}

bool has_seccomp_filter() {
    std::ifstream file("/proc/thread-self/status");
    for (std::string label, value; file >> label; std::getline(file, value)) {
        if (label == "Seccomp:") {
            file >> value;
            return value != "0";
        }
    }
    return false;
}

Surroundings look_around(int error) {
    return {error,
            is_initial_user_namespace(),
            has_seccomp_filter(),
            is_every_bpf_call_refused(),
            locked_memory_limit().has_value(),
            std::string(chosen_lockdown(first_line("/sys/kernel/security/lockdown"))),
            first_line("/sys/kernel/security/lsm")};
}

Error because(Error error, std::string reason, std::string hint) {
    error.kind = ErrorKind::kPermission;
    error.reason = std::move(reason);
    error.hint = std::move(hint);
    error.details.clear();  // libbpf's guesses
    return error;
}

}  // namespace

std::string_view chosen_lockdown(std::string_view text) {
    const auto start = text.find('[');
    const auto end = text.find(']');
    return start == std::string_view::npos || end == std::string_view::npos || end < start
               ? std::string_view()
               : text.substr(start + 1, end - start - 1);
}

Error blame_surroundings(Error error, const Surroundings& surroundings) {
    if (!surroundings.initial_user_namespace) {
        return because(
            std::move(error),
            "the kernel refuses BPF here: this process has its capabilities in a user namespace, and BPF "
            "takes those of the initial one",
            "run it outside of it: on the host, or in a container without a user namespace of its own "
            "(not rootless, no userns-remap)");
    }
    if (surroundings.seccomp_filter && surroundings.every_bpf_call_refused) {
        return because(
            std::move(error), "a seccomp filter refuses bpf(2) to this process, which has the capabilities",
            "have it allow bpf(2): in a container `--security-opt seccomp=PROFILE`, with a profile that "
            "allows it, or `unconfined`; in a systemd unit SystemCallFilter=bpf");
    }
    if (surroundings.error == ENOSYS) {
        return because(std::move(error), "this kernel has no bpf(2)",
                       "it takes a kernel with CONFIG_BPF_SYSCALL=y");
    }
    if (!surroundings.lockdown.empty() && surroundings.lockdown != "none") {
        return because(
            std::move(error),
            fmt::format("the kernel is locked down ({}), and refuses BPF to this process, which has the "
                        "capabilities",
                        surroundings.lockdown),
            "/sys/kernel/security/lockdown has the mode; it comes from the kernel's command line "
            "(lockdown=) or from Secure Boot");
    }
    if (surroundings.counts_locked_memory) {
        return because(
            std::move(error),
            "the limit of locked memory is too low: kernels before 5.11 count BPF programs and maps "
            "against it",
            kRaiseLockedMemory);
    }
    return because(std::move(error),
                   fmt::format("{} refuses bpf(2) to this process, which has the capabilities",
                               surroundings.seccomp_filter ? "a seccomp filter or a security module"
                                                           : "a security module of the kernel"),
                   fmt::format("the kernel's log and the audit log (`dmesg`, `ausearch -m avc`) say which{}",
                               surroundings.security_modules.empty()
                                   ? std::string()
                                   : fmt::format("; there are: {}", surroundings.security_modules)));
}

Error explain_surroundings(Error error) {
    const bool refused =
        error.code == ENOSYS || (is_refusal(error.code) && error.kind == ErrorKind::kPermission);
    if (!refused || !check_load_capabilities()) {
        return error;
    }
    const int code = load_simplest_program();
    return is_refusal(code) ? blame_surroundings(std::move(error), look_around(code)) : error;
}

}  // namespace tally::loader
