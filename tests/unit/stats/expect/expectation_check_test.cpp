// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/expect/expectation_check.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>
#include <nlohmann/json.hpp>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

const steady_clock::time_point kStart{milliseconds(1'000'000)};

SampleReport dropped(std::uint64_t packets) {
    SampleReport report;
    report.readable = true;
    report.period = 0.1;
    report.actions[XDP_DROP].count = {packets, packets * 100};
    report.total = report.actions[XDP_DROP];
    return report;
}

class Check {
  public:
    explicit Check(const std::vector<std::string>& texts, milliseconds settle = {},
                   std::vector<std::string> titles = {"veth0"}) {
        pace.limit = kStart + milliseconds(1000);
        std::vector<Expectation> expectations;
        for (const auto& text : texts) {
            expectations.push_back(*parse_expectation(text));
        }
        check.emplace(std::move(expectations), std::move(titles), settle, pace);
    }

    // A round at so many milliseconds: whether the run goes on.
    bool round(int at, const SampleReport& report, std::size_t source = 0) {
        EXPECT_TRUE(check->take(source, report));
        return check->judge(kStart + milliseconds(at));
    }

    Pace pace;
    std::optional<ExpectationCheck> check;
};

TEST(ExpectationCheck, EndsAsSoonAsAllHold) {
    Check run({"drop.packets == 2", "drop.bytes >= 1"});
    EXPECT_TRUE(run.round(0, dropped(0)));
    EXPECT_TRUE(run.round(20, dropped(1)));
    EXPECT_FALSE(run.check->met());
    EXPECT_FALSE(run.round(40, dropped(2)));
    EXPECT_TRUE(run.check->met());
    EXPECT_EQ(run.check->describe(), "veth0: drop.packets == 2: yes, 2\nveth0: drop.bytes >= 1: yes, 200\n");
    EXPECT_EQ(run.pace.limit, kStart + milliseconds(1000));
}

TEST(ExpectationCheck, EndsWhereThereAreTooMany) {
    Check run({"drop.bytes > 5k", "drop.packets == 2"});
    EXPECT_TRUE(run.round(0, dropped(1)));
    EXPECT_FALSE(run.check->exceeded());
    EXPECT_FALSE(run.round(20, dropped(3)));
    EXPECT_FALSE(run.check->met());
    EXPECT_EQ(run.check->exceeded(), 0U);
    EXPECT_EQ(run.check->describe(),
              "veth0: drop.bytes > 5k: no, 300\n"
              "veth0: drop.packets == 2: no, too many: 3, expected 2\n"
              "veth0: counted: XDP_DROP 3 packets, 300 bytes\n");
    const Error error = run.check->unmet("5", "0");
    EXPECT_EQ(error.kind, ErrorKind::kUnmet);
    EXPECT_EQ(error.message(), "waiting for 'drop.packets == 2' of 'veth0': too many: 3, expected 2");
}

TEST(ExpectationCheck, NamesTheSourceThatHasTooMany) {
    Check run({"drop.packets <= 2"}, {}, {"veth0", "veth1"});
    EXPECT_TRUE(run.round(0, dropped(0)));
    EXPECT_FALSE(run.round(0, dropped(3), 1));
    EXPECT_EQ(run.check->exceeded(), 1U);
    EXPECT_THAT(run.check->unmet("5", "0").message(), HasSubstr("'veth1'"));
}

TEST(ExpectationCheck, TellsWhatElseWasCounted) {
    Check run({"drop.packets == 2"});
    auto report = dropped(0);
    EXPECT_TRUE(run.round(0, report));
    EXPECT_THAT(run.check->describe(), HasSubstr("veth0: counted: nothing\n"));
    report = dropped(1);
    report.actions[XDP_PASS].count = {1, 86};
    report.total.count = {2, 186};
    EXPECT_TRUE(run.round(20, report));
    EXPECT_THAT(run.check->describe(),
                HasSubstr("veth0: counted: XDP_DROP 1 packet, 100 bytes; XDP_PASS 1 packet, 86 bytes\n"));
    const auto document = nlohmann::json::parse(run.check->describe_as_json(milliseconds(1)));
    const auto& counted = document["counted"][0];
    EXPECT_EQ(counted["source"], "veth0");
    const auto count = [](int packets, int bytes) {
        return nlohmann::json{
            {"packets", packets}, {"bytes", bytes}, {"delivered", nullptr}, {"lost", nullptr}};
    };
    EXPECT_EQ(counted["actions"]["XDP_PASS"], count(1, 86));
    EXPECT_EQ(counted["actions"]["XDP_TX"], count(0, 0));
    EXPECT_EQ(counted["total"], count(2, 186));
}

