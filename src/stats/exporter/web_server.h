// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A web server for few small documents. It has no thread: it serves while its owner waits in it.
#pragma once

#include <event2/event.h>
#include <event2/http.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_handle.h"
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
    static Result<std::unique_ptr<WebServer>> listen_at(const ListenAddress& address, Handler handler,
                                                        const Notices& notices);
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;
    ~WebServer();

    // With the port, and for "*" the address, that was chosen.
    const ListenAddress& address() const { return address_; }
    // wait() also ends when this descriptor is readable.
    Result<void> watch(int descriptor);
    // Serves clients until something has happened: with a client, to a watched descriptor, or as `time` is
    // over; without it there is no such end.
    Result<void> wait(std::optional<std::chrono::milliseconds> time);

    // As many descriptors as clients take at most: 256, or an eighth of what the process may have.
    static std::size_t most_clients();

  private:
    // A connection that libevent serves.
    struct Client {
        // Our reference keeps what libevent has closed until that is noticed.
        bufferevent* connection = nullptr;
        std::chrono::steady_clock::time_point since;
        bool sent_away = false;

        bool has_left() const;
        bool has_unread_answer() const;
        void send_away();
    };
    using EventBase = UniqueHandle<event_base, event_base_free>;
    using Event = UniqueHandle<event, event_free>;
    using Http = UniqueHandle<evhttp, evhttp_free>;

    WebServer(Handler handler, const Notices& notices) : handler_(std::move(handler)), notices_(notices) {}

    static bufferevent* admit(event_base* base, void* self);
    static void answer(evhttp_request* request, void* self);
    static void pause_accepting(evconnlistener* listener, void* /*http*/);

    Result<void> listen(const ListenAddress& address);
    Answer ask(std::string_view path) const;
    void look_at_clients();
    void make_room(std::chrono::steady_clock::time_point now);
    void resume_accepting(std::chrono::steady_clock::time_point now);

    Handler handler_;
    Notices notices_;
    ListenAddress address_;
    // What comes later is released first.
    EventBase base_;
    std::vector<Event> watched_;
    Event timer_;
    Http http_;
    evconnlistener* listener_ = nullptr;  // owned by http_
    std::size_t most_clients_ = most_clients();
    std::deque<Client> clients_;  // in the order they came
    std::chrono::steady_clock::time_point resume_;
};

}  // namespace tally::stats
