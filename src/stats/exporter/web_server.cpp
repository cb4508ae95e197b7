// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/web_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "stats/exporter/listening_socket.h"

namespace tally::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Limits of the memory and time that clients can cost. One that takes longer than Prometheus waits by default
// is sent away; where others wait for its place, much earlier.
constexpr milliseconds kLongestVisit(10'000);
constexpr milliseconds kShortestVisit(500);
constexpr std::size_t kMostClients = 256;
constexpr std::ptrdiff_t kMostAnswers = 64;  // that clients have not read yet
constexpr std::size_t kMostRequestBytes = 8192;
// More than a whole request, so that one that is too long is noticed.
constexpr std::size_t kMostBytesAhead = 2 * kMostRequestBytes;
// How often clients are looked at while there are any.
constexpr milliseconds kRound(100);

using Buffer = UniqueHandle<evbuffer, evbuffer_free>;

// libevent hands the callback for it nothing of ours.
bool g_accept_failed = false;

timeval to_timeval(milliseconds time) {
    return {time.count() / 1000, time.count() % 1000 * 1000};
}

}  // namespace

WebServer::~WebServer() {
    http_.reset();
    for (const Client& client : clients_) {
        bufferevent_decref(client.connection);
    }
}

Result<std::unique_ptr<WebServer>> WebServer::listen_at(const ListenAddress& address, Handler handler,
                                                        const Notices& notices) {
    std::unique_ptr<WebServer> server(new WebServer(std::move(handler), notices));
    TALLY_TRY(server->listen(address));
    return server;
}

// libevent takes its callbacks from a connection that it closes.
bool WebServer::Client::has_left() const {
    bufferevent_event_cb on_event = nullptr;
    bufferevent_getcb(connection, nullptr, nullptr, &on_event, nullptr);
    return on_event == nullptr;
}

bool WebServer::Client::has_unread_answer() const {
    return !sent_away && evbuffer_get_length(bufferevent_get_output(connection)) > 0;
}

// libevent sees an end of the connection, and closes it.
void WebServer::Client::send_away() {
    if (!sent_away) {
        sent_away = true;
        ::shutdown(bufferevent_getfd(connection), SHUT_RDWR);
    }
}

Result<void> WebServer::listen(const ListenAddress& address) {
    const std::string what = "listening at " + address.text();
    TALLY_ASSIGN_OR_RETURN(auto socket, open_listening_socket(address));
    address_ = socket.address;
    event_set_log_callback([](int /*severity*/, const char* /*text*/) {});
    base_.reset(event_base_new());
    if (!base_) {
        return last_error(what);
    }
    const auto nothing = [](evutil_socket_t, short, void*) {};
    timer_.reset(event_new(base_.get(), -1, 0, nothing, nullptr));
    http_.reset(evhttp_new(base_.get()));
    if (!timer_ || !http_) {
        return system_error(ENOMEM, what);
    }
    evhttp_set_max_headers_size(http_.get(), kMostRequestBytes);
    evhttp_set_max_body_size(http_.get(), 0);
    evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_bevcb(http_.get(), admit, this);
    evhttp_set_gencb(http_.get(), answer, this);
    listener_ = evconnlistener_new(base_.get(), nullptr, nullptr,
                                   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, socket.fd.get());
    if (listener_ == nullptr) {
        return system_error(ENOMEM, what);
    }
    static_cast<void>(socket.fd.release());
    evconnlistener_set_error_cb(listener_, pause_accepting);
    if (evhttp_bind_listener(http_.get(), listener_) == nullptr) {
        evconnlistener_free(listener_);
        return system_error(ENOMEM, what);
    }
    return {};
}

Result<void> WebServer::watch(int descriptor) {
    const auto nothing = [](evutil_socket_t, short, void*) {};
    watched_.emplace_back(event_new(base_.get(), descriptor, EV_READ | EV_PERSIST, nothing, nullptr));
    if (!watched_.back() || event_add(watched_.back().get(), nullptr) != 0) {
        return system_error(ENOMEM, "waiting for clients");
    }
    return {};
}

