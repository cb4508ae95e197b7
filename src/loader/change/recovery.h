// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a load that failed or was interrupted left behind: rolled back, or finished.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// The new generation `meta` does not run, or no more; `old_meta` is the published one, if any. Its pins are
// put back as PinChanges::stage_old_pins has them, and the staging area is emptied. What the new generation
// counted is not lost: it is carried in a new meta of the old generation, pinned before the old counter map
// is back at its pin. Can be interrupted and repeated: nothing is carried twice.
Result<void> discard_generation(PinDirectory& directory, const std::optional<Meta>& old_meta,
                                const std::optional<Meta>& meta);

// What an interrupted command left in the staging area is finished where its program runs (as its link or the
// hook tell, wherever its device is now), else discarded. Returns what was done in words; empty where there
// was nothing to do.
Result<std::string> repair(PinDirectory& directory, const NetnsContext& context);

// A meta that somebody has removed is made anew (DeviceState::meta_is_missing), and the state is looked at
// again. In words, as above; in a dry run, which has no directory, what would be done.
Result<std::string> restore_meta(PinDirectory* directory, const NetnsContext& context, DeviceState& state);

}  // namespace tally::loader
