// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load_outcome.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <string>
#include <vector>

#include "loader/hook/dispatcher_attach.h"

namespace tally::loader {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr Attempt kNativeLink = {AttachMethod::kNewLink, Variant::kLinear, XDP_TALLY_MODE_NATIVE, true};
constexpr Attempt kNativeFrags = {AttachMethod::kNewLink, Variant::kFrags, XDP_TALLY_MODE_NATIVE, true};
constexpr Attempt kGenericLink = {AttachMethod::kNewLink, Variant::kLinear, XDP_TALLY_MODE_GENERIC, true};
constexpr Attempt kComponent = {AttachMethod::kComponent, Variant::kFrags, XDP_TALLY_MODE_NATIVE, true};

Error refusal(int code, const std::string& reason) {
    Error error = make_error(ErrorKind::kSystem, "attaching", reason);
    error.code = code;
    return error;
}

TEST(Refusals, TellTheLatestFailure) {
    Refusals refusals;
    refusals.note(kComponent, refusal(EINVAL, "no dispatcher"));
    refusals.note(kNativeLink, refusal(EOPNOTSUPP, "not by this driver"));
    refusals.note(kGenericLink, refusal(EBUSY, "busy"));
    EXPECT_EQ(refusals.failure->reason, "busy");
    EXPECT_EQ(refusals.dispatcher, "no dispatcher");
    EXPECT_EQ(refusals.native, "no dispatcher") << "the first in native mode";
}

TEST(Refusals, TellOfTheMtuWhateverComesAfterIt) {
    Refusals refusals;
    refusals.note(kNativeFrags, refusal(EINVAL, "unknown flags"));
    refusals.note(kNativeLink, refusal(ERANGE, "too large"));
    refusals.note(kGenericLink, refusal(EBUSY, "busy"));
    EXPECT_EQ(refusals.failure->reason, "too large");
    EXPECT_THAT(refusals.native, StartsWith("too large; "));
}

TEST(Refusals, SayNothingOfAVariantThatAnOldKernelDoesNotKnow) {
    Refusals refusals;
    refusals.note(kNativeLink, refusal(EOPNOTSUPP, "not by this driver"));
    refusals.note(kNativeFrags, refusal(EINVAL, "unknown flags"));
    EXPECT_EQ(refusals.failure->reason, "not by this driver");
}

class AdviceOnFailure : public testing::Test {
  protected:
    std::string advice(Error failure) const {
        advise_on_failure(request_, context_, state_, failure);
        return failure.hint;
    }

    LoadRequest request_;
    NetnsContext context_;
    DeviceState state_;
};

TEST_F(AdviceOnFailure, LeavesAHintThatIsThere) {
    const Error busy = refusal(EBUSY, "busy");
    EXPECT_THAT(advice(busy), IsEmpty());
    request_.mode = ModeChoice::kOffload;
    EXPECT_THAT(advice(busy), StartsWith("offload mode needs a network card"));
    EXPECT_EQ(advice(Error(busy).with_hint("wait")), "wait");
}

TEST_F(AdviceOnFailure, OfTheMtuIsForTheBuiltInProgram) {
    EXPECT_THAT(advice(refusal(ERANGE, "too large")), StartsWith("lower the MTU"));
    request_.program.filename = "own.bpf.o";
    EXPECT_THAT(advice(refusal(ERANGE, "too large")), IsEmpty());
}

TEST_F(AdviceOnFailure, EndsProgramsOfOthersByForceAlone) {
    const Error refused = refusal(0, "no place in a dispatcher").with_hint(kAttachLinkInstead);
    EXPECT_EQ(advice(refused), kAttachLinkInstead);
    state_.hook.dispatcher.emplace().components.push_back({});
    state_.hook.dispatcher->components[0].program_id = 7;
    EXPECT_THAT(advice(refused), HasSubstr("--attach link --force"));
    state_.our_program = HookProgram{7, XDP_TALLY_MODE_NATIVE};
    EXPECT_EQ(advice(refused), kAttachLinkInstead) << "nobody else has a program there";
}

class Choice : public testing::Test {
  protected:
    std::vector<std::string> notes(const Attempt& attempt) const {
        Outcome outcome;
        describe_choice(request_, Interface{}, AttachPlan{}, attempt, refusals_, outcome);
        return outcome.notes;
    }

    LoadRequest request_;
    Refusals refusals_;
};

TEST_F(Choice, SaysWhyThereIsNoDispatcher) {
    EXPECT_THAT(notes(kNativeLink), IsEmpty());
    refusals_.dispatcher = "no capability";
    EXPECT_THAT(notes(kNativeLink), testing::ElementsAre("by a link, not in a dispatcher: no capability"));
    EXPECT_THAT(notes(kComponent), IsEmpty());
}

TEST_F(Choice, SaysThatAPositionHasNoEffect) {
    request_.priority = 5;
    EXPECT_THAT(notes(kComponent), IsEmpty());
    EXPECT_THAT(notes(kNativeLink),
                testing::ElementsAre(StartsWith("--prio has no effect: attached by a link")));
    request_.chain_actions = 4;
    EXPECT_THAT(notes(kNativeLink),
                testing::ElementsAre(StartsWith("--prio and --chain-actions have no effect")));
}

TEST(ChoiceOfGenericMode, IsAWarning) {
    Refusals refusals;
    refusals.note(kNativeLink, refusal(EOPNOTSUPP, "not by this driver"));
    Outcome outcome;
    describe_choice({}, Interface{}, AttachPlan{}, kGenericLink, refusals, outcome);
    EXPECT_THAT(outcome.warnings, testing::ElementsAre("not in native mode: not by this driver"));
}

}  // namespace
}  // namespace tally::loader
