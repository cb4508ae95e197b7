// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

std::string json_of(const SampleReport& report, Detail detail = Detail::kNone) {
    return text_of(*make_json_format(detail), report);
}

TEST(JsonOutput, IsTheRecordOfTheContract) {
    EXPECT_EQ(
        json_of(example_report()),
        R"({"schema":1,"time":"2026-01-31T12:00:00.123Z","dev":"veth0","netns":null,"map_id":32,"generation":1,)"
        R"("state":"attached","runs_on":null,"period":2.000104,"cost":null,"delivery":null,"actions":{)"
        R"("XDP_ABORTED":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0,"session_packets":0,"session_bytes":0,"lifetime_packets":0,"lifetime_bytes":0,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null},)"
        R"("XDP_DROP":{"packets":1,"bytes":60,"pps":0.0,"bps":0.0,"session_packets":0,"session_bytes":0,"lifetime_packets":1,"lifetime_bytes":60,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null},)"
        R"("XDP_PASS":{"packets":10,"bytes":980,"pps":5.0,"bps":3920.0,"session_packets":10,"session_bytes":980,"lifetime_packets":10,"lifetime_bytes":980,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null},)"
        R"("XDP_TX":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0,"session_packets":0,"session_bytes":0,"lifetime_packets":0,"lifetime_bytes":0,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null},)"
        R"("XDP_REDIRECT":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0,"session_packets":0,"session_bytes":0,"lifetime_packets":0,"lifetime_bytes":0,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null}},)"
        R"("total":{"packets":11,"bytes":1040,"pps":5.0,"bps":3920.0,"session_packets":10,"session_bytes":980,"lifetime_packets":11,"lifetime_bytes":1040,"delivered":null,"lost":null,"session_delivered":null,"session_lost":null,"lifetime_delivered":null,"lifetime_lost":null}})"
        "\n");
}

TEST(JsonOutput, HasNullWhereThereIsNothingToTell) {
    const auto sample = nlohmann::json::parse(json_of(foreign_report()));
    EXPECT_TRUE(sample["dev"].is_null());
    EXPECT_TRUE(sample["generation"].is_null());
    EXPECT_EQ(sample["state"], "foreign");
    EXPECT_EQ(sample["period"], 0.0);
    EXPECT_TRUE(sample["actions"]["XDP_PASS"]["pps"].is_null());
    EXPECT_TRUE(sample["total"]["bps"].is_null());
    EXPECT_EQ(sample["actions"]["XDP_PASS"]["packets"], 10);
    EXPECT_TRUE(sample["actions"]["XDP_PASS"]["lifetime_packets"].is_null());
    EXPECT_TRUE(sample["total"]["lifetime_bytes"].is_null());
}

TEST(JsonOutput, HasTheLifetimeTotalsOfALaterMap) {
    const auto sample = nlohmann::json::parse(json_of(later_report()));
    EXPECT_EQ(sample["actions"]["XDP_DROP"]["lifetime_packets"], 501);
    EXPECT_EQ(sample["actions"]["XDP_DROP"]["packets"], 1);
    EXPECT_EQ(sample["total"]["lifetime_bytes"], 31040);
}

TEST(JsonOutput, TellsWhatBecameOfPackets) {
    const auto sample = nlohmann::json::parse(json_of(lossy_report()));
    const auto& redirect = sample["actions"]["XDP_REDIRECT"];
    EXPECT_EQ(redirect["delivered"], 200);
    EXPECT_EQ(redirect["lost"], R"({"packets":1003,"reasons":{"ENETDOWN":1000,"no_reason":3}})"_json);
    EXPECT_EQ(redirect["session_lost"], R"({"packets":3,"reasons":{"no_reason":3}})"_json);
    EXPECT_TRUE(redirect["lifetime_delivered"].is_null());
    EXPECT_EQ(sample["actions"]["XDP_TX"]["lost"], R"({"packets":0,"reasons":{}})"_json);
    EXPECT_TRUE(sample["actions"]["XDP_PASS"]["lost"].is_null());
    EXPECT_EQ(sample["total"]["lost"]["packets"], 1003);
    EXPECT_EQ(sample["delivery"],
              R"({"since":"2026-01-31T12:00:00.123Z","complete":true,"unknown":{}})"_json);
}

TEST(JsonOutput, SaysWhyItIsNotKnown) {
    SampleReport report = lossy_report();
    report.delivery.count[XDP_REDIRECT].reset();
    report.delivery.unknown[XDP_REDIRECT] = "nobody tells";
    report.delivery.complete = false;
    const auto sample = nlohmann::json::parse(json_of(report));
    EXPECT_TRUE(sample["actions"]["XDP_REDIRECT"]["lost"].is_null());
    EXPECT_TRUE(sample["total"]["lost"].is_null());
    EXPECT_EQ(sample["delivery"]["complete"], false);
    EXPECT_EQ(sample["delivery"]["unknown"], R"({"XDP_REDIRECT":"nobody tells"})"_json);
}

TEST(JsonOutput, NamesThePlaceNow) {
    SampleReport report = example_report();
    report.runs_on = "red/eth0";
    EXPECT_THAT(json_of(report), testing::HasSubstr(R"("state":"attached","runs_on":"red/eth0",)"));
}

