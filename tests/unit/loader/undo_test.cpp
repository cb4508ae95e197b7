#include "loader/undo.h"

#include <gtest/gtest.h>

namespace tally::loader {
namespace {

TEST(Undo, RunsOnceAtTheEndOfItsScope) {
    int runs = 0;
    {
        Undo first([&runs] { ++runs; });
        const Undo second = std::move(first);
        EXPECT_EQ(runs, 0);
    }
    EXPECT_EQ(runs, 1);
}

TEST(Undo, DoesNotRunWhatIsKept) {
    int runs = 0;
    {
        Undo undo([&runs] { ++runs; });
        undo.keep();
    }
    EXPECT_EQ(runs, 0);
}

TEST(Undo, AssigningRunsWhatItHeld) {
    int first = 0;
    int second = 0;
    Undo undo([&first] { ++first; });
    undo = Undo([&second] { ++second; });
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 0);
}

}  // namespace
}  // namespace tally::loader
