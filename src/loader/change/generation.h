// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The meta of a new generation, and the totals that go from one generation to the next.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/network/interface.h"
#include "common/pins/counters.h"
#include "common/pins/meta.h"
#include "loader/change/attach_plan.h"
#include "loader/device/pin_directory.h"
#include "loader/object/program_object.h"

namespace tally::loader {

// Generation 1 of a new lineage, or the generation after `before`; of this interface in the current network
// namespace, as of now.
Result<Meta> begin_generation(const Interface& interface, const std::optional<Meta>& before);

// Of the object, which is loaded, unless it is going to be a component: libxdp loads that one itself, and its
// program's id comes later.
Result<Meta> make_meta(const Interface& interface, const ProgramObject& object,
                       const std::optional<Meta>& before, const Attempt& attempt);

// In the place of a meta that was removed: `known` is what can be said without it. Nobody knows what its
// lineage had counted, so the totals are those from now on.
Result<Meta> make_meta_anew(const Interface& interface, const Meta& known, int counter_map_fd);

// Its new maps, and the meta, not frozen yet.
Result<void> stage_generation(PinDirectory& pins, const ProgramObject& object, const Meta& meta);
Result<void> stage_meta(PinDirectory& pins, const Meta& meta);

// What the lineage has counted, with this much in the counter map of `meta`: nothing where nobody can read it
// any more, as after the owner of an adopted one has removed its pin. What is left out of an adopted map is
// left out of that one alone, whatever counts next.
Counters lineage_total(const Meta& meta, const Counters& in_map = {});
void set_carried(Meta& meta, const Counters& counts);

// What the counter map with this id holds, staged or published here; zeros where it is neither, or counts
// something else.
Result<Counters> counts_of(const PinDirectory& directory, std::uint32_t map_id);

bool is_zero(const Counters& counts);

}  // namespace tally::loader
