// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/options.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/options/hint_sweep.h"
#include "common/options/other_program.h"
#include "loader/option_table.h"
#include "stats/option_table.h"

namespace tally::loader {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::variant<Options, EarlyExit> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "xdp_loader");
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

EarlyExit refused(const std::vector<const char*>& arguments) {
    auto result = parse(arguments);
    if (std::holds_alternative<Options>(result)) {
        ADD_FAILURE() << "accepted";
        return {};
    }
    return std::get<EarlyExit>(result);
}

std::vector<std::string> names(const Options& options) {
    std::vector<std::string> names;
    for (const auto& device : options.devices) {
        names.push_back(device.name);
    }
    return names;
}

TEST(LoaderOptions, DefaultIsToLoadThePassingProgramInAutoMode) {
    const auto options = parsed({"--dev", "veth0"});
    EXPECT_EQ(options.verb, Verb::kLoad);
    EXPECT_THAT(names(options), ElementsAre("veth0"));
    EXPECT_EQ(options.load.program.action, Action::kPass);
    EXPECT_EQ(options.load.mode, ModeChoice::kAuto);
    EXPECT_EQ(options.bpffs, "/sys/fs/bpf");
    EXPECT_FALSE(options.load.reuse_maps || options.load.force || options.dry_run || options.json);
}

TEST(LoaderOptions, WhatWasMeantIsSaid) {
    EXPECT_THAT(refused({"--load", "--dev", "a"}).message,
                HasSubstr("hint: loading is what `xdp_loader --dev IFACE` does without a verb\n"));
    EXPECT_THAT(refused({"--attach", "--dev", "a"}).message,
                HasSubstr("--attach needs a value: auto, dispatcher or link\n"));
    EXPECT_THAT(refused({"-d", "a", "--action", "drop", "pass"}).message,
                HasSubstr("unexpected argument 'pass'\nhint: --action takes one value\n"));
    EXPECT_THAT(refused({}).message, HasSubstr("--dev IFACE is required\nhint: `xdp_loader --status` shows"));
}

TEST(LoaderOptions, PathsHoldInEveryDirectory) {
    const std::string here = std::filesystem::current_path();
    const auto options = parsed({"-d", "a", "--bpffs", "bpf/", "--netns", "./ns"});
    EXPECT_EQ(options.bpffs, here + "/bpf");
    EXPECT_EQ(options.netns, here + "/ns");
    EXPECT_EQ(parsed({"-d", "a", "--bpffs", "../bpf"}).bpffs, here + "/../bpf");
    const auto others = parsed({"-d", "a", "--bpffs", "/mnt/bpf", "--netns", "red"});
    EXPECT_EQ(others.bpffs, "/mnt/bpf");
    EXPECT_EQ(others.netns, "red");
}

TEST(LoaderOptions, TheHookIsSharedOrHeld) {
    EXPECT_EQ(parsed({"-d", "a"}).load.attach, AttachChoice::kAuto);
    EXPECT_EQ(parsed({"-d", "a", "--attach", "link"}).load.attach, AttachChoice::kLink);
    const auto options =
        parsed({"-d", "a", "--attach", "dispatcher", "--prio", "20", "--chain-actions", "pass,XDP_DROP"});
    EXPECT_EQ(options.load.attach, AttachChoice::kDispatcher);
    EXPECT_EQ(options.load.priority, 20U);
    EXPECT_EQ(options.load.chain_actions, (1U << 2) | (1U << 1));
    EXPECT_EQ(parsed({"-d", "a", "--chain-actions", "none"}).load.chain_actions, 0U);
    EXPECT_EQ(parsed({"-d", "a"}).load.chain_actions, std::nullopt);
}

