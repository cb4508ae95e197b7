// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/dispatcher_attach.h"

#include <gmock/gmock.h>

#include "common/pins/abi_names.h"

namespace tally::loader {
namespace {

constexpr std::uint32_t kOurs = 7;
constexpr std::uint32_t kPass = 1U << 2;
constexpr std::uint32_t kDrop = 1U << 1;

Component component(std::uint32_t id, std::uint32_t priority) {
    return {id, "program", priority, kPass, false};
}

Dispatcher dispatcher(std::vector<Component> components) {
    return {100, XDP_TALLY_MODE_NATIVE, false, std::move(components)};
}

std::uint32_t next_priority(const std::vector<Component>& components) {
    const auto all = dispatcher(components);
    return choose_next_position({}, *all.find(kOurs), all).priority;
}

TEST(Position, OfAFirstProgramIsTheLastUnlessSomebodyWishesOtherwise) {
    EXPECT_EQ(choose_position({}, {}).priority, kLastPriority);
    EXPECT_EQ(choose_position({}, 10).priority, 10U);
    EXPECT_EQ(choose_position({20, {}}, 10).priority, 20U);
    EXPECT_EQ(choose_position({}, {}).chain_actions, std::nullopt);
    EXPECT_EQ(choose_position({{}, kDrop}, {}).chain_actions, kDrop);
}

TEST(Position, OfASuccessorIsJustBeforeTheOldOne) {
    EXPECT_EQ(next_priority({component(kOurs, kLastPriority)}), kLastPriority - 1);
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 50), component(2, 60)}), 49U);
    EXPECT_EQ(next_priority({component(kOurs, 1)}), 0U);
}

TEST(Position, OfASuccessorStaysBetweenItsNeighbours) {
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 12)}), 11U);
    // No room before it: as late as the next one allows.
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 11)}), kLastPriority);
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 11), component(2, 40)}), 39U);
    EXPECT_EQ(next_priority({component(kOurs, 0), component(2, 40)}), 39U);
    // Nor after it: it keeps its place.
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 11), component(2, 12)}), 11U);
    EXPECT_EQ(next_priority({component(1, 10), component(kOurs, 10), component(2, 10)}), 10U);
}

TEST(Position, OfASuccessorKeepsTheChainActions) {
    const auto all = dispatcher({component(kOurs, 50)});
    EXPECT_EQ(choose_next_position({}, all.components[0], all).chain_actions, kPass);
    EXPECT_EQ(choose_next_position({{}, kDrop}, all.components[0], all).chain_actions, kDrop);
    EXPECT_EQ(choose_next_position({5, {}}, all.components[0], all).priority, 5U);
}

}  // namespace
}  // namespace tally::loader
