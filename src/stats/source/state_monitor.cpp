// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include "common/kernel/bpf_info.h"
#include "common/kernel/dispatcher.h"
#include "common/pins/bpffs.h"
#include "common/pins/process_lock.h"

namespace tally::stats {
namespace {

// The device is asked at most this often, to keep fast sampling cheap. Below 1 s, so that with intervals from
// 1 s on every sample has a fresh state.
constexpr std::int64_t kLongestAge = 900'000'000;  // nanoseconds

}  // namespace

bool StateMonitor::must_look(std::int64_t now) const {
    return looked_at_ == 0 || now - looked_at_ >= kLongestAge;
}

AttachState StateMonitor::look(const Meta* meta, std::uint32_t map_id, std::int64_t now) {
    looked_at_ = now;
    latest_.renamed_to.clear();
    AttachFacts facts = meta == nullptr ? AttachFacts{} : gather_facts(*meta);
    facts.meta = meta;
    facts.counter_map_id = map_id;
    latest_.state = judge_attach_state(facts);
    latest_.device_gone = latest_.state == AttachState::kOrphaned;
    if (latest_.device_gone) {
        latest_.state = AttachState::kDetached;
    }
    latest_.left_by_killed_run = latest_.state == AttachState::kAttached &&
                                 meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER &&
                                 is_of_ended_run(*meta, directory_);
    return latest_.state;
}

AttachState StateMonitor::report(const std::string& title, std::uint32_t map_id, bool changing) {
    if (changing && told_ && transition_.wait(looked_at_)) {
        expire();
        return told_->state;
    }
    transition_.end();
    say_what_changed(title, map_id);
    told_ = latest_;
    return told_->state;
}

void StateMonitor::say_what_changed(const std::string& title, std::uint32_t map_id) const {
    const Finding before = told_.value_or(Finding());
    const bool changed = !told_ || before.state != latest_.state || before.device_gone != latest_.device_gone;
    if (changed && latest_.state == AttachState::kAttached && told_) {
        notices_.say(title, fmt::format("the XDP program on the device counts into map {}", map_id));
    } else if (changed && latest_.state == AttachState::kDetached) {
        notices_.say(title, fmt::format("{}no XDP program counts into map {}",
                                        latest_.device_gone ? "the device is gone; " : "", map_id));
    } else if (changed && latest_.state == AttachState::kStale) {
        notices_.say(title, fmt::format("the XDP program on the device does not count into map {}", map_id));
    }
    if (latest_.left_by_killed_run && !before.left_by_killed_run) {
        notices_.say(
            title,
            "a killed `xdp_loader --run` left its program in the dispatcher: the next load, --unload or "
            "--clean detaches it");
    }
    if (before.renamed_to != latest_.renamed_to && !latest_.renamed_to.empty()) {
        notices_.say(title, fmt::format("the device is now called {}", latest_.renamed_to));
    }
}

AttachFacts StateMonitor::gather_facts(const Meta& meta) {
    AttachFacts facts;
    facts.meta_is_elsewhere = meta.netns_inode != context_->inode;
    if (context_->links && (device_ || !facts.meta_is_elsewhere)) {
        const auto link = find_device(meta);
        if (link) {
            facts.device = AttachFacts::Device::kSeen;
            facts.ifindex = link->interface.ifindex;
            facts.hook = link->hook;
            facts.dispatcher_known = link->hook.program && link->hook.program->id == known_program_;
        } else if (link.error().kind == ErrorKind::kNotFound) {
            facts.device = AttachFacts::Device::kGone;
        }
    }
    if (!facts.hook.find(meta.program_id) || meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        look_at_link(facts);
    }
    return facts;
}

Result<Link> StateMonitor::find_device(const Meta& meta) {
    LinkSocket& socket = *context_->links;
    auto link = look_inside(device_ ? socket.find(*device_) : socket.find(meta.ifindex), meta);
    const bool may_be_renamed = device_ && meta.netns_inode == context_->inode;
    if (link || link.error().kind != ErrorKind::kNotFound || !may_be_renamed) {
        return link;
    }
    // It was renamed if the interface with the meta's index runs the meta's program.
    auto other = look_inside(socket.find(meta.ifindex), meta);
    if (!other || !other->hook.find(meta.program_id)) {
        return link;
    }
    latest_.renamed_to = other->interface.name;
    return other;
}

Result<Link> StateMonitor::look_inside(Result<Link> link, const Meta& meta) {
    // libxdp can look only in the namespace of this process.
    const bool can_look = context_->visibility == NetnsContext::Visibility::kHere;
    if (!link || !can_look || meta.attach_kind != XDP_TALLY_ATTACH_DISPATCHER || !link->hook.program) {
        return link;
    }
    const std::uint32_t program = link->hook.program->id;
    if (program != known_program_) {
        if (auto dispatcher = read_dispatcher(*link->hook.program)) {
            dispatcher_ = std::move(*dispatcher);
            known_program_ = dispatcher_ ? dispatcher_->program_id : program;
        }
    }
    if (dispatcher_ && dispatcher_->program_id == program) {
        link->hook.dispatcher = dispatcher_;
    }
    return link;
}

void StateMonitor::look_at_link(AttachFacts& facts) const {
    const auto fd = open_pin(directory_ + '/' + XDP_TALLY_LINK_NAME, false);
    if (!fd) {
        facts.link =
            fd.error().code == ENOENT ? AttachFacts::PinnedLink::kNone : AttachFacts::PinnedLink::kHidden;
        return;
    }
    if (object_type(fd->get()) != ObjectType::kLink) {
        return;
    }
    const auto info = link_info(fd->get());
    if (!info) {
        facts.link = AttachFacts::PinnedLink::kHidden;
    } else if (info->type == BPF_LINK_TYPE_XDP) {
        facts.link = info->ifindex == 0 ? AttachFacts::PinnedLink::kSevered : AttachFacts::PinnedLink::kAlive;
        facts.link_program_id = info->program_id;
    } else if (info->type == BPF_LINK_TYPE_TRACING) {
        facts.link = AttachFacts::PinnedLink::kAlive;
    }
}

}  // namespace tally::stats
