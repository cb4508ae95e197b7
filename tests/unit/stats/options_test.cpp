// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/options.h"

#include <gmock/gmock.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "common/options/hint_sweep.h"
#include "common/options/other_program.h"
#include "loader/option_table.h"
#include "stats/option_table.h"

namespace tally::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::variant<Options, EarlyExit> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "xdp_stats");
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options parsed(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    if (const auto* exit = std::get_if<EarlyExit>(&result)) {
        ADD_FAILURE() << exit->message;
        return {};
    }
    return std::get<Options>(result);
}

EarlyExit ended(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    if (std::holds_alternative<Options>(result)) {
        ADD_FAILURE() << "accepted";
        return {};
    }
    return std::get<EarlyExit>(result);
}

TEST(StatsOptions, DefaultsAreThoseOfTheManual) {
    const auto options = parsed({"--dev", "veth0"});
    ASSERT_EQ(options.sources.size(), 1U);
    EXPECT_EQ(options.sources[0].kind, Source::Kind::kDevice);
    EXPECT_EQ(options.sources[0].name, "veth0");
    EXPECT_EQ(options.interval, seconds(2));
    EXPECT_FALSE(options.count);
    EXPECT_FALSE(options.once);
    EXPECT_EQ(options.format, Format::kTable);
    EXPECT_EQ(options.totals, Totals::kMap);
    EXPECT_FALSE(options.per_cpu || options.wait || options.quiet || options.verbose);
    EXPECT_EQ(options.bpffs, "/sys/fs/bpf");
}

TEST(StatsOptions, EveryOptionArrives) {
    const auto options = parsed({"-d", "veth0", "-i", "500ms", "-n", "3", "--format", "csv", "--per-cpu",
                                 "--since-start", "--wait", "-q", "--bpffs", "/mnt/bpf"});
    EXPECT_EQ(options.interval, milliseconds(500));
    EXPECT_EQ(options.count, 3U);
    EXPECT_EQ(options.format, Format::kCsv);
    EXPECT_TRUE(options.per_cpu && options.wait && options.quiet);
    EXPECT_EQ(options.bpffs, "/mnt/bpf");
    EXPECT_EQ(options.totals, Totals::kSession);
    EXPECT_TRUE(parsed({"-d", "veth0", "-v"}).verbose);
    EXPECT_TRUE(parsed({"-d", "veth0", "--per-program"}).per_program);
    EXPECT_TRUE(parsed({"-d", "veth0", "--cost"}).cost);
    EXPECT_TRUE(parsed({"--all", "--listen", "9417", "--cost"}).cost);
    EXPECT_FALSE(parsed({"-d", "veth0"}).cost);
    EXPECT_TRUE(parsed({"-d", "veth0", "-1"}).once);
    EXPECT_EQ(parsed({"-d", "veth0", "--json"}).format, Format::kJson);
    EXPECT_EQ(parsed({"-d", "veth0", "--format=json"}).format, Format::kJson);
    EXPECT_EQ(parsed({"-d", "veth0", "--brief"}).format, Format::kBrief);
    EXPECT_EQ(parsed({"-a", "-b", "-i", "1", "--output", "file"}).format, Format::kBrief);
    EXPECT_EQ(parsed({"-d", "veth0", "--format", "table"}).format, Format::kTable);
}

TEST(StatsOptions, TotalsAreChosenByName) {
    for (const Totals totals : {Totals::kMap, Totals::kLifetime, Totals::kSession}) {
        const std::string name(totals_name(totals));
        EXPECT_EQ(parsed({"-d", "a", "--totals", name.c_str()}).totals, totals);
        EXPECT_EQ(parsed({"-d", "a", "--live", "--totals", name.c_str()}).totals, totals);
        EXPECT_EQ(parsed({"-d", "a", "--expect", "tx.bytes > 0", "--json", "--totals", name.c_str()}).totals,
                  totals);
    }
    EXPECT_EQ(parsed({"-d", "a", "--json", "--since-start"}).totals, Totals::kSession);
    EXPECT_EQ(parsed({"-d", "a", "--once", "--totals", "lifetime"}).totals, Totals::kLifetime);
    EXPECT_EQ(parsed({"--map-id", "7", "--map", "/m", "--totals", "lifetime"}).totals, Totals::kLifetime);
}

