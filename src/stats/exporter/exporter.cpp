// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/exporter.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error_report.h"
#include "common/start/descriptor_limit.h"
#include "stats/cli/stop_signal.h"
#include "stats/exporter/privileges.h"
#include "stats/exporter/web_server.h"
#include "stats/output/format.h"
#include "stats/output/printer.h"

namespace tally::stats {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kLandingPage =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>xdp_stats</title></head>\n<body>\n"
    "<h1>xdp_stats " TALLY_VERSION
    "</h1>\n<p>Packets and bytes that XDP programs gave each verdict.</p>\n"
    "<p><a href=\"/metrics\">Metrics</a></p>\n</body>\n</html>\n";

// Reads the maps at every scrape. Between scrapes the pins are followed, so that the last counts of a map
// that is replaced are not lost.
class Scrapes {
  public:
    explicit Scrapes(ReaderSet& readers) : readers_(readers) {}

    WebServer::Answer answer(std::string_view path) {
        if (path == "/metrics") {
            return scrape();
        }
        if (path == "/") {
            return {200, "text/html; charset=utf-8", std::string(kLandingPage)};
        }
        return {404, kPlainText, "the metrics are at /metrics\n"};
    }

    // Does nothing where a client alone has woken the server: a scrape of a thousand devices takes dozens of
    // rounds.
    Result<void> follow() {
        pollfd events{readers_.events(), POLLIN, 0};
        if (steady_clock::now() < due_ && ::poll(&events, 1, 0) == 0) {
            return {};
        }
        TALLY_TRY(tolerate(readers_.follow_events()));
        TALLY_TRY(tolerate(readers_.follow_polled()));
        const auto now = steady_clock::now();
        readers_.drop_lost(now);
        const auto period = this->period();
        due_ = period ? now + *period : steady_clock::time_point::max();
        return {};
    }

    // Until follow() is due even without an event.
    std::optional<milliseconds> time_left() const {
        if (due_ == steady_clock::time_point::max()) {
            return std::nullopt;
        }
        return std::max(milliseconds(0), ceil<milliseconds>(due_ - steady_clock::now()));
    }

  private:
    std::optional<milliseconds> period() const {
        if (readers_.must_poll()) {
            return kPollPeriod;
        }
        return readers_.any_lost() ? std::optional(kLostPeriod) : std::nullopt;
    }

    // What could not be opened is tried again by the next scrape, which says so.
    static Result<void> tolerate(Result<void> followed) {
        return !followed && lacks_descriptors(followed.error()) ? Result<void>() : followed;
    }

    // All of them or none: metrics of some devices would look like all there is.
    WebServer::Answer scrape() {
        due_ = {};  // reading may find out that a pin is gone
        const auto metrics = make_prometheus_format();
        fmt::memory_buffer text;
        if (const auto read = read_all(*metrics, text); !read) {
            const std::string problem = read.error().message();
            if (std::exchange(problem_, problem) != problem) {
                print_error(kProgramName, read.error());
            }
            return {500, kPlainText, problem + '\n'};
        }
        problem_.clear();
        metrics->append_round(text);
        return {200, "text/plain; version=0.0.4; charset=utf-8", fmt::to_string(text)};
    }

    Result<void> read_all(SampleFormat& metrics, fmt::memory_buffer& text) {
        TALLY_TRY(readers_.find_left_out());
        TALLY_TRY(readers_.read_delivery());
        readers_.note_delivery();
        for (ReaderSet::Member& member : readers_.members()) {
            TALLY_TRY(readers_.sample(member));
            metrics.append(text, member.reader->report());
        }
        readers_.drop_lost(steady_clock::now());
        return {};
    }

    ReaderSet& readers_;
    steady_clock::time_point due_ = {};  // when to follow the pins without an event
    std::string problem_;                // why the latest scrape failed, as it was told; empty: it did not
};

void tell_who_reaches(const ListenAddress& address, const ListenAddress& bound, const Notices& notices) {
    if (address.implied) {
        notices.say(bound.text(), fmt::format("only this machine reaches it; `--listen '*:{}'` means all of "
                                              "its addresses",
                                              bound.port));
    } else if (!bound.loopback()) {
        notices.say(bound.text(), "there is no authentication: whoever reaches it can read the counters");
    }
}

}  // namespace

Result<void> serve(ReaderSet& readers, const ListenAddress& address, const std::optional<std::string>& user,
                   bool reads_cost, const Notices& notices) {
    Scrapes scrapes(readers);
    TALLY_ASSIGN_OR_RETURN(
        const auto server,
        WebServer::listen_at(
            address, [&scrapes](std::string_view path) { return scrapes.answer(path); }, notices));
    TALLY_TRY(drop_privileges(
        user, reads_cost ? std::vector<unsigned int>{CAP_SYS_ADMIN} : std::vector<unsigned int>()));
    TALLY_TRY(server->watch(stop_descriptor()));
    TALLY_TRY(server->watch(readers.events()));
    TALLY_TRY(readers.follow_all());
    readers.note_barrier();
    TALLY_TRY(write_to_stdout(fmt::format("serving http://{}/metrics\n", server->address().text())));
    tell_who_reaches(address, server->address(), notices);
    if (reads_cost) {
        notices.say("--cost", "CAP_SYS_ADMIN is kept, which the statistics of programs take");
    }
    while (!stop_requested()) {
        TALLY_TRY(server->wait(scrapes.time_left()));
        TALLY_TRY(scrapes.follow());
    }
    return {};
}

std::size_t exporter_descriptors() {
    constexpr std::size_t kOwn = 8;  // libevent's, the socket that listens, and some to spare
    return kOwn + WebServer::most_clients();
}

}  // namespace tally::stats
