// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/network/netns.h"
#include "common/pins/bpffs_mount.h"
#include "stats/cli/notices.h"
#include "stats/cli/stop_signal.h"

namespace tally::stats {
namespace {

using std::chrono::steady_clock;

// A network namespace; with --wait, one that does not exist is waited for, until the time limit. None where a
// signal ended that, or where what was expected did not come.
template <typename Enter>
Result<std::optional<NetnsContext>> find_netns(const Options& options, steady_clock::time_point limit,
                                               const std::string& name, const Enter& enter) {
    constexpr std::chrono::milliseconds kPause(20);
    for (bool said = false;; said = true) {
        Result<NetnsContext> context = enter();
        if (context && context->visibility != NetnsContext::Visibility::kGone) {
            return std::optional(std::move(*context));
        }
        // No namespace has the name, or there is no such path.
        auto obstacle = context ? *context->obstacle : context.error();
        if (!options.wait || obstacle.kind != ErrorKind::kNotFound) {
            TALLY_ASSIGN_OR_RETURN(const bool pinned, context ? context->has_pins() : Result<bool>(false));
            if (pinned) {
                obstacle.hint =
                    fmt::format("`xdp_stats {}--all --once` shows the counters that are still pinned",
                                context->root_option());
            }
            return obstacle;
        }
        if (!said) {
            Notices(options.quiet, options.verbose)
                .say(name, "there is no such network namespace yet; waiting");
        }
        const bool stopped = wait_for_stop(kPause);
        if (!stopped && steady_clock::now() >= limit && options.expectations.empty()) {
            return obstacle;
        }
        if (stopped || steady_clock::now() >= limit) {
            return std::optional<NetnsContext>();
        }
    }
}

// Of a namespace that was named in several ways, the first name; none where it is that of the run.
std::optional<std::string> name_alike(const std::string& netns, const Contexts& contexts) {
    const auto inode = contexts.named.at(netns).inode;
    const auto same = [&](const auto& named) { return named.second.inode == inode; };
    if (inode == 0) {
        return netns;
    }
    return inode == contexts.own.inode
               ? std::nullopt
               : std::optional(std::find_if(contexts.named.begin(), contexts.named.end(), same)->first);
}

}  // namespace

Result<std::optional<Contexts>> find_contexts(const Options& options, steady_clock::time_point limit) {
    TALLY_ASSIGN_OR_RETURN(auto own, find_netns(options, limit, options.netns.value_or(""), [&] {
                               return enter_netns_context(options.netns, options.bpffs);
                           }));
    if (!own) {
        return std::optional<Contexts>();
    }
    Contexts contexts{std::move(*own), {}};
    for (const Source& source : options.sources) {
        if (!source.netns || contexts.named.contains(*source.netns)) {
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(auto context, find_netns(options, limit, *source.netns, [&] {
                                   return visit_netns_context(*source.netns, options.bpffs);
                               }));
        if (!context) {
            return std::optional<Contexts>();
        }
        contexts.named.emplace(*source.netns, std::move(*context));
    }
    return std::optional(std::move(contexts));
}

Result<void> check_devices(std::vector<Source>& sources, const Contexts& contexts) {
    bool any = false;
    for (Source& source : std::exchange(sources, {})) {
        if (source.kind == Source::Kind::kDevice) {
            source.netns = source.netns ? name_alike(*source.netns, contexts) : std::nullopt;
            TALLY_ASSIGN_OR_RETURN(auto interface, contexts.of(source).find(source.name));
            if (interface) {
                source.name = interface->name;
            }
            any = true;
        }
        add_source(sources, std::move(source));
    }
    return any ? check_bpffs(contexts.own.bpffs) : Result<void>();
}

}  // namespace tally::stats