TEST(StatsOptions, JsonHasAllTotals) {
    EXPECT_THAT(ended({"-d", "a", "--totals", "lifetime", "--json"}).message,
                HasSubstr("--totals cannot be combined with --json: all totals are in it"));
    EXPECT_THAT(ended({"-d", "a", "--totals", "map", "--format", "json"}).message,
                HasSubstr("--totals cannot be combined with --format json: all totals are in it"));
}

TEST(StatsOptions, SourcesCanBeRepeatedAndCountOnce) {
    const auto options = parsed({"--map-id", "7", "--dev", "b", "--dev", "a", "--map", "/m", "--dev", "b"});
    ASSERT_EQ(options.sources.size(), 4U);
    EXPECT_EQ(options.sources[0].name, "b");
    EXPECT_EQ(options.sources[1].name, "a");
    EXPECT_EQ(options.sources[2].kind, Source::Kind::kPin);
    EXPECT_EQ(options.sources[2].name, "/m");
    EXPECT_EQ(options.sources[3].kind, Source::Kind::kMapId);
    EXPECT_EQ(options.sources[3].map_id, 7U);
}

TEST(StatsOptions, LargestNumbersAreAccepted) {
    EXPECT_EQ(parsed({"--map-id", "4294967295"}).sources[0].map_id, 4294967295U);
    EXPECT_EQ(parsed({"-d", "a", "-n", "18446744073709551615"}).count, 18446744073709551615U);
}

struct Mistake {
    std::vector<const char*> arguments;
    const char* word;
};

void PrintTo(const Mistake& mistake, std::ostream* stream) {
    for (const char* argument : mistake.arguments) {
        *stream << argument << ' ';
    }
}

class StatsUsage : public testing::TestWithParam<Mistake> {};

TEST_P(StatsUsage, IsRefusedWithStatus2AndTheWord) {
    const auto exit = ended(GetParam().arguments);
    EXPECT_EQ(exit.status, 2);
    EXPECT_THAT(exit.message,
                AllOf(StartsWith("xdp_stats: "), HasSubstr(GetParam().word), HasSubstr("\nhint: ")));
}

TEST(StatsOptions, WhoAskedForJsonIsToldInJsonWhatIsWrong) {
    for (const std::vector<const char*>& arguments :
         {std::vector<const char*>{"-d", "a", "--json", "--format", "csv"},
          {"--format", "json", "--no-such-option"},
          {"-d", "a", "--expect", "x", "--format=json"}}) {
        const auto exit = ended(arguments);
        EXPECT_EQ(exit.status, 2);
        EXPECT_THAT(exit.message,
                    StartsWith(R"({"schema":1,"program":"xdp_stats","error":{"status":2,"kind":"usage",)"));
        EXPECT_EQ(exit.message.find('\n'), exit.message.size() - 1);
    }
}