TEST(LoaderOptions, APlaceInADispatcherIsForDispatchers) {
    EXPECT_THAT(refused({"-d", "a", "--attach", "link", "--prio", "20"}).message, HasSubstr("--prio"));
    EXPECT_THAT(refused({"-d", "a", "--offload-mode", "--chain-actions", "pass"}).message,
                HasSubstr("--chain-actions"));
    EXPECT_THAT(
        refused({"-d", "a", "--attach", "dispatcher", "--offload-mode"}).message,
        HasSubstr("--offload-mode cannot be combined with --attach: a network card takes a program by"));
    for (const char* option : {"--attach=dispatcher", "--attach=auto", "--prio=5", "--chain-actions=pass"}) {
        const std::string name = std::string(option).substr(0, std::string(option).find('='));
        const auto spelled = refused({"-d", "a", "--mode", "hw", option}).message;
        EXPECT_THAT(spelled, HasSubstr("--mode hw cannot be combined with " + name + ": a network card "));
        EXPECT_EQ(spelled.substr(spelled.rfind(": ")),
                  refused({"-d", "a", "--offload-mode", option})
                      .message.substr(refused({"-d", "a", "--offload-mode", option}).message.rfind(": ")));
    }
    EXPECT_THAT(refused({"-d", "a", "--unload", "--attach", "link"}).message, HasSubstr("--attach"));
    EXPECT_THAT(refused({"-d", "a", "--chain-actions", "pass,"}).message, HasSubstr("aborted, drop"));
    EXPECT_THAT(refused({"-d", "a", "--chain-actions", "pass,accept"}).message, HasSubstr("pass,accept"));
    EXPECT_THAT(refused({"-d", "a", "--prio", "-1"}).message, HasSubstr("--prio"));
}

TEST(LoaderOptions, ObservingAttachesNothingAndReplacesNothing) {
    EXPECT_EQ(parsed({"-d", "a", "--observe"}).verb, Verb::kObserve);
    EXPECT_TRUE(parsed({"-d", "a", "--observe", "--dry-run"}).dry_run);
    EXPECT_FALSE(parsed({"-d", "a", "--observe"}).follow);
    EXPECT_TRUE(parsed({"-d", "a", "--observe", "--follow"}).follow);
    EXPECT_TRUE(parsed({"-d", "a", "--observe", "--follow", "--json"}).json);
    EXPECT_THAT(refused({"--observe"}).message, HasSubstr("--dev"));
    for (const std::vector<const char*>& option : {std::vector<const char*>{"--action", "drop"},
                                                   {"--filename", "f.o"},
                                                   {"--reuse-maps"},
                                                   {"--force"},
                                                   {"--attach", "link"},
                                                   {"--prio", "1"},
                                                   {"--chain-actions", "none"},
                                                   {"--native-mode"},
                                                   {"--skb-mode"},
                                                   {"--offload-mode"},
                                                   {"--auto-mode"},
                                                   {"--keep-maps"},
                                                   {"--unload"},
                                                   {"--status"},
                                                   {"--clean"}}) {
        std::vector<const char*> arguments = {"-d", "a", "--observe"};
        arguments.insert(arguments.end(), option.begin(), option.end());
        EXPECT_THAT(refused(arguments).message, HasSubstr(option.front()));
    }
}

TEST(LoaderOptions, ADeviceMayNameItsNamespace) {
    const auto options = parsed({"-d", "red/a", "-d", "b"});
    ASSERT_EQ(options.devices.size(), 2U);
    EXPECT_EQ(options.devices[0].netns, "red");
    EXPECT_EQ(options.devices[0].name, "a");
    EXPECT_EQ(options.devices[1].netns, std::nullopt);
    EXPECT_EQ(parsed({"-d", "red/a", "--netns", "red"}).devices.front().netns, "red");
    EXPECT_THAT(refused({"-d", "red/a", "--netns", "blue"}).message,
                HasSubstr("different network namespaces"));
}

