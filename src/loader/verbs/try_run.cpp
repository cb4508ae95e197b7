// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/try_run.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include <xdp_tally/abi.h>

#include "common/base/error_report.h"
#include "common/base/printable.h"
#include "common/bpf/libbpf_options.h"
#include "common/pins/abi_names.h"
#include "common/pins/counter_map.h"
#include "loader/hook/capabilities.h"
#include "loader/object/chosen_program.h"
#include "loader/object/program_object.h"
#include "loader/packets/packet_source.h"

namespace tally::loader {
namespace {

// What fits one page beside headroom and tailroom, on every architecture with pages of 4 KiB or more.
constexpr std::size_t kLinear = 3500;

Result<std::uint32_t> run_once(int program_fd, PacketSource::Packet packet) {
    bpf_test_run_opts options;
    init_options(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.repeat = 1;
    if (const int code = bpf_prog_test_run_opts(program_fd, &options); code != 0) {
        return system_error(code, {});
    }
    return options.retval;
}

Result<ProgramObject> open_and_load(const ProgramChoice& choice, Variant variant) {
    TALLY_ASSIGN_OR_RETURN(auto object, open_chosen_program(choice, variant, HookSharing::kExclusive));
    TALLY_TRY(check_load_capabilities());
    if (auto loaded = object.load(); !loaded) {
        if (object.wants_bound_device()) {
            loaded.error().reason =
                "its receive-metadata kfuncs take a program that is bound to a device, and such a program "
                "cannot be test-run";
            loaded.error().details.clear();
        }
        return loaded.error();
    }
    return object;
}

// Frames of several pages need a program with support for fragments, which kernels before 5.18 do not take.
Result<ProgramObject> load_for(std::size_t longest, const ProgramChoice& choice) {
    if (longest > kLinear && choice.filename.empty()) {
        auto object = open_and_load(choice, Variant::kFrags);
        if (object || object.error().code != EINVAL) {
            return object;
        }
    }
    return open_and_load(choice, Variant::kLinear);
}

Error explain(Error error, std::uint64_t number, std::size_t size, bool frags) {
    error.what = fmt::format("running the program on packet {} ({} bytes)", number, size);
    constexpr std::size_t kShortest = 14;
    if (error.code == EINVAL && size < kShortest) {
        error.hint = "an Ethernet frame has at least 14 bytes";
    } else if ((error.code == EINVAL || error.code == EMSGSIZE) && size > kLinear && !frags) {
        error.hint =
            "frames longer than a page need a program in a section named \"xdp.frags\", and Linux 5.18";
    }
    return error;
}

void count(Counters& verdicts, std::uint32_t verdict, std::size_t size) {
    Counter& counter = verdicts.at(verdict < kActions ? verdict : std::size_t{XDP_ABORTED});
    counter.rx_packets += 1;
    counter.rx_bytes += size;
}

// A program that counts should have counted what it returned.
Result<void> compare_with_map(const ProgramObject& object, TryRunOutcome& outcome) {
    for (const auto& map : object.maps()) {
        if (map.name != XDP_TALLY_MAP_NAME) {
            continue;
        }
        const auto sample = read_counters(ProgramObject::map_fd(map));
        if (!sample && sample.error().kind == ErrorKind::kConflict) {
            return {};  // something else of this name
        }
        TALLY_TRY(sample);
        for (std::size_t action = 0; action < sample->total.size(); ++action) {
            const Counter& counted = sample->total[action];
            const Counter& returned = outcome.verdicts[action];
            if (counted.rx_packets != returned.rx_packets || counted.rx_bytes != returned.rx_bytes) {
                outcome.notes.push_back(
                    fmt::format("{} in its {}: {} packets and {} bytes; returned for {} packets and {} bytes",
                                kActionNames[action], map.name, counted.rx_packets, counted.rx_bytes,
                                returned.rx_packets, returned.rx_bytes));
            }
        }
    }
    return {};
}

}  // namespace

Result<TryRunOutcome> try_run(const ProgramChoice& choice, const std::string& packets) {
    TALLY_ASSIGN_OR_RETURN(auto source, open_packets(packets));
    TALLY_ASSIGN_OR_RETURN(auto object, load_for(source->longest(), choice));
    TALLY_TRY(set_redirect_target(choice, object));
    TryRunOutcome outcome;
    outcome.program = object.program_name();
    outcome.notes = object.notes();
    std::uint64_t out_of_range = 0;
    std::uint64_t cut = 0;
    for (;;) {
        TALLY_ASSIGN_OR_RETURN(auto packet, source->next());
        if (!packet) {
            break;
        }
        outcome.packets += 1;
        outcome.bytes += packet->size();
        auto verdict = run_once(object.program_fd(), *packet);
        if (!verdict) {
            return explain(std::move(verdict).error(), outcome.packets, packet->size(), object.has_frags());
        }
        out_of_range += *verdict >= static_cast<std::uint32_t>(kActions) ? 1 : 0;
        cut += packet->size() > kLinear && !object.has_frags() ? 1 : 0;
        count(outcome.verdicts, *verdict, packet->size());
    }
    if (out_of_range != 0) {
        outcome.notes.push_back(
            fmt::format("packets with a return value that is not an XDP action: {}; the kernel treats them "
                        "as XDP_ABORTED",
                        out_of_range));
    }
    if (source->truncated() != 0) {
        outcome.notes.push_back(
            fmt::format("packets that the capture has in part: {}; their verdicts and bytes are of that part "
                        "(tcpdump -s 0 captures whole packets)",
                        source->truncated()));
    }
    if (cut != 0) {
        outcome.notes.push_back(fmt::format(
            "packets longer than a page: {}; a program without \"xdp.frags\" sees only their beginning",
            cut));
    }
    TALLY_TRY(compare_with_map(object, outcome));
    return outcome;
}

std::string format_try_run(const TryRunOutcome& outcome) {
    constexpr std::string_view kPackets = "packets";
    constexpr std::string_view kBytes = "bytes";
    const auto packets = std::max(kPackets.size(), std::to_string(outcome.packets).size());
    const auto bytes = std::max(kBytes.size(), std::to_string(outcome.bytes).size());
    std::string text = fmt::format("{}: run on {} packet{}, not attached\n", printable(outcome.program),
                                   outcome.packets, outcome.packets == 1 ? "" : "s");
    const auto row = [&](std::string_view action, auto packet_count, auto byte_count) {
        text += fmt::format("{:<12}  {:>{}}  {:>{}}\n", action, packet_count, packets, byte_count, bytes);
    };
    row("action", kPackets, kBytes);
    for (std::size_t action = 0; action < outcome.verdicts.size(); ++action) {
        row(kActionNames[action], outcome.verdicts[action].rx_packets, outcome.verdicts[action].rx_bytes);
    }
    row("total", outcome.packets, outcome.bytes);
    for (const auto& note : outcome.notes) {
        text += fmt::format("note: {}\n", printable(note));
    }
    return text;
}

std::string format_try_run_json(const TryRunOutcome& outcome) {
    using Json = nlohmann::ordered_json;
    const auto pair = [](std::uint64_t packets, std::uint64_t bytes) {
        return Json{{"packets", packets}, {"bytes", bytes}};
    };
    Json document = {{"schema", 1}, {"program", outcome.program}, {"actions", Json::object()}};
    for (std::size_t action = 0; action < outcome.verdicts.size(); ++action) {
        document["actions"][std::string(kActionNames[action])] =
            pair(outcome.verdicts[action].rx_packets, outcome.verdicts[action].rx_bytes);
    }
    document["total"] = pair(outcome.packets, outcome.bytes);
    document["notes"] = outcome.notes;
    return json_line(document);
}

}  // namespace tally::loader
