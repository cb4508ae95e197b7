#include "stats/feed.h"

#include "common/dispatcher.h"

namespace tally::stats {

FeedState judge_feed(const Meta* record, std::uint32_t map_id, const DeviceView& view) {
    if (record == nullptr) {
        return FeedState::kForeign;
    }
    if (view.sight == DeviceView::Sight::kHidden) {
        return FeedState::kUnknown;
    }
    if (view.sight == DeviceView::Sight::kSeen && view.hook.find(record->program_id)) {
        return record->counter_map_id == map_id ? FeedState::kAttached : FeedState::kStale;
    }
    if (view.record_is_elsewhere) {
        return FeedState::kUnknown;
    }
    if (view.sight == DeviceView::Sight::kGone || view.hook.empty()) {
        return FeedState::kDetached;
    }
    // The hook names the record's program unless that is one of a dispatcher.
    const bool alone = record->attach_kind != XDP_TALLY_ATTACH_DISPATCHER;
    return alone || view.hook_is_known ? FeedState::kStale : FeedState::kUnknown;
}

FeedState FeedProbe::look(const Meta* record, std::uint32_t map_id) {
    const DeviceView seen = record == nullptr ? DeviceView{} : view(*record);
    gone_ = seen.sight == DeviceView::Sight::kGone;
    return judge_feed(record, map_id, seen);
}

DeviceView FeedProbe::view(const Meta& record) {
    DeviceView view;
    view.record_is_elsewhere = record.netns_inode != vantage_->inode;
    if (!vantage_->links || (!device_ && view.record_is_elsewhere)) {
        return view;
    }
    LinkSocket& socket = *vantage_->links;
    renamed_to_.clear();
    auto link = device_ ? socket.find(*device_) : socket.find(record.ifindex);
    if (link) {
        link = look_inside(std::move(*link), record);
    }
    if (!link && link.error().kind == ErrorKind::kNotFound && device_ && !view.record_is_elsewhere) {
        // Renamed, if the interface with the record's index runs the record's program.
        auto other = socket.find(record.ifindex);
        if (other) {
            other = look_inside(std::move(*other), record);
        }
        if (other && other->hook.find(record.program_id)) {
            renamed_to_ = other->interface.name;
            link = std::move(other);
        }
    }
    if (link) {
        view.sight = DeviceView::Sight::kSeen;
        view.hook = link->hook;
        view.hook_is_known = view.hook.program && view.hook.program->id == known_program_;
    } else if (link.error().kind == ErrorKind::kNotFound) {
        view.sight = DeviceView::Sight::kGone;
    }
    return view;
}

Link FeedProbe::look_inside(Link link, const Meta& record) {
    if (record.attach_kind != XDP_TALLY_ATTACH_DISPATCHER || !link.hook.program) {
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
