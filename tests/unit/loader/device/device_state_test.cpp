// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/device_state.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cerrno>

namespace tally::loader {
namespace {

constexpr std::uint64_t kNetns = 4026531840;
constexpr std::uint32_t kIfindex = 7;
constexpr std::uint32_t kProgram = 57;
constexpr std::uint32_t kOtherProgram = 99;
constexpr std::uint32_t kMap = 32;

XdpHook hook_with(std::uint32_t program) {
    XdpHook hook;
    hook.program = HookProgram{program, XDP_TALLY_MODE_NATIVE};
    return hook;
}

// The pins of a program that was attached so, and the program on the device.
DeviceState loaded(std::uint32_t attach_kind) {
    DeviceState state;
    state.interface = Interface{};
    state.interface->ifindex = kIfindex;
    state.hook = hook_with(kProgram);
    state.has_directory = true;
    state.meta = Meta{};
    state.meta->netns_inode = kNetns;
    state.meta->ifindex = kIfindex;
    state.meta->program_id = kProgram;
    state.meta->counter_map_id = kMap;
    state.meta->attach_kind = attach_kind;
    MapPin counters;
    counters.pin_name = XDP_TALLY_MAP_NAME;
    counters.info.id = kMap;
    state.maps.push_back(counters);
    return state;
}

DeviceState loaded_by_link(std::uint32_t ifindex = kIfindex) {
    DeviceState state = loaded(XDP_TALLY_ATTACH_LINK);
    state.link = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    state.link_info = LinkInfo{};
    state.link_info->type = BPF_LINK_TYPE_XDP;
    state.link_info->program_id = kProgram;
    state.link_info->ifindex = ifindex;
    return state;
}

// Some other device of this namespace.
ProgramPlace another_device(std::uint32_t program) {
    ProgramPlace place;
    place.netns_inode = kNetns;
    place.link.interface.ifindex = kIfindex + 1;
    place.link.hook = hook_with(program);
    return place;
}

DeviceState in_dispatcher(DeviceState state) {
    state.hook = hook_with(kOtherProgram);
    Dispatcher dispatcher;
    dispatcher.program_id = kOtherProgram;
    Component component;
    component.program_id = kProgram;
    dispatcher.components.push_back(component);
    state.hook.dispatcher = dispatcher;
    return state;
}

void expect(DeviceState state, Ours ours, AttachState attach_state, bool our_program_runs) {
    state.decide(kNetns);
    EXPECT_EQ(state.ours, ours);
    EXPECT_EQ(state.attach_state, attach_state);
    ASSERT_EQ(state.our_program.has_value(), our_program_runs);
    if (our_program_runs) {
        EXPECT_EQ(state.our_program->id, kProgram);
    }
}

TEST(DeviceState, WithoutPinsNothingIsOurs) {
    DeviceState state;
    state.interface = Interface{};
    expect(std::move(state), Ours::kNothing, AttachState::kNone, false);
    DeviceState foreign;
    foreign.interface = Interface{};
    foreign.hook = hook_with(kOtherProgram);
    expect(std::move(foreign), Ours::kNothing, AttachState::kForeign, false);
}

TEST(DeviceState, EachWayOfAttaching) {
    expect(loaded_by_link(), Ours::kLink, AttachState::kAttached, true);
    expect(loaded(XDP_TALLY_ATTACH_NETLINK), Ours::kNetlink, AttachState::kAttached, true);
    expect(in_dispatcher(loaded(XDP_TALLY_ATTACH_DISPATCHER)), Ours::kComponent, AttachState::kAttached,
           true);
    EXPECT_TRUE(loaded(XDP_TALLY_ATTACH_OBSERVE).observes());
}

TEST(DeviceState, ALinkThatThisProcessMayNotOpen) {
    DeviceState state = loaded(XDP_TALLY_ATTACH_LINK);
    state.link_hidden = true;
    expect(std::move(state), Ours::kLink, AttachState::kAttached, true);
}

TEST(DeviceState, WhoseALinkIsThatIsNotPinnedHere) {
    DeviceState of_a_run = loaded(XDP_TALLY_ATTACH_LINK);
    of_a_run.meta->flags = XDP_TALLY_META_RUN;
    expect(std::move(of_a_run), Ours::kReserved, AttachState::kAttached, true);
    DeviceState locked = loaded_by_link();
    locked.reserved_by_run = true;
    expect(std::move(locked), Ours::kReserved, AttachState::kAttached, true);

    // Of whoever has it: no run ends it.
    expect(loaded(XDP_TALLY_ATTACH_LINK), Ours::kUnpinned, AttachState::kAttached, true);
    DeviceState of_an_ended_run = loaded(XDP_TALLY_ATTACH_LINK);
    of_an_ended_run.meta->flags = XDP_TALLY_META_RUN;
    of_an_ended_run.run_has_ended = true;
    expect(std::move(of_an_ended_run), Ours::kUnpinned, AttachState::kAttached, true);

    DeviceState renamed = loaded(XDP_TALLY_ATTACH_LINK);
    renamed.interface.reset();
    renamed.hook = {};
    renamed.place = another_device(kProgram);
    expect(std::move(renamed), Ours::kElsewhere, AttachState::kAttached, false);
}

TEST(DeviceState, ASeveredLinkRunsNothing) {
    DeviceState state = loaded_by_link(0);
    state.hook = {};
    EXPECT_FALSE(state.link_is_alive());
    expect(std::move(state), Ours::kNothing, AttachState::kDetached, false);
}

TEST(DeviceState, OnAnotherDevice) {
    DeviceState state = loaded_by_link(kIfindex + 1);
    EXPECT_FALSE(state.runs_here()) << "the program of the link may run here, too; the link does not";
    state.hook = {};
    state.place = another_device(kProgram);
    state.decide(kNetns);
    EXPECT_EQ(state.ours, Ours::kElsewhere);
    EXPECT_TRUE(state.name_is_taken());
    EXPECT_FALSE(state.our_program) << "it is not this device's";
}

TEST(DeviceState, WithoutADeviceOfThisNameOurLinkRunsElsewhere) {
    DeviceState state = loaded_by_link(kIfindex + 1);
    state.interface.reset();
    state.hook = {};
    state.place = another_device(kProgram);
    expect(std::move(state), Ours::kLink, AttachState::kAttached, true);
}

TEST(DeviceState, ADispatcherThatCannotBeLookedInto) {
    DeviceState state = loaded(XDP_TALLY_ATTACH_DISPATCHER);
    state.hook = hook_with(kOtherProgram);
    state.dispatcher_trouble =
        make_error(ErrorKind::kPermission, "looking into the dispatcher", "not permitted");
    expect(std::move(state), Ours::kUnreadable, AttachState::kUnknown, false);
}

TEST(DeviceState, OnlyAnEndedRunLeavesAComponentBehind) {
    DeviceState state = in_dispatcher(loaded(XDP_TALLY_ATTACH_DISPATCHER));
    EXPECT_NE(state.our_component(), nullptr);
    EXPECT_EQ(state.left_by_killed_run(), nullptr);
    state.run_has_ended = true;
    EXPECT_EQ(state.left_by_killed_run(), state.our_component());
    EXPECT_EQ(loaded(XDP_TALLY_ATTACH_DISPATCHER).our_component(), nullptr) << "there is no dispatcher";
}

}  // namespace
}  // namespace tally::loader
