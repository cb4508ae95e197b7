// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

constexpr const char* kHeader =
    "time,dev,netns,map_id,generation,state,period,action,packets,bytes,pps,bps,session_packets,"
    "session_bytes,runs_on,lifetime_packets,lifetime_bytes,totals,delivered,lost,lost_reasons\n";

TEST(CsvOutput, HasALinePerActionAndOneForTheTotal) {
    const auto output = make_csv_format(Detail::kNone);
    const std::string start = "2026-01-31T12:00:00.123Z,veth0,,32,1,attached,2.000104,";
    const std::string rows = start + "XDP_ABORTED,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +           //
                             start + "XDP_DROP,1,60,0.0,0.0,0,0,,1,60,map,,,\n" +            //
                             start + "XDP_PASS,10,980,5.0,3920.0,10,980,,10,980,map,,,\n" +  //
                             start + "XDP_TX,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +                //
                             start + "XDP_REDIRECT,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +          //
                             start + "total,11,1040,5.0,3920.0,10,980,,11,1040,map,,,\n";
    EXPECT_EQ(text_of(*output, example_report()), kHeader + rows);
    EXPECT_EQ(text_of(*output, example_report()), rows);  // the header comes once
}

TEST(CsvOutput, FieldsAreEmptyWhereThereIsNothingToTell) {
    const auto output = make_csv_format(Detail::kNone);
    const std::string text = text_of(*output, foreign_report());
    EXPECT_THAT(text,
                testing::HasSubstr(
                    "\n2026-01-31T12:00:00.123Z,,,32,,foreign,0.0,XDP_PASS,10,980,,,10,980,,,,map,,,\n"));
}

TEST(CsvOutput, TotalsThatAreNotKnownAreEmpty) {
    SampleReport report = foreign_report();
    report.totals = Totals::kLifetime;
    report.count_known = false;
    EXPECT_THAT(text_of(*make_csv_format(Detail::kNone), report),
                testing::EndsWith(",foreign,0.0,total,,,,,10,980,,,,lifetime,,,\n"));
}

TEST(CsvOutput, HasTheLifetimeTotalsOfALaterMap) {
    const std::string text = text_of(*make_csv_format(Detail::kNone), later_report());
    EXPECT_THAT(text, testing::HasSubstr(",XDP_DROP,1,60,0.0,0.0,0,0,,501,30060,map,,,\n"));
    EXPECT_THAT(text, testing::HasSubstr(",total,11,1040,5.0,3920.0,10,980,,511,31040,map,,,\n"));
}

TEST(CsvOutput, PerCpuHasAColumnMore) {
    const auto output = make_csv_format(Detail::kPerCpu);
    SampleReport report = example_report();
    report.cpus = {example_cpu(0, XDP_PASS, {{4, 400}, {}, {2, 1600}}),
                   example_cpu(63, XDP_DROP, {{1, 60}, {}, {}})};
    const std::string start = "2026-01-31T12:00:00.123Z,veth0,,32,1,attached,2.000104,";
    EXPECT_EQ(
        text_of(*output, report),
        "time,dev,netns,map_id,generation,state,period,action,cpu,packets,bytes,pps,bps,session_packets,"
        "session_bytes,runs_on,lifetime_packets,lifetime_bytes,totals,delivered,lost,lost_reasons\n" +  //
            start +
            "XDP_ABORTED,all,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +                   //
            start + "XDP_DROP,all,1,60,0.0,0.0,0,0,,1,60,map,,,\n" +            //
            start + "XDP_DROP,63,1,60,0.0,0.0,,,,,,map,,,\n" +                  //
            start + "XDP_PASS,all,10,980,5.0,3920.0,10,980,,10,980,map,,,\n" +  //
            start + "XDP_PASS,0,4,400,2.0,1600.0,,,,,,map,,,\n" +               //
            start + "XDP_TX,all,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +                //
            start + "XDP_REDIRECT,all,0,0,0.0,0.0,0,0,,0,0,map,,,\n" +          //
            start + "total,all,11,1040,5.0,3920.0,10,980,,11,1040,map,,,\n");
}