TEST(ExpectationCheck, NothingWasCountedWhereNothingCanBeRead) {
    Check run({"drop.packets == 0"});
    EXPECT_TRUE(run.round(0, SampleReport{}));
    EXPECT_EQ(run.check->describe(), "veth0: drop.packets == 0: no, no counters\n");
    const auto document = nlohmann::json::parse(run.check->describe_as_json(milliseconds(1)));
    EXPECT_TRUE(document["counted"][0]["actions"].is_null());
    EXPECT_TRUE(document["counted"][0]["total"].is_null());
}

TEST(ExpectationCheck, HasToHoldForSoLong) {
    Check run({"drop.packets >= 2"}, milliseconds(300));
    EXPECT_TRUE(run.round(0, dropped(1)));
    EXPECT_TRUE(run.round(100, dropped(2)));
    EXPECT_TRUE(run.round(399, dropped(2)));
    EXPECT_FALSE(run.check->met());
    EXPECT_FALSE(run.round(400, dropped(3)));
    EXPECT_TRUE(run.check->met());
}

TEST(ExpectationCheck, ABreakBeginsItAnew) {
    Check run({"drop.packets != 2"}, milliseconds(300));
    EXPECT_TRUE(run.round(0, dropped(1)));
    EXPECT_TRUE(run.round(200, dropped(2)));
    EXPECT_TRUE(run.round(220, dropped(3)));
    EXPECT_TRUE(run.round(519, dropped(3)));
    EXPECT_FALSE(run.round(520, dropped(3)));
    EXPECT_TRUE(run.check->met());
}

TEST(ExpectationCheck, APacketTooManyEndsTheSettling) {
    Check run({"drop.packets == 2"}, milliseconds(300));
    EXPECT_TRUE(run.round(0, dropped(2)));
    EXPECT_FALSE(run.round(200, dropped(3)));
    EXPECT_FALSE(run.check->met());
    EXPECT_THAT(run.check->unmet("1", "300ms").message(), HasSubstr("too many: 3, expected 2"));
}

TEST(ExpectationCheck, SaysThatItHeldForTooShortATime) {
    Check run({"drop.packets == 2"}, milliseconds(300));
    EXPECT_TRUE(run.round(0, dropped(1)));
    EXPECT_TRUE(run.round(900, dropped(2)));
    EXPECT_TRUE(run.round(1000, dropped(2)));
    EXPECT_FALSE(run.check->met());
    EXPECT_EQ(
        run.check->unmet("1", "300ms").message(),
        "waiting for the expectations: they hold, but did not hold for 300ms without a break within 1s");
    EXPECT_THAT(run.check->unmet(std::nullopt, "300ms").message(), HasSubstr("before it was interrupted"));
    EXPECT_THAT(run.check->describe(), HasSubstr("drop.packets == 2: yes, 2\n"));
    const auto document = nlohmann::json::parse(run.check->describe_as_json(milliseconds(1000)));
    EXPECT_EQ(document["met"], false);
    EXPECT_EQ(document["expectations"][0]["held"], true);
}

// The first reading comes a moment after the start: --settle as long as --within would never be met.
TEST(ExpectationCheck, WhatHoldsFromTheFirstRoundOnHasTheWholeTime) {
    Check run({"drop.packets == 2"}, milliseconds(1000));
    EXPECT_TRUE(run.round(3, dropped(2)));
    EXPECT_EQ(run.pace.limit, kStart + milliseconds(1003));
    EXPECT_TRUE(run.round(1002, dropped(2)));
    EXPECT_FALSE(run.round(1003, dropped(2)));
    EXPECT_TRUE(run.check->met());
}

TEST(ExpectationCheck, WhatHoldsLaterGetsNoMoreTime) {
    Check run({"drop.packets == 2"}, milliseconds(1000));
    EXPECT_TRUE(run.round(3, dropped(1)));
    EXPECT_TRUE(run.round(20, dropped(2)));
    EXPECT_EQ(run.pace.limit, kStart + milliseconds(1000));
}

