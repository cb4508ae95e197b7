// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/pin_removal.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "common/base/unique_fd.h"

namespace tally::loader {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Maps 1 and 2 are ours, 3 is not.
DeviceState state_with_pins() {
    DeviceState state;
    state.meta = Meta{};
    state.meta->map_count = 2;
    state.meta->map_ids[0] = 1;
    state.meta->map_ids[1] = 2;
    for (const auto& [name, id] : {std::pair{"blocked", 2U}, {"someone_elses", 3U}, {"xdp_stats_map", 1U}}) {
        MapPin map;
        map.pin_name = name;
        map.info.id = id;
        state.maps.push_back(map);
    }
    state.other_pins = {"a_program"};
    state.link = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return state;
}

TEST(PinRemoval, TheLinkGoesFirstAndTheRecordThatTellsWhatIsOursLast) {
    EXPECT_THAT(our_pins(state_with_pins(), false),
                ElementsAre("xdp_link", "blocked", "xdp_stats_map", "xdp_stats_meta"));
}

TEST(PinRemoval, KeepingMapsRemovesTheLinkAlone) {
    EXPECT_THAT(our_pins(state_with_pins(), true), ElementsAre("xdp_link"));
}

TEST(PinRemoval, WhatObservesComponentsIsOurs) {
    auto state = state_with_pins();
    state.component_links = {"component_link:7:first"};
    EXPECT_THAT(our_pins(state, true), ElementsAre("xdp_link", "component_link:7:first"));
    EXPECT_THAT(our_pins(state, false), ElementsAre("xdp_link", "component_link:7:first", "blocked",
                                                    "xdp_stats_map", "xdp_stats_meta"));
}

TEST(PinRemoval, WithoutARecordNoMapIsOurs) {
    auto state = state_with_pins();
    state.meta.reset();
    EXPECT_THAT(our_pins(state, false), ElementsAre("xdp_link"));
}

TEST(PinRemoval, ForeignPinsAreNamed) {
    const auto note = describe_foreign_pins(state_with_pins(), "/sys/fs/bpf/veth0");
    EXPECT_THAT(note, HasSubstr("a_program, someone_elses"));
    EXPECT_THAT(note, Not(HasSubstr("blocked")));
}

}  // namespace
}  // namespace tally::loader
