// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/outcome.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <ctime>

#include "common/base/device_name.h"
#include "common/base/error_report.h"
#include "common/base/printable.h"
#include "common/base/shown_paths.h"

namespace tally::loader {
namespace {

// ordered_json keeps the fields in the order of the documentation.
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::string_view kObserve = "observe";  // attach_name of the kind

std::string_view kind_name(OutcomeKind kind) {
    switch (kind) {
        case OutcomeKind::kLoaded:
            return "loaded";
        case OutcomeKind::kReplaced:
            return "replaced";
        case OutcomeKind::kObserving:
            return "observing";
        case OutcomeKind::kUnloaded:
            return "unloaded";
        case OutcomeKind::kCleaned:
            return "cleaned";
        case OutcomeKind::kStatus:
            return "status";
        case OutcomeKind::kFailed:
            break;
    }
    return "failed";
}

Json to_json(const ProgramOutcome& program) {
    return {{"id", program.id == 0 ? Json(nullptr) : Json(program.id)},
            {"name", program.name},
            {"tag", program.tag},
            {"frags", program.frags ? Json(*program.frags) : Json(nullptr)}};
}

void add_position(Json& json, const std::optional<PositionOutcome>& position) {
    json["prio"] = position ? Json(position->priority) : Json(nullptr);
    json["chain_actions"] = position ? Json(position->chain_actions) : Json(nullptr);
}

Json to_json(const HookOutcome& hook) {
    Json json = {{"mode", hook.mode}, {"program", to_json(hook.program)}, {"components", Json::array()}};
    for (const auto& component : hook.components) {
        Json entry = to_json(component.program);
        add_position(entry, component.position);
        json["components"].push_back(std::move(entry));
    }
    return json;
}

Json to_json(const RedirectOutcome& redirect, const std::string& netns) {
    return {{"dev", text_or_null(redirect.dev)},
            {"netns", redirect.dev.empty() ? Json(nullptr) : text_or_null(netns)},
            {"ifindex", redirect.ifindex == 0 ? Json(nullptr) : Json(redirect.ifindex)},
            {"note", text_or_null(redirect.note)}};
}

Json to_json(const Outcome& outcome) {
    Json json = {{"dev", outcome.dev},
                 {"netns", text_or_null(outcome.netns)},
                 {"outcome", kind_name(outcome.kind)},
                 {"dry_run", outcome.dry_run}};
    if (outcome.error) {
        json["error"] = error_to_json(*outcome.error);
        return json;
    }
    if (outcome.kind == OutcomeKind::kStatus) {
        json["state"] = outcome.state;
        json["hook"] = outcome.hook ? to_json(*outcome.hook) : Json(nullptr);
    }
    json["runs_on"] = text_or_null(outcome.runs_on);
    json["mode"] = text_or_null(outcome.mode);
    json["attach"] = text_or_null(outcome.attach);
    json["link_id"] = outcome.link_id ? Json(*outcome.link_id) : Json(nullptr);
    add_position(json, outcome.position);
    json["program"] = outcome.program ? to_json(*outcome.program) : Json(nullptr);
    json["redirect"] = outcome.redirect ? to_json(*outcome.redirect, outcome.netns) : Json(nullptr);
    json["generation"] = outcome.generation == 0 ? Json(nullptr) : Json(outcome.generation);
    json["pin_dir"] = text_or_null(outcome.pin_dir);
    json["maps"] = Json::array();
    for (const auto& map : outcome.maps) {
        json["maps"].push_back({{"name", map.name},
                                {"id", map.id == 0 ? Json(nullptr) : Json(map.id)},
                                {"pin", map.pin},
                                {"reused", map.reused},
                                {"adopted", map.adopted}});
    }
    json["removed"] = outcome.removed;
    if (outcome.kind == OutcomeKind::kCleaned) {
        json["reason"] = text_or_null(outcome.reason);
    }
    json["notes"] = outcome.notes;
    return json;
}

// "2026-01-31T12:00:00Z"
std::string format_time(std::uint64_t nanoseconds) {
    const auto seconds = static_cast<std::time_t>(nanoseconds / kNanosecondsPerSecond);
    std::tm utc = {};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 32> text = {};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

std::string_view kind_name(DeliveryOutcomeKind kind) {
    switch (kind) {
        case DeliveryOutcomeKind::kStarted:
            return "started";
        case DeliveryOutcomeKind::kRenewed:
            return "renewed";
        case DeliveryOutcomeKind::kUnchanged:
            return "unchanged";
        case DeliveryOutcomeKind::kStopped:
            return "stopped";
        case DeliveryOutcomeKind::kStatus:
            return "tracked";
        case DeliveryOutcomeKind::kUnknown:
            return "unknown";
        case DeliveryOutcomeKind::kNotTracked:
            break;
    }
    return "not_tracked";
}

Json to_json(const DeliveryOutcome& delivery) {
    return {
        {"outcome", kind_name(delivery.kind)},
        {"dry_run", delivery.dry_run},
        {"since", delivery.since == 0 ? Json(nullptr) : Json(format_time(delivery.since))},
        {"program_version", delivery.program_version == 0 ? Json(nullptr) : Json(delivery.program_version)},
        {"tracepoints", delivery.tracepoints},
        {"missing", delivery.missing},
        {"pin_dir", text_or_null(delivery.pin_dir)},
        {"removed", delivery.removed},
        {"notes", delivery.notes}};
}

std::string headline(const DeliveryOutcome& delivery) {
    const bool dry_run = delivery.dry_run;
    const std::string since = delivery.since == 0 ? "" : " since " + format_time(delivery.since);
    switch (delivery.kind) {
        case DeliveryOutcomeKind::kStarted:
            return dry_run ? "would be tracked" : "tracked from now on";
        case DeliveryOutcomeKind::kRenewed:
            return fmt::format("tracked{}, {} by the programs of this version", since,
                               dry_run ? "would go on" : "goes on");
        case DeliveryOutcomeKind::kUnchanged:
            return fmt::format("tracked{} already, nothing changed", since);
        case DeliveryOutcomeKind::kStopped:
            return dry_run ? "would not be tracked any more" : "not tracked any more";
        case DeliveryOutcomeKind::kStatus:
            return "tracked" + since;
        case DeliveryOutcomeKind::kUnknown:
            return "not known whether it is tracked";
        case DeliveryOutcomeKind::kNotTracked:
            break;
    }
    return "not tracked";
}

std::string describe(const RedirectOutcome& redirect, const std::string& netns) {
    if (redirect.dev.empty()) {
        return redirect.ifindex == 0 ? "to nothing" : fmt::format("to ifindex {}", redirect.ifindex);
    }
    return fmt::format("to {} (ifindex {})", with_netns(netns, redirect.dev), redirect.ifindex);
}

std::string describe(const ProgramOutcome& program) {
    if (program.id == 0) {
        return program.name;
    }
    const std::string tag = program.tag.empty() ? "" : ", tag " + program.tag;
    return fmt::format("{} (id {}{})", program.name.empty() ? "program" : program.name, program.id, tag);
}

std::string describe(const PositionOutcome& position) {
    return fmt::format(
        "prio {}, chain actions {}", position.priority,
        position.chain_actions.empty() ? "none" : fmt::format("{}", fmt::join(position.chain_actions, ",")));
}

// "loaded" and so on, as a sentence about the device goes on.
std::string_view phrase(const Outcome& outcome) {
    const bool dry_run = outcome.dry_run;
    switch (outcome.kind) {
        case OutcomeKind::kLoaded:
            return dry_run ? "would load" : "loaded";
        case OutcomeKind::kReplaced:
            return dry_run ? "would be replaced by" : "replaced by";
        case OutcomeKind::kObserving:
            return dry_run ? "would observe" : "observing";
        case OutcomeKind::kUnloaded:
            return dry_run ? "would unload" : "unloaded";
        default:
            break;
    }
    if (outcome.removed.empty()) {
        return outcome.reason.empty() ? "nothing cleaned up" : "nothing to clean up";
    }
    return dry_run ? "would clean up" : "cleaned up";
}

// "by link 12", "by dispatcher".
std::string describe_attachment(const Outcome& outcome) {
    const std::string_view what =
        outcome.attach == kObserve ? "fexit link" : std::string_view(outcome.attach);
    return outcome.link_id ? fmt::format("by {} {}", what, *outcome.link_id) : fmt::format("by {}", what);
}

std::string headline(const Outcome& outcome) {
    if (outcome.kind == OutcomeKind::kStatus) {
        return outcome.state;
    }
    std::string text(phrase(outcome));
    if (outcome.program) {
        text += ' ' + describe(*outcome.program);
    }
    if (!outcome.mode.empty()) {
        text += fmt::format(", {} mode", outcome.mode);
    }
    if (!outcome.attach.empty()) {
        text += ", " + describe_attachment(outcome);
    }
    return outcome.reason.empty() ? text : text + ": " + outcome.reason;
}

}  // namespace

Json document_of(const std::vector<Outcome>& outcomes) {
    Json document = {{"schema", 1}, {"devices", Json::array()}};
    for (const auto& outcome : outcomes) {
        document["devices"].push_back(to_json(outcome));
    }
    return document;
}

std::string display_name(const Outcome& outcome) {
    return printable(with_netns(outcome.netns, outcome.dev));
}

bool is_clean(const Outcome& outcome) {
    return outcome.kind == OutcomeKind::kCleaned && outcome.removed.empty() && outcome.notes.empty();
}

void add_note(Outcome& outcome, std::string note) {
    if (!note.empty()) {
        outcome.notes.push_back(std::move(note));
    }
}

void tell_mounted(Outcome& outcome, std::string mounted) {
    if (outcome.error) {
        add_details(*outcome.error, mounted);
    } else {
        add_note(outcome, std::move(mounted));
    }
}

void add_warning(Outcome& outcome, std::string warning) {
    outcome.warnings.push_back(warning);
    outcome.notes.push_back(std::move(warning));
}

Outcome failed_outcome(const std::string& device, Error error) {
    Outcome outcome;
    outcome.dev = device;
    outcome.error = std::move(error);
    return outcome;
}

std::string format_outcome(const Outcome& outcome) {
    std::string text = fmt::format("{}: {}\n", display_name(outcome), printable(headline(outcome)));
    const auto line = [&text](std::string_view label, const std::string& value) {
        text += fmt::format("  {:<11} {}\n", label, printable(value));
    };
    if (outcome.hook) {
        line("hook", fmt::format("{}, {} mode", describe(outcome.hook->program), outcome.hook->mode));
        for (const auto& component : outcome.hook->components) {
            line("component",
                 fmt::format("{}, {}", describe(component.program), describe(component.position)));
        }
    }
    if (outcome.kind == OutcomeKind::kStatus && outcome.program) {
        line(outcome.attach == kObserve ? "observed" : "loaded",
             fmt::format("{}, {} mode, {}", describe(*outcome.program), outcome.mode,
                         describe_attachment(outcome)));
    }
    if (!outcome.runs_on.empty()) {
        line("runs on", outcome.runs_on);
    }
    if (outcome.kind != OutcomeKind::kStatus && outcome.position) {
        line("position", describe(*outcome.position));
    }
    if (outcome.redirect) {
        line("redirect", describe(*outcome.redirect, outcome.netns));
    }
    if (outcome.generation != 0) {
        line("generation", std::to_string(outcome.generation));
    }
    if (!outcome.pin_dir.empty()) {
        line("pins", outcome.pin_dir);
    }
    for (const auto& map : outcome.maps) {
        std::string value = map.name;
        if (map.id != 0) {
            value += fmt::format(" (id {})", map.id);
        }
        value += map.reused ? ", reused with its contents" : "";
        line("map", value + (map.adopted ? ", adopted: its pin stays through loads and --unload" : ""));
    }
    for (const auto& pin : outcome.removed) {
        line(outcome.dry_run ? "would remove" : "removed", pin);
    }
    if (outcome.redirect && !outcome.redirect->note.empty()) {
        line("note", outcome.redirect->note);
    }
    for (const auto& note : outcome.notes) {
        line("note", note);
    }
    return as_shown(std::move(text));
}

std::string format_warnings(const Outcome& outcome) {
    std::string text;
    for (const auto& warning : outcome.warnings) {
        text += fmt::format("xdp_loader: {}: {}\n", display_name(outcome), printable(warning));
    }
    return as_shown(std::move(text));
}

std::string format_delivery(const DeliveryOutcome& delivery) {
    std::string text = fmt::format("delivery: {}\n", headline(delivery));
    const auto line = [&text](std::string_view label, const std::string& value) {
        text += fmt::format("  {:<11} {}\n", label, printable(value));
    };
    if (!delivery.tracepoints.empty() && delivery.kind != DeliveryOutcomeKind::kStatus) {
        line("counted at", fmt::format("{}", fmt::join(delivery.tracepoints, ", ")));
    }
    if (!delivery.removed.empty()) {
        line(delivery.dry_run ? "would remove" : "removed", delivery.pin_dir);
    } else if (!delivery.pin_dir.empty() && delivery.kind != DeliveryOutcomeKind::kStatus) {
        line("pins", delivery.pin_dir);
    }
    for (const auto& note : delivery.notes) {
        line("note", note);
    }
    return as_shown(std::move(text));
}

std::string format_json(const std::vector<Outcome>& outcomes) {
    return json_line(document_of(outcomes));
}

std::string format_json(const std::vector<Outcome>& outcomes,
                        const std::optional<DeliveryOutcome>& delivery) {
    Json document = document_of(outcomes);
    document["delivery"] = delivery ? to_json(*delivery) : Json(nullptr);
    return json_line(document);
}

int exit_status_of(const std::vector<Outcome>& outcomes) {
    for (const auto& outcome : outcomes) {
        if (outcome.error) {
            return exit_status(outcome.error->kind);
        }
    }
    return 0;
}

}  // namespace tally::loader
