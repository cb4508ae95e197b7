// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/dispatcher_pins.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <vector>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/bpffs.h"

namespace tally::loader {
namespace {

constexpr std::string_view kProgramEnd = "-prog";

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

std::string describe_left_pins(std::uint32_t dispatcher_id) {
    const auto found = find_dispatcher_directory(dispatcher_id);
    if (!found) {
        return "libxdp's pins of the dispatcher's programs may remain: " + found.error().message();
    }
    return *found ? fmt::format("libxdp's pins of the dispatcher's programs remain; `rm -r {}` removes them",
                                shell_word((*found)->path))
                  : std::string();
}

Result<std::optional<ComponentPins>> find_pins_of_component(std::uint32_t program_id) {
    TALLY_ASSIGN_OR_RETURN(auto all, answer_of(list_dispatcher_directories()));
    for (auto& directory : all.value_or(std::vector<DispatcherDirectory>())) {
        TALLY_ASSIGN_OR_RETURN(const auto paths, program_pins(directory.path));
        for (const auto& path : paths) {
            TALLY_ASSIGN_OR_RETURN(const auto id, id_of_program_pin(path));
            if (id == program_id) {
                return std::optional(ComponentPins{std::move(directory), paths.size()});
            }
        }
    }
    return std::optional<ComponentPins>();
}

Result<void> remove_dispatcher_directory(const std::string& path) {
    const std::string root = dispatcher_root();
    const UniqueFd lock(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
        return last_error("locking {}", root);
    }
    const std::string what = fmt::format("removing {}", path);
    const auto names = list_directory(path);
    if (!names) {
        return names.error().code == ENOENT ? Result<void>() : names.error();
    }
    for (const auto& name : *names) {
        if (::unlink(fmt::format("{}/{}", path, name).c_str()) != 0 && errno != ENOENT) {
            return last_error(what);
        }
    }
    if (::rmdir(path.c_str()) != 0) {
        return last_error(what);
    }
    return {};
}

}  // namespace tally::loader
