// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/pin_changes.h"

#include <utility>

#include <xdp_tally/abi.h>

#include "common/pins/pin_names.h"

namespace tally::loader {
namespace {

constexpr mode_t kReadable = 0444;
constexpr std::string_view kRestore = "+restore:";

}  // namespace

std::string restore_name(std::string_view pin) {
    return std::string(kRestore).append(pin);
}

std::string_view restored_pin(std::string_view staged) {
    return staged.starts_with(kRestore) ? staged.substr(kRestore.size()) : std::string_view();
}

mode_t mode_of_pin(const std::string& pin) {
    const bool readable =
        pin == XDP_TALLY_MAP_NAME || pin == XDP_TALLY_META_NAME || parse_component_map_pin(pin);
    return readable ? kReadable : kOwnerOnly;
}

Result<void> PinChanges::publish(const std::string& pin) {
    TALLY_ASSIGN_OR_RETURN(auto old, open_old(pin));
    changes_.push_back({pin, std::move(old)});  // nothing may fail once the pin has changed
    return keep_if(directory_.publish(pin, pin, mode_of_pin(pin)));
}

Result<void> PinChanges::remove(const std::string& pin) {
    TALLY_ASSIGN_OR_RETURN(auto old, open_old(pin));
    changes_.push_back({pin, std::move(old)});
    return keep_if(directory_.remove(pin));
}

Result<void> PinChanges::keep_if(Result<void> changed) {
    if (!changed) {
        changes_.pop_back();
    }
    return changed;
}

Result<void> PinChanges::stage_old_pins() {
    for (const auto& change : changes_) {
        if (!change.old) {
            continue;
        }
        if (auto staged = directory_.stage(change.old.get(), restore_name(change.pin)); !staged) {
            (void)unstage_old_pins();
            return staged;
        }
    }
    return {};
}

Result<void> PinChanges::unstage_old_pins() {
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory_.staged());
    for (const auto& name : staged) {
        if (!restored_pin(name).empty()) {
            TALLY_TRY(directory_.remove_staged(name));
        }
    }
    return {};
}

// A failed question is no word that there is nothing to restore.
Result<UniqueFd> PinChanges::open_old(const std::string& pin) const {
    for (const bool read_only : {false, true}) {
        auto fd = directory_.open(pin, read_only);
        if (fd || is_failed_question(fd.error())) {
            return fd;
        }
    }
    return UniqueFd();
}

}  // namespace tally::loader
