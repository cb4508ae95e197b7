// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher_directory.h"

#include <fmt/format.h>
#include <xdp/libxdp.h>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "common/base/directory.h"

namespace tally {
namespace {

bool g_changed_environment = false;

// Where libxdp looks by itself.
constexpr const char* kLibxdpBpffs = "/sys/fs/bpf";
constexpr std::string_view kPrefix = "dispatch-";

// Takes a number off the front.
bool take_number(std::string_view& text, std::uint32_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

// None for another name.
std::optional<DispatcherDirectory> parse_name(const std::string& root, const std::string& name) {
    DispatcherDirectory directory;
    std::string_view rest = name;
    if (!rest.starts_with(kPrefix)) {
        return std::nullopt;
    }
    rest.remove_prefix(kPrefix.size());
    if (!take_number(rest, directory.ifindex) || !rest.starts_with('-')) {
        return std::nullopt;
    }
    rest.remove_prefix(1);
    if (!take_number(rest, directory.dispatcher_id) || !rest.empty()) {
        return std::nullopt;
    }
    directory.path = fmt::format("{}/{}", root, name);
    return directory;
}

}  // namespace

void use_bpffs_for_dispatchers(const std::string& root) {
    restore_environment();
    if (root != kLibxdpBpffs && ::getenv(XDP_BPFFS_ENVVAR) == nullptr) {
        ::setenv(XDP_BPFFS_ENVVAR, root.c_str(), 1);
        g_changed_environment = true;
    }
}

void restore_environment() {
    if (std::exchange(g_changed_environment, false)) {
        ::unsetenv(XDP_BPFFS_ENVVAR);
    }
}

std::string dispatcher_root() {
    const char* const root = ::getenv(XDP_BPFFS_ENVVAR);
    return fmt::format("{}/xdp", root != nullptr ? root : kLibxdpBpffs);
}

Result<std::vector<DispatcherDirectory>> list_dispatcher_directories() {
    const std::string root = dispatcher_root();
    std::vector<DispatcherDirectory> all;
    TALLY_ASSIGN_OR_RETURN(const auto names, answer_if_permitted(list_directory(root)));
    for (const auto& name : names.value_or(std::vector<std::string>())) {
        if (auto directory = parse_name(root, name)) {
            all.push_back(std::move(*directory));
        }
    }
    return all;
}

Result<std::optional<DispatcherDirectory>> find_dispatcher_directory(std::uint32_t dispatcher_id) {
    TALLY_ASSIGN_OR_RETURN(auto all, list_dispatcher_directories());
    for (auto& directory : all) {
        if (directory.dispatcher_id == dispatcher_id) {
            return std::optional(std::move(directory));
        }
    }
    return std::optional<DispatcherDirectory>();
}

}  // namespace tally
