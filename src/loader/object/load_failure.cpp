// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/load_failure.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>

#include "common/bpf/bpf_info.h"
#include "common/bpf/capability_sets.h"
#include "common/bpf/library_log.h"
#include "loader/object/map_memory.h"
#include "loader/object/verifier_log.h"

namespace tally::loader {
namespace {

constexpr double kMebi = 1024 * 1024;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// What stands between two marks, the first time they are there; empty where they are not.
std::string between(std::string_view text, std::string_view before, std::string_view after) {
    const auto mark = text.find(before);
    const auto start = mark == std::string_view::npos ? mark : mark + before.size();
    const auto end = start == std::string_view::npos ? start : text.find(after, start);
    return end == std::string_view::npos ? std::string() : std::string(text.substr(start, end - start));
}

// Of the line that has `part`, as `between`.
std::string quoted_where(std::string_view text, std::string_view part) {
    const auto at = text.find(part);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto line = text.rfind('\n', at) + 1;  // 0 where it is the first one
    return between(text.substr(line, at - line + part.size()), "'", "'");
}

bool lacks_perfmon() {
    return !has_capability(CAP_PERFMON) && !has_capability(CAP_SYS_ADMIN);
}

bool is_per_cpu(const MapLayout& layout) {
    return layout.type == BPF_MAP_TYPE_PERCPU_ARRAY || layout.type == BPF_MAP_TYPE_PERCPU_HASH ||
           layout.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

// The kernel or libbpf chooses, or the entries are elsewhere.
bool may_have_no_entries(const MapLayout& layout) {
    switch (layout.type) {
        case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
        case BPF_MAP_TYPE_CGROUP_STORAGE:
        case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
        case BPF_MAP_TYPE_SK_STORAGE:
        case BPF_MAP_TYPE_INODE_STORAGE:
        case BPF_MAP_TYPE_TASK_STORAGE:
        case BPF_MAP_TYPE_STRUCT_OPS:
            return true;
        default:
            return layout.type > BPF_MAP_TYPE_TASK_STORAGE;  // newer than Linux 5.11
    }
}

std::uint64_t needed_memory(const MapLayout& layout) {
    return map_memory(layout, static_cast<std::uint64_t>(std::max(libbpf_num_possible_cpus(), 1)));
}

struct Advice {
    std::string_view said;
    const char* hint;
};

constexpr std::array kAdvice = {
    Advice{"offset is outside of the packet",
           "compare with data_end before the access: `if (pointer + size > data_end) return XDP_PASS;`"},
    Advice{"invalid access to packet",
           "compare with data_end before the access: `if (pointer + size > data_end) return XDP_PASS;`"},
    Advice{"map_value_or_null", "a lookup in a map may find nothing: compare its result with NULL first"},
    Advice{"back-edge", "this kernel takes no loops there: give them a constant bound, or `#pragma unroll`"},
    Advice{"infinite loop", "give the loop a constant bound, or use bpf_loop() (Linux 5.17)"},
    Advice{"too large. Processed", "give its loops smaller bounds, or split it by tail calls"},
    Advice{"cannot use helper", "this kernel has no such helper for XDP programs"},
    Advice{"unknown func", "this kernel has no such helper for XDP programs"},
};

std::string advice_on(std::string_view reason) {
    if (contains(reason, "off=-")) {
        return "it reads before the start of the packet: the offset from ctx->data must not be negative";
    }
    const auto* const found = std::find_if(
        kAdvice.begin(), kAdvice.end(), [&](const Advice& advice) { return contains(reason, advice.said); });
    return found != kAdvice.end() ? found->hint : "";
}

// The verifier allows less to those without CAP_PERFMON, and has fewer helpers for them.
bool wants_perfmon(std::string_view reason) {
    const bool helper = contains(reason, "unknown func") || contains(reason, "cannot use helper");
    return contains(reason, "pointer -= pointer") || contains(reason, "pointer comparison prohibited") ||
           contains(reason, "leaks addr") || contains(reason, "CAP_PERFMON") ||
           (helper && (contains(reason, "bpf_trace_") || contains(reason, "bpf_probe_read") ||
                       contains(reason, "bpf_snprintf") || contains(reason, "bpf_get_current_task")));
}

void explain_refusal(Error& error, std::string_view log, std::string_view license) {
    const std::string said = verifier_reason(log);
    if (error.code == ENOSPC && !is_complete(log)) {
        error.reason =
            fmt::format("the verifier refuses it, and its log does not fit {:.0f} MiB: the reason is cut off",
                        static_cast<double>(log.size()) / kMebi);
        return;
    }
    error.reason = "the verifier refuses it: " + (said.empty() ? describe_errno(error.code) : said);
    error.hint = advice_on(said);
    if (wants_perfmon(said) && lacks_perfmon()) {
        error.kind = ErrorKind::kPermission;
        error.hint = contains(said, "pointer -= pointer")
                         ? "subtracting packet pointers needs CAP_PERFMON in addition to CAP_BPF"
                         : "that needs CAP_PERFMON in addition to CAP_BPF";
        return;
    }
    const std::string missing = between(log, "failed to resolve CO-RE relocation ", "\n");
    if (!missing.empty()) {
        // "<byte_off> [8] struct sk_buff.no_such_field (0:0 @ offset 0)"
        const auto end = missing.rfind(" (");
        const std::string name = between(missing.substr(0, end) + '\n', "] ", "\n");
        error.reason =
            fmt::format("it uses '{}', which this kernel does not have", name.empty() ? missing : name);
        error.hint =
            "`bpftool btf dump file /sys/kernel/btf/vmlinux format c` shows this kernel's types; a program "
            "asks with bpf_core_field_exists() or bpf_core_type_exists() first";
    } else if (contains(said, "non-GPL compatible")) {
        error.reason +=
            license.empty() ? "; it has no license" : fmt::format("; its license is '{}'", license);
        error.hint =
            "give the source one license that is compatible with the GPL, in the place of any other: char "
            "LICENSE[] SEC(\"license\") = \"GPL\";";
        if (contains(said, "kernel function")) {
            error.hint +=
                "; where <xdp_tally/tally.bpf.h> alone calls one, #define XDP_TALLY_LINEAR before the "
                "include does as well, in a program of SEC(\"xdp\")";
        }
    }
}

// By libbpf's warnings: it did not come to the verifier.
void explain_unresolved(Error& error, std::string_view warnings) {
    const std::string function = quoted_where(warnings, "': not found in kernel or module BTFs");
    const std::string variable = quoted_where(warnings, "': not found in kernel BTF");
    const std::string strong = quoted_where(warnings, "' (strong): not resolved");
    if (!function.empty() || !variable.empty()) {
        error.reason = fmt::format("it uses '{}', a kernel {} that this kernel does not have",
                                   function.empty() ? variable : function,
                                   function.empty() ? "variable" : "function (kfunc)");
        error.hint =
            function.starts_with("bpf_xdp_metadata_")
                ? "receive metadata takes Linux 6.3; declare it __weak and ask bpf_ksym_exists() before it "
                  "is used"
                : "take a newer kernel, or declare it __weak and ask bpf_ksym_exists() before it is used";
    } else if (!strong.empty()) {
        const bool setting = strong.starts_with("CONFIG_") || strong.starts_with("LINUX_");
        error.reason = fmt::format("it uses '{}', a kernel {} that this kernel does not have", strong,
                                   setting ? "setting" : "symbol");
        error.hint = "declare it __weak as well: then it is 0 where it is missing";
    } else if (contains(warnings, "find valid kernel BTF") || contains(warnings, "loading vmlinux BTF")) {
        error.reason = "it follows the kernel's types, and this kernel has none in /sys/kernel/btf/vmlinux";
        error.hint = "it takes a kernel with CONFIG_DEBUG_INFO_BTF=y";
    }
}

}  // namespace

Result<void> check_new_map(const std::string& name, const MapLayout& layout,
                           std::optional<std::uint64_t> available) {
    if (layout.max_entries == 0 && !may_have_no_entries(layout)) {
        return make_error(
                   ErrorKind::kSystem, fmt::format("creating map {}", name),
                   "it has no max_entries: the program it belongs to sets them before it loads the object")
            .with_hint(
                fmt::format("load it with that program, or add __uint(max_entries, N) to the definition of "
                            "'{}'",
                            name));
    }
    const auto needed = needed_memory(layout);
    if (available && needed > *available) {
        return make_error(
                   ErrorKind::kSystem, fmt::format("creating map {}", name),
                   fmt::format("its {} entries need at least {:.0f} MiB; {:.0f} MiB of memory are available",
                               layout.max_entries, static_cast<double>(needed) / kMebi,
                               static_cast<double>(*available) / kMebi))
            .with_hint(is_hash(layout.type) && (layout.flags & BPF_F_NO_PREALLOC) == 0
                           ? "give it fewer max_entries, or map_flags BPF_F_NO_PREALLOC, so that it grows as "
                             "it is filled"
                           : "give it fewer max_entries");
    }
    return {};
}

std::string refused_map(std::string_view warnings) {
    return quoted_where(warnings, "': failed to create");
}

std::optional<std::string> refused_program(std::string_view warnings) {
    std::string name = quoted_where(warnings, "': BPF program load failed");
    return name.empty() ? std::nullopt : std::optional(std::move(name));
}

Error explain_refused_map(Error error, const std::string& name, const MapLayout& layout,
                          std::string_view warnings) {
    constexpr std::uint32_t kLargestPerCpu = 32U << 10U;  // PCPU_MIN_UNIT_SIZE
    error.what = fmt::format("creating map {}", name);
    error.details = last_lines(warnings, 3);
    if (contains(warnings, "failed to create inner map")) {
        error.reason =
            fmt::format("the kernel refuses the maps that are its values: {}", describe_errno(error.code));
        error.hint =
            "give the map in its __array(values, ...) a type, max_entries, a key and a value of its own";
    } else if (const auto limit = locked_memory_limit(); limit && error.code == EPERM) {
        error.reason = fmt::format(
            "the limit of locked memory is too low, {} KiB: kernels before 5.11 count maps "
            "against it",
            *limit / 1024);
        error.hint = kRaiseLockedMemory;
    } else if (layout.type == BPF_MAP_TYPE_CPUMAP && error.code == E2BIG) {
        const int cpus = libbpf_num_possible_cpus();
        error.reason = fmt::format("it is a cpumap of {} entries, more than this kernel has room for CPUs",
                                   layout.max_entries);
        error.hint = fmt::format("this machine has at most {} CPUs: max_entries need not be more", cpus);
    } else if (is_per_cpu(layout) && layout.value_size > kLargestPerCpu && error.code == E2BIG) {
        error.reason = fmt::format("its values have {} bytes, and a value for each CPU has at most {}",
                                   layout.value_size, kLargestPerCpu);
        error.hint = "make the value smaller, and max_entries larger";
    } else if (is_hash(layout.type) && error.code == E2BIG) {
        error.reason = fmt::format("its {} entries are more than this kernel allows in a {}",
                                   layout.max_entries, map_type_name(layout.type));
        error.hint = "give it fewer max_entries";
    } else if (error.code == E2BIG || error.code == ENOMEM) {
        error.reason = fmt::format(
            "the kernel has no memory for its {} entries of {} and {} bytes, which are {:.0f} MiB",
            layout.max_entries, layout.key_size, layout.value_size,
            static_cast<double>(needed_memory(layout)) / kMebi);
        error.hint = "give it fewer max_entries; in a container its memory limit counts";
    } else if (error.code == EINVAL &&
               libbpf_probe_bpf_map_type(static_cast<bpf_map_type>(layout.type), nullptr) == 0) {
        error.reason = fmt::format("this kernel has no maps of its type, {}", map_type_name(layout.type));
        error.hint = "take a newer kernel, or another type";
    } else if (error.code == EINVAL && layout.type == BPF_MAP_TYPE_LPM_TRIE &&
               (layout.flags & BPF_F_NO_PREALLOC) == 0) {
        error.reason = "a map of type lpm_trie needs the flag BPF_F_NO_PREALLOC";
        error.hint = fmt::format("add __uint(map_flags, BPF_F_NO_PREALLOC) to the definition of '{}'", name);
    } else if (error.code == EINVAL) {
        error.reason = fmt::format(
            "this kernel refuses a map of its kind: {}, {} entries, key {} bytes, value {} bytes, "
            "flags {:#x}",
            map_type_name(layout.type), layout.max_entries, layout.key_size, layout.value_size, layout.flags);
    }
    return error;
}

Error explain_failed_load(Error error, std::string_view verifier_log, std::string_view warnings,
                          std::string_view license) {
    constexpr std::size_t kWarningLines = 3;
    if (!verifier_log.empty()) {
        error.kind = ErrorKind::kSystem;  // EACCES is the verifier's word for a program, not for a person
        error.details = library_log_is_shown() ? last_lines(verifier_log, verifier_log.size())
                                               : shorten_log(verifier_log);
        explain_refusal(error, verifier_log, license);
        return error;
    }
    error.details = last_lines(warnings, kWarningLines);
    if (error.code >= LIBBPF_ERRNO__LIBELF) {
        std::array<char, 128> text = {};
        libbpf_strerror(error.code, text.data(), text.size());
        const std::string last = last_warning(warnings);
        error.reason =
            fmt::format("libbpf cannot handle it: {}{}{}", text.data(), last.empty() ? "" : ": ", last);
    }
    explain_unresolved(error, warnings);
    return error;
}

}  // namespace tally::loader
