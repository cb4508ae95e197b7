// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/command_line.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tally {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr OptionRow kRows[] = {
    {.short_name = "-h", .name = "--help", .help = "List the options"},
    {.name = "--version", .help = "Print the version"},
    {.short_name = "-d", .name = "--dev", .argument = "IFACE", .repeatable = true, .help = "Interface"},
    {.name = "--root", .argument = "DIR", .value = "/root", .help = "Directory"},
    {.group = "Other",
     .name = "--mode",
     .argument = "a|b|c",
     .completion = Completion::kWords,
     .help = "Mode"},
    {.group = "Other",
     .short_name = "-q",
     .name = "--quiet",
     .excludes = {{"--mode --run", "it would say nothing"}},
     .help = "Quiet"},
    {.group = "Other", .name = "--keep", .needs = "--unload --run", .help = "Keep"},
    {.group = "Other", .short_name = "-U", .name = "--unload", .argument = "[ID]", .help = "Unload"},
    {.group = "Other", .name = "--run", .argument = "-- COMMAND", .help = "Run"},
};
constexpr OptionPointer kRemoved[] = {{"--old", "--mode does it"}};
constexpr OptionPointer kHabits[] = {{"--iface -i", "--dev names it"}};
constexpr CommandWord kCommands[] = {{"load attach", ""}, {"unload", "--unload"}};
constexpr Program kProgram = {"tool", "1.2",    "Does something.", "Examples: none",
                              kRows,  kRemoved, kHabits,           kCommands};

using Parsed = ParsedOptions<kRows>;

Result<std::optional<Parsed>> as_they_are(const Parsed& words) {
    return std::optional(words);
}

std::variant<std::optional<Parsed>, EarlyExit> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "tool");
    return read_command_line(kProgram, static_cast<int>(arguments.size()), arguments.data(), as_they_are);
}

Parsed parsed(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    if (const auto* exit = std::get_if<EarlyExit>(&result)) {
        ADD_FAILURE() << exit->message;
        return Parsed({std::vector<std::vector<std::string>>(std::size(kRows)), {}});
    }
    return *std::get<std::optional<Parsed>>(std::move(result));
}

std::string refused(const std::vector<const char*>& arguments) {
    const auto result = parse(arguments);
    const auto* exit = std::get_if<EarlyExit>(&result);
    EXPECT_TRUE(exit != nullptr && exit->status == 2);
    return exit != nullptr ? exit->message : "accepted";
}

TEST(CommandLine, HasWhatWasGiven) {
    const auto words = parsed({"-d", "x", "--dev=y", "--dev", "-z", "-q", "--root", " "});
    EXPECT_THAT(words.values("--dev"), ElementsAre("x", "y", "-z"));
    EXPECT_TRUE(words.has("--quiet"));
    EXPECT_FALSE(words.has("--keep"));
    EXPECT_EQ(words.value("--root"), " ");
    EXPECT_EQ(words.value("--mode"), std::nullopt);
    EXPECT_THAT(words.command(), IsEmpty());
    EXPECT_EQ(parsed({}).value_or_default("--root"), "/root");
}

TEST(CommandLine, AValueInBracketsMayBeLeftOut) {
    EXPECT_EQ(parsed({"-U"}).value("--unload"), "");
    EXPECT_EQ(parsed({"--unload", "--keep"}).value("--unload"), "");
    EXPECT_EQ(parsed({"-U", "7"}).value("--unload"), "7");
    EXPECT_EQ(parsed({"--unload=7"}).value("--unload"), "7");
}

TEST(CommandLine, ACommandIsNotLookedInto) {
    EXPECT_THAT(parsed({"--run", "--", "ip", "--frob", "", "--dev=", "--"}).command(),
                ElementsAre("ip", "--frob", "", "--dev=", "--"));
    EXPECT_THAT(parsed({"--"}).command(), IsEmpty());
}

