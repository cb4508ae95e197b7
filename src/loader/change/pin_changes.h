// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Changes of pins that can be rolled back, also by another process should this one be killed meanwhile.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// In the staging area, "+restore:<pin>" is what that pin is to hold again.
std::string restore_name(std::string_view pin);
// The pin's name; empty for any other name in the staging area.
std::string_view restored_pin(std::string_view staged);

// The mode of a published pin: counters and the meta may be read by everybody.
mode_t mode_of_pin(const std::string& pin);

class PinChanges {
  public:
    explicit PinChanges(PinDirectory& directory) : directory_(directory) {}

    // A staged pin takes the place of the published one.
    Result<void> publish(const std::string& pin);
    Result<void> remove(const std::string& pin);

    // Stages what the changed pins held before. Nothing published changes yet; on an error nothing stays
    // staged.
    Result<void> stage_old_pins();
    Result<void> unstage_old_pins();

  private:
    struct Change {
        std::string pin;
        UniqueFd old;  // none: there was no pin of this name
    };

    // None where there is no pin of this name, or this process may not open it.
    Result<UniqueFd> open_old(const std::string& pin) const;
    // The change that was noted last has been made, or is none.
    Result<void> keep_if(Result<void> changed);

    PinDirectory& directory_;
    std::vector<Change> changes_;
};

}  // namespace tally::loader
