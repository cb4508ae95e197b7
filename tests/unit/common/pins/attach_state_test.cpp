// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/attach_state.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

namespace tally {
namespace {

using Device = AttachFacts::Device;
using PinnedLink = AttachFacts::PinnedLink;

constexpr std::uint32_t kMap = 32;
constexpr std::uint32_t kProgram = 57;
constexpr std::uint32_t kOtherProgram = 99;
constexpr std::uint32_t kIfindex = 7;

const std::vector<std::uint32_t> kAllKinds = {XDP_TALLY_ATTACH_LINK, XDP_TALLY_ATTACH_DISPATCHER,
                                              XDP_TALLY_ATTACH_NETLINK, XDP_TALLY_ATTACH_OBSERVE};
// Those where the program is ours.
const std::vector<std::uint32_t> kOwnKinds = {XDP_TALLY_ATTACH_LINK, XDP_TALLY_ATTACH_DISPATCHER,
                                              XDP_TALLY_ATTACH_NETLINK};
constexpr std::uint32_t kNetlinkKind = XDP_TALLY_ATTACH_NETLINK;
constexpr std::uint32_t kLinkKind = XDP_TALLY_ATTACH_LINK;
constexpr std::uint32_t kDispatcherKind = XDP_TALLY_ATTACH_DISPATCHER;
constexpr std::uint32_t kObserveKind = XDP_TALLY_ATTACH_OBSERVE;

xdp_tally_meta meta_of(std::uint32_t attach_kind) {
    xdp_tally_meta meta = {};
    meta.counter_map_id = kMap;
    meta.program_id = kProgram;
    meta.ifindex = kIfindex;
    meta.attach_kind = attach_kind;
    return meta;
}

// The pinned map and the device are the meta's, and the device runs this program; 0: none.
AttachFacts device_runs(std::uint32_t program) {
    AttachFacts facts;
    facts.counter_map_id = kMap;
    facts.device = Device::kSeen;
    facts.ifindex = kIfindex;
    if (program != 0) {
        facts.hook.program = HookProgram{program, XDP_TALLY_MODE_NATIVE};
    }
    return facts;
}

AttachFacts with_link(AttachFacts facts, PinnedLink link, std::uint32_t program = kProgram) {
    facts.link = link;
    facts.link_program_id = program;
    return facts;
}

AttachFacts on_another_device(AttachFacts facts) {
    facts.ifindex = kIfindex + 1;
    return facts;
}

AttachFacts elsewhere(AttachFacts facts) {
    facts.meta_is_elsewhere = true;
    return facts;
}

AttachFacts without_device(Device device) {
    AttachFacts facts;
    facts.counter_map_id = kMap;
    facts.device = device;
    return facts;
}

AttachFacts lives(AttachFacts facts, ProgramLife life) {
    facts.life = life;
    return facts;
}

AttachFacts found_elsewhere(AttachFacts facts, std::uint32_t program) {
    facts.hook_elsewhere.emplace();
    facts.hook_elsewhere->program = HookProgram{program, XDP_TALLY_MODE_NATIVE};
    return lives(facts, ProgramLife::kAlive);
}

AttachFacts searched_everywhere(AttachFacts facts) {
    facts.searched_everywhere = true;
    return lives(facts, ProgramLife::kAlive);
}

AttachFacts other_program_counts(AttachFacts facts) {
    facts.other_program_counts = true;
    return facts;
}

AttachFacts with_map(AttachFacts facts, std::uint32_t map_id) {
    facts.counter_map_id = map_id;
    return facts;
}

// A dispatcher that was read and calls these programs.
AttachFacts dispatcher_runs(const std::vector<std::uint32_t>& programs) {
    AttachFacts facts = device_runs(kOtherProgram);
    facts.dispatcher_known = true;
    facts.hook.dispatcher = Dispatcher{kOtherProgram, XDP_TALLY_MODE_NATIVE, false, {}};
    for (const std::uint32_t program : programs) {
        facts.hook.dispatcher->components.push_back({program, "component", 50, 4, false});
    }
    return facts;
}

AttachFacts plain_program_runs(std::uint32_t program) {
    AttachFacts facts = device_runs(program);
    facts.dispatcher_known = true;
    return facts;
}

struct Case {
    std::string what;
    std::vector<std::uint32_t> kinds;
    AttachFacts facts;
    AttachState state;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"its program runs", kAllKinds, with_link(device_runs(kProgram), PinnedLink::kAlive),
         AttachState::kAttached},
        {"its program runs, and the link may not be opened", kAllKinds,
         with_link(device_runs(kProgram), PinnedLink::kHidden), AttachState::kAttached},
        {"its program runs on a device with another index",
         {kLinkKind},
         on_another_device(with_link(device_runs(kProgram), PinnedLink::kAlive)),
         AttachState::kAttached},
        {"its program runs in another namespace that is seen",
         {kLinkKind},
         elsewhere(device_runs(kProgram)),
         AttachState::kAttached},
        {"its program runs, and no link is pinned",
         {kLinkKind, kDispatcherKind},
         device_runs(kProgram),
         AttachState::kAttached},
        {"another map is pinned", kAllKinds,
         with_map(with_link(device_runs(kProgram), PinnedLink::kAlive), kMap + 1), AttachState::kStale},
        {"no map is pinned", kAllKinds, with_map(with_link(device_runs(kProgram), PinnedLink::kAlive), 0),
         AttachState::kStale},

