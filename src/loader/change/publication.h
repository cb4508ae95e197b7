// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// From staged to published: the part of a load after the program has been swapped, shared with the repair of
// an interrupted one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/counters.h"
#include "common/pins/meta.h"
#include "loader/change/migration.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// The staging area holds the new generation: its maps, its metadata (not frozen yet), and the link if it is
// new. The order of what follows is what readers and a repair rely on:
//
//   1. the new link's pin, which keeps the program attached when this process ends
//   2. an RCU grace period: no CPU runs the old program any more, the old counters are final
//   3. carried = what the old record carried + the old counters; the metadata is complete, and frozen
//   4. the maps' pins, the counter map's last
//   5. pins of maps that the new generation no longer has are removed
//   6. the metadata's pin: the new generation is published
//   7. the old component goes out of the dispatcher, as stage_old_record has it
//
// On an error the pins are put back as they were; where that fails, too, the staging area is left for a
// repair to finish from, and the program must stay. After step 6 there is no way back: should step 7 fail, it
// is left to the next run, and said.
//
// `mover`, if any, is prepare_migration's: in step 3 the old counts are then added to the new map instead.
struct PublicationReport {
    std::vector<std::string> removed;  // paths of step 5
    std::vector<std::string> notes;
    Counters moved = {};  // by `mover`, also where a later step failed
};
Result<void> publish_generation(PinDirectory& directory, const Meta& meta,
                                const std::optional<Meta>& old_meta, CountMover* mover,
                                PublicationReport& report);

// Where a component is going to be replaced by another, which libxdp cannot do in one step: the record of the
// old one is kept in the staging area, as long as it has not been taken out.
Result<void> stage_old_meta(PinDirectory& directory);

// For metadata with XDP_TALLY_META_MIGRATES, once the new generation is staged. None where an interrupted run
// had published the new counter map already.
Result<std::optional<CountMover>> prepare_migration(const PinDirectory& directory);

// After the old program was put back: what the new one counted meanwhile is added to the pinned counters.
// They have `moved` already, which is in the new map as well.
Result<void> give_counts_back(const PinDirectory& directory, int new_counter_fd, const Counters& moved);

// What an interrupted run left in the staging area is finished where its program runs (as its link or the
// hook tell), else discarded. Returns what was done in words; empty where there was nothing to do.
Result<std::string> repair(PinDirectory& directory, std::uint32_t ifindex);

}  // namespace tally::loader
