// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// From staged to published: the part of a load after the program was replaced, shared with the recovery of an
// interrupted one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/meta.h"
#include "loader/change/pin_changes.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// In the staging area: the meta of the component that is being replaced, until it is out of the dispatcher.
inline constexpr const char* kReplacedMeta = "+replaced";

// The staging area holds the new generation: its maps, its meta (not frozen yet), and the link if it is new.
// The order of what follows is what readers and a recovery rely on:
//
//   1. the new link's pin, which keeps the program attached when this process ends
//   2. an RCU grace period: no CPU runs the old program any more, the old counters are final
//   3. carried = what the old meta carried + the old counters; the meta is complete, and frozen
//   4. the maps' pins, the counter map's last
//   5. pins of maps that the new generation no longer has are removed
//   6. the meta's pin: the new generation is published
//   7. the old component leaves the dispatcher, as stage_replaced_meta has it
//
// After an error `changes` holds what was done up to step 6, for discard_generation, or the staging area is
// kept for a recovery to finish from. After step 6 nothing is rolled back: should step 7 fail, it is left to
// the next load, and noted.
struct PublicationReport {
    std::vector<std::string> removed;  // paths of step 5
    std::vector<std::string> notes;
};
Result<void> publish_generation(PinDirectory& directory, PinChanges& changes, const Meta& meta,
                                const std::optional<Meta>& old_meta, PublicationReport& report);

// Where one component is going to replace another, which libxdp cannot do in one step: keeps the meta of the
// old one in the staging area until it has left the dispatcher.
Result<void> stage_replaced_meta(PinDirectory& directory);

// Takes the component that the staged meta of the replaced one names out of the dispatcher, if there is one;
// `meta` is published.
Result<void> take_out_replaced_component(PinDirectory& directory, const Meta& meta);

}  // namespace tally::loader
