// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/device_inquiry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/base/shown_paths.h"
#include "common/bpf/dispatcher.h"
#include "common/network/device_features.h"
#include "common/pins/abi_names.h"

namespace tally::stats {
namespace {

std::string options_for(const Reader& reader) {
    const SampleReport& report = reader.report();
    if (report.device) {
        return reader.context().option(*report.device);
    }
    return reader.pin().empty() ? fmt::format("--map-id {}", report.map_id)
                                : shell_option("--map", as_shown(reader.pin()));
}

std::string describe(const DeviceFeatures& features) {
    auto words = words_of(features);
    const auto metadata = metadata_words_of(features);
    words.insert(words.end(), metadata.begin(), metadata.end());
    return words.empty() ? "no XDP features" : fmt::format("{}", fmt::join(words, ", "));
}

std::string actions_text(std::uint32_t bits) {
    std::vector<std::string_view> names;
    for (std::uint32_t action = 0; action < kActions; ++action) {
        if ((bits >> action & 1U) != 0) {
            names.push_back(kShortActionNames.at(action));
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

void describe_chain(DeviceFacts& facts, Link& link, LinkSocket& links, const SampleReport& report) {
    const auto& program = link.hook.program;
    if (!program) {
        return;
    }
    if (const auto looked = look_into_dispatcher(link, links); !looked) {
        if (!report.program || report.program->id != program->id) {
            facts.chain_note = fmt::format("program {}; {}", program->id, looked.error().message());
        }
        return;
    }
    if (link.hook.dispatcher) {
        for (const Component& one : link.hook.dispatcher->components) {
            facts.chain.push_back({one.program_id, one.name, one.priority, actions_text(one.chain_actions)});
        }
    }
}

void describe_device(DeviceFacts& facts, const Reader& reader) {
    const SampleReport& report = reader.report();
    const NetnsContext& context = reader.context();
    // Of one that was moved or renamed, another may have the name.
    if (!report.device || report.runs_on || !context.links) {
        return;
    }
    auto link = context.links->find(*report.device);
    if (!link) {
        return;
    }
    facts.mtu = link->interface.mtu;
    facts.link = link_state(*link);
    if (context.visibility == NetnsContext::Visibility::kHere) {
        const auto features = query_device_features(link->interface.ifindex);
        if (features && *features) {
            facts.driver = describe(**features);
        }
    }
    describe_chain(facts, *link, *context.links, report);
}

}  // namespace

DeviceFacts inquire(const Reader& reader) {
    DeviceFacts facts;
    facts.options = options_for(reader);
    facts.pin = as_shown(reader.pin());
    if (reader.report().device) {
        if (auto names = list_directory(reader.directory())) {
            facts.pins = std::move(*names);
        }
    }
    describe_device(facts, reader);
    return facts;
}

}  // namespace tally::stats
