// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/session.h"

#include <gmock/gmock.h>

#include "stats/counters_for_tests.h"

namespace tally::stats {
namespace {

constexpr std::uint64_t kLineage = 0x1234;
constexpr std::uint64_t kOther = 0x5678;

Origin origin(const Counters& carried, std::uint64_t lineage = kLineage) {
    return Origin{lineage, carried};
}

TEST(Session, CountsFromTheFirstReading) {
    Session session;
    session.start_with(passed(100, 6000), origin({}));
    EXPECT_EQ(session.counted(), passed(0, 0));
    session.add(passed(130, 7800));
    EXPECT_EQ(session.counted(), passed(30, 1800));
    session.add(passed(130, 7800));
    EXPECT_EQ(session.counted(), passed(30, 1800));
}

TEST(Session, AddsTheOldMapsLastReadingAndTheNewMapFromZero) {
    Session session;
    session.start_with(passed(100, 6000), origin({}));
    session.add(passed(150, 9000));
    session.replace_map(dropped(7, 420), origin(passed(150, 9000)));
    EXPECT_EQ(session.counted(), counters({{XDP_PASS, {50, 3000}}, {XDP_DROP, {7, 420}}}));
    session.add(dropped(9, 540));
    EXPECT_EQ(session.counted(), counters({{XDP_PASS, {50, 3000}}, {XDP_DROP, {9, 540}}}));
}

TEST(Session, AddsWhatUnseenGenerationsCounted) {
    Session session;
    // Generation 3 carries 1000 of two earlier maps and holds 100: the session starts at 1100.
    session.start_with(passed(100, 6000), origin(passed(1000, 60000)));
    session.add(passed(120, 7200));
    // Generation 3 ended with 120 (total 1120). The next map seen says that 1500 were carried: generations in
    // between counted 380, and it holds 5 itself.
    session.replace_map(passed(5, 300), origin(passed(1500, 90000)));
    EXPECT_EQ(session.counted(), passed(405, 24300));  // 20 + 380 + 5
    // The difference of the lineage's totals: 1505 - 1100.
    session.add(passed(6, 360));
    EXPECT_EQ(session.counted(), passed(406, 24360));
}

TEST(Session, ManyReplacementsAddUpToTheLineagesTotal) {
    Session session;
    session.start_with(passed(10, 1000), origin({}));
    Counters carried = {};
    std::uint64_t last = 10;
    std::uint64_t total = 10;
    for (std::uint64_t generation = 2; generation <= 50; ++generation) {
        last += 3;  // seen by the last reading of the old map
        session.add(passed(last, last * 100));
        const std::uint64_t unseen = generation % 4;  // counted by maps that came and went
        carried = passed(carried[XDP_PASS].rx_packets + last + unseen,
                         carried[XDP_PASS].rx_bytes + (last + unseen) * 100);
        total += 3 + unseen + 2;
        last = 2;
        session.replace_map(passed(last, last * 100), origin(carried));
        ASSERT_EQ(session.counted(), passed(total - 10, (total - 10) * 100)) << generation;
    }
}

TEST(Session, AnOldMapThatCountedOnIsNotCountedTwice) {
    Session session;
    session.start_with(passed(0, 0), origin({}));
    // Read as 105 at last, although only 100 were carried.
    session.add(passed(105, 10500));
    session.replace_map(passed(20, 2000), origin(passed(100, 10000)));
    // The lineage has 120; the session has seen 105 of them.
    EXPECT_EQ(session.counted(), passed(120, 12000));
    session.replace_map(passed(0, 0), origin(passed(110, 11000)));
    EXPECT_EQ(session.counted(), passed(120, 12000));  // never less than before
}

TEST(Session, AReusedMapGoesOn) {
    Session session;
    session.start_with(passed(10, 600), origin(passed(5, 300)));
    session.add(passed(12, 720));
    session.set_origin(origin(passed(5, 300)));  // generation + 1, the same map
    session.add(passed(15, 900));
    EXPECT_EQ(session.counted(), passed(5, 300));
    // After an unload that kept the maps, a new lineage reuses the map.
    session.set_origin(origin({}, kOther));
    session.add(passed(16, 960));
    EXPECT_EQ(session.counted(), passed(6, 360));
    // And is replaced: what it held when it ended is carried.
    session.replace_map(passed(1, 60), origin(passed(18, 1080), kOther));
    EXPECT_EQ(session.counted(), passed(9, 540));  // 6 + (18 - 16) + 1
}

TEST(Session, AMetaThatComesLateClosesTheGap) {
    Session session;
    session.start_with(passed(10, 600), origin({}));
    session.add(passed(20, 1200));
    session.replace_map(passed(3, 180), std::nullopt);  // the meta is still that of the other map
    EXPECT_EQ(session.counted(), passed(13, 780));
    session.add(passed(4, 240));
    EXPECT_EQ(session.counted(), passed(14, 840));
    session.set_origin(origin(passed(25, 1500)));  // 5 more than the session had seen
    EXPECT_EQ(session.counted(), passed(19, 1140));
    session.replace_map(passed(0, 0), origin(passed(29, 1740)));
    EXPECT_EQ(session.counted(), passed(19, 1140));
}

// The new map is pinned, the load fails, what it counted is carried, and the map before it comes back.
class LoadThatFails : public testing::Test {
  protected:
    LoadThatFails() {
        session_.start_with(passed(100, 6000), origin(passed(50, 3000)));
        session_.add(passed(110, 6600));
    }
    // What an exporter shows.
    static Counters known(const Session& session) {
        return sum_of(session.before_start(), session.counted());
    }