        {"nothing runs", kAllKinds, device_runs(0), AttachState::kDetached},
        {"nothing runs: the link was detached",
         {kLinkKind},
         with_link(device_runs(0), PinnedLink::kSevered),
         AttachState::kDetached},
        {"nothing runs, and the link may not be opened",
         {kLinkKind},
         with_link(device_runs(0), PinnedLink::kHidden),
         AttachState::kDetached},
        {"another program runs", {kLinkKind}, device_runs(kOtherProgram), AttachState::kStale},
        {"another program runs, and the link was detached",
         {kLinkKind},
         with_link(device_runs(kOtherProgram), PinnedLink::kSevered),
         AttachState::kStale},
        {"the link runs another program here",
         {kLinkKind},
         with_link(device_runs(kOtherProgram), PinnedLink::kAlive, kOtherProgram),
         AttachState::kStale},

        {"the device is gone, and the program", kOwnKinds,
         lives(without_device(Device::kGone), ProgramLife::kGone), AttachState::kOrphaned},
        {"the device is gone, and nobody may ask about the program", kOwnKinds, without_device(Device::kGone),
         AttachState::kUnknown},
        {"the device is gone, and the program lives",
         {kLinkKind, kNetlinkKind},
         searched_everywhere(without_device(Device::kGone)),
         AttachState::kUnknown},
        {"the device is gone, and the program lives where not everything was looked at", kOwnKinds,
         lives(without_device(Device::kGone), ProgramLife::kAlive), AttachState::kUnknown},
        {"the device is gone, and no dispatcher calls the program",
         {kDispatcherKind},
         searched_everywhere(without_device(Device::kGone)),
         AttachState::kOrphaned},
        {"the device was deleted, as the kernel has told", kOwnKinds, without_device(Device::kDeleted),
         AttachState::kOrphaned},
        {"the device is gone, and the program runs elsewhere", kOwnKinds,
         found_elsewhere(without_device(Device::kGone), kProgram), AttachState::kAttached},
        {"the device is hidden, and the program runs elsewhere", kOwnKinds,
         found_elsewhere(without_device(Device::kHidden), kProgram), AttachState::kAttached},
        {"another device has the name, and the program runs elsewhere", kOwnKinds,
         found_elsewhere(on_another_device(device_runs(kOtherProgram)), kProgram), AttachState::kAttached},
        {"the program runs elsewhere, and another map is pinned", kOwnKinds,
         with_map(found_elsewhere(without_device(Device::kGone), kProgram), kMap + 1), AttachState::kStale},
        {"the link runs another program elsewhere",
         {kLinkKind},
         with_link(found_elsewhere(without_device(Device::kGone), kOtherProgram), PinnedLink::kAlive,
                   kOtherProgram),
         AttachState::kStale},
        {"another program counts into the map", kOwnKinds,
         other_program_counts(plain_program_runs(kOtherProgram)), AttachState::kForeign},
        {"the device is hidden, and the program is gone", kOwnKinds,
         lives(without_device(Device::kHidden), ProgramLife::kGone), AttachState::kDetached},
        {"the device is gone, as the link says, too",
         {kLinkKind},
         with_link(without_device(Device::kGone), PinnedLink::kSevered),
         AttachState::kOrphaned},
        {"the device is gone, but not its link",
         {kLinkKind},
         with_link(without_device(Device::kGone), PinnedLink::kAlive),
         AttachState::kUnknown},
        {"the device is gone, and the link may not be opened",
         {kLinkKind},
         with_link(without_device(Device::kGone), PinnedLink::kHidden),
         AttachState::kUnknown},
        {"the device was made anew, and the program is gone", kOwnKinds,
         lives(on_another_device(device_runs(0)), ProgramLife::kGone), AttachState::kOrphaned},
        {"another device has the name, and nobody may ask about the program", kOwnKinds,
         on_another_device(device_runs(0)), AttachState::kUnknown},
        {"the device was made anew, as the link says, too",
         {kLinkKind},
         on_another_device(with_link(device_runs(0), PinnedLink::kSevered)),
         AttachState::kOrphaned},
        {"the device was made anew and runs another program",
         {kLinkKind},
         on_another_device(with_link(device_runs(kOtherProgram), PinnedLink::kSevered)),
         AttachState::kStale},
        {"a new device has the name, and the program runs on the old one",
         {kLinkKind},
         on_another_device(with_link(device_runs(0), PinnedLink::kAlive)),
         AttachState::kUnknown},
        {"a new device has the name, and the link may not be opened",
         {kLinkKind},
         on_another_device(with_link(device_runs(0), PinnedLink::kHidden)),
         AttachState::kUnknown},