TEST(LoaderOptions, ModesAsXdpLoaderSpellsThem) {
    EXPECT_EQ(parsed({"-d", "a", "-m", "native"}).load.mode, ModeChoice::kNative);
    EXPECT_EQ(parsed({"-d", "a", "--mode", "skb"}).load.mode, ModeChoice::kGeneric);
    EXPECT_EQ(parsed({"-d", "a", "--mode=hw"}).load.mode, ModeChoice::kOffload);
    EXPECT_THAT(refused({"-d", "a", "-m", "skb", "-N"}).message,
                HasSubstr("--native-mode cannot be combined with --mode: a program is attached in one mode"));
}

TEST(LoaderOptions, VerdictsInAnySpelling) {
    for (const char* drop : {"drop", "DROP", "Drop", "XDP_DROP", "xdp_drop"}) {
        EXPECT_EQ(parsed({"-d", "a", "--action", drop}).load.program.action, Action::kDrop) << drop;
    }
    EXPECT_EQ(parsed({"-d", "a", "--chain-actions", "XDP_Pass,drop"}).load.chain_actions, 6U);
    EXPECT_EQ(parsed({"-d", "a", "--chain-actions", "None"}).load.chain_actions, 0U);
}

TEST(LoaderOptions, AnIdThatIsAnInterfaceHasAPointer) {
    EXPECT_THAT(refused({"-U", "v0"}).message, HasSubstr("\nhint: did you mean `xdp_loader -U --dev v0`?\n"));
    EXPECT_THAT(refused({"--netns", "red", "--unload", "v0"}).message,
                HasSubstr("\nhint: did you mean `xdp_loader --netns red --unload --dev v0`?\n"));
    EXPECT_THAT(refused({"--unload", "all"}).message, HasSubstr("\nhint: for every interface that has pins"));
    EXPECT_THAT(refused({"-U", "7a"}).message, HasSubstr("\nhint: `xdp_loader --help` lists the options\n"));
}

bool loads(const Options& options, const std::string& device) {
    return options.verb == Verb::kLoad &&
           std::any_of(options.devices.begin(), options.devices.end(),
                       [&](const NamedDevice& each) { return each.name == device; });
}

// Of what was typed: loading is a word of it, or a file, or it names interfaces and nothing else.
bool asks_for_load(const std::vector<std::string>& line) {
    bool only_devices = true;
    bool is_value = false;
    for (const auto& word : line) {
        if (word == "load" || word == "attach" || word.ends_with(".o")) {
            return true;
        }
        only_devices &= is_value || word.starts_with("--") || word.ends_with("dev") || word == "red" ||
                        word.starts_with("lo") || word.find("veth0") <= 4;
        is_value = word.ends_with("dev");
    }
    return only_devices;
}

TEST(LoaderOptions, ACommandThatIsMeantIsOneAndLoadsOnlyWhereThatWasAskedFor) {
    sweep_hints("xdp_loader", {{}, {"--dev", "lo"}, {"--unload"}, {"--netns", "red"}}, parse,
                [](const auto& line, const auto& meant, const auto& result) {
                    const auto* const options = std::get_if<Options>(&result);
                    EXPECT_TRUE(options == nullptr || asks_for_load(line) ||
                                !(loads(*options, "lo") || loads(*options, "veth0")))
                        << testing::PrintToString(line) << testing::PrintToString(meant);
                });
}

