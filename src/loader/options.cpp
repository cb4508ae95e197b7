// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/base/error.h"
#include "common/base/result.h"
#include "common/base/shell_word.h"
#include "common/options/command_line.h"
#include "common/pins/bpffs.h"
#include "loader/option_table.h"

namespace tally::loader {
namespace {

using Given = ParsedOptions<kOptionRows>;

constexpr const char* kDescription =
    "Attaches an XDP program that counts packets and bytes per verdict, and pins its maps in bpffs.";
constexpr const char* kFooter = R"(Examples:
  xdp_loader --dev veth0                      count everything, pass everything
  xdp_loader --dev veth0 --action drop        replace it: drop, new counters from zero
  xdp_loader --dev veth0 -M --action pass     replace it again, the counters go on
  xdp_loader --dev veth0 --filename prog.o --progname my_filter
  xdp_loader --status                         what is attached and pinned, on every device
  xdp_loader --dev veth0 --unload             detach, remove the pins
  xdp_loader --dev veth0 --observe            count what somebody else's program there does
  xdp_loader --dev veth0 --run -- ./test.sh   detached when test.sh ends, however it ends
  xdp_loader --test-run trace.pcap --filename prog.o     its verdicts, without attaching it
  xdp_loader --track-delivery                 count whether redirected packets arrive, on every device
  xdp_stats --dev veth0                       (the other program) watch the counters

Exit status: 0 done, 1 the system refused, 2 usage, 3 permission or capability missing,
4 not found, 5 conflict with another program or another map layout.
)";

constexpr OptionPointer kRemovedOptions[] = {
    {"--migrate",
     "`--reuse-maps --new-map NAME` starts that map empty and keeps the others; totals are carried across "
     "maps"},
};

// Of ip, bpftool, ethtool, xdp-loader and the tutorial's programs.
constexpr OptionPointer kHabits[] = {
    {"--interface --iface --ifname --device -i", "`--dev IFACE` names the interface"},
    {"--load --add --set", "loading is what `xdp_loader --dev IFACE` does without a verb"},
    {"--detach --remove --delete --off --unload-all", "`--unload` detaches the program and removes its pins"},
    {"--list --show --info -l", "`--status` shows what is attached and pinned"},
    {"--brief --summary --table -b", "`--status` without --dev has a line for each interface"},
    {"--reset --zero --clear",
     "a load without --reuse-maps starts new maps; `xdp_stats --totals session` counts from its own start"},
    {"--reuse --keep --reuse-map", "`--reuse-maps` keeps the maps of the previous load"},
    {"--prog --prog-name --program --function --func -n", "`--progname NAME` chooses the program in a file"},
    {"--sec -s", "`--section NAME` chooses the first program of a section"},
    {"--obj --object --file --path -f", "`--filename FILE` loads a BPF object of your own"},
    {"--pin-path --pin-dir --pin -p", "`--bpffs DIR` is the root: pins are made below it, in IFACE/"},
    {"--priority -P", "`--prio N` is the position in the dispatcher"},
    {"--actions", "`--chain-actions LIST` has the verdicts after which the next program runs"},
    {"--generic --xdpgeneric --skb", "`--skb-mode` attaches in the network stack (generic mode)"},
    {"--native --drv --driver --xdpdrv", "`--native-mode` attaches in the driver"},
    {"--offload --hw --xdpoffload", "`--offload-mode` attaches in the network card"},
    {"--auto", "`--auto-mode` is the default"},
    {"--replace", "a load replaces the program of an earlier one; `--force` that of somebody else, too"},
    {"--verdict --default-action aborted drop pass tx redirect",
     "`--action` is the verdict of the built-in program"},
    {"--watch --stats watch stats", "the counters are shown by `xdp_stats --dev IFACE`"},
    {"--map --map-id --wait --interval --count --once -1 --expect --within --settle --format --output "
     "--per-cpu --per-program --totals --since-start --cost --live --listen --user",
     "that is an option of xdp_stats: `xdp_stats --dev IFACE` shows the counters"},
    {"--all -a all", "`--status` and `--clean` mean every interface where no --dev is given"},
};

constexpr CommandWord kCommands[] = {
    {"load attach add set", ""},
    {"unload detach del delete remove off stop", "--unload"},
    {"status show list", "--status"},
    {"clean", "--clean"},
    {"observe monitor", "--observe"},
    {"features", "--features"},
    {"run", "--run"},
    {"help", "--help"},
};

constexpr Program kProgram = {"xdp_loader", TALLY_VERSION,   kDescription, kFooter,
                              kOptionRows,  kRemovedOptions, kHabits,      kCommands};

Error usage_error(std::string text) {
    return make_error(ErrorKind::kUsage, std::move(text));
}

Verb chosen_verb(const Given& given) {
    struct VerbOption {
        Given::Name name;
        Verb verb;
    };
    static constexpr VerbOption kVerbs[] = {
        {"--observe", Verb::kObserve},
        {"--unload", Verb::kUnload},
        {"--status", Verb::kStatus},
        {"--clean", Verb::kClean},
        {"--run", Verb::kRun},
        {"--test-run", Verb::kTryRun},
        {"--features", Verb::kFeatures},
        {"--track-delivery", Verb::kTrackDelivery},
        {"--untrack-delivery", Verb::kUntrackDelivery},
        {"--list-programs", Verb::kListPrograms},
    };
    const auto* const chosen = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                            [&](const VerbOption& option) { return given.has(option.name); });
    return chosen == std::end(kVerbs) ? Verb::kLoad : chosen->verb;
}