        {"the device is hidden", kAllKinds, without_device(Device::kHidden), AttachState::kUnknown},
        {"the device is hidden, but the link was severed",
         {kLinkKind},
         with_link(without_device(Device::kHidden), PinnedLink::kSevered),
         AttachState::kDetached},
        {"the meta is of another namespace, and the device runs another program",
         {kLinkKind},
         elsewhere(device_runs(kOtherProgram)),
         AttachState::kUnknown},
        {"the meta is of another namespace, and nothing runs",
         {kLinkKind},
         elsewhere(device_runs(0)),
         AttachState::kUnknown},
        {"the meta is of another namespace, and the device is gone",
         {kLinkKind},
         elsewhere(without_device(Device::kGone)),
         AttachState::kUnknown},
        {"the meta is of another namespace, and the link was severed",
         {kLinkKind},
         elsewhere(with_link(device_runs(0), PinnedLink::kSevered)),
         AttachState::kOrphaned},

        {"the dispatcher runs its program",
         {kDispatcherKind},
         dispatcher_runs({1, kProgram}),
         AttachState::kAttached},
        {"the dispatcher runs others", {kDispatcherKind}, dispatcher_runs({1}), AttachState::kStale},
        {"the dispatcher was not read", {kDispatcherKind}, device_runs(kOtherProgram), AttachState::kUnknown},
        {"a program that is no dispatcher runs",
         {kDispatcherKind},
         plain_program_runs(kOtherProgram),
         AttachState::kStale},

        {"the observer is gone, and the program runs on",
         {kObserveKind},
         device_runs(kProgram),
         AttachState::kDetached},
        {"the observer is gone, and another program runs",
         {kObserveKind},
         device_runs(kOtherProgram),
         AttachState::kDetached},
        {"another program has replaced the observed one",
         {kObserveKind},
         with_link(device_runs(kOtherProgram), PinnedLink::kAlive),
         AttachState::kStale},
        {"the observed program is detached",
         {kObserveKind},
         with_link(device_runs(0), PinnedLink::kAlive),
         AttachState::kDetached},
        {"the observed device is gone",
         {kObserveKind},
         with_link(without_device(Device::kGone), PinnedLink::kAlive),
         AttachState::kOrphaned},
    };
    return all;
}

TEST(JudgeAttachState, GoesByTheTable) {
    for (const Case& one : cases()) {
        for (const std::uint32_t kind : one.kinds) {
            const xdp_tally_meta meta = meta_of(kind);
            AttachFacts facts = one.facts;
            facts.meta = &meta;
            EXPECT_EQ(state_name(judge_attach_state(facts)), state_name(one.state))
                << one.what << ", attach kind " << kind;
        }
    }
}

TEST(JudgeAttachState, WithoutMetaNothingIsKnownOfTheProgram) {
    for (AttachFacts facts : {device_runs(kProgram), device_runs(0), without_device(Device::kGone)}) {
        EXPECT_EQ(judge_attach_state(facts), AttachState::kForeign);
        facts.has_pins = false;
        EXPECT_EQ(judge_attach_state(facts), facts.hook.empty() ? AttachState::kNone : AttachState::kForeign);
        facts.meta_may_exist = true;
        EXPECT_EQ(judge_attach_state(facts), AttachState::kUnknown);
    }
}

TEST(JudgeAttachState, FindsWhatRunsInTheNetworkCard) {
    const xdp_tally_meta meta = meta_of(kLinkKind);
    AttachFacts facts = device_runs(0);
    facts.meta = &meta;
    facts.hook.offloaded = HookProgram{kProgram, XDP_TALLY_MODE_OFFLOADED};
    EXPECT_EQ(judge_attach_state(facts), AttachState::kAttached);
}

TEST(AttachState, HasTheNamesOfTheInterface) {
    EXPECT_EQ(state_name(AttachState::kNone), "none");
    EXPECT_EQ(state_name(AttachState::kForeign), "foreign");
    EXPECT_EQ(state_name(AttachState::kAttached), "attached");
    EXPECT_EQ(state_name(AttachState::kDetached), "detached");
    EXPECT_EQ(state_name(AttachState::kOrphaned), "orphaned");
    EXPECT_EQ(state_name(AttachState::kStale), "stale");
    EXPECT_EQ(state_name(AttachState::kUnknown), "unknown");
}

}  // namespace
}  // namespace tally
