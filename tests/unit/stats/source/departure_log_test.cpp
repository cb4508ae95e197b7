// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/departure_log.h"

#include <gtest/gtest.h>

namespace tally::stats {
namespace {

TEST(DepartureLog, KnowsNothingOfWhatIsThere) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links) << links.error().message();
    DepartureLog log = DepartureLog::listen(std::make_shared<LinkSocket>(std::move(*links)));
    EXPECT_GE(log.fd(), 0);
    const int watcher = 0;
    log.watch(&watcher, 1);
    EXPECT_FALSE(log.drain());
    EXPECT_EQ(log.find(&watcher).kind, Departure::Kind::kNotKnown);
    EXPECT_EQ(log.find(&log).kind, Departure::Kind::kNotKnown);
    log.forget(&watcher);
    EXPECT_EQ(log.find(&watcher).kind, Departure::Kind::kNotKnown);
}

TEST(DepartureLog, WithoutANamespaceNeverWakesAnybody) {
    DepartureLog log;
    EXPECT_EQ(log.fd(), -1);
    log.watch(&log, 1);
    EXPECT_FALSE(log.drain());
    EXPECT_EQ(log.find(&log).kind, Departure::Kind::kNotKnown);
    EXPECT_EQ(DepartureLog::listen(nullptr).fd(), -1);
}

}  // namespace
}  // namespace tally::stats