ModeChoice chosen_mode(const Given& given) {
    const auto mode = given.value("--mode");
    if (given.has("--native-mode") || mode == "native") {
        return ModeChoice::kNative;
    }
    if (given.has("--skb-mode") || mode == "skb") {
        return ModeChoice::kGeneric;
    }
    return given.has("--offload-mode") || mode == "hw" ? ModeChoice::kOffload : ModeChoice::kAuto;
}

AttachChoice chosen_attachment(const Given& given) {
    const auto word = given.value_or_default("--attach");
    if (word == "link") {
        return AttachChoice::kLink;
    }
    return word == "dispatcher" ? AttachChoice::kDispatcher : AttachChoice::kAuto;
}

// "pass,drop", "XDP_PASS", "none". None where it is no such list.
std::optional<std::uint32_t> parse_actions(const std::string& list) {
    constexpr std::string_view kNone = "none";
    const bool none = std::equal(list.begin(), list.end(), kNone.begin(), kNone.end(),
                                 [](unsigned char a, char b) { return std::tolower(a) == b; });
    if (none) {
        return 0;
    }
    std::uint32_t actions = 0;
    std::istringstream words(list + ',');
    for (std::string word; std::getline(words, word, ',');) {
        const auto action = parse_action_name(word);
        if (!action) {
            return std::nullopt;
        }
        actions |= 1U << static_cast<unsigned int>(*action);
    }
    return actions;
}

// Messages and JSON name whole paths.
std::string absolute(const std::string& path) {
    std::error_code code;
    const auto full = std::filesystem::absolute(path, code);
    // What ".." leads to, symbolic links decide.
    const bool normal = path.starts_with('/') || path.find("..") != std::string::npos;
    const std::string text = code ? path : (normal ? full : full.lexically_normal()).string();
    return text.size() > 1 && text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
}

// Of a network namespace: a name stays as it is.
void make_absolute(std::optional<std::string>& netns) {
    if (netns && netns->find('/') != std::string::npos) {
        netns = absolute(*netns);
    }
}

// A loop over what --status lists: there is no way to mean all of it by accident.
std::string advise_to_name_all(const Options& options) {
    const std::string netns = options.netns ? shell_option("--netns", *options.netns) + ' ' : "";
    return fmt::format(
        "for every interface that has pins of xdp_loader: `xdp_loader {0}{1}--status --json | jq -r "
        "'.devices[] | "
        "select(.program) | \"--dev=\" + ([.netns, .dev] | map(values) | join(\"/\"))' | xargs -rd '\\n' "
        "xdp_loader {0}--unload`",
        root_option(options.bpffs), netns);
}

