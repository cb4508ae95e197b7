// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/base/command_line.h"
#include "common/base/error.h"
#include "common/base/result.h"
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
  xdp_stats --dev veth0                       (the other program) watch the counters

Exit status: 0 done, 1 the system refused, 2 usage, 3 permission or capability missing,
4 not found, 5 conflict with another program or another map layout.
)";

constexpr RemovedOption kRemovedOptions[] = {
    {"--migrate",
     "`--reuse-maps --new-map NAME` starts that map empty and keeps the others; totals are carried across "
     "maps"},
};

constexpr Program kProgram = {"xdp_loader", TALLY_VERSION, kDescription,
                              kFooter,      kOptionRows,   kRemovedOptions};

Error usage_error(std::string text) {
    return make_error(ErrorKind::kUsage, std::move(text));
}

Verb chosen_verb(const Given& given) {
    if (given.has("--observe")) {
        return Verb::kObserve;
    }
    if (given.has("--unload")) {
        return Verb::kUnload;
    }
    if (given.has("--status")) {
        return Verb::kStatus;
    }
    if (given.has("--clean")) {
        return Verb::kClean;
    }
    if (given.has("--run")) {
        return Verb::kRun;
    }
    if (given.has("--test-run")) {
        return Verb::kTryRun;
    }
    return given.has("--list-programs") ? Verb::kListPrograms : Verb::kLoad;
}

ModeChoice chosen_mode(const Given& given) {
    if (given.has("--native-mode")) {
        return ModeChoice::kNative;
    }
    if (given.has("--skb-mode")) {
        return ModeChoice::kGeneric;
    }
    return given.has("--offload-mode") ? ModeChoice::kOffload : ModeChoice::kAuto;
}

AttachChoice chosen_attachment(const Given& given) {
    const auto word = given.value_or_default("--attach");
    if (word == "link") {
        return AttachChoice::kLink;
    }
    return word == "dispatcher" ? AttachChoice::kDispatcher : AttachChoice::kAuto;
}

std::optional<Action> find_action(std::string_view name) {
    const auto found = std::find(kShortActionNames.begin(), kShortActionNames.end(), name);
    return found == kShortActionNames.end()
               ? std::nullopt
               : std::optional(static_cast<Action>(found - kShortActionNames.begin()));
}

// "pass,drop", "XDP_PASS", "none". None where it is no such list.
std::optional<std::uint32_t> parse_actions(std::string list) {
    std::transform(list.begin(), list.end(), list.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (list == "none") {
        return 0;
    }
    std::uint32_t actions = 0;
    std::istringstream words(list + ',');
    for (std::string word; std::getline(words, word, ',');) {
        const auto action = find_action(std::string_view(word).substr(word.starts_with("xdp_") ? 4 : 0));
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

Result<void> read_numbers(const Given& given, Options& options) {
    if (const auto text = given.value("--prio")) {
        options.priority = parse_number<std::uint32_t>(*text);
        if (!options.priority) {
            return usage_error(fmt::format("--prio '{}': expected a number from 0 to {}", *text, UINT32_MAX));
        }
    }
    if (const auto text = given.value("--chain-actions")) {
        options.chain_actions = parse_actions(*text);
        if (!options.chain_actions) {
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
                fmt::format("--unload '{}': expected the id of a program, a positive number", *text));
        }
    }
    return {};
}

// What the table does not say.
Result<void> validate(const Given& given, const Options& options) {
    if (options.devices.empty() && (options.verb == Verb::kLoad || options.verb == Verb::kRun ||
                                    options.verb == Verb::kObserve || options.verb == Verb::kUnload)) {
        return usage_error("--dev IFACE is required");
    }
    if (options.follow && options.devices.size() > 1) {
        return usage_error("--follow takes one --dev");
    }
    // From a script's variable that is not set.
    for (const auto& [name, value] : {std::pair("--filename", given.value("--filename")),
                                      std::pair("--progname", given.value("--progname")),
                                      std::pair("--section", given.value("--section"))}) {
        if (value == "") {
            return usage_error(fmt::format("{} has no value", name));
        }
    }
    if (options.attach == AttachChoice::kLink && (given.has("--prio") || given.has("--chain-actions"))) {
        return usage_error(fmt::format("{} cannot be combined with --attach link",
                                       given.has("--prio") ? "--prio" : "--chain-actions"));
    }
    if (options.attach == AttachChoice::kDispatcher && options.mode == ModeChoice::kOffload) {
        return usage_error("--attach dispatcher cannot be combined with --offload-mode");
    }
    if (options.action == Action::kRedirect && options.redirect_to.empty()) {
        return usage_error("--action redirect needs --redirect-to IFACE");
    }
    if (options.action != Action::kRedirect && !options.redirect_to.empty()) {
        return usage_error("--redirect-to needs --action redirect");
    }
    return {};
}

Result<Options> read_options(const Given& given) {
    Options options;
    options.verb = chosen_verb(given);
    options.devices = given.values("--dev");
    options.netns = given.value("--netns");
    if (options.netns && options.netns->find('/') != std::string::npos) {
        options.netns = absolute(*options.netns);
    }
    options.bpffs = absolute(given.value_or_default("--bpffs"));
    options.action = find_action(given.value_or_default("--action")).value_or(Action::kPass);
    options.redirect_to = given.value_or_default("--redirect-to");
    options.filename = given.value_or_default("--filename");
    options.progname = given.value_or_default("--progname");
    options.section = given.value_or_default("--section");
    options.mode = chosen_mode(given);
    options.attach = chosen_attachment(given);
    options.command = given.command();
    options.try_run = given.value("--test-run");
    options.reuse_maps = given.has("--reuse-maps");
    options.new_maps = given.values("--new-map");
    options.follow = given.has("--follow");
    options.force = given.has("--force");
    options.keep_maps = given.has("--keep-maps");
    options.dry_run = given.has("--dry-run");
    options.json = given.has("--json");
    options.quiet = given.has("--quiet");
    options.verbose = given.has("--verbose");
    TALLY_TRY(read_numbers(given, options));
    TALLY_TRY(validate(given, options));
    return options;
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    auto words = parse_words(kProgram, argc, argv);
    if (auto* exit = std::get_if<EarlyExit>(&words)) {
        return std::move(*exit);
    }
    auto options = read_options(Given(std::get<ParsedWords>(std::move(words))));
    if (!options) {
        return usage_exit(kProgram.name, std::move(options).error(), wants_json(argc, argv));
    }
    return std::move(*options);
}

}  // namespace tally::loader