TEST(JsonOutput, HasTheCostWhereItIsAskedFor) {
    EXPECT_THAT(
        json_of(costly_report()),
        testing::HasSubstr(R"("cost":{"ns_per_run":23.457,"cpu":0.000000117,"program":57,"note":null},)"));
    SampleReport report = costly_report();
    report.cost = ProgramCost();
    report.cost->note = "the program is gone";
    EXPECT_THAT(json_of(report),
                testing::HasSubstr(
                    R"("cost":{"ns_per_run":null,"cpu":null,"program":null,"note":"the program is gone"},)"));
}

TEST(JsonOutput, IntegersAreExact) {
    SampleReport report = example_report();
    report.program->generation = kMost;
    report.actions[XDP_TX] = {{kMost, kMost - 1}, {kMost - 2, kMost - 3}, {}, Counter{kMost - 4, kMost - 5}};
    const std::string text = json_of(report);
    EXPECT_THAT(text, testing::HasSubstr(R"("generation":18446744073709551615,)"));
    EXPECT_THAT(text,
                testing::HasSubstr(
                    R"("XDP_TX":{"packets":18446744073709551615,"bytes":18446744073709551614,"pps":0.0,)"
                    R"("bps":0.0,"session_packets":18446744073709551613,)"
                    R"("session_bytes":18446744073709551612,"lifetime_packets":18446744073709551611,)"
                    R"("lifetime_bytes":18446744073709551610,)"));
}

TEST(JsonOutput, NamesAreEscaped) {
    const auto output = make_json_format(Detail::kNone);
    SampleReport report = example_report();
    for (const std::string name : {R"(a"b\c)", "tab\there", "\x1b[31m", "gr\xc3\xbc\xc3\x9f"}) {
        report.device = name;
        EXPECT_EQ(nlohmann::json::parse(text_of(*output, report))["dev"], name);
        EXPECT_EQ(nlohmann::json::parse(text_of(*output, report))["dev"], name);  // from memory this time
    }
    report.device = "\xff!";  // no UTF-8: U+FFFD stands for it
    EXPECT_EQ(nlohmann::json::parse(text_of(*output, report))["dev"], "\xef\xbf\xbd!");
}

TEST(JsonOutput, PerCpuListsThoseThatCounted) {
    SampleReport report = example_report();
    EXPECT_THAT(json_of(report, Detail::kPerCpu), testing::EndsWith(R"("lifetime_lost":null},"cpus":[]})"
                                                                    "\n"));
    report.cpus = {example_cpu(0, XDP_PASS, {{4, 400}, {}, {2, 1600}}),
                   example_cpu(63, XDP_DROP, {{1, 60}, {}, {}})};
    const std::string text = json_of(report, Detail::kPerCpu);
    EXPECT_THAT(
        text, testing::HasSubstr(
                  R"("cpus":[{"cpu":0,"actions":{"XDP_ABORTED":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0},)"
                  R"("XDP_DROP":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0},)"
                  R"("XDP_PASS":{"packets":4,"bytes":400,"pps":2.0,"bps":1600.0},)"
                  R"("XDP_TX":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0},)"
                  R"("XDP_REDIRECT":{"packets":0,"bytes":0,"pps":0.0,"bps":0.0}}},{"cpu":63,)"));
    const auto sample = nlohmann::json::parse(text);
    EXPECT_EQ(sample["cpus"].size(), 2U);
    EXPECT_EQ(sample["cpus"][1]["actions"]["XDP_DROP"]["bytes"], 60);
    EXPECT_FALSE(nlohmann::json::parse(json_of(report)).contains("cpus"));
}

TEST(JsonOutput, PerProgramListsThemInTheOrderTheyRun) {
    const auto sample = nlohmann::json::parse(json_of(dispatcher_report(), Detail::kPerProgram));
    ASSERT_EQ(sample["programs"].size(), 2U);
    EXPECT_EQ(sample["programs"][0]["id"], 7);
    EXPECT_EQ(sample["programs"][0]["name"], "first");
    auto total = sample["total"];  // of a program alone, that of its lifetime is not known
    total["lifetime_packets"] = total["lifetime_bytes"] = nullptr;
    for (const std::string& prefix : {std::string(), std::string("session_"),
                                      std::string("lifetime_")}) {  // what becomes of packets is the device's
        total.erase(prefix + "delivered");
        total.erase(prefix + "lost");
    }
    EXPECT_EQ(sample["programs"][0]["total"], total);
    EXPECT_EQ(sample["programs"][0]["actions"]["XDP_DROP"]["bytes"], 60);
    EXPECT_EQ(sample["programs"][1]["actions"]["XDP_DROP"]["packets"], 0);
    EXPECT_EQ(sample["programs"][1]["total"]["session_packets"], 10);
    EXPECT_FALSE(sample.contains("cpus"));
    EXPECT_EQ(nlohmann::json::parse(json_of(example_report(), Detail::kPerProgram))["programs"],
              nlohmann::json::array());
}

}  // namespace
}  // namespace tally::stats
