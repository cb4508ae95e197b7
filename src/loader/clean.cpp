#include "common/netns.h"
#include "loader/existing_device.h"
#include "loader/hook_follower.h"
#include "loader/pin_removal.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

// Nothing can feed the pins any more. A link tells for itself; what netlink attached can be judged from
// inside its network namespace, and from anywhere once its program is gone.
bool nothing_feeds(const DeviceState& state, const std::string& directory) {
    if (state.link_alive() || state.our_program() || state.held_by_a_run()) {
        return false;
    }
    if (state.observes()) {
        const Feed feed = state.feed();
        return feed == Feed::kOrphaned || (feed == Feed::kDetached && has_follower(directory) == false);
    }
    if (state.meta && state.meta->attach_kind != XDP_TALLY_ATTACH_LINK) {
        const auto netns = current_netns_inode();
        if (netns && *netns == state.meta->netns_inode) {
            return true;
        }
        const auto program = open_program_by_id(state.meta->program_id);
        return !program && program.error().code == ENOENT;
    }
    return true;
}

}  // namespace

Result<Outcome> clean(const Options& options, const Place& place, const std::string& device) {
    TALLY_TRY_ASSIGN(existing, open_existing(options, place, device));
    const DeviceState& state = existing.state;
    Outcome outcome = std::move(existing.outcome);
    outcome.verb = "cleaned";

    if (our_pins(state, false).empty()) {
        outcome.notes.emplace_back("nothing to remove: no pins of ours");
        return outcome;
    }
    if (state.component_is_hidden()) {
        outcome.notes.push_back("nothing removed: the pins may be in use; " +
                                state.dispatcher_trouble->message());
        return outcome;
    }
    if (!nothing_feeds(state, existing.directory)) {
        outcome.notes.emplace_back("nothing to remove: the pins are in use");
        return outcome;
    }
    TALLY_TRY(remove_our_pins(
        existing, options, [] { return Result<void>(); }, outcome));
    return outcome;
}

}  // namespace tally::loader
