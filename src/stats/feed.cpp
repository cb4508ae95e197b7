#include "stats/feed.h"

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
    // The hook names the program itself only where it stands there alone: inside a dispatcher, or beside the
    // program it observes, it does not.
    const bool alone =
        record->attach_kind == XDP_TALLY_ATTACH_LINK || record->attach_kind == XDP_TALLY_ATTACH_NETLINK;
    return alone ? FeedState::kStale : FeedState::kUnknown;
}

FeedState FeedProbe::look(const Meta* record, std::uint32_t map_id) {
    const DeviceView seen = record == nullptr ? DeviceView{} : view(*record);
    gone_ = seen.sight == DeviceView::Sight::kGone;
    return judge_feed(record, map_id, seen);
}

DeviceView FeedProbe::view(const Meta& record) {
    DeviceView view;
    view.record_is_elsewhere = record.netns_inode != netns_inode_;
    if (!device_ && view.record_is_elsewhere) {
        return view;
    }
    renamed_to_.clear();
    auto link = device_ ? socket_->find(*device_) : socket_->find(record.ifindex);
    if (!link && link.error().kind == ErrorKind::kNotFound && device_ && !view.record_is_elsewhere) {
        // Renamed, if the interface with the record's index runs the record's program.
        auto other = socket_->find(record.ifindex);
        if (other && other->hook.find(record.program_id)) {
            renamed_to_ = other->interface.name;
            link = std::move(other);
        }
    }
    if (link) {
        view.sight = DeviceView::Sight::kSeen;
        view.hook = link->hook;
    } else if (link.error().kind == ErrorKind::kNotFound) {
        view.sight = DeviceView::Sight::kGone;
    }
    return view;
}

}  // namespace tally::stats
