// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/exporter.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "stats/cli/stop_signal.h"
#include "stats/exporter/privileges.h"
#include "stats/output/printer.h"
#include "stats/output/prometheus.h"

namespace tally::stats {
namespace {

constexpr std::uint16_t kFirstFreePort = 1024;

// Limits of the memory and time that clients can cost. A client that sends no request, or does not read the
// answer, occupies a worker for half a second; a thousand of them delay a scrape by eight seconds. Further
// clients wait in the kernel's backlog.
std::vector<std::string> server_options(const ListenAddress& address) {
    return {
        "listening_ports",    address.text(),  //
        "num_threads",        "64",            //
        "connection_queue",   "64",            //
        "listen_backlog",     "1024",          //
        "request_timeout_ms", "500",           //
        "enable_keep_alive",  "no",            //
        "max_request_size",   "8192",          //
    };
}

// Reads the maps at every scrape, in the server's threads. Between scrapes the main thread follows the pins,
// so that the last counts of a map that is replaced are not lost.
class Scrapes final : public prometheus::Collectable {
  public:
    explicit Scrapes(ReaderSet& readers) : readers_(readers) {}

    std::vector<prometheus::MetricFamily> Collect() const override {
        const std::lock_guard lock(mutex_);
        for (ReaderSet::Member& member : readers_.members()) {
            // An error has been told, and the report says that the map cannot be read.
            [[maybe_unused]] const auto sampled = readers_.sample(member);
            metrics_.add(member.reader->report());
        }
        readers_.drop_lost(std::chrono::steady_clock::now());
        return metrics_.take();
    }

    Result<void> follow() {
        const std::lock_guard lock(mutex_);
        TALLY_TRY(readers_.follow_events());
        TALLY_TRY(readers_.follow_polled());
        readers_.drop_lost(std::chrono::steady_clock::now());
        return {};
    }

    // Milliseconds after which follow() is due even without an event; -1: never.
    int timeout() const {
        const std::lock_guard lock(mutex_);
        if (readers_.must_poll()) {
            return static_cast<int>(kPollPeriod.count());
        }
        return readers_.any_lost() ? static_cast<int>(kLostPeriod.count()) : -1;
    }

  private:
    mutable std::mutex mutex_;
    ReaderSet& readers_;
    mutable Metrics metrics_;
};

void connect_to(const ListenAddress& address) {
    addrinfo hints = {};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) == 0) {
        const UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        // If it fails, the next one may work.
        static_cast<void>(::connect(socket.get(), found->ai_addr, found->ai_addrlen));
        ::freeaddrinfo(found);
    }
}

// civetweb checks whether it is to end every two seconds, or when a client connects: so one connects.
class Server {
  public:
    explicit Server(const ListenAddress& address)
        : exposer_(std::make_unique<prometheus::Exposer>(server_options(address))),
          address_{address.host, static_cast<std::uint16_t>(exposer_->GetListeningPorts().front())} {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        const std::jthread client([this](const std::stop_token& ended) {
            while (!ended.stop_requested()) {
                connect_to(address_);
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        });
        exposer_.reset();
    }

    // With the port that was chosen.
    const ListenAddress& address() const { return address_; }
    void serve(const std::shared_ptr<Scrapes>& scrapes) { exposer_->RegisterCollectable(scrapes); }

  private:
    std::unique_ptr<prometheus::Exposer> exposer_;
    ListenAddress address_;
};

Result<std::unique_ptr<Server>> listen_at(const ListenAddress& address) {
    errno = 0;
    try {
        return std::make_unique<Server>(address);
    } catch (const std::exception&) {
        const std::string what = "listening at " + address.text();
        if (errno == 0) {
            // It refused without a system call. Debian 12's civetweb is built without IPv6.
            return make_error(ErrorKind::kSystem, what,
                              "this machine's web server library, civetweb, does not accept it")
                .with_hint("every build of it accepts IPv4 addresses");
        }
        auto error = last_error(what);
        if (error.code == EADDRINUSE) {
            error.kind = ErrorKind::kConflict;
            error.hint =
                fmt::format("`ss -ltnp 'sport = :{}'` shows the process that listens there", address.port);
        } else if (error.code == EACCES) {
            error.reason += ": ports below 1024 require CAP_NET_BIND_SERVICE";
            error.hint = "start it as root (with --user NAME it continues as that user), or use another port";
        }
        return error;
    }
}

Result<void> follow_until_stopped(Scrapes& scrapes, int events) {
    while (true) {
        std::array<pollfd, 2> watched = {{{stop_descriptor(), POLLIN, 0}, {events, POLLIN, 0}}};
        if (::poll(watched.data(), watched.size(), scrapes.timeout()) < 0 && errno != EINTR) {
            return last_error("waiting for changes to the pins");
        }
        if (stop_requested()) {
            return {};
        }
        TALLY_TRY(scrapes.follow());
    }
}

}  // namespace

Result<void> serve(ReaderSet& readers, const ListenAddress& address, const std::optional<std::string>& user) {
    TALLY_TRY(drop_privileges(user, address.port > 0 && address.port < kFirstFreePort));
    TALLY_ASSIGN_OR_RETURN(auto server, listen_at(address));
    TALLY_TRY(readers.follow_all());
    const auto scrapes = std::make_shared<Scrapes>(readers);
    server->serve(scrapes);
    TALLY_TRY(write_to_stdout(fmt::format("serving http://{}/metrics\n", server->address().text())));
    return follow_until_stopped(*scrapes, readers.events());
}

}  // namespace tally::stats
