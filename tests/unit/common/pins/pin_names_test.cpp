// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/pin_names.h"

#include <gmock/gmock.h>

namespace tally {
namespace {

TEST(ComponentPins, NameProgramAndId) {
    EXPECT_EQ(component_map_pin(12, "xdp_filter"), "component:12:xdp_filter");
    EXPECT_EQ(component_link_pin(12, "xdp_filter"), "component_link:12:xdp_filter");
}

TEST(ComponentPins, LeadBackToThem) {
    for (const std::string name : {"f", "with.dot", "100%", "a:b", ""}) {
        const auto map = parse_component_map_pin(component_map_pin(4294967295U, name));
        ASSERT_TRUE(map) << name;
        EXPECT_EQ(map->program_id, 4294967295U);
        EXPECT_EQ(map->name, name);
        const auto link = parse_component_link_pin(component_link_pin(7, name));
        ASSERT_TRUE(link) << name;
        EXPECT_EQ(link->program_id, 7U);
        EXPECT_EQ(link->name, name);
    }
}

TEST(ComponentPins, FitIntoAFileName) {
    EXPECT_LE(component_link_pin(4294967295U, std::string(300, '.')).size(), 255U);
}

TEST(ComponentPins, AreNotMistakenForOthers) {
    for (const char* pin : {"xdp_link", "component", "component:", "component:12", "component::name",
                            "component:x:name", "component:12x:name", "component:4294967296:name",
                            "component:-1:name", "component_link:12:name", ""}) {
        EXPECT_FALSE(parse_component_map_pin(pin)) << pin;
    }
    EXPECT_FALSE(parse_component_link_pin("component:12:name"));
}

}  // namespace
}  // namespace tally