TEST(LoaderOptions, ACommandIsFoundWhereverItStands) {
    const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
        {{"veth0", "unload"}, "did you mean `xdp_loader --dev veth0 --unload`?"},
        {{"veth0", "status"}, "did you mean `xdp_loader --dev veth0 --status`?"},
        {{"veth0", "detach"}, "did you mean `xdp_loader --dev veth0 --unload`?"},
        {{"veth0", "stop"}, "did you mean `xdp_loader --dev veth0 --unload`?"},
        {{"veth0", "clean"}, "did you mean `xdp_loader --dev veth0 --clean`?"},
        {{"veth0", "watch"}, "the counters are shown by `xdp_stats --dev IFACE`\n"},
        {{"veth0", "drop"}, "`--action` is the verdict of the built-in program\n"},
        {{"--dev", "veth0", "drop"}, "`--action` is the verdict of the built-in program\n"},
        {{"veth0", "unlaod"}, "`xdp_loader --help` lists the options\n"},
        {{"unlaod", "lo"}, "`xdp_loader --help` lists the options\n"},
        {{"features", "veth0"}, "did you mean `xdp_loader --features --dev veth0`?"},
        {{"run", "veth0", "--", "ip", "-s"}, "did you mean `xdp_loader --run --dev veth0 -- ip -s`?"},
        {{"--run", "veth0", "--", "true"}, "did you mean `xdp_loader --run --dev veth0 -- true`?"},
        {{"status", "all"}, "`--status` and `--clean` mean every interface where no --dev is given\n"},
        {{"unload"}, "for every interface that has pins of xdp_loader: `xdp_loader --status --json | jq"},
    };
    for (const auto& [arguments, hint] : cases) {
        EXPECT_THAT(refused(arguments).message, HasSubstr(std::string("\nhint: ") + hint))
            << testing::PrintToString(arguments);
    }
}

TEST(LoaderOptions, DashesOfWebPagesAreDashes) {
    for (const std::vector<const char*>& typed : {std::vector<const char*>{"–-dev", "veth0"},
                                                  {"—dev", "veth0"},
                                                  {"−−dev", "veth0"},
                                                  {"-dev", "veth0"}}) {
        EXPECT_THAT(refused(typed).message, HasSubstr("\nhint: did you mean `xdp_loader --dev veth0`?\n"));
    }
    EXPECT_THAT(refused({"–d", "a", "-unload"}).message,
                HasSubstr("\nhint: did you mean `xdp_loader -d a --unload`?\n"));
    EXPECT_THAT(refused({"—dev=a"}).message, HasSubstr("\nhint: did you mean `xdp_loader --dev=a`?\n"));
}

TEST(LoaderOptions, WhatWouldBeRefusedAgainIsNoHint) {
    EXPECT_THAT(refused({"--action", "redirect", "veth0"}).message,
                HasSubstr("\nhint: `xdp_loader --help` lists the options\n"));
}

TEST(LoaderOptions, WhatOtherToolsHaveIsPointedTo) {
    const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
        {{"load", "-m", "skb", "eth0", "prog.o"}, "`xdp_loader -m skb --dev eth0 --filename prog.o`"},
        {{"unload", "eth0"}, "`xdp_loader --unload --dev eth0`"},
        {{"status"}, "`xdp_loader --status`"},
        {{"--reset"}, "a load without --reuse-maps starts new maps"},
        {{"--iface", "eth0"}, "`--dev IFACE`"},
        {{"--detach"}, "`--unload`"},
        {{"--pin-path", "/x"}, "`--bpffs DIR`"},
        {{"--prog-name", "x"}, "`--progname NAME`"},
        {{"--list"}, "`--status`"},
        {{"--watch"}, "`xdp_stats --dev IFACE`"},
        {{"--reuse"}, "`--reuse-maps`"},
        {{"--unlaod"}, "did you mean --unload?"},
    };
    for (const auto& [arguments, hint] : cases) {
        const auto exit = refused(arguments);
        EXPECT_EQ(exit.status, 2);
        EXPECT_THAT(exit.message, testing::ContainsRegex("\nhint: ")) << arguments.front();
        EXPECT_THAT(exit.message, HasSubstr(hint)) << arguments.front();
    }
}

TEST(LoaderOptions, OptionsOfTheReaderAreKnownForThat) {
    // What the same word means to who loads.
    const std::map<std::string, const char*> better = {
        {"-i", "`--dev IFACE` names the interface"},
        {"-n", "`--progname NAME` chooses the program in a file"},
        {"-a", "mean every interface where no --dev is given"},
        {"--all", "mean every interface where no --dev is given"},
        {"-b", "`--status` without --dev has a line for each interface"},
        {"--brief", "`--status` without --dev has a line for each interface"},
    };
    const auto names = names_of_the_other(stats::kOptionRows, kOptionRows);
    EXPECT_THAT(names, testing::IsSupersetOf({"--expect", "--map", "-1"}));
    for (const auto& name : names) {
        const auto other = better.find(name);
        EXPECT_THAT(
            refused({"--dev", "veth0", name.c_str()}).message,
            testing::AllOf(testing::StartsWith("xdp_loader: unknown option " + name + "\nhint: "),
                           HasSubstr(other == better.end() ? "`xdp_stats --dev IFACE`" : other->second)));
    }
}

