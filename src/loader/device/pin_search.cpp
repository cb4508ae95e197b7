// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/pin_search.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "common/base/directory.h"
#include "common/pins/bpffs.h"

namespace tally::loader {
namespace {

Result<bool> is_pin_of(const std::string& path, ObjectType type, std::uint32_t id) {
    TALLY_ASSIGN_OR_RETURN(const auto fd, answer_of(open_pin(path, false)));
    if (!fd) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto pinned, object_type(fd->get()));
    if (pinned != type) {
        return false;
    }
    if (type == ObjectType::kLink) {
        TALLY_ASSIGN_OR_RETURN(const auto info, link_info(fd->get()));
        return info.id == id;
    }
    TALLY_ASSIGN_OR_RETURN(const auto info, program_info(fd->get()));
    return info.id == id;
}

// Below one directory after another, as long as there are few.
class PinSearch {
  public:
    PinSearch(ObjectType type, std::uint32_t id) : type_(type), id_(id) {}

    Result<void> look_through(const std::string& directory) {
        TALLY_ASSIGN_OR_RETURN(const auto names, list_directory_if_any(directory));
        for (const auto& name : names) {
            if (++seen_ > kMostPins) {
                break;
            }
            TALLY_TRY(look_at(fmt::format("{}/{}", directory, name)));
        }
        return {};
    }
    std::vector<std::string> take() { return std::move(found_); }

  private:
    static constexpr int kMostPins = 4096;

    Result<void> look_at(const std::string& path) {
        const auto status = status_of(path, AT_SYMLINK_NOFOLLOW);
        if (!status) {
            return status.error().code == ENOENT ? Result<void>() : status.error();
        }
        if (S_ISDIR(status->st_mode)) {
            return look_through(path);
        }
        TALLY_ASSIGN_OR_RETURN(const bool is_it,
                               S_ISREG(status->st_mode) ? is_pin_of(path, type_, id_) : Result<bool>(false));
        if (is_it) {
            found_.push_back(path);
        }
        return {};
    }

    ObjectType type_;
    std::uint32_t id_;
    int seen_ = 0;
    std::vector<std::string> found_;
};

}  // namespace

Result<std::vector<std::string>> find_pins(const std::string& root, ObjectType type, std::uint32_t id) {
    PinSearch search(type, id);
    TALLY_TRY(search.look_through(root));
    return search.take();
}

}  // namespace tally::loader