TEST(CommandLine, Refusals) {
    const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
        {{"--dev"}, "--dev has no value\n"},
        {{"--mode", "--dev", "x"}, "--mode needs a value: a, b or c\n"},
        {{"--dev", "-q"}, "--dev needs a value: IFACE\n"},
        {{"--dev", "--root=x"}, "--dev needs a value: IFACE\n"},
        {{"--dev="}, "--dev has no value\n"},
        {{"--root="}, "--root has no value\n"},
        {{"--root", ""}, "--root has no value\n"},
        {{"--dev", "x", "--dev", ""}, "--dev has no value\n"},
        {{"--quiet=yes"}, "--quiet takes no value\n"},
        {{"--quiet=false"}, "--quiet takes no value\n"},
        {{"--root", "a", "--root", "b"}, "--root is given more than once\n"},
        {{"--mode", "d"}, "--mode 'd': expected a, b or c\n"},
        {{"--frob"}, "unknown option --frob\n"},
        {{"--frob=3"}, "unknown option --frob\n"},
        {{"-x"}, "unknown option -x\n"},
        {{"--iface", "x"}, "unknown option --iface\nhint: --dev names it\n"},
        {{"-i=x"}, "unknown option -i\nhint: --dev names it\n"},
        {{"--qiet"}, "unknown option --qiet\nhint: did you mean --quiet?\n"},
        {{"--unl"}, "unknown option --unl\nhint: did you mean --unload?\n"},
        {{"x", "--qiet"}, "unknown option --qiet\n"},
        {{"stray"}, "unexpected argument 'stray'\nhint: did you mean `tool --dev stray`?\n"},
        {{"v0@v1"}, "unexpected argument 'v0@v1'\nhint: did you mean `tool --dev v0`?\n"},
        {{"a b"}, "unexpected argument 'a b'\nhint: did you mean `tool --dev 'a b'`?\n"},
        {{"load", "-q", "x"}, "unexpected argument 'load'\nhint: did you mean `tool -q --dev x`?\n"},
        {{"unload", "dev", "x"},
         "unexpected argument 'unload'\nhint: did you mean `tool --unload --dev x`?\n"},
        {{"--root", "load", "x"},
         "unexpected argument 'x'\nhint: did you mean `tool --root load --dev x`?\n"},
        {{"--dev", "x", "y"}, "unexpected argument 'y'\nhint: `tool --help`"},
        {{"--dev", "x", "lo"}, "unexpected argument 'lo'\nhint: did you mean `tool --dev x --dev lo`?\n"},
        {{"x", "unload"}, "unexpected argument 'x'\nhint: did you mean `tool --dev x --unload`?\n"},
        {{"x", "unlaod"}, "unexpected argument 'x'\nhint: `tool --help`"},
        {{"load", "unload"}, "unexpected argument 'load'\nhint: `tool --help`"},
        {{"-dev", "x"}, "unexpected argument 'x'\nhint: did you mean `tool --dev x`?\n"},
        {{"—dev", "x"}, "unexpected argument '—dev'\nhint: did you mean `tool --dev x`?\n"},
        {{"-quiet", "x"}, "unknown option -uiet\nhint: did you mean `tool --quiet --dev x`?\n"},
        {{"--keep", "x"}, "unexpected argument 'x'\nhint: `tool --help`"},
        {{"lo:"}, "unexpected argument 'lo:'\nhint: did you mean `tool --dev lo`?\n"},
        {{"x:"}, "unexpected argument 'x:'\nhint: did you mean `tool --dev x`?\n"},
        {{"--dev", "x", "unload"},
         "unexpected argument 'unload'\nhint: did you mean `tool --dev x --unload`?\n"},
        {{"--dev", "x", "--mode", "a", "b"}, "unexpected argument 'b'\nhint: --mode takes one value\n"},
        {{"--mode", "a", "b"}, "unexpected argument 'b'\nhint: --mode takes one value\n"},
        {{"--mode", "a", "x"}, "unexpected argument 'x'\nhint: did you mean `tool --mode a --dev x`?\n"},
        {{"--run", "sleep", "1"},
         "unexpected argument 'sleep'\nhint: did you mean `tool --run -- sleep 1`?\n"},
        {{"--dev", "x", "--run", "ip", "-s", "link", "--root", "a b"},
         "unexpected argument 'ip'\nhint: did you mean `tool --dev x --root 'a b' --run -- ip -s link`?\n"},
        {{""}, "unexpected argument ''\nhint: `tool --help`"},
        {{"--old"}, "--old is no longer an option\nhint: --mode does it\n"},
        {{"--old=3"}, "--old is no longer an option\n"},
        {{"--mode", "a", "-q"}, "--mode cannot be combined with --quiet: it would say nothing\n"},
        {{"-q", "--run", "--", "true"}, "--quiet cannot be combined with --run: it would say nothing\n"},
        {{"--keep"}, "--keep needs --unload or --run\n"},
        {{"--run"}, "--run needs a command: --run -- COMMAND\n"},
        {{"--", "true"}, "a command after -- needs --run\n"},
    };
    for (const auto& [arguments, message] : cases) {
        EXPECT_THAT(refused(arguments), StartsWith(std::string("tool: ") + message));
    }
}