TEST(LoaderOptions, DevMayBeRepeatedInBothSpellings) {
    EXPECT_THAT(names(parsed({"-d", "a", "--dev", "b", "--dev=c"})), ElementsAre("a", "b", "c"));
}

TEST(LoaderOptions, TheTutorialsSpellingsWork) {
    const auto options = parsed({"--dev", "veth0", "--skb-mode", "--force", "--reuse-maps", "--quiet",
                                 "--filename", "prog.o", "--progname", "my_filter"});
    EXPECT_EQ(options.load.mode, ModeChoice::kGeneric);
    EXPECT_TRUE(options.load.force && options.load.reuse_maps && options.quiet);
    EXPECT_EQ(options.load.program.filename, "prog.o");
    EXPECT_EQ(options.load.program.progname, "my_filter");
    EXPECT_EQ(parsed({"-d", "a", "-N"}).load.mode, ModeChoice::kNative);
    EXPECT_EQ(parsed({"-d", "a", "-A"}).load.mode, ModeChoice::kAuto);
    EXPECT_EQ(parsed({"-d", "a", "-S", "-U"}).verb, Verb::kUnload);
}

TEST(LoaderOptions, UnloadTakesAnIdOrNone) {
    EXPECT_FALSE(parsed({"--dev", "a", "--unload"}).unload_id.has_value());
    EXPECT_FALSE(parsed({"-U", "--dev", "a"}).unload_id.has_value());
    EXPECT_EQ(parsed({"--dev", "a", "-U", "42"}).unload_id, 42U);
    EXPECT_EQ(parsed({"--dev", "a", "--unload=4294967295"}).unload_id, 4294967295U);
    for (const char* wrong : {"0", "-1", "x", "4294967296", "4 2"}) {
        EXPECT_EQ(refused({"--dev", "a", "--unload", wrong}).status, 2) << wrong;
    }
}

TEST(LoaderOptions, StatusAndCleanNeedNoDevice) {
    EXPECT_EQ(parsed({"--status"}).verb, Verb::kStatus);
    EXPECT_EQ(parsed({"--clean"}).verb, Verb::kClean);
}

TEST(LoaderOptions, RunTakesEverythingBehindTheDashesAsItIs) {
    const auto options = parsed(
        {"-d", "a", "-d", "b", "--run", "--keep-maps", "-S", "--", "ip", "--json", "", "--dev=", "--", "x"});
    EXPECT_EQ(options.verb, Verb::kRun);
    EXPECT_THAT(names(options), ElementsAre("a", "b"));
    EXPECT_THAT(options.command, ElementsAre("ip", "--json", "", "--dev=", "--", "x"));
    EXPECT_TRUE(options.keep_maps);
    EXPECT_FALSE(options.json);
    EXPECT_EQ(options.load.mode, ModeChoice::kGeneric);
}

TEST(LoaderOptions, RunHasNoJsonBecauseStdoutIsTheCommands) {
    const auto exit = refused({"--dev", "a", "--json", "--run", "--", "true"});
    EXPECT_EQ(exit.status, 2);
    EXPECT_THAT(exit.message, HasSubstr("--run cannot be combined with --json"));
}

TEST(LoaderOptions, QuietLeavesNothingOutOfADocument) {
    EXPECT_THAT(
        refused({"--dev", "a", "--json", "--quiet"}).message,
        HasSubstr("--json cannot be combined with --quiet: what was asked for is all that is printed"));
}

