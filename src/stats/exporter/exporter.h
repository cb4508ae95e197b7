// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Serves the counters to Prometheus (--listen), until SIGINT or SIGTERM.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "stats/cli/listen_address.h"
#include "stats/cli/notices.h"
#include "stats/source/reader_set.h"

namespace tally::stats {

struct ServeRequest {
    ListenAddress address;
    std::optional<std::string> user;  // to go on as
    bool reads_cost = false;          // which takes CAP_SYS_ADMIN all the time
};

// The readers have been started. Drops privileges (drop_privileges) before the first client is served, tells
// on stdout where it listens, and reads the maps at every scrape. kConflict where the port is in use.
Result<void> serve(ReaderSet& readers, const ServeRequest& request, const Notices& notices);

// As many descriptors as the server and its clients take beside the readers'.
std::size_t exporter_descriptors();

}  // namespace tally::stats