TEST(StatsOptions, Expectations) {
    const auto options = parsed({"-d", "a", "--expect", "drop.packets == 1", "--expect", "total.bytes > 2k"});
    ASSERT_EQ(options.expectations.size(), 2U);
    EXPECT_EQ(options.expectations[1].number, 2000U);
    EXPECT_EQ(options.within, seconds(5));
    EXPECT_EQ(options.interval, milliseconds(20));
    const auto slow = parsed({"-d", "a", "--expect", "drop.packets == 1", "-i", "1", "--within", "1m"});
    EXPECT_EQ(slow.within, seconds(60));
    EXPECT_EQ(slow.settle, seconds(0));
    EXPECT_EQ(parsed({"-d", "a", "--expect", "drop.packets == 1", "--settle", "5s"}).settle, seconds(5));
    EXPECT_EQ(parsed({"-d", "a", "--wait", "--within", "3"}).within, seconds(3));
    EXPECT_FALSE(parsed({"-d", "a", "--wait"}).within);
    EXPECT_EQ(slow.interval, seconds(1));
    EXPECT_EQ(parsed({"-d", "a"}).interval, seconds(2));
    EXPECT_EQ(parsed({"-d", "a", "--live"}).interval, seconds(1));
    EXPECT_EQ(parsed({"-d", "a", "--live", "-i", "3"}).interval, seconds(3));
}

