// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/kernel/library_log.h"

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

#include "common/base/printable.h"

namespace tally {
namespace {

constexpr std::size_t kKeep = 16384;

bool g_verbose = false;
thread_local bool t_quiet = false;
thread_local std::string t_warnings;

void take_line(bool warning, const char* format, va_list arguments) {
    std::array<char, 4096> line = {};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    if (g_verbose && !t_quiet) {
        std::fputs(printable(line.data(), true).c_str(), stderr);
    }
    if (warning) {
        t_warnings += line.data();
        if (t_warnings.size() > kKeep) {
            t_warnings.erase(0, t_warnings.size() - kKeep);
        }
    }
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
    return std::exchange(t_warnings, {});
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
