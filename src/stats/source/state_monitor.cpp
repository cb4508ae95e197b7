// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <linux/bpf.h>

#include "common/kernel/bpf_info.h"
#include "common/kernel/dispatcher.h"
#include "common/pins/bpffs.h"

namespace tally::stats {

AttachState StateMonitor::look(const Meta* meta, std::uint32_t map_id) {
    AttachFacts facts = meta == nullptr ? AttachFacts{} : look_at_device(*meta);
    facts.meta = meta;
    facts.counter_map_id = map_id;
    const AttachState state = judge_attach_state(facts);
    gone_ = state == AttachState::kOrphaned;
    return gone_ ? AttachState::kDetached : state;
}

AttachFacts StateMonitor::look_at_device(const Meta& meta) {
    AttachFacts facts;
    facts.meta_is_elsewhere = meta.netns_inode != context_->inode;
    renamed_to_.clear();
    if (context_->links && (device_ || !facts.meta_is_elsewhere)) {
        LinkSocket& socket = *context_->links;
        auto link = device_ ? socket.find(*device_) : socket.find(meta.ifindex);
        if (link) {
            link = look_inside(std::move(*link), meta);
        }
        const bool found = link && link->hook.find(meta.program_id);
        if (!found && device_ && !facts.meta_is_elsewhere &&
            (!link || link->interface.ifindex != meta.ifindex)) {
            // Renamed, if the interface with the meta's index runs the meta's program.
            auto other = socket.find(meta.ifindex);
            if (other) {
                other = look_inside(std::move(*other), meta);
            }
            if (other && other->hook.find(meta.program_id)) {
                renamed_to_ = other->interface.name;
                link = std::move(other);
            }
        }
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

void StateMonitor::look_at_link(AttachFacts& facts) const {
    const auto fd = open_pin(directory_ + '/' + XDP_TALLY_LINK_NAME, false);
    if (!fd) {
        facts.link = fd.error().code == ENOENT ? AttachFacts::PinnedLink::kNone : AttachFacts::PinnedLink::kHidden;
        return;
    }
    const auto info =
        object_type(fd->get()) == ObjectType::kLink ? link_info(fd->get()) : Result<LinkInfo>(LinkInfo());
    if (!info) {
        facts.link = AttachFacts::PinnedLink::kHidden;
    } else if (info->type == BPF_LINK_TYPE_XDP) {
        facts.link = info->ifindex == 0 ? AttachFacts::PinnedLink::kSevered : AttachFacts::PinnedLink::kAlive;
        facts.link_program_id = info->program_id;
    } else if (info->type == BPF_LINK_TYPE_TRACING) {
        facts.link = AttachFacts::PinnedLink::kAlive;
    }
}

Link StateMonitor::look_inside(Link link, const Meta& meta) {
    if (meta.attach_kind != XDP_TALLY_ATTACH_DISPATCHER || !link.hook.program) {
        return link;
    }
    if (link.hook.program->id != known_program_) {
        if (auto dispatcher = read_dispatcher(link.interface.ifindex)) {
            dispatcher_ = std::move(*dispatcher);
            known_program_ = dispatcher_ ? dispatcher_->program_id : link.hook.program->id;
        }
    }
    if (dispatcher_ && dispatcher_->program_id == link.hook.program->id) {
        link.hook.dispatcher = dispatcher_;
    }
    return link;
}

}  // namespace tally::stats