INSTANTIATE_TEST_SUITE_P(
    StatsOptions, StatsUsage,
    testing::Values(
        Mistake{{}, "--dev IFACE, --map PATH, --map-id N or --all is required"},
        Mistake{{"--dev"}, "--dev has no value"}, Mistake{{"--dev="}, "--dev has no value"},
        Mistake{{"--dev=", "--once"}, "--dev has no value"}, Mistake{{"veth0"}, "--dev veth0"},
        Mistake{{"-d", "a", "--action", "drop"}, "hint: that is an option of xdp_loader"},
        Mistake{{"-d", "a", "--drop"}, "hint: `xdp_loader --dev IFACE --action drop` drops"},
        Mistake{{"-d", "a", "-M"}, "hint: that is an option of xdp_loader"},
        Mistake{{"-d", "a", "--filename", "x.o"}, "hint: that is an option of xdp_loader"},
        Mistake{{"-d", "a", "b"}, "b"}, Mistake{{"-d", "a", "--frobnicate"}, "--frobnicate"},
        Mistake{{"-d", "a", "-i", "0"}, "--interval '0'"},
        Mistake{{"-d", "a", "-i", "-1"}, "--interval '-1'"},
        Mistake{{"-d", "a", "-i", ""}, "--interval has no value"},
        Mistake{{"-d", "a", "--output", ""}, "--output has no value"},
        Mistake{{"-d", "a", "--bpffs", ""}, "--bpffs has no value"},
        Mistake{{"-d", ""}, "--dev has no value"}, Mistake{{"-d", "a", "-i", "1us"}, "1ms"},
        Mistake{{"-d", "a", "-n", "0"}, "--count '0': expected a positive number"},
        Mistake{{"-d", "a", "-n", "-3"}, "'-3'"}, Mistake{{"-d", "a", "-n", "-1"}, "'-1'"},
        Mistake{{"-d", "a", "-n", "1.5"}, "'1.5'"}, Mistake{{"-d", "a", "-n", ""}, "--count has no value"},
        Mistake{{"-d", "a", "-n", "+1"}, "'+1'"},
        Mistake{{"-d", "a", "-n", "18446744073709551616"}, "18446744073709551616"},
        Mistake{{"--map-id", "0"}, "'0'"}, Mistake{{"--map-id", "x"}, "'x'"},
        Mistake{{"--map-id", "4294967296"}, "'4294967296'"}, Mistake{{"--map-id", "7a"}, "'7a'"},
        Mistake{{"-d", "a", "--format", "xml"}, "xml"}, Mistake{{"-d", "a", "-1", "-n", "3"}, "--once"},
        Mistake{{"-d", "a", "-1", "--wait"}, "--once"}, Mistake{{"-d", "a", "-1", "--since-start"}, "--once"},
        Mistake{{"-d", "a", "--totals", "all"}, "--totals 'all': expected map, lifetime or session"},
        Mistake{{"-d", "a", "--totals", "map", "--since-start"}, "both say what totals count from"},
        Mistake{
            {"-d", "a", "--totals", "map", "--format", "prometheus"},
            "--totals cannot be combined with --format prometheus: its counters go on from the first load"},
        Mistake{{"-d", "a", "--totals", "lifetime", "--listen", "1"},
                "its counters go on from the first load"},
        Mistake{{"-d", "a", "--totals", "session", "--once"},
                "--totals session cannot be combined with --once: one reading has nothing to count from"},
        Mistake{
            {"-d", "a", "--totals", "lifetime", "--per-cpu"},
            "--totals lifetime cannot be combined with --per-cpu: of earlier maps only the sums are kept"},
        Mistake{{"-d", "a", "--totals", "lifetime", "--per-program"},
                "--totals lifetime cannot be combined with --per-program: of earlier maps only the sums"},
        Mistake{{"--map-id", "7", "--totals", "lifetime"},
                "--map-id alone: lifetime totals are in the meta, which an id does not lead to"},
        Mistake{{"-d", "a", "--per-program", "--per-cpu"}, "--per-program"},
        Mistake{{"-d", "a", "--cost", "--once"}, "--cost"},
        Mistake{{"-d", "a", "--cost", "--expect", "total.packets > 1"}, "--cost"},
        Mistake{{"--map", "/m", "--per-program"}, "--per-program"},
        Mistake{{"--map-id", "7", "--per-program"}, "--per-program"},
        Mistake{{"-d", "a", "--per-program", "--expect", "total.packets > 1"}, "--per-program"},
        Mistake{{"-d", "a", "--format", "prometheus", "--per-cpu"},
                "--per-cpu cannot be combined with --format prometheus: metrics have no such labels"},
        Mistake{{"-d", "a", "--format", "csv", "--expect", "total.packets > 1"},
                "--expect cannot be combined with --format csv"},
        Mistake{{"-d", "a", "--within", "soon", "--expect", "total.packets > 1"}, "--within 'soon'"},
        Mistake{{"-d", "a", "--user", "nobody"}, "--user needs --listen"},
        Mistake{{"-d", "a", "--within", "1"}, "--within needs --expect or --wait"},
        Mistake{{"-d", "a", "--wait", "--listen", "0", "--within", "1"},
                "--within cannot be combined with --listen"},
        Mistake{{"-d", "a", "--wait", "--settle", "1"}, "--settle needs --expect"},
        Mistake{{"-d", "a", "--expect", "total.packets > 1", "--settle", "soon"}, "--settle 'soon'"},
        Mistake{{"-d", "a", "--expect", "total.packets > 1", "--settle", "5001ms"},
                "--settle '5001ms' is longer than --within '5', after which the run ends"},
        Mistake{{"-d", "a", "--expect", "total.packets > 1", "--within", "1", "--settle", "2"},
                "longer than"},
        Mistake{{"-d", "a", "-1", "-i", "1"},
                "--interval cannot be combined with --once: there is one reading"},
        Mistake{{"-d", "a", "--per-cpu", "--expect", "total.packets > 1"},
                "a condition is about all CPUs together"},
        Mistake{{"--map", "/m", "--netns", "red"},
                "--netns cannot be combined with --map alone: a map is in no"},
        Mistake{{"-d", "red/a", "--netns", "blue"}, "they name different network namespaces"},
        Mistake{{"--watch"}, "`--live` is the full-screen view"}, Mistake{{"--iface", "a"}, "`--dev IFACE`"},
        Mistake{{"--intervall", "1"}, "did you mean --interval?"},
        Mistake{{"-d", "a", "--", "b"}, "unexpected argument 'b'"},
        Mistake{{"-d", "a", "-q", "-v"}, "--quiet"}));

TEST(StatsOptions, ACommandThatIsMeantIsOne) {
    sweep_hints("xdp_stats", {{}, {"--dev", "lo"}, {"--all"}, {"--netns", "red"}}, parse,
                [](const auto&, const auto&, const auto&) {});
}

