// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/error_report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tally {
namespace {

using Json = nlohmann::json;

Error an_error() {
    return make_error(ErrorKind::kConflict, "loading on 'veth0'", "the hook is taken");
}

TEST(FormatError, IsOneLineWhereThereIsNoMoreToSay) {
    EXPECT_EQ(format_error("xdp_loader", an_error(), false),
              "xdp_loader: loading on 'veth0': the hook is taken\n");
}

TEST(FormatError, LeavesOutAReasonThatThereIsNot) {
    EXPECT_EQ(format_error("xdp_stats", make_error(ErrorKind::kUsage, "which device?"), false),
              "xdp_stats: which device?\n");
}

TEST(FormatError, IndentsDetailsAndEndsWithTheHint) {
    const auto error = an_error().with_details("first\nsecond\n").with_hint("try `--force`");
    EXPECT_EQ(format_error("xdp_loader", error, false),
              "xdp_loader: loading on 'veth0': the hook is taken\n  first\n  second\nhint: try `--force`\n");
}

TEST(FormatError, EachHintHasALineOfItsOwn) {
    EXPECT_EQ(format_error("p", make_error(ErrorKind::kSystem, "w").with_hint("one;\ntwo"), false),
              "p: w\nhint: one;\nhint: two\n");
}

TEST(FormatError, KeepsEmptyLinesOfTheDetails) {
    EXPECT_EQ(format_error("p", make_error(ErrorKind::kSystem, "w").with_details("a\n\nb"), false),
              "p: w\n  a\n  \n  b\n");
}

TEST(FormatError, LetsNothingThroughThatSteersATerminal) {
    const auto error = make_error(ErrorKind::kSystem, "reading \x1b[2J", "bad\nline")
                           .with_details("detail\x1b]0;t\x07")
                           .with_hint("do\rthis");
    const auto text = format_error("p", error, false);
    EXPECT_EQ(text.find_first_of("\x1b\x07\r"), std::string::npos) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << "message, detail, hint: " << text;
}

TEST(FormatErrorAsJson, IsOneObjectOnOneLine) {
    const auto error = an_error().with_details("first\nsecond").with_hint("try");
    const auto text = format_error("xdp_loader", error, true);
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    const Json expected = {{"schema", 1},
                           {"program", "xdp_loader"},
                           {"error",
                            {{"status", 5},
                             {"kind", "conflict"},
                             {"message", "loading on 'veth0': the hook is taken"},
                             {"details", "first\nsecond"},
                             {"hint", "try"}}}};
    EXPECT_EQ(Json::parse(text), expected);
}

TEST(FormatErrorAsJson, SaysNullForWhatThereIsNot) {
    const auto error = Json::parse(format_error("p", an_error(), true)).at("error");
    EXPECT_TRUE(error.at("details").is_null());
    EXPECT_TRUE(error.at("hint").is_null());
}

TEST(FormatErrorAsJson, HasAStatusAndANameForEveryKind) {
    const std::vector<std::pair<ErrorKind, std::string>> kinds = {{ErrorKind::kSystem, "system"},
                                                                  {ErrorKind::kUsage, "usage"},
                                                                  {ErrorKind::kPermission, "permission"},
                                                                  {ErrorKind::kNotFound, "not_found"},
                                                                  {ErrorKind::kConflict, "conflict"}};
    for (const auto& [kind, name] : kinds) {
        const auto error = Json::parse(format_error("p", make_error(kind, "w"), true)).at("error");
        EXPECT_EQ(error.at("status"), exit_status(kind));
        EXPECT_EQ(error.at("kind"), name);
    }
    EXPECT_EQ(Json::parse(format_error("p", make_error(ErrorKind::kUnmet, "w"), true))["error"]["status"], 6);
}

TEST(FormatErrorAsJson, IsValidWhateverTheTextHolds) {
    const auto error =
        make_error(ErrorKind::kSystem, "quote \" backslash \\ escape \x1b", "\xff\xfe no UTF-8");
    EXPECT_FALSE(Json::parse(format_error("p", error, true), nullptr, false).is_discarded());
}

}  // namespace
}  // namespace tally