TEST(LoaderOptions, MapsThatStartEmptyAreNamed) {
    const auto options = parsed({"-d", "a", "--reuse-maps", "--new-map", "xdp_stats_map", "--new-map=flows"});
    EXPECT_TRUE(options.load.reuse_maps);
    EXPECT_THAT(options.load.new_maps, ElementsAre("xdp_stats_map", "flows"));
    EXPECT_THAT(refused({"-d", "a", "--new-map", "flows"}).message,
                HasSubstr("--new-map needs --reuse-maps"));
}

TEST(LoaderOptions, MigrateHasAPointer) {
    for (const std::vector<const char*>& arguments :
         {std::vector<const char*>{"-d", "a", "--migrate"}, {"--migrate", "--filename", "f", "-d", "a"}}) {
        const auto exit = refused(arguments);
        EXPECT_EQ(exit.status, 2);
        EXPECT_EQ(
            exit.message,
            "xdp_loader: --migrate is no longer an option\n"
            "hint: `--reuse-maps --new-map NAME` starts that map empty and keeps the others; totals are "
            "carried across maps\n");
    }
}

TEST(LoaderOptions, WordsBecomeChoices) {
    EXPECT_EQ(parsed({"-d", "a", "--action", "drop"}).load.program.action, Action::kDrop);
    EXPECT_EQ(parsed({"-d", "a", "--action=aborted"}).load.program.action, Action::kAborted);
    EXPECT_EQ(parsed({"-d", "a", "--action", "tx"}).load.program.action, Action::kTx);
    EXPECT_EQ(parsed({"-d", "a", "--action", "redirect", "--redirect-to", "b"}).load.program.action,
              Action::kRedirect);
    EXPECT_THAT(refused({"-d", "a", "--action", "reject"}).message,
                HasSubstr("--action 'reject': expected pass, drop, aborted, tx or redirect"));
    EXPECT_THAT(refused({"-d", "a", "--attach", "both"}).message,
                HasSubstr("expected auto, dispatcher or link"));
}

TEST(LoaderOptions, TestRunNeedsNoDevice) {
    const auto options = parsed({"--test-run", "100"});
    EXPECT_EQ(options.verb, Verb::kTryRun);
    EXPECT_EQ(options.try_run, "100");
    EXPECT_EQ(options.load.program.action, Action::kPass);
    const auto own = parsed({"--test-run=trace.pcap", "--filename", "f", "--progname", "p", "--json"});
    EXPECT_EQ(own.try_run, "trace.pcap");
    EXPECT_EQ(own.load.program.progname, "p");
    EXPECT_TRUE(own.json);
    EXPECT_EQ(
        parsed({"--test-run", "1", "--action", "redirect", "--redirect-to", "b"}).load.program.redirect_to,
        "b");
}

TEST(LoaderOptions, ListProgramsNeedsNothingButAFile) {
    const auto options = parsed({"--list-programs", "--filename", "f"});
    EXPECT_EQ(options.verb, Verb::kListPrograms);
    EXPECT_EQ(options.load.program.filename, "f");
}

TEST(LoaderOptions, FeaturesAreThoseOfAllInterfacesWhereNoneIsNamed) {
    EXPECT_EQ(parsed({"--features"}).verb, Verb::kFeatures);
    EXPECT_THAT(names(parsed({"--features"})), testing::IsEmpty());
    EXPECT_EQ(parsed({"--features", "--netns", "red"}).netns, "red");
    EXPECT_THAT(names(parsed({"--features", "-d", "a", "-d", "red/b", "--json"})), ElementsAre("a", "b"));
}

TEST(LoaderOptions, UsageErrorsAreJsonWhereJsonIsAskedFor) {
    for (const std::vector<const char*>& arguments :
         {std::vector<const char*>{"--json", "--nonsense"}, {"--nonsense", "--json"}, {"--json"}}) {
        const auto exit = refused(arguments);
        EXPECT_EQ(exit.status, 2);
        EXPECT_THAT(exit.message, testing::StartsWith(R"({"schema":1,"program":"xdp_loader","error":{)"));
    }
}