TEST(StatsOptions, WordsThatAreNoOptionsArePointedTo) {
    const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
        {{"/sys/fs/bpf/veth0/xdp_stats_map"},
         "did you mean `xdp_stats --map /sys/fs/bpf/veth0/xdp_stats_map`?"},
        {{"veth0", "show"}, "did you mean `xdp_stats --dev veth0`?"},
        {{"all"}, "did you mean `xdp_stats --all`?"},
        {{"show"}, "`xdp_stats --help` lists the options\n"},
        {{"--all", "veth0"}, "`xdp_stats --help` lists the options\n"},
        {{"veth0", "1"}, "`xdp_stats --help` lists the options\n"},
        {{"status", "veth0"}, "`xdp_loader --status` shows what is attached and pinned\n"},
        {{"--dev", "a", "--expect", "drop.packets", "==", "100", "--within", "9"},
         "did you mean `xdp_stats --dev a --expect 'drop.packets == 100' --within 9`?"},
    };
    for (const auto& [arguments, hint] : cases) {
        EXPECT_THAT(ended(arguments).message, HasSubstr(std::string("\nhint: ") + hint))
            << testing::PrintToString(arguments);
    }
}

TEST(StatsOptions, ADashIsStandardOutput) {
    EXPECT_EQ(parsed({"-a", "--output", "-"}).output, std::nullopt);
    EXPECT_EQ(parsed({"-a", "--output", "./-"}).output, "./-");
}

TEST(StatsOptions, OptionsOfTheLoaderAreKnownForThat) {
    // What the same word means to who reads counters.
    const std::map<std::string, const char*> better = {
        {"--follow", "samples go on until interrupted"},
    };
    const auto names = names_of_the_other(loader::kOptionRows, kOptionRows);
    EXPECT_THAT(names, testing::IsSupersetOf({"--action", "--progsec", "-U"}));
    for (const auto& name : names) {
        const auto other = better.find(name);
        EXPECT_THAT(ended({"--dev", "veth0", name.c_str()}).message,
                    AllOf(StartsWith("xdp_stats: unknown option " + name + "\nhint: "),
                          HasSubstr(other == better.end() ? "`xdp_loader " : other->second)));
    }
}

TEST(StatsOptions, DevicesOfOneNamespaceAreThoseOfTheRun) {
    const auto one = parsed({"-d", "red/a", "-d", "red/b"});
    EXPECT_EQ(one.netns, "red");
    ASSERT_EQ(one.sources.size(), 2U);
    EXPECT_EQ(one.sources[1].name, "b");
    EXPECT_EQ(one.sources[1].netns, std::nullopt);
    const auto two = parsed({"-d", "red/a", "-d", "a", "-d", "red/a"});
    EXPECT_EQ(two.netns, std::nullopt);
    ASSERT_EQ(two.sources.size(), 2U);
    EXPECT_EQ(two.sources[0].netns, "red");
    EXPECT_EQ(two.sources[1].netns, std::nullopt);
}

TEST(StatsOptions, HelpNamesEveryOptionAndShowsExamples) {
    const auto exit = ended({"--help"});
    EXPECT_EQ(exit.status, 0);
    for (const char* word : {"-d,--dev",      "--map PATH",
                             "--map-id",      "--wait",
                             "--bpffs",       "-i,--interval",
                             "-n,--count",    "-1,--once",
                             "--format",      "--json",
                             "--per-cpu",     "--per-program",
                             "--since-start", "-q,--quiet",
                             "-v,--verbose",  "--version",
                             "-h,--help",     "Examples:",
                             "Exit status:",  "CSV columns",
                             "/sys/fs/bpf",   "--totals map|lifetime|session"}) {
        EXPECT_THAT(exit.message, HasSubstr(word));
    }
}

TEST(StatsOptions, VersionNamesTheProgram) {
    const auto exit = ended({"--version"});
    EXPECT_EQ(exit.status, 0);
    EXPECT_THAT(exit.message, testing::MatchesRegex("xdp_stats [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace tally::stats