TEST(CsvOutput, PerProgramHasAColumnMore) {
    const std::string text = text_of(*make_csv_format(Detail::kPerProgram), dispatcher_report());
    const std::string start = "2026-01-31T12:00:00.123Z,veth0,,32,1,attached,2.000104,";
    EXPECT_THAT(text, testing::HasSubstr(",action,program,packets,"));
    EXPECT_THAT(text, testing::HasSubstr("\n" + start + "XDP_DROP,7:first,1,60,0.0,0.0,0,0,,,,map,,,\n"));
    EXPECT_THAT(text,
                testing::HasSubstr("\n" + start + "total,7:first,11,1040,5.0,3920.0,10,980,,,,map,,,\n"));
    EXPECT_THAT(text,
                testing::HasSubstr("\n" + start + "total,12:second,10,980,5.0,3920.0,10,980,,,,map,,,\n"));
    EXPECT_THAT(text, testing::HasSubstr("\n" + start + "XDP_DROP,all,1,60,0.0,0.0,0,0,,1,60,map,,,\n"));
    EXPECT_THAT(text,
                testing::EndsWith("\n" + start + "total,all,11,1040,5.0,3920.0,10,980,,11,1040,map,,,\n"));
}

TEST(CsvOutput, NamesAreQuoted) {
    const auto output = make_csv_format(Detail::kNone);
    SampleReport report = example_report();
    report.device = "a,b";
    EXPECT_THAT(text_of(*output, report), testing::HasSubstr("Z,\"a,b\",,32,"));
    report.device = "a\"b";
    EXPECT_THAT(text_of(*output, report), testing::HasSubstr("Z,\"a\"\"b\",,32,"));
    report.device = "plain";
    EXPECT_THAT(text_of(*output, report), testing::HasSubstr("Z,plain,,32,"));
}

TEST(CsvOutput, LastColumnNamesThePlaceNow) {
    SampleReport report = example_report();
    report.runs_on = "red/eth0";
    EXPECT_THAT(
        text_of(*make_csv_format(Detail::kNone), report),
        testing::EndsWith(
            "Z,veth0,,32,1,attached,2.000104,total,11,1040,5.0,3920.0,10,980,red/eth0,11,1040,map,,,\n"));
}

TEST(CsvOutput, IntegersAreExact) {
    const auto output = make_csv_format(Detail::kNone);
    SampleReport report = example_report();
    report.totals = Totals::kLifetime;
    report.actions[XDP_TX] = {{kMost, kMost}, {kMost, kMost}, {}, Counter{kMost, kMost - 1}};
    EXPECT_THAT(text_of(*output, report),
                testing::HasSubstr("XDP_TX,18446744073709551615,18446744073709551615,0.0,0.0,"
                                   "18446744073709551615,18446744073709551615,,18446744073709551615,"
                                   "18446744073709551614,lifetime,,,\n"));
}

TEST(CsvOutput, WhatBecameOfPacketsIsAtTheEnd) {
    const std::string text = text_of(*make_csv_format(Detail::kNone), lossy_report());
    EXPECT_THAT(text, testing::HasSubstr("XDP_REDIRECT,1203,72180,0.0,0.0,0,0,,1203,72180,map,"
                                         "200,1003,ENETDOWN=1000;no_reason=3\n"));
    EXPECT_THAT(text, testing::HasSubstr(",map,0,0,\n"));  // XDP_TX
    EXPECT_THAT(text, testing::HasSubstr("XDP_DROP,1,60,0.0,0.0,0,0,,1,60,map,,,\n"));
    EXPECT_THAT(text, testing::EndsWith(",map,200,1003,ENETDOWN=1000;no_reason=3\n"));
}

TEST(CsvOutput, CostIsInTheLineOfTheTotal) {
    const std::string text = text_of(*make_csv_format(Detail::kNone), costly_report());
    EXPECT_THAT(text, testing::HasSubstr(",ns_per_run,cpu_share\n2026-01-31T"));
    EXPECT_THAT(text, testing::EndsWith(",23.457,0.000000117\n"));
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    const auto columns = std::count(line.begin(), line.end(), ',');
    while (std::getline(lines, line)) {
        EXPECT_EQ(std::count(line.begin(), line.end(), ','), columns) << line;
        EXPECT_TRUE(line.find(",total,") != std::string::npos || line.ends_with(",,")) << line;
    }
    SampleReport report = costly_report();
    report.cost = ProgramCost();
    EXPECT_THAT(text_of(*make_csv_format(Detail::kNone), report), testing::EndsWith(",,\n"));
}

}  // namespace
}  // namespace tally::stats