    Session session_;
};

TEST_F(LoadThatFails, ShowsInTheMetaAlone) {
    session_.set_origin(origin(passed(57, 3420)));  // the new map had counted 7
    EXPECT_EQ(session_.counted(), passed(17, 1020));
    session_.add(passed(112, 6720));
    EXPECT_EQ(session_.counted(), passed(19, 1140));
    EXPECT_EQ(known(session_), passed(57 + 112, 3420 + 6720));
    session_.set_origin(origin(passed(57, 3420)));
    EXPECT_EQ(session_.counted(), passed(19, 1140));
}

TEST_F(LoadThatFails, ShowsItsMapBeforeItIsTakenBack) {
    session_.replace_map(passed(3, 180), std::nullopt);
    EXPECT_EQ(session_.counted(), passed(13, 780));
    session_.add(passed(5, 300));
    EXPECT_EQ(session_.counted(), passed(15, 900));
    // It counted 7 in the end, and the old map 1 more.
    session_.replace_map(passed(111, 6660), origin(passed(57, 3420)));
    EXPECT_EQ(session_.counted(), passed(18, 1080));
    EXPECT_EQ(known(session_), passed(57 + 111, 3420 + 6660));
}

TEST_F(LoadThatFails, ShowsTheOldMapBeforeTheMetaThatCarries) {
    session_.replace_map(passed(3, 180), std::nullopt);
    session_.replace_map(passed(110, 6600), origin(passed(50, 3000)));
    EXPECT_EQ(session_.counted(), passed(13, 780));  // never less than before
    session_.set_origin(origin(passed(57, 3420)));
    EXPECT_EQ(known(session_), passed(57 + 110 + 3, 3420 + 6600 + 180));
}

TEST_F(LoadThatFails, MayFailAgainAndThenSucceed) {
    session_.set_origin(origin(passed(57, 3420)));
    session_.set_origin(origin(passed(60, 3600)));
    session_.add(passed(115, 6900));
    session_.replace_map(dropped(4, 240), origin(passed(60 + 115, 3600 + 6900)));
    EXPECT_EQ(session_.counted(), counters({{XDP_PASS, {25, 1500}}, {XDP_DROP, {4, 240}}}));
    EXPECT_EQ(known(session_), counters({{XDP_PASS, {175, 10500}}, {XDP_DROP, {4, 240}}}));
}

TEST(Session, AMapWhoseMetaNeverCameIsPartOfItsLineage) {
    Session session;
    session.start_with(passed(10, 600), origin({}));
    session.add(passed(20, 1200));
    session.replace_map(passed(3, 180), std::nullopt);
    EXPECT_EQ(session.counted(), passed(13, 780));
    session.add(passed(4, 240));
    session.replace_map(passed(1, 60), origin(passed(24, 1440)));  // 20 + 4: nothing was unseen
    EXPECT_EQ(session.counted(), passed(15, 900));                 // 10 + 4 + 1
}

TEST(Session, TheFirstMapMayComeBeforeItsMeta) {
    Session session;
    session.replace_map(passed(8, 480), std::nullopt);
    session.add(passed(9, 540));
    session.set_origin(origin(passed(30, 1800)));
    EXPECT_EQ(session.counted(), passed(39, 2340));
}

TEST(Session, ANewLineageCountsFromItsBeginning) {
    Session session;
    session.start_with(passed(100, 6000), origin({}));
    session.add(passed(110, 6600));
    // Unloaded, loaded and replaced between two looks: the first of its maps counted 40 unseen.
    session.replace_map(passed(2, 120), origin(passed(40, 2400), kOther));
    EXPECT_EQ(session.counted(), passed(52, 3120));
}

TEST(Session, StartedBeforeTheFirstMapCountsAllOfIt) {
    Session session;
    session.replace_map(passed(8, 480), origin(passed(30, 1800)));
    EXPECT_EQ(session.counted(), passed(38, 2280));
    Session foreign;
    foreign.replace_map(passed(8, 480), std::nullopt);
    EXPECT_EQ(foreign.counted(), passed(8, 480));
}

TEST(Session, AForeignMapCountsFromZeroWhenItAppears) {
    Session session;
    session.start_with(passed(100, 6000), std::nullopt);
    session.add(passed(101, 6060));
    session.replace_map(passed(9, 540), std::nullopt);
    EXPECT_EQ(session.counted(), passed(10, 600));
}

TEST(Session, DoesNotClaimAPastItCannotKnow) {
    Session session;
    session.start_with(passed(100, 6000), std::nullopt);
    session.add(passed(101, 6060));
    // The first meta seen says what maps before held: most of it was counted before the session.
    session.replace_map(passed(9, 540), origin(passed(5000, 300000)));
    EXPECT_EQ(session.counted(), passed(10, 600));
    session.add(passed(11, 660));
    session.replace_map(passed(0, 0), origin(passed(5014, 300840)));  // from here on the lineage is known
    EXPECT_EQ(session.counted(), passed(15, 900));                    // 10 + 2 + 3 unseen
}

TEST(Session, AResetCounterGoesOnFromItsNewValue) {
    Session session;
    session.start_with(passed(100, 6000), origin({}));
    session.add(passed(150, 9000));
    session.add(passed(20, 1200));
    EXPECT_EQ(session.counted(), passed(70, 4200));
    session.add(passed(25, 1500));
    EXPECT_EQ(session.counted(), passed(75, 4500));
    session.replace_map(passed(1, 60), origin(passed(25, 1500)));
    EXPECT_EQ(session.counted(), passed(76, 4560));
}

TEST(Lifetime, IsWhatIsCarriedAndTheMap) {
    Session session;
    session.start_with(passed(500, 30000), origin(passed(1000, 60000)));
    EXPECT_EQ(session.lifetime(), passed(1500, 90000));
    session.add(passed(510, 30600));
    EXPECT_EQ(session.lifetime(), passed(1510, 90600));
    session.replace_map(dropped(2, 120), origin(passed(1510, 90600)));
    EXPECT_EQ(session.lifetime(), counters({{XDP_PASS, {1510, 90600}}, {XDP_DROP, {2, 120}}}));
    // Two maps came and went unseen: 40 more are carried.
    session.replace_map(passed(1, 60), origin(passed(1550, 93000)));
    EXPECT_EQ(session.lifetime(), passed(1551, 93060));
}

TEST(Lifetime, BeginsAnewWithALineage) {
    Session session;
    session.start_with(passed(500, 30000), origin(passed(1000, 60000)));
    session.replace_map(passed(3, 180), origin({}, kOther));
    EXPECT_EQ(session.lifetime(), passed(3, 180));
}

TEST(Lifetime, OfAnAdoptedMapBeginsWithTheAdoption) {
    Session session;
    const Counters adopted = passed(0 - std::uint64_t{1000}, 0 - std::uint64_t{60000});
    session.start_with(passed(1000, 60000), origin(adopted));
    EXPECT_EQ(session.lifetime(), passed(0, 0));
    session.add(passed(1004, 60240));
    EXPECT_EQ(session.lifetime(), passed(4, 240));
    session.add(passed(0, 0));  // its owner has reset it
    EXPECT_EQ(session.lifetime(), passed(0, 0));
}

TEST(Lifetime, IsNotKnownWithoutAMeta) {
    Session session;
    EXPECT_EQ(session.lifetime(), std::nullopt);
    session.start_with(passed(100, 6000), std::nullopt);
    EXPECT_EQ(session.lifetime(), std::nullopt);
    session.set_origin(origin(passed(20, 1200)));
    EXPECT_EQ(session.lifetime(), passed(120, 7200));
    session.replace_map(passed(7, 420), std::nullopt);  // its meta is still that of the other map
    EXPECT_EQ(session.lifetime(), std::nullopt);
    session.set_origin(origin(passed(125, 7500)));
    EXPECT_EQ(session.lifetime(), passed(132, 7920));
}

TEST_F(LoadThatFails, NeverTakesAnythingFromTheLifetime) {
    EXPECT_EQ(session_.lifetime(), passed(160, 9600));
    session_.replace_map(passed(3, 180), std::nullopt);
    session_.replace_map(passed(110, 6600), origin(passed(50, 3000)));
    EXPECT_EQ(session_.lifetime(), passed(160, 9600));
    session_.set_origin(origin(passed(57, 3420)));
    EXPECT_EQ(session_.lifetime(), passed(167, 10020));
}

}  // namespace
}  // namespace tally::stats
