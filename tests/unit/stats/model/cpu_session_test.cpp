// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/cpu_session.h"

#include <gmock/gmock.h>

#include "stats/counters_for_tests.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;

using Reading = CpuSession::Reading;

TEST(CpuSession, CountsFromTheFirstReading) {
    CpuSession session;
    const Reading first = {passed(10, 600), dropped(3, 180)};
    session.add(first, first);
    EXPECT_THAT(session.counted(), ElementsAre(passed(0, 0), passed(0, 0)));
    session.add(first, {passed(12, 720), dropped(3, 180)});
    EXPECT_THAT(session.counted(), ElementsAre(passed(2, 120), passed(0, 0)));
}

TEST(CpuSession, CountsAllOfAMapThatAppears) {
    CpuSession session;
    session.replace_map(0, {}, 5, {passed(1, 60), passed(2, 120)});
    EXPECT_THAT(session.counted(), ElementsAre(passed(1, 60), passed(2, 120)));
    session.replace_map(5, {passed(1, 60), passed(2, 120)}, 6, {passed(4, 240), {}});
    EXPECT_THAT(session.counted(), ElementsAre(passed(5, 300), passed(2, 120)));
}

TEST(CpuSession, AMapThatComesBackGoesOn) {
    CpuSession session;
    session.add({passed(10, 600)}, {passed(10, 600)});
    session.replace_map(5, {passed(10, 600)}, 6, {passed(3, 180)});
    session.replace_map(6, {passed(3, 180)}, 5, {passed(11, 660)});
    EXPECT_THAT(session.counted(), ElementsAre(passed(4, 240)));  // 3 + (11 - 10)
    session.replace_map(5, {passed(11, 660)}, 7, {passed(1, 60)});
    EXPECT_THAT(session.counted(), ElementsAre(passed(5, 300)));
}

}  // namespace
}  // namespace tally::stats