Result<void> WebServer::wait(std::optional<milliseconds> time) {
    if (!clients_.empty() || steady_clock::now() < resume_) {
        time = std::min(time.value_or(kRound), kRound);
    }
    if (time) {
        const timeval end = to_timeval(*time);
        event_add(timer_.get(), &end);
    } else {
        event_del(timer_.get());
    }
    if (event_base_loop(base_.get(), EVLOOP_ONCE) < 0) {
        return last_error("waiting for clients");
    }
    look_at_clients();
    return {};
}

// A connection has been accepted; without one of ours, libevent makes its own.
bufferevent* WebServer::admit(event_base* base, void* self) {
    auto& server = *static_cast<WebServer*>(self);
    bufferevent* const connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (connection != nullptr) {
        bufferevent_setwatermark(connection, EV_READ, 0, kMostBytesAhead);
        bufferevent_incref(connection);
        server.clients_.push_back({connection, steady_clock::now(), false});
    }
    if (server.clients_.size() >= server.most_clients_) {
        evconnlistener_disable(server.listener_);  // the next ones wait in the kernel's backlog
    }
    return connection;
}

// Trying again at once would fail again.
void WebServer::pause_accepting(evconnlistener* listener, void* /*http*/) {
    g_accept_failed = true;
    evconnlistener_disable(listener);
}

void WebServer::look_at_clients() {
    std::erase_if(clients_, [](const Client& client) {
        const bool left = client.has_left();
        if (left) {
            bufferevent_decref(client.connection);
        }
        return left;
    });
    const auto now = steady_clock::now();
    make_room(now);
    resume_accepting(now);
}

void WebServer::make_room(steady_clock::time_point now) {
    const bool others_wait = clients_.size() >= most_clients_;
    const auto longest = others_wait ? kShortestVisit : kLongestVisit;
    auto surplus = std::count_if(clients_.begin(), clients_.end(), std::mem_fn(&Client::has_unread_answer)) -
                   kMostAnswers;
    for (Client& client : clients_) {
        const bool too_many = surplus > 0 && client.has_unread_answer();
        surplus -= too_many ? 1 : 0;
        if (too_many || now - client.since >= longest) {
            client.send_away();
        }
    }
}

void WebServer::resume_accepting(steady_clock::time_point now) {
    if (std::exchange(g_accept_failed, false)) {
        notices_.say(address_.text(), "a client cannot be accepted; trying again");
        resume_ = now + kRound;
    }
    if (now >= resume_ && clients_.size() < most_clients_) {
        evconnlistener_enable(listener_);
    }
}

WebServer::Answer WebServer::ask(std::string_view path) const {
    try {
        return handler_(path);
    } catch (const std::exception& exception) {
        notices_.say(address_.text(), exception.what());
        return {HTTP_INTERNAL, "text/plain; charset=utf-8", "out of memory\n"};
    }
}

void WebServer::answer(evhttp_request* request, void* self) {
    const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(request);
    const char* const path = uri == nullptr ? nullptr : evhttp_uri_get_path(uri);
    std::string_view asked = path == nullptr || *path == '\0' ? "/" : path;
    if (const std::string_view all = evhttp_request_get_uri(request); all.starts_with("//")) {
        asked = all;  // libevent takes what follows for a host
    }
    const Answer answer = static_cast<WebServer*>(self)->ask(asked);
    evkeyvalq* const headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", answer.type.c_str());
    evhttp_add_header(headers, "Content-Length", std::to_string(answer.text.size()).c_str());
    evhttp_add_header(headers, "Connection", "close");
    const Buffer text(evbuffer_new());
    if (text && evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
        evbuffer_add(text.get(), answer.text.data(), answer.text.size());
    }
    evhttp_send_reply(request, answer.status, nullptr, text.get());
}

std::size_t WebServer::most_clients() {
    rlimit limit = {};
    const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
    return known ? std::clamp<std::size_t>(limit.rlim_cur / 8, 1, kMostClients) : kMostClients;
}

}  // namespace tally::stats
