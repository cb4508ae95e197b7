// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/outcome.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace tally::loader {
namespace {

using testing::HasSubstr;

Outcome loaded() {
    Outcome outcome;
    outcome.dev = "veth0";
    outcome.kind = OutcomeKind::kLoaded;
    outcome.mode = "native";
    outcome.attach = "link";
    outcome.link_id = 7;
    outcome.program = ProgramOutcome{45, "xdp_pass", "0123456789abcdef", false};
    outcome.generation = 3;
    outcome.pin_dir = "/sys/fs/bpf/veth0";
    outcome.maps.push_back(MapOutcome{"xdp_stats_map", 33, "/sys/fs/bpf/veth0/xdp_stats_map", true});
    return outcome;
}

Outcome failed(ErrorKind kind) {
    Outcome outcome;
    outcome.dev = "veth1";
    outcome.kind = OutcomeKind::kFailed;
    outcome.error = make_error(kind, "doing it", "it did not work").with_hint("try again");
    return outcome;
}

TEST(LoaderOutcome, TextSaysWhatWasDone) {
    const auto text = format_outcome(loaded());
    EXPECT_THAT(text,
                HasSubstr("veth0: loaded xdp_pass (id 45, tag 0123456789abcdef), native mode, by link 7\n"));
    EXPECT_THAT(text, HasSubstr("generation  3\n"));
    EXPECT_THAT(text, HasSubstr("xdp_stats_map (id 33), reused"));
}

TEST(LoaderOutcome, ADryRunSaysSo) {
    auto outcome = loaded();
    outcome.dry_run = true;
    EXPECT_THAT(format_outcome(outcome), HasSubstr("veth0: would load xdp_pass"));
}

TEST(LoaderOutcome, CleaningUpSaysWhy) {
    Outcome outcome;
    outcome.dev = "veth0";
    outcome.kind = OutcomeKind::kCleaned;
    outcome.reason = "the interface is gone";
    outcome.removed = {"/sys/fs/bpf/veth0/xdp_link"};
    EXPECT_FALSE(is_clean(outcome));
    EXPECT_EQ(format_outcome(outcome),
              "veth0: cleaned up: the interface is gone\n  removed     /sys/fs/bpf/veth0/xdp_link\n");
    outcome.dry_run = true;
    EXPECT_EQ(format_outcome(outcome),
              "veth0: would clean up: the interface is gone\n  would remove /sys/fs/bpf/veth0/xdp_link\n");
    const auto first = nlohmann::json::parse(format_json({outcome, loaded()}))["devices"];
    EXPECT_EQ(first[0]["reason"], "the interface is gone");
    EXPECT_FALSE(first[1].contains("reason"));
}

TEST(LoaderOutcome, NothingToCleanUpIsOneLine) {
    Outcome outcome;
    outcome.dev = "veth0";
    outcome.kind = OutcomeKind::kCleaned;
    outcome.reason = "the pins are in use";
    EXPECT_TRUE(is_clean(outcome));
    EXPECT_EQ(format_outcome(outcome), "veth0: nothing to clean up: the pins are in use\n");
    outcome.reason.clear();
    outcome.notes.emplace_back("nothing removed: who knows");
    EXPECT_FALSE(is_clean(outcome));
    EXPECT_EQ(format_outcome(outcome),
              "veth0: nothing cleaned up\n  note        nothing removed: who knows\n");
}

TEST(LoaderOutcome, JsonHasEveryFactAndEveryDevice) {
    const auto document = nlohmann::json::parse(format_json({loaded(), failed(ErrorKind::kConflict)}));
    EXPECT_EQ(document["schema"], 1);
    ASSERT_EQ(document["devices"].size(), 2U);
    const auto& first = document["devices"][0];
    EXPECT_EQ(first["dev"], "veth0");
    EXPECT_TRUE(first["netns"].is_null());
    EXPECT_EQ(first["program"]["id"], 45);
    EXPECT_EQ(first["generation"], 3);
    EXPECT_EQ(first["maps"][0]["reused"], true);
    const auto& second = document["devices"][1];
    EXPECT_EQ(second["outcome"], "failed");
    EXPECT_EQ(second["error"]["status"], 5);
    EXPECT_EQ(second["error"]["kind"], "conflict");
    EXPECT_EQ(second["error"]["message"], "doing it: it did not work");
    EXPECT_EQ(second["error"]["hint"], "try again");
}

TEST(LoaderOutcome, TheTargetOfARedirect) {
    auto outcome = loaded();
    EXPECT_TRUE(nlohmann::json::parse(format_json({outcome}))["devices"][0]["redirect"].is_null());
    outcome.netns = "red";
    outcome.redirect = RedirectOutcome{"out0", 9, "'out0' is down"};
    EXPECT_THAT(format_outcome(outcome), HasSubstr("  redirect    to red/out0 (ifindex 9)\n"));
    EXPECT_THAT(format_outcome(outcome), HasSubstr("  note        'out0' is down\n"));
    const auto there = nlohmann::json::parse(format_json({outcome}))["devices"][0]["redirect"];
    EXPECT_EQ(there,
              nlohmann::json::parse(R"({"dev":"out0","netns":"red","ifindex":9,"note":"'out0' is down"})"));
    outcome.redirect = RedirectOutcome{"", 0, "gone"};
    const auto gone = nlohmann::json::parse(format_json({outcome}))["devices"][0]["redirect"];
    EXPECT_EQ(gone, nlohmann::json::parse(R"({"dev":null,"netns":null,"ifindex":null,"note":"gone"})"));
}

TEST(LoaderOutcome, BytesThatAreNoUtf8StillGiveADocument) {
    auto outcome = loaded();
    outcome.program->name = "bad\xff";
    EXPECT_TRUE(nlohmann::json::accept(format_json({outcome})));
}

TEST(LoaderOutcome, TheExitStatusIsThatOfTheFirstFailure) {
    EXPECT_EQ(exit_status_of({loaded()}), 0);
    EXPECT_EQ(exit_status_of({}), 0);
    EXPECT_EQ(exit_status_of({loaded(), failed(ErrorKind::kNotFound), failed(ErrorKind::kConflict)}), 4);
}

DeliveryOutcome tracked() {
    DeliveryOutcome delivery;
    delivery.kind = DeliveryOutcomeKind::kStatus;
    delivery.since = 1'769'860'800'000'000'000;
    delivery.program_version = 2;
    delivery.tracepoints = {"xdp_exception"};
    delivery.missing = {"xdp_bulk_tx"};
    delivery.pin_dir = "/sys/fs/bpf/xdp:delivery";
    delivery.notes = {"a note"};
    return delivery;
}

TEST(DeliveryOutcome, TextIsALineForTheStatus) {
    EXPECT_EQ(format_delivery(tracked()),
              "delivery: tracked since 2026-01-31T12:00:00Z\n  note        a note\n");
}

TEST(DeliveryOutcome, JsonIsBesideTheDevices) {
    const auto document = nlohmann::json::parse(format_json({loaded()}, tracked()));
    EXPECT_EQ(document["devices"].size(), 1U);
    const auto& delivery = document["delivery"];
    EXPECT_EQ(delivery["outcome"], "tracked");
    EXPECT_EQ(delivery["since"], "2026-01-31T12:00:00Z");
    EXPECT_EQ(delivery["program_version"], 2);
    EXPECT_EQ(delivery["missing"][0], "xdp_bulk_tx");
}

TEST(DeliveryOutcome, JsonIsNullWhereItIsOff) {
    EXPECT_TRUE(nlohmann::json::parse(format_json({}, std::nullopt))["delivery"].is_null());
    EXPECT_FALSE(nlohmann::json::parse(format_json({})).contains("delivery")) << "nobody asked";
}

}  // namespace
}  // namespace tally::loader
