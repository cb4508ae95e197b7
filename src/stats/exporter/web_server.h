// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A web server for few small documents. It has no thread: it serves while its owner waits in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "stats/cli/listen_address.h"
#include "stats/cli/notices.h"

namespace tally::stats {

class WebServer {
  public:
    struct Answer {
        int status = 0;  // of HTTP
        std::string type;
        std::string text;
    };
    // Asked with the path of a GET or HEAD.
    using Handler = std::function<Answer(std::string_view path)>;

    // Binds and listens; clients wait until wait() is called. kConflict where the port is taken, kPermission
    // for a port below 1024 without CAP_NET_BIND_SERVICE. One in a process.
    static Result<WebServer> listen_at(const ListenAddress& address, Handler handler, const Notices& notices);
    WebServer(WebServer&&) noexcept;
    WebServer& operator=(WebServer&&) noexcept;
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;
    ~WebServer();

    // With the port, and for "*" the address, that was chosen.
    const ListenAddress& address() const;
    // wait() also ends when this descriptor is readable.
    Result<void> watch(int descriptor);
    // Serves clients until something has happened: with a client, to a watched descriptor, or as `time` is
    // over; without it there is no such end.
    Result<void> wait(std::optional<std::chrono::milliseconds> time);

    // As many descriptors as clients take at most: 256, or an eighth of what the process may have.
    static std::size_t most_clients();

  private:
    class Impl;
    explicit WebServer(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace tally::stats
