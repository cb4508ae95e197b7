// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "common/base/command_line.h"
#include "common/base/error.h"
#include "common/pins/abi_names.h"

namespace tally::loader {
namespace {

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

// What the command line says before it is made sense of.
struct RawOptions {
    std::string unload_id, attach = "auto", chain_actions;
    bool observe = false, unload = false, status = false, clean = false, run = false, list_programs = false;
    bool native = false, generic = false, offload = false, automatic = false;
};

void add_options(CLI::App& app, Options& options, RawOptions& raw) {
    app.add_option("-d,--dev", options.devices, "Interface; may be repeated")
        ->type_name("IFACE")
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--netns", options.netns, "The interface is in this network namespace")
        ->type_name("NAME|PATH");
    app.add_option("--bpffs", options.bpffs, "Root of the BPF file system")
        ->type_name("DIR")
        ->capture_default_str();

    auto* action = app.add_option("--action", options.action, "Verdict of the built-in program")
                       ->check(CLI::IsMember({"pass", "drop", "aborted", "tx", "redirect"}).description(""))
                       ->type_name("pass|drop|aborted|tx|redirect")
                       ->capture_default_str()
                       ->group("Program");
    app.add_option("--redirect-to", options.redirect_to, "Where `--action redirect` sends packets")
        ->type_name("IFACE")
        ->group("Program");
    auto* filename =
        app.add_option("--filename", options.filename, "Load this BPF object instead of the built-in one")
            ->type_name("FILE")
            ->excludes(action)
            ->group("Program");
    app.add_option("--progname", options.progname, "The program in FILE (default: its first XDP program)")
        ->type_name("NAME")
        ->needs(filename)
        ->group("Program");

    auto* native =
        app.add_flag("-N,--native-mode", raw.native, "Attach in the driver, or fail")->group("Attaching");
    auto* generic = app.add_flag("-S,--skb-mode", raw.generic, "Attach in the network stack (generic mode)")
                        ->group("Attaching");
    auto* offload =
        app.add_flag("--offload-mode", raw.offload, "Attach in the network card")->group("Attaching");
    auto* automatic =
        app.add_flag("-A,--auto-mode", raw.automatic, "Native, else generic (default)")->group("Attaching");
    automatic->excludes(native)->excludes(generic)->excludes(offload);
    native->excludes(generic)->excludes(offload);
    generic->excludes(offload);
    app.add_option("--attach", raw.attach, "Share the hook in libxdp's dispatcher, or hold it with a link")
        ->check(CLI::IsMember({"auto", "dispatcher", "link"}).description(""))
        ->type_name("auto|dispatcher|link")
        ->capture_default_str()
        ->group("Attaching");
    app.add_option("--prio", options.priority, "Place in the dispatcher: lower runs earlier")
        ->type_name("N")
        ->group("Attaching");
    app.add_option("--chain-actions", raw.chain_actions,
                   "Verdicts after which the dispatcher's next program runs, or `none`")
        ->type_name("LIST")
        ->group("Attaching");
    app.add_flag("-F,--force", options.force, "Replace a program that somebody else attached")
        ->group("Attaching");
    app.add_flag("-M,--reuse-maps", options.reuse_maps, "Keep the pinned maps: counters go on")
        ->group("Attaching");
    app.add_option("--new-map", options.new_maps,
                   "With -M: this map starts empty, because its layout changed")
        ->type_name("NAME")
        ->allow_extra_args(false)
        ->group("Attaching");

    auto* observe =
        app.add_flag("--observe", raw.observe, "Count what the program does that is attached there already")
            ->group("Other work");
    app.add_flag("--follow", options.follow,
                 "With --observe: stay, and observe what takes the program's place")
        ->needs(observe)
        ->group("Other work");
    auto* unload = app.add_option("-U,--unload", raw.unload_id,
                                  "Detach our program (or the one with this id) and remove our pins")
                       ->type_name("[ID]")
                       ->expected(0, 1)
                       ->group("Other work");
    auto* status =
        app.add_flag("--status", raw.status, "What is attached and pinned; without --dev on every device")
            ->group("Other work");
    auto* clean = app.add_flag("--clean", raw.clean,
                               "Remove pins that nothing feeds any more; without --dev all of them")
                      ->group("Other work");
    app.add_flag("--keep-maps", options.keep_maps, "With --unload and --run: leave the maps pinned")
        ->group("Other work");
    auto* run = app.add_flag("--run", raw.run,
                             "Load, run the COMMAND after `--`, unload when it ends; exit with its status")
                    ->group("Other work");
    auto* try_run =
        app.add_option("--test-run", options.try_run,
                       "Run the program on N packets, or on those of a capture, without attaching it")
            ->type_name("FILE.pcap|N")
            ->group("Other work");
    auto* list = app.add_flag("--list-programs", raw.list_programs, "The XDP programs in FILE, a line each")
                     ->needs(filename)
                     ->group("Other work");
    const std::vector<CLI::Option*> verbs = {observe, unload, status, clean, run, try_run, list};
    for (std::size_t i = 0; i < verbs.size(); ++i) {
        for (std::size_t other = i + 1; other < verbs.size(); ++other) {
            verbs[i]->excludes(verbs[other]);
        }
    }
    app.add_flag("--dry-run", options.dry_run, "Say what would happen; change nothing")->group("Other work");

    app.add_flag("--json", options.json, "The outcome as one JSON document on stdout")->group("Output");
    auto* quiet = app.add_flag("-q,--quiet", options.quiet, "No output but errors")->group("Output");
    app.add_flag("-v,--verbose", options.verbose, "Also the words of libbpf, libxdp and the verifier")
        ->excludes(quiet)
        ->group("Output");
}

AttachChoice chosen_attachment(const RawOptions& raw) {
    if (raw.attach == "link") {
        return AttachChoice::kLink;
    }
    return raw.attach == "dispatcher" ? AttachChoice::kDispatcher : AttachChoice::kAuto;
}

// "pass,drop", "XDP_PASS", "none". None where it is no such list.
std::optional<std::uint32_t> parse_actions(const std::string& text) {
    std::string list = text;
    std::transform(list.begin(), list.end(), list.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (list == "none") {
        return 0;
    }
    std::uint32_t actions = 0;
    std::istringstream raw(list + ',');
    for (std::string word; std::getline(raw, word, ',');) {
        const std::string_view name = std::string_view(word).substr(word.starts_with("xdp_") ? 4 : 0);
        const auto found = std::find(kShortActionNames.begin(), kShortActionNames.end(), name);
        if (found == kShortActionNames.end()) {
            return std::nullopt;
        }
        actions |= 1U << static_cast<unsigned int>(found - kShortActionNames.begin());
    }
    return actions;
}

ModeChoice chosen_mode(const RawOptions& raw) {
    if (raw.native) {
        return ModeChoice::kNative;
    }
    if (raw.generic) {
        return ModeChoice::kGeneric;
    }
    return raw.offload ? ModeChoice::kOffload : ModeChoice::kAuto;
}

Verb chosen_verb(const RawOptions& raw) {
    if (raw.observe) {
        return Verb::kObserve;
    }
    if (raw.unload) {
        return Verb::kUnload;
    }
    if (raw.status) {
        return Verb::kStatus;
    }
    if (raw.run) {
        return Verb::kRun;
    }
    if (raw.list_programs) {
        return Verb::kListPrograms;
    }
    return raw.clean ? Verb::kClean : Verb::kLoad;
}

// What CLI11's own checks cannot say.
std::string find_contradiction(const CLI::App& app, const Options& options) {
    const Verb verb = options.verb;
    const bool attaches = verb == Verb::kLoad || verb == Verb::kRun;
    if ((attaches || verb == Verb::kObserve || verb == Verb::kUnload) && options.devices.empty()) {
        return "which interface? --dev IFACE is required";
    }
    if (verb == Verb::kRun && options.command.empty()) {
        return "--run needs a command: --run -- COMMAND...";
    }
    if (verb != Verb::kRun && !options.command.empty()) {
        return "a command after -- is for --run";
    }
    if (verb == Verb::kRun && (options.json || options.dry_run)) {
        return options.json ? "--json: with --run stdout is the command's" : "--dry-run excludes --run";
    }
    if (options.follow && (options.devices.size() > 1 || options.dry_run)) {
        return options.dry_run ? "--dry-run cannot be combined with --follow" : "--follow takes one --dev";
    }
    if (options.keep_maps && verb != Verb::kUnload && verb != Verb::kRun) {
        return "--keep-maps needs --unload or --run";
    }
    if (verb == Verb::kTryRun || verb == Verb::kListPrograms) {
        for (const char* name : {"--dev", "--netns", "--bpffs", "--reuse-maps", "--new-map", "--force",
                                 "--native-mode", "--skb-mode", "--offload-mode", "--auto-mode", "--dry-run",
                                 "--attach", "--prio", "--chain-actions"}) {
            if (app.count(name) > 0) {
                return fmt::format("{} is for attaching: it means nothing here", name);
            }
        }
    }
    if (attaches && (options.attach == AttachChoice::kLink || options.mode == ModeChoice::kOffload)) {
        for (const char* name : {"--prio", "--chain-actions"}) {
            if (app.count(name) > 0) {
                return fmt::format("{} is for a dispatcher, and a link or a card takes one program alone",
                                   name);
            }
        }
    }
    if (options.attach == AttachChoice::kDispatcher && options.mode == ModeChoice::kOffload) {
        return "--attach dispatcher: a network card takes one program alone";
    }
    if (options.action == "redirect" && options.redirect_to.empty()) {
        return "--action redirect needs --redirect-to IFACE";
    }
    if (options.action != "redirect" && !options.redirect_to.empty()) {
        return "--redirect-to needs --action redirect";
    }
    if (verb == Verb::kObserve || verb == Verb::kUnload || verb == Verb::kStatus || verb == Verb::kClean) {
        for (const char* name :
             {"--action", "--filename", "--reuse-maps", "--new-map", "--force", "--attach", "--prio",
              "--chain-actions", "--native-mode", "--skb-mode", "--offload-mode", "--auto-mode"}) {
            // The tutorial's scripts unload with the mode they loaded with: harmless, so accepted.
            const bool mode = std::string_view(name).ends_with("-mode");
            if (!(mode && verb == Verb::kUnload) && app.count(name) > 0) {
                return fmt::format("{} is for loading: it means nothing here", name);
            }
        }
    }
    return {};
}

// Of the "--" before a command; argc where there is none.
int index_of_command(int argc, const char* const* argv) {
    const auto* end = argv + argc;
    return static_cast<int>(std::find(argv, end, std::string_view("--")) - argv);
}

// Also for a process that stays behind, in another directory.
std::string absolute(const std::string& path) {
    std::error_code code;
    const auto full = std::filesystem::absolute(path, code);
    // What ".." leads to, symbolic links decide.
    const bool normal = path.starts_with('/') || path.find("..") != std::string::npos;
    const std::string text = code ? path : (normal ? full : full.lexically_normal()).string();
    return text.size() > 1 && text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
}

std::optional<std::uint32_t> parse_program_id(const std::string& text) {
    std::uint32_t id = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id);
    return code == std::errc() && end == text.data() + text.size() && id > 0 ? std::optional(id)
                                                                             : std::nullopt;
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    const bool json = wants_json(argc, argv);
    const auto usage = [json](const std::string& text, const std::string& hint = {}) {
        return usage_exit("xdp_loader", make_error(ErrorKind::kUsage, text).with_hint(hint), json);
    };
    Options options;
    options.bpffs = "/sys/fs/bpf";
    if (const auto problem = find_empty_value(argc, argv); !problem.empty()) {
        return usage(problem);
    }
    RawOptions raw;
    CLI::App app(kDescription, "xdp_loader");
    app.footer(kFooter);
    app.set_version_flag("--version", "xdp_loader " TALLY_VERSION);
    app.formatter(std::make_shared<HelpFormatter>());
    add_options(app, options, raw);
    const int words_before_command = index_of_command(argc, argv);
    options.command.assign(argv + std::min(words_before_command + 1, argc), argv + argc);
    try {
        app.parse(words_before_command, argv);
    } catch (const CLI::Success& success) {
        std::ostringstream text;
        app.exit(success, text, text);
        return EarlyExit{0, text.str()};
    } catch (const CLI::ParseError& error) {
        return usage(error.what(), hint_of_extras(app));
    }
    options.bpffs = absolute(options.bpffs);
    if (options.netns && options.netns->find('/') != std::string::npos) {
        options.netns = absolute(*options.netns);
    }
    raw.unload = app.count("--unload") > 0;
    options.mode = chosen_mode(raw);
    options.attach = chosen_attachment(raw);
    if (!raw.chain_actions.empty()) {
        options.chain_actions = parse_actions(raw.chain_actions);
        if (!options.chain_actions) {
            return usage(
                fmt::format("--chain-actions {}: a list of aborted, drop, pass, tx, redirect with commas "
                            "between them, or none",
                            raw.chain_actions));
        }
    }
    options.verb = options.try_run ? Verb::kTryRun : chosen_verb(raw);
    if (!raw.unload_id.empty()) {
        options.unload_id = parse_program_id(raw.unload_id);
        if (!options.unload_id) {
            return usage(fmt::format("--unload {}: a program id is a positive number", raw.unload_id));
        }
    }
    if (auto text = find_contradiction(app, options); !text.empty()) {
        return usage(text);
    }
    return options;
}

}  // namespace tally::loader