TEST(LoaderOptions, ContradictionsAreUsageErrors) {
    const std::vector<std::vector<const char*>> wrong = {
        {},
        {"--unload"},
        {"--dev", "a", "--status", "--unload"},
        {"--dev", "a", "--status", "--clean"},
        {"--dev", "a", "-N", "-S"},
        {"--dev", "a", "-A", "-S"},
        {"--dev", "a", "-q", "-v"},
        {"--dev", "a", "--action", "explode"},
        {"--dev", "a", "--action", "redirect"},
        {"--dev", "a", "--redirect-to", "b"},
        {"--dev", "a", "--progname", "x"},
        {"--dev", "a", "--filename", "f", "--action", "drop"},
        {"--dev", "a", "--keep-maps"},
        {"--dev", "a", "--unload", "-M"},
        {"--dev", "a", "--unload", "--force"},
        {"--dev", "a", "--force", "--run", "--", "true"},
        {"--dev", "a", "--status", "--dry-run"},
        {"--dev", "a", "--attach", "link", "--offload-mode"},
        {"--list-programs", "--filename", "f", "-q"},
        {"--dev", "a", "--follow"},
        {"--dev", "a", "--observe", "--follow", "--dry-run"},
        {"--dev", "a", "--bpffs", ""},
        {"--dev", "a", "--filename", ""},
        {"--dev", "a", "--filename", "f", "--progname", ""},
        {"--dev", "a", "--nonsense"},
        {"--dev", "a", "stray"},
        {"--dev"},
        {"--dev", "a", "--run"},
        {"--dev", "a", "--run", "--"},
        {"--dev", "a", "--run", "true"},
        {"--run", "--", "true"},
        {"--dev", "a", "--", "true"},
        {"--dev", "a", "--status", "--", "true"},
        {"--dev", "a", "--unload", "--run", "--", "true"},
        {"--dev", "a", "--dry-run", "--run", "--", "true"},
        {"--test-run", "1", "--run", "--", "true"},
        {"--test-run"},
        {"--test-run="},
        {"--test-run", "1", "--dev", "a"},
        {"--test-run", "1", "--netns", "red"},
        {"--test-run", "1", "-M"},
        {"--test-run", "1", "-S"},
        {"--test-run", "1", "--dry-run"},
        {"--test-run", "1", "--keep-maps"},
        {"--test-run", "1", "--status"},
        {"--test-run", "1", "--action", "redirect"},
        {"--test-run", "1", "--", "true"},
        {"--features", "--status"},
        {"--features", "--dry-run"},
        {"--features", "--native-mode"},
        {"--features", "--filename", "f"},
        {"--features", "--bpffs", "/mnt"},
        {"--list-programs"},
        {"--list-programs", "--filename", "f", "--dev", "a"},
        {"--list-programs", "--filename", "f", "--test-run", "1"},
    };
    for (const auto& arguments : wrong) {
        const auto exit = refused(arguments);
        EXPECT_EQ(exit.status, 2) << testing::PrintToString(arguments);
        EXPECT_THAT(exit.message, testing::StartsWith("xdp_loader: ")) << testing::PrintToString(arguments);
        EXPECT_THAT(exit.message, HasSubstr("\nhint: "));
    }
}

TEST(LoaderOptions, HelpAndVersionEndWithZero) {
    const auto help = refused({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const char* option :
         {"--dev", "--action", "--reuse-maps", "--unload", "--status", "--clean", "--dry-run", "--run",
          "--test-run", "--list-programs", "--new-map", "--follow", "--features"}) {
        EXPECT_THAT(help.message, HasSubstr(option));
    }
    EXPECT_EQ(refused({"-V"}).message, refused({"--version"}).message);
    const auto version = refused({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.message, testing::StartsWith("xdp_loader "));
}

}  // namespace
}  // namespace tally::loader