TEST(CommandLine, WithoutAnOptionForItACommandIsRefused) {
    const Program program = {"tool", "1.2", "", "", std::span(kRows).first(4)};
    const std::vector<const char*> arguments = {"--dev", "x", "--", "--root"};
    const auto result = parse_words(program, arguments);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "unknown option --root");
}

TEST(CommandLine, HelpShowsTheTable) {
    const auto result = parse({"--dev", "x", "-h"});
    ASSERT_TRUE(std::holds_alternative<EarlyExit>(result));
    const auto& exit = std::get<EarlyExit>(result);
    EXPECT_EQ(exit.status, 0);
    EXPECT_THAT(exit.message, StartsWith("Does something.\nUsage: tool [OPTIONS]\n\nOptions:\n"
                                         "  -h,--help                       List the options\n"
                                         "  --version                       Print the version\n"
                                         "  -d,--dev IFACE                  Interface\n"
                                         "  --root DIR (/root)              Directory\n\nOther:\n"));
    EXPECT_THAT(exit.message, HasSubstr("\n  --run -- COMMAND                Run\n"));
    EXPECT_THAT(exit.message, HasSubstr("\n\nExamples: none\n"));
}

TEST(CommandLine, Version) {
    const auto result = parse({"--version"});
    ASSERT_TRUE(std::holds_alternative<EarlyExit>(result));
    EXPECT_EQ(std::get<EarlyExit>(result).message, "tool 1.2\n");
}

TEST(CommandLine, NumbersAreDecimalAndWhole) {
    EXPECT_EQ(parse_number<std::uint32_t>("4294967295"), 4294967295U);
    for (const char* text : {"", "-1", "+1", "1 ", " 1", "0x1", "1.0", "4294967296", "one"}) {
        EXPECT_EQ(parse_number<std::uint32_t>(text), std::nullopt) << text;
    }
}

TEST(OptionTable, OptionsExcludeEachOtherWhicheverSaysSo) {
    const auto row = [](std::string_view name) { return kRows[find_row(kRows, name)]; };
    EXPECT_TRUE(exclude_each_other(row("--quiet"), row("--mode")));
    EXPECT_TRUE(exclude_each_other(row("--mode"), row("--quiet")));
    EXPECT_FALSE(exclude_each_other(row("--mode"), row("--run")));
    EXPECT_FALSE(exclude_each_other(row("--quiet"), row("--quiet")));
    EXPECT_EQ(why_excluded(row("--mode"), row("--quiet")), "it would say nothing");
    EXPECT_EQ(why_excluded(row("--mode"), row("--run")), "");
}

}  // namespace
}  // namespace tally
