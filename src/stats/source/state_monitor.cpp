// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include "common/kernel/dispatcher.h"

namespace tally::stats {

AttachState judge_attach_state(const Meta* meta, std::uint32_t map_id, const HookView& view) {
    if (meta == nullptr) {
        return AttachState::kForeign;
    }
    if (view.visibility == HookView::Visibility::kHidden) {
        return AttachState::kUnknown;
    }
    if (view.visibility == HookView::Visibility::kSeen && view.hook.find(meta->program_id)) {
        return meta->counter_map_id == map_id ? AttachState::kAttached : AttachState::kStale;
    }
    if (view.meta_is_elsewhere) {
        return AttachState::kUnknown;
    }
    if (view.visibility == HookView::Visibility::kGone || view.hook.empty()) {
        return AttachState::kDetached;
    }
    // The hook names the record's program unless that is one of a dispatcher.
    const bool alone = meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER;
    return alone || view.hook_is_known ? AttachState::kStale : AttachState::kUnknown;
}

AttachState StateMonitor::look(const Meta* meta, std::uint32_t map_id) {
    const HookView seen = meta == nullptr ? HookView{} : view(*meta);
    gone_ = seen.visibility == HookView::Visibility::kGone;
    return judge_attach_state(meta, map_id, seen);
}

HookView StateMonitor::view(const Meta& meta) {
    HookView view;
    view.meta_is_elsewhere = meta.netns_inode != vantage_->inode;
    if (!vantage_->links || (!device_ && view.meta_is_elsewhere)) {
        return view;
    }
    LinkSocket& socket = *vantage_->links;
    renamed_to_.clear();
    auto link = device_ ? socket.find(*device_) : socket.find(meta.ifindex);
    if (link) {
        link = look_inside(std::move(*link), meta);
    }
    if (!link && link.error().kind == ErrorKind::kNotFound && device_ && !view.meta_is_elsewhere) {
        // Renamed, if the interface with the record's index runs the record's program.
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
        view.visibility = HookView::Visibility::kSeen;
        view.hook = link->hook;
        view.hook_is_known = view.hook.program && view.hook.program->id == known_program_;
    } else if (link.error().kind == ErrorKind::kNotFound) {
        view.visibility = HookView::Visibility::kGone;
    }
    return view;
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
