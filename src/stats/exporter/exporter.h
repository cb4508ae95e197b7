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

// The readers have been started. Drops privileges (drop_privileges) before the first client is served, tells
// on stdout where it listens, and reads the maps at every scrape. kConflict where the port is in use. `user`:
// to go on as; `reads_cost`, which takes CAP_SYS_ADMIN all the time.
Result<void> serve(ReaderSet& readers, const ListenAddress& address, const std::optional<std::string>& user,
                   bool reads_cost, const Notices& notices);

// As many descriptors as the server and its clients take beside the readers'.
std::size_t exporter_descriptors();

}  // namespace tally::stats
