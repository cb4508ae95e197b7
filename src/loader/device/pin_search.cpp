// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/pin_search.h"

#include <filesystem>

#include "common/pins/bpffs.h"

namespace tally::loader {
namespace {

bool is_pin_of(const std::string& path, ObjectType type, std::uint32_t id) {
    const auto fd = open_pin(path, false);
    if (!fd || object_type(fd->get()) != type) {
        return false;
    }
    if (type == ObjectType::kLink) {
        const auto info = link_info(fd->get());
        return info && info->id == id;
    }
    const auto info = program_info(fd->get());
    return info && info->id == id;
}

}  // namespace

std::vector<std::string> find_pins(const std::string& root, ObjectType type, std::uint32_t id) {
    constexpr int kMostPins = 4096;
    namespace fs = std::filesystem;
    std::vector<std::string> found;
    std::error_code code;
    fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, code);
    for (int seen = 0; !code && entry != fs::recursive_directory_iterator() && seen < kMostPins; ++seen) {
        std::error_code ignored;
        if (entry->symlink_status(ignored).type() == fs::file_type::regular &&
            is_pin_of(entry->path().string(), type, id)) {
            found.push_back(entry->path().string());
        }
        entry.increment(code);
    }
    return found;
}

}  // namespace tally::loader
