// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/dispatcher_pins.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/dispatcher.h"
#include "common/pins/bpffs.h"

namespace tally::loader {
namespace {

constexpr std::string_view kPrefix = "dispatch-";
constexpr std::string_view kProgramEnd = "-prog";

// Takes a number off the front.
bool take_number(std::string_view& text, std::uint32_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

// 0 for what is no program, or may not be opened.
Result<std::uint32_t> id_of_program_pin(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(const auto fd, answer_of(open_pin(path, false)));
    if (!fd) {
        return 0;
    }
    TALLY_ASSIGN_OR_RETURN(const auto type, object_type(fd->get()));
    if (type != ObjectType::kProgram) {
        return 0;
    }
    TALLY_ASSIGN_OR_RETURN(const auto info, program_info(fd->get()));
    return info.id;
}

// "dispatch-<ifindex>-<dispatcher>"; none for another name. Fills in the numbers alone.
std::optional<DispatcherPins> parse_dispatcher_directory(const std::string& name) {
    DispatcherPins pins;
    std::string_view rest = name;
    if (!rest.starts_with(kPrefix)) {
        return std::nullopt;
    }
    rest.remove_prefix(kPrefix.size());
    if (!take_number(rest, pins.ifindex) || !rest.starts_with('-')) {
        return std::nullopt;
    }
    rest.remove_prefix(1);
    return take_number(rest, pins.dispatcher_id) && rest.empty() ? std::optional(pins) : std::nullopt;
}

Result<std::vector<DispatcherPins>> list_dispatcher_pins() {
    const std::string root = dispatcher_root();
    std::vector<DispatcherPins> all;
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(root));
    for (const auto& name : names) {
        if (auto pins = parse_dispatcher_directory(name)) {
            pins->directory = fmt::format("{}/{}", root, name);
            all.push_back(std::move(*pins));
        }
    }
    return all;
}

Result<std::vector<std::string>> program_pins(const std::string& directory) {
    std::vector<std::string> paths;
    TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(directory));
    for (const auto& name : names) {
        if (name.ends_with(kProgramEnd)) {
            paths.push_back(fmt::format("{}/{}", directory, name));
        }
    }
    return paths;
}

}  // namespace

Result<std::optional<DispatcherPins>> find_dispatcher_pins(std::uint32_t dispatcher_id) {
    TALLY_ASSIGN_OR_RETURN(auto all, list_dispatcher_pins());
    for (auto& pins : all) {
        if (pins.dispatcher_id == dispatcher_id) {
            TALLY_ASSIGN_OR_RETURN(const auto paths, program_pins(pins.directory));
            pins.components = paths.size();
            return std::optional(std::move(pins));
        }
    }
    return std::optional<DispatcherPins>();
}

std::string describe_left_pins(std::uint32_t dispatcher_id) {
    const auto pins = find_dispatcher_pins(dispatcher_id);
    if (!pins) {
        return "libxdp's pins of the dispatcher's programs may remain: " + pins.error().message();
    }
    return *pins ? fmt::format("libxdp's pins of the dispatcher's programs remain; `rm -r {}` removes them",
                               shell_word((*pins)->directory))
                 : std::string();
}

Result<std::optional<DispatcherPins>> find_pins_of_component(std::uint32_t program_id) {
    TALLY_ASSIGN_OR_RETURN(auto all, list_dispatcher_pins());
    for (auto& pins : all) {
        TALLY_ASSIGN_OR_RETURN(const auto paths, program_pins(pins.directory));
        for (const auto& path : paths) {
            TALLY_ASSIGN_OR_RETURN(const auto id, id_of_program_pin(path));
            if (id == program_id) {
                pins.components = paths.size();
                return std::optional(std::move(pins));
            }
        }
    }
    return std::optional<DispatcherPins>();
}

Result<void> remove_dispatcher_pins(const DispatcherPins& pins) {
    const std::string root = dispatcher_root();
    const UniqueFd lock(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
        return last_error("locking {}", root);
    }
    const std::string what = fmt::format("removing {}", pins.directory);
    const auto names = list_directory(pins.directory);
    if (!names) {
        return names.error().code == ENOENT ? Result<void>() : names.error();
    }
    for (const auto& name : *names) {
        if (::unlink((pins.directory + '/' + name).c_str()) != 0 && errno != ENOENT) {
            return last_error(what);
        }
    }
    if (::rmdir(pins.directory.c_str()) != 0) {
        return last_error(what);
    }
    return {};
}

}  // namespace tally::loader
