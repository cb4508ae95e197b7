// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/counter_map.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <xdp_tally/abi.h>

#include "common/base/clock.h"
#include "common/pins/abi_names.h"

namespace tally {
namespace {

constexpr std::uint32_t kMaxEntries = kActions + 1;
constexpr const char* kOtherLayout = "its layout is not that of counters per verdict";

// Field by field: "value: 8 bytes, expected 16".
std::vector<std::string> counter_layout_differences(const MapInfo& info) {
    std::vector<std::string> differences;
    if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY && info.type != BPF_MAP_TYPE_ARRAY) {
        differences.push_back(
            fmt::format("type: {}, expected percpu_array or array", map_type_name(info.type)));
    }
    if (info.key_size != sizeof(std::uint32_t)) {
        differences.push_back(
            fmt::format("key: {} bytes, expected {}", info.key_size, sizeof(std::uint32_t)));
    }
    if (info.value_size != sizeof(Counter)) {
        differences.push_back(fmt::format("value: {} bytes, expected {}", info.value_size, sizeof(Counter)));
    }
    if (info.max_entries != kActions && info.max_entries != kMaxEntries) {
        differences.push_back(
            fmt::format("entries: {}, expected {} or {}", info.max_entries, kActions, kMaxEntries));
    }
    return differences;
}

}  // namespace

std::string describe_unreadable_counters(const MapInfo& info) {
    const auto differences = counter_layout_differences(info);
    return differences.empty() ? std::string()
                               : fmt::format("xdp_stats cannot read {}: {} ({})", XDP_TALLY_MAP_NAME,
                                             kOtherLayout, fmt::join(differences, "; "));
}

Result<void> freeze_counters(int fd) {
    TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd));
    return counter_layout_differences(info).empty() ? freeze_map(fd) : Result<void>();
}

CounterMap::CounterMap(UniqueFd fd, MapInfo info, std::size_t cpus)
    : fd_(std::move(fd)),
      info_(std::move(info)),
      cpus_(cpus),
      keys_(info_.max_entries),
      values_(info_.max_entries * cpus) {}

Result<CounterMap> CounterMap::from_fd(UniqueFd fd) {
    TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd.get()));
    if (const auto differences = counter_layout_differences(info); !differences.empty()) {
        return make_error(ErrorKind::kConflict, fmt::format("reading map {} '{}'", info.id, info.name),
                          kOtherLayout)
            .with_details(fmt::format("{}", fmt::join(differences, "\n")));
    }
    std::size_t cpus = 1;
    if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        TALLY_ASSIGN_OR_RETURN(cpus, possible_cpus());
    }
    return CounterMap(std::move(fd), std::move(info), cpus);
}

Result<void> CounterMap::read(Sample& sample) {
    if (batch_) {
        auto result = read_batch();
        if (!result) {
            return result;
        }
    }
    if (!batch_) {
        TALLY_TRY(read_each());
    }
    sample.time = nanoseconds_of(CLOCK_MONOTONIC);
    sample.per_cpu.assign(cpus_, Counters{});
    sample.total = {};
    for (std::uint32_t entry = 0; entry < info_.max_entries; ++entry) {
        const std::size_t action = entry < kActions ? entry : std::size_t{XDP_ABORTED};
        for (std::size_t cpu = 0; cpu < cpus_; ++cpu) {
            const Counter& value = values_[entry * cpus_ + cpu];
            add_to(sample.per_cpu[cpu][action], value);
            add_to(sample.total[action], value);
        }
    }
    return {};
}

Result<void> CounterMap::read_batch() {
    std::uint32_t position = 0;
    std::uint32_t count = info_.max_entries;
    if (bpf_map_lookup_batch(fd_.get(), nullptr, &position, keys_.data(), values_.data(), &count, nullptr) ==
            0 ||
        (errno == ENOENT && count == info_.max_entries)) {
        return {};  // ENOENT says that the end of the map was reached
    }
    if (errno == EINVAL || errno == EOPNOTSUPP || errno == 524) {  // 524: the kernel's ENOTSUPP
        batch_ = false;
        return {};
    }
    return last_error("reading map {} '{}'", info_.id, info_.name);
}

Result<void> CounterMap::read_each() {
    for (std::uint32_t entry = 0; entry < info_.max_entries; ++entry) {
        if (bpf_map_lookup_elem(fd_.get(), &entry, &values_[entry * cpus_]) != 0) {
            return last_error("reading map {} '{}'", info_.id, info_.name);
        }
    }
    return {};
}

Result<Sample> read_counters(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
        return last_error("reading the counters");
    }
    TALLY_ASSIGN_OR_RETURN(auto map, CounterMap::from_fd(std::move(copy)));
    Sample sample;
    TALLY_TRY(map.read(sample));
    return sample;
}

}  // namespace tally