Result<void> read_numbers(const Given& given, Options& options) {
    const auto action = given.value_or_default("--action");
    if (const auto verdict = parse_action_name(action)) {
        options.load.program.action = *verdict;
    } else {
        return usage_error(
            fmt::format("--action '{}': expected pass, drop, aborted, tx or redirect", action));
    }
    if (const auto text = given.value("--prio")) {
        options.load.priority = parse_number<std::uint32_t>(*text);
        if (!options.load.priority) {
            return usage_error(fmt::format("--prio '{}': expected a number from 0 to {}", *text, UINT32_MAX));
        }
    }
    if (const auto text = given.value("--chain-actions")) {
        options.load.chain_actions = parse_actions(*text);
        if (!options.load.chain_actions) {
            return usage_error(
                fmt::format("--chain-actions '{}': expected aborted, drop, pass, tx, redirect, with "
                            "commas between them, or none",
                            *text));
        }
    }
    if (const auto text = given.value("--unload"); text && !text->empty()) {
        options.unload_id = parse_number<std::uint32_t>(*text);
        if (options.unload_id.value_or(0) == 0) {
            return usage_error(
                       fmt::format("--unload '{}': expected the id of a program, a positive number", *text))
                .with_hint(*text == "all" && options.devices.empty() ? advise_to_name_all(options) : "");
        }
    }
    return {};
}

// What the table does not say.
Result<void> validate(const Given& given, const Options& options) {
    if (options.devices.empty() && (options.verb == Verb::kLoad || options.verb == Verb::kRun ||
                                    options.verb == Verb::kObserve || options.verb == Verb::kUnload)) {
        return usage_error("--dev IFACE is required")
            .with_hint(options.verb == Verb::kUnload ? advise_to_name_all(options)
                                                     : "`xdp_loader --status` shows what is attached to "
                                                       "which interface; `xdp_loader --help` lists "
                                                       "the options");
    }
    if (options.follow && options.devices.size() > 1) {
        return usage_error("--follow takes one --dev");
    }
    const auto row = [](std::string_view name) { return kOptionRows[find_row(kOptionRows, name)]; };
    for (const auto& [name, is_given] :
         {std::pair("--attach", given.has("--attach")), std::pair("--prio", given.has("--prio")),
          std::pair("--chain-actions", given.has("--chain-actions"))}) {
        if (options.load.mode == ModeChoice::kOffload && is_given) {
            return refuse_combination("--mode hw", name, why_excluded(row("--offload-mode"), row(name)));
        }
    }
    if (options.load.attach == AttachChoice::kLink && (given.has("--prio") || given.has("--chain-actions"))) {
        return refuse_combination(given.has("--prio") ? "--prio" : "--chain-actions", "--attach link",
                                  "a link holds the hook alone");
    }
    if (options.load.program.action == Action::kRedirect && options.load.program.redirect_to.empty()) {
        return usage_error("--action redirect needs --redirect-to IFACE");
    }
    if (options.load.program.action != Action::kRedirect && !options.load.program.redirect_to.empty()) {
        return usage_error("--redirect-to needs --action redirect");
    }
    return {};
}

Result<Options> read_options(const Given& given) {
    Options options;
    options.verb = chosen_verb(given);
    options.netns = given.value("--netns");
    TALLY_ASSIGN_OR_RETURN(options.devices, read_devices(given.values("--dev"), options.netns));
    make_absolute(options.netns);
    for (auto& device : options.devices) {
        make_absolute(device.netns);
    }
    options.bpffs = absolute(given.value_or_default("--bpffs"));
    options.load.program.redirect_to = given.value_or_default("--redirect-to");
    options.load.program.filename = given.value_or_default("--filename");
    options.load.program.progname = given.value_or_default("--progname");
    options.load.program.section = given.value_or_default("--section");
    options.load.mode = chosen_mode(given);
    options.load.attach = chosen_attachment(given);
    options.command = given.command();
    options.try_run = given.value("--test-run");
    options.load.reuse_maps = given.has("--reuse-maps");
    options.load.new_maps = given.values("--new-map");
    options.follow = given.has("--follow");
    options.load.force = given.has("--force");
    options.keep_maps = given.has("--keep-maps");
    options.dry_run = given.has("--dry-run");
    options.json = given.has("--json");
    options.quiet = given.has("--quiet");
    options.verbose = given.has("--verbose");
    options.load.for_command = options.verb == Verb::kRun;
    options.load.dry_run = options.dry_run;
    options.load.verbose = options.verbose;
    TALLY_TRY(read_numbers(given, options));
    TALLY_TRY(validate(given, options));
    return options;
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    return read_command_line<Given>(kProgram, argc, argv, read_options);
}

}  // namespace tally::loader
