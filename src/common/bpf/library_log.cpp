// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/library_log.h"

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "common/base/printable.h"

namespace tally {
namespace {

constexpr std::size_t kKeep = 16384;

bool g_verbose = false;
thread_local bool t_quiet = false;

// The latest. No string: the C library ends a process where it has no memory to note that a thread's string
// is to be destroyed.
struct Warnings {
    std::array<char, kKeep> text = {};
    std::size_t size = 0;

    void add(std::string_view line) {
        line = line.substr(line.size() - std::min(line.size(), text.size()));
        const std::size_t kept = std::min(size, text.size() - line.size());
        std::memmove(text.data(), text.data() + (size - kept), kept);
        std::memcpy(text.data() + kept, line.data(), line.size());
        size = kept + line.size();
    }
};
thread_local Warnings t_warnings;

// Called by C code, which no exception may pass: a line for which there is no memory is lost.
void take_line(bool warning, const char* format, va_list arguments) noexcept try {
    std::array<char, 4096> line = {};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    if (g_verbose && !t_quiet) {
        std::fputs(printable(line.data(), true).c_str(), stderr);
    }
    if (warning) {
        t_warnings.add(line.data());
    }
} catch (const std::exception&) {
}

int take_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
    take_line(level == LIBBPF_WARN, format, arguments);
    return 0;
}

int take_libxdp(libxdp_print_level level, const char* format, va_list arguments) {
    take_line(level == LIBXDP_WARN, format, arguments);
    return 0;
}

}  // namespace

void route_library_log(bool verbose) {
    g_verbose = verbose;
    libbpf_set_print(take_libbpf);
    libxdp_set_print(take_libxdp);
}

bool library_log_is_shown() {
    return g_verbose;
}

std::string take_library_warnings() {
    return {t_warnings.text.data(), std::exchange(t_warnings.size, 0)};
}

QuietLibraryLog::QuietLibraryLog() {
    t_quiet = true;
}

QuietLibraryLog::~QuietLibraryLog() {
    t_quiet = false;
}

std::string find_kernel_message(const std::string& warnings) {
    const std::string_view marker = "Kernel error message: ";
    const auto start = warnings.rfind(marker);
    if (start == std::string::npos) {
        return {};
    }
    const auto end = warnings.find('\n', start);
    return warnings.substr(start + marker.size(), end - start - marker.size());
}

}  // namespace tally
