// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/status_list.h"

#include <gmock/gmock.h>

namespace tally::loader {
namespace {

Outcome status_of(const std::string& dev, const std::string& state) {
    Outcome outcome;
    outcome.dev = dev;
    outcome.kind = OutcomeKind::kStatus;
    outcome.state = state;
    return outcome;
}

Outcome attached(const std::string& dev) {
    Outcome outcome = status_of(dev, "attached");
    outcome.mode = "native";
    outcome.attach = "link";
    outcome.program = ProgramOutcome{45, "xdp_pass", "0123456789abcdef", false};
    outcome.hook = HookOutcome{"native", *outcome.program, {}};
    outcome.generation = 3;
    return outcome;
}

Outcome taken_by_another(const std::string& dev, const std::string& state) {
    Outcome outcome = attached(dev);
    outcome.state = state;
    outcome.hook = HookOutcome{"generic", ProgramOutcome{1234, "theirs", "", {}}, {}};
    return outcome;
}

TEST(StatusList, HasColumnsAsWideAsNeeded) {
    auto redirecting = attached("eth10");
    redirecting.netns = "red";
    redirecting.attach = "dispatcher";
    redirecting.program->id = 1234567;
    redirecting.generation = 12;
    redirecting.redirect = RedirectOutcome{"out0", 9, ""};
    EXPECT_EQ(format_status_list({attached("eth2"), status_of("veth0", "none"), redirecting}, true),
              "device     state     mode    attach      program        id  generation  redirect\n"
              "eth2       attached  native  link        xdp_pass       45           3  -\n"
              "veth0      none      -       -           -               -           -  -\n"
              "red/eth10  attached  native  dispatcher  xdp_pass  1234567          12  red/out0\n");
}

// Where another program is on the hook, or none, the last one of ours is nothing that is there.
TEST(StatusList, TellsWhatRuns) {
    auto detached = attached("eth0");
    detached.state = "detached";
    detached.hook.reset();
    auto unknown = attached("eth3");
    unknown.state = "unknown";
    unknown.hook.reset();
    EXPECT_EQ(format_status_list(
                  {detached, taken_by_another("eth1", "stale"), taken_by_another("eth2", "foreign"), unknown},
                  true),
              "device  state     mode     attach  program     id  generation  redirect\n"
              "eth0    detached  -        -       -            -           3  -\n"
              "eth1    stale     generic  -       theirs    1234           3  -\n"
              "eth2    foreign   generic  -       theirs    1234           3  -\n"
              "eth3    unknown   native   link    xdp_pass    45           3  -\n"
              "\nwhat to do: `xdp_loader --status --dev NAME` says\n");
}

TEST(StatusList, APlaceThatIsNotTheNameHasAColumn) {
    auto moved = attached("eth0");
    moved.runs_on = "red/eth0";
    auto renamed = attached("new0");  // and listed by the new name
    renamed.runs_on = "new0";
    renamed.pinned_as = "old0";
    EXPECT_EQ(format_status_list({moved, renamed}, true),
              "device  state     mode    attach  program   id  generation  redirect  pinned as  runs on\n"
              "eth0    attached  native  link    xdp_pass  45           3  -         -          red/eth0\n"
              "new0    attached  native  link    xdp_pass  45           3  -         old0       -\n");
    EXPECT_EQ(format_status_list({renamed}, true),
              "device  state     mode    attach  program   id  generation  redirect  pinned as\n"
              "new0    attached  native  link    xdp_pass  45           3  -         old0\n");
}

TEST(StatusList, WhatNoColumnTellsIsBelow) {
    auto losing = attached("eth0");
    losing.redirect = RedirectOutcome{"", 0, "it is gone"};
    losing.notes.emplace_back("not for a list");
    auto interrupted = attached("eth1");
    interrupted.netns = "red";
    add_warning(interrupted, "a change was interrupted");
    const std::string list =
        "device    state     mode    attach  program   id  generation  redirect\n"
        "eth0      attached  native  link    xdp_pass  45           3  (gone)\n"
        "red/eth1  attached  native  link    xdp_pass  45           3  -\n";
    EXPECT_EQ(format_status_list({losing, interrupted}, true),
              list + "\neth0: it is gone\nred/eth1: a change was interrupted\n");
    EXPECT_EQ(format_status_list({losing, interrupted}, false), list);
}

// Of an interface that left its namespace, or where the kernel could not answer.
TEST(StatusList, ATargetWithoutANameIsNotGone) {
    auto moved = attached("eth0");
    moved.redirect = RedirectOutcome{"", 9, ""};
    EXPECT_EQ(format_status_list({moved}, true),
              "device  state     mode    attach  program   id  generation  redirect\n"
              "eth0    attached  native  link    xdp_pass  45           3  ifindex 9\n");
}

// Of what is attached, or not there at all, nothing is to be done.
TEST(StatusList, WhatToDoIsSaidOnce) {
    const auto detached = status_of("eth0", "detached");
    const std::string rows =
        "device  state     mode  attach  program  id  generation  redirect\n"
        "eth0    detached  -     -       -         -           -  -\n"
        "eth1    orphaned  -     -       -         -           -  -\n";
    const auto list = {detached, status_of("eth1", "orphaned")};
    EXPECT_EQ(format_status_list(list, true), rows + "\nwhat to do: `xdp_loader --status --dev NAME` says\n");
    EXPECT_EQ(format_status_list(list, true, "--bpffs /mnt/bpf "),
              rows + "\nwhat to do: `xdp_loader --bpffs /mnt/bpf --status --dev NAME` says\n");
    EXPECT_EQ(format_status_list(list, false), rows);
    EXPECT_THAT(format_status_list({status_of("eth0", "none"), attached("eth1")}, true),
                testing::Not(testing::HasSubstr("what to do")));
}

TEST(StatusList, FailuresAreNotInIt) {
    EXPECT_EQ(format_status_list({failed_outcome("nope", make_error(ErrorKind::kNotFound, "looking"))}, true),
              "");
    EXPECT_EQ(format_status_list({}, true), "");
}

TEST(StatusList, NamesOfAnyBytesStayInTheirColumn) {
    const auto text = format_status_list({attached("\xc3\xa4\x1b"), attached("abcdef")}, true);
    EXPECT_THAT(text, testing::HasSubstr("\xc3\xa4\\x1b   attached"));
    EXPECT_THAT(text, testing::HasSubstr("abcdef  attached"));
}

}  // namespace
}  // namespace tally::loader
