// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// One sample after another must not allocate: read, rates, session, and every format.

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>

#include "common/base/unique_fd.h"
#include "common/pins/abi_names.h"
#include "common/pins/counter_map.h"
#include "stats/counting_new.h"
#include "stats/model/session.h"
#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

constexpr int kWarmUp = 3;  // readings until every buffer has its size
constexpr int kReadings = 100;
constexpr std::size_t kCpus = 64;

// A reading in which every action of every CPU has counted, more each time.
void next_sample(Sample& sample, std::uint64_t number) {
    sample.time = static_cast<std::int64_t>(number);
    sample.per_cpu.assign(kCpus, Counters{});
    sample.total = {};
    for (Counters& counters : sample.per_cpu) {
        for (std::size_t action = 0; action < counters.size(); ++action) {
            counters[action] = {number * (action + 1), number * (action + 1) * 100};
            add_to(sample.total[action], counters[action]);
        }
    }
}

class Allocations : public testing::TestWithParam<Format> {};

TEST_P(Allocations, AreNoneBetweenReadingAndText) {
    for (const auto& [detail, terminal] : {std::pair{Detail::kPerCpu, false},
                                           {Detail::kPerCpu, true},
                                           {Detail::kPerProgram, false},
                                           {Detail::kPerProgram, true}}) {
        const auto output = make_format(GetParam(), detail, terminal);
        fmt::memory_buffer buffer;
        SampleReport report = dispatcher_report();
        report.device = "a name \"too long\" for a short string, \x1b";
        Session session;
        session.set_origin({1, {}});
        std::vector<Counters> cpu_session(kCpus);
        Sample before;
        Sample now;
        std::size_t warm = 0;
        for (std::uint64_t reading = 1; reading <= kWarmUp + kReadings; ++reading) {
            if (reading == kWarmUp + 1) {
                warm = allocations_so_far();
            }
            next_sample(now, reading << 40U);  // long numbers from the start
            session.add(now.total);
            fill_values(report, before.total, now.total, 0.001, session.counted(), session.lifetime());
            before.per_cpu.resize(kCpus);
            fill_cpu_values(report, before.per_cpu, now.per_cpu, 0.001, cpu_session);
            fill_program_values(report, report.programs.back(), before.total, now.total, 0.001, now.total);
            std::swap(before, now);
            buffer.clear();
            output->append(buffer, report);
            output->append_round(buffer);
        }
        EXPECT_EQ(allocations_so_far(), warm);
        EXPECT_GT(warm, 0U);
        EXPECT_GT(buffer.size(), GetParam() == Format::kBrief ? 100U : 1000U);
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Allocations,
                         testing::Values(Format::kTable, Format::kBrief, Format::kJson, Format::kCsv));

TEST(AllocationsOfAMap, AreNoneInItsReadings) {
    UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "counters", sizeof(std::uint32_t), sizeof(Counter),
                               kActions, nullptr));
    if (!fd) {
        GTEST_SKIP() << "this user may not create maps";
    }
    auto map = CounterMap::from_fd(std::move(fd));
    ASSERT_TRUE(map);
    Sample sample;
    ASSERT_TRUE(map->read(sample));
    const std::size_t warm = allocations_so_far();
    for (int reading = 0; reading < kReadings; ++reading) {
        ASSERT_TRUE(map->read(sample));
    }
    EXPECT_EQ(allocations_so_far(), warm);
    EXPECT_GT(warm, 0U);
}

}  // namespace
}  // namespace tally::stats
