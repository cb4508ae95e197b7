// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where a program runs that is not on its device: on one that was moved to another network namespace, say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/bpf/bpf_info.h"
#include "common/network/link_socket.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"

namespace tally::stats {

// The dispatcher that was read last: it never changes, a new one takes its place.
class DispatcherCache {
  public:
    // `in_dispatcher`: what is wanted may be one of the programs that the one on the hook calls.
    Result<Link> look_inside(Result<Link> link, bool in_dispatcher);
    // It is known which programs this one calls, if any.
    bool knows(std::uint32_t program_id) const { return program_id == known_program_; }

  private:
    std::uint32_t known_program_ = 0;  // what was read, with success
    std::optional<Dispatcher> dispatcher_;
};

class MovedDevice {
  public:
    struct Finding {
        std::optional<XdpHook> hook;  // of the device that the program runs on
        std::uint64_t netns_inode = 0;
        std::string netns;  // what bpffs calls its namespace
        std::string interface;
        bool searched = false;  // everywhere
        ProgramLife life = ProgramLife::kNotKnown;
    };

    // Looks where it was found last; only where it is not there any more, everywhere (find_program), but not
    // so often that searching takes more than a small part of the time. Both take CAP_SYS_ADMIN. Between two
    // looks no other namespace is kept in existence.
    const Finding& look(const Meta& meta, const std::optional<LinkInfo>& link, const NetnsContext& own,
                        DispatcherCache& dispatchers, std::int64_t now);
    // The program is on its device.
    void forget();

  private:
    bool is_still_there(const Meta& meta, DispatcherCache& dispatchers);
    void search(const Meta& meta, const std::optional<LinkInfo>& link, const NetnsContext& own);

    std::uint32_t program_id_ = 0;
    Finding finding_;
    std::string netns_path_;  // as open_netns takes it; empty: it has to be searched for
    std::uint32_t ifindex_ = 0;
    std::int64_t next_search_ = 0;  // CLOCK_MONOTONIC, nanoseconds
};

}  // namespace tally::stats