// As the table has it.
TEST(ExpectationCheck, TellsWhyPacketsWereLost) {
    Check run({"redirect.lost == 0"});
    EXPECT_FALSE(run.round(0, lossy_report()));
    EXPECT_THAT(run.check->describe(),
                HasSubstr("XDP_REDIRECT 1203 packets, 72180 bytes, lost 1000: target is down (ENETDOWN), "
                          "lost 3: target's driver dropped it (no_reason)\n"));
    const auto document = nlohmann::json::parse(run.check->describe_as_json(milliseconds(1)));
    const auto& redirected = document["counted"][0]["actions"]["XDP_REDIRECT"];
    EXPECT_EQ(redirected["delivered"], 200);
    EXPECT_EQ(redirected["lost"],
              (nlohmann::json{{"packets", 1003}, {"reasons", {{"ENETDOWN", 1000}, {"no_reason", 3}}}}));
    EXPECT_EQ(document["counted"][0]["total"]["delivered"], 200);
    EXPECT_TRUE(document["counted"][0]["actions"]["XDP_DROP"]["lost"].is_null());
}

TEST(ExpectationCheck, EndsWhereWhatBecomesOfPacketsIsNotTracked) {
    Check run({"drop.packets == 3", "redirect.lost == 0"});
    EXPECT_FALSE(run.round(0, dropped(2)));
    EXPECT_TRUE(run.check->lacks_tracking());
    EXPECT_EQ(
        run.check->unmet("5", "0").message(),
        "waiting for 'redirect.lost == 0' of 'veth0': not known: what becomes of packets is not tracked");
    const auto document = nlohmann::json::parse(run.check->describe_as_json(milliseconds(1)));
    EXPECT_TRUE(document["expectations"][0]["cannot_hold"].is_null());
    EXPECT_EQ(document["expectations"][1]["cannot_hold"],
              "not known: what becomes of packets is not tracked");
}

// Of which it may be known in the next round.
TEST(ExpectationCheck, GoesOnWhereItCannotBeReadNow) {
    Check run({"redirect.lost == 0"});
    auto report = dropped(2);
    report.delivery.obstacle = "out of memory";
    EXPECT_TRUE(run.round(0, report));
    EXPECT_TRUE(run.round(20, SampleReport{}));
}

TEST(ExpectationCheck, EndsWhereTheTrackingBeganLater) {
    Check run({"redirect.delivered >= 1"});
    auto report = lossy_report();
    report.delivery.complete = false;
    EXPECT_FALSE(run.round(0, report));
    EXPECT_THAT(
        run.check->unmet("5", "0").message(),
        HasSubstr("was not tracked yet when the map totals began; --totals session counts from now on"));
    EXPECT_THAT(run.check->describe(), HasSubstr("lost at least 1000: target is down (ENETDOWN)"));
}

// More than that may have been lost before.
TEST(ExpectationCheck, TooManyAreTooManyHoweverLateTheTrackingBegan) {
    auto report = lossy_report();
    report.delivery.complete = false;
    for (const auto* const text : {"redirect.lost == 0", "redirect.lost <= 1002", "total.lost < 1003"}) {
        Check run({text});
        EXPECT_FALSE(run.round(0, report));
        EXPECT_THAT(run.check->unmet("5", "0").message(), HasSubstr("too many: at least 1003, expected "));
        EXPECT_EQ(run.check->exceeded(), 0U);
    }
    Check run({"redirect.lost == 1003"});
    EXPECT_FALSE(run.round(0, report));
    EXPECT_FALSE(run.check->exceeded());
}

TEST(ExpectationCheck, EndsWhereTheDeviceIsGone) {
    Check run({"drop.packets == 3", "drop.bytes >= 200"});
    auto report = dropped(2);
    EXPECT_TRUE(run.round(0, report));
    report.is_over = true;
    EXPECT_TRUE(run.round(20, report)) << "this reading was taken before";
    EXPECT_FALSE(run.round(40, report));
    EXPECT_EQ(run.check->describe(),
              "veth0: drop.packets == 3: no, 2, and the device is gone\nveth0: drop.bytes >= 200: yes, 200\n"
              "veth0: counted: XDP_DROP 2 packets, 200 bytes\n");
    EXPECT_EQ(run.check->unmet("5", "0").message(),
              "waiting for 'drop.packets == 3' of 'veth0': 2, and the device is gone");
}

TEST(ExpectationCheck, WhatHoldsOfADeviceThatIsGoneSettles) {
    Check run({"drop.packets == 2", "drop.pps == 0"}, milliseconds(100));
    auto report = dropped(2);
    report.is_over = true;
    report.actions[XDP_DROP].rate.pps = 7;
    EXPECT_TRUE(run.round(0, report));
    EXPECT_TRUE(run.round(20, report)) << "the rate has yet to fall";
    report.actions[XDP_DROP].rate.pps = 0;
    EXPECT_TRUE(run.round(40, report));
    EXPECT_FALSE(run.round(140, report));
    EXPECT_TRUE(run.check->met());
}

}  // namespace
}  // namespace tally::stats
