// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/run_statistics.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "common/base/clock.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/libbpf_options.h"
#include "common/network/link_socket.h"

namespace tally::stats {
namespace {

constexpr const char* kSwitchingOn = "switching on run-time statistics of BPF programs";
constexpr const char* kMeasuring = "measuring what an empty program costs";
// Of several rounds the shortest is the one that nothing has interrupted.
constexpr int kRounds = 9;
constexpr int kRunsOfARound = 10'000;

Result<UniqueFd> load_empty_program() {
    const std::array<bpf_insn, 2> code = {
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
        bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    UniqueFd fd(bpf_prog_load(BPF_PROG_TYPE_XDP, "tally_empty", "GPL", code.data(), code.size(), nullptr));
    if (!fd) {
        return last_error(kMeasuring);
    }
    return fd;
}

// Nanoseconds a run, by the kernel's own clock around the whole round.
Result<double> run_round(int program_fd) {
    std::array<unsigned char, 64> packet = {};
    bpf_test_run_opts options;
    init_options(options);
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    options.repeat = kRunsOfARound;
    if (const int code = bpf_prog_test_run_opts(program_fd, &options); code != 0) {
        return system_error(code, kMeasuring);
    }
    return static_cast<double>(options.duration);
}

struct Round {
    double taken = std::numeric_limits<double>::max();
    double reported = std::numeric_limits<double>::max();  // while statistics are on
};

Result<Round> run_shortest_round(int program_fd) {
    Round shortest;
    for (int round = 0; round < kRounds; ++round) {
        TALLY_ASSIGN_OR_RETURN(const auto before, program_info(program_fd));
        TALLY_ASSIGN_OR_RETURN(const double taken, run_round(program_fd));
        TALLY_ASSIGN_OR_RETURN(const auto after, program_info(program_fd));
        shortest.taken = std::min(shortest.taken, taken);
        if (after.run_count != before.run_count) {
            shortest.reported = std::min(shortest.reported,
                                         static_cast<double>(after.run_nanoseconds - before.run_nanoseconds) /
                                             static_cast<double>(after.run_count - before.run_count));
        }
    }
    return shortest;
}

}  // namespace

Result<RunStatistics> RunStatistics::enable() {
    auto statistics = measure_and_enable();
    if (!statistics && statistics.error().kind == ErrorKind::kPermission) {
        statistics.error().what = kSwitchingOn;
        statistics.error().reason += " (it requires CAP_SYS_ADMIN)";
    }
    return statistics;
}

Result<RunStatistics> RunStatistics::measure_and_enable() {
    TALLY_ASSIGN_OR_RETURN(const auto program, load_empty_program());
    TALLY_ASSIGN_OR_RETURN(const auto without, run_shortest_round(program.get()));
    RunStatistics statistics;
    statistics.enabled_at_ = static_cast<std::uint64_t>(nanoseconds_of(CLOCK_BOOTTIME));
    statistics.fd_ = UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!statistics.fd_) {
        return last_error(kSwitchingOn);
    }
    TALLY_ASSIGN_OR_RETURN(const auto with, run_shortest_round(program.get()));
    const bool reported = with.reported != std::numeric_limits<double>::max();
    statistics.empty_ = reported ? with.reported : 0;
    statistics.overhead_ = std::max(0.0, with.taken - without.taken);
    return statistics;
}

Result<RunReading> RunStatistics::read(std::uint32_t program_id) const {
    TALLY_ASSIGN_OR_RETURN(const auto program, open_program_by_id(program_id));
    TALLY_ASSIGN_OR_RETURN(const auto info, program_info(program.get()));
    return RunReading{program_id, info.run_count, info.run_nanoseconds, nanoseconds_of(CLOCK_MONOTONIC),
                      info.load_time >= enabled_at_};
}

Result<MeasuredProgram> find_measured_program(const NetnsContext& context, const Meta* meta,
                                              const std::optional<std::string>& device) {
    const auto untold = [](const char* why) { return make_error(ErrorKind::kNotFound, why); };
    if (meta != nullptr && meta->attach_mode == XDP_TALLY_MODE_OFFLOADED) {
        return untold("the network card runs the program");
    }
    if (meta != nullptr &&
        (meta->attach_kind == XDP_TALLY_ATTACH_LINK || meta->attach_kind == XDP_TALLY_ATTACH_NETLINK)) {
        return MeasuredProgram{meta->program_id, false};
    }
    if (meta == nullptr && !device) {
        return untold("a map without a meta does not tell its program");
    }
    // A dispatcher is another program after each change in it, so the hook is asked.
    const bool elsewhere = meta != nullptr && meta->netns_inode != context.inode;
    if (!context.links || elsewhere) {
        return untold("the interface cannot be asked for its program");
    }
    TALLY_ASSIGN_OR_RETURN(const auto link, answer_of(meta != nullptr ? context.links->find(meta->ifindex)
                                                                      : context.links->find(*device)));
    if (!link || !link->hook.program) {
        return untold("no program is attached to the interface");
    }
    // Observed are the counters of the hook, and of each program of a dispatcher.
    const bool is_dispatcher =
        meta != nullptr && (meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER || meta->map_count > 1);
    return MeasuredProgram{link->hook.program->id, is_dispatcher};
}

}  // namespace tally::stats
