// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/exporter.h"

#include <fmt/format.h>
#include <linux/capability.h>

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
#include "stats/output/printer.h"
#include "stats/output/prometheus.h"

namespace tally::stats {
namespace {

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

    Result<void> follow() {
        TALLY_TRY(tolerate(readers_.follow_events()));
        TALLY_TRY(tolerate(readers_.follow_polled()));
        readers_.drop_lost(std::chrono::steady_clock::now());
        return {};
    }

    // After which follow() is due even without an event.
    std::optional<std::chrono::milliseconds> period() const {
        if (readers_.must_poll()) {
            return kPollPeriod;
        }
        return readers_.any_lost() ? std::optional(kLostPeriod) : std::nullopt;
    }

  private:
    // What could not be opened is tried again by the next scrape, which says so.
    static Result<void> tolerate(Result<void> followed) {
        return !followed && lacks_descriptors(followed.error()) ? Result<void>() : followed;
    }

    // All of them or none: metrics of some devices would look like all there is.
    WebServer::Answer scrape() {
        if (const auto read = read_all(); !read) {
            fmt::memory_buffer unused;
            metrics_.take(unused);
            const std::string problem = read.error().message();
            if (std::exchange(problem_, problem) != problem) {
                print_error(kProgramName, read.error());
            }
            return {500, kPlainText, problem + '\n'};
        }
        problem_.clear();
        fmt::memory_buffer text;
        metrics_.take(text);
        return {200, "text/plain; version=0.0.4; charset=utf-8", fmt::to_string(text)};
    }

    Result<void> read_all() {
        TALLY_TRY(readers_.find_left_out());
        TALLY_TRY(readers_.read_delivery());
        readers_.note_delivery();
        for (ReaderSet::Member& member : readers_.members()) {
            TALLY_TRY(readers_.sample(member));
            metrics_.add(member.reader->report());
        }
        readers_.drop_lost(std::chrono::steady_clock::now());
        return {};
    }

    ReaderSet& readers_;
    Metrics metrics_;
    std::string problem_;  // why the latest scrape failed, as it was told; empty: it did not
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

Result<void> serve(ReaderSet& readers, const ServeRequest& request, const Notices& notices) {
    const ListenAddress& address = request.address;
    Scrapes scrapes(readers);
    TALLY_ASSIGN_OR_RETURN(
        auto server,
        WebServer::listen_at(
            address, [&scrapes](std::string_view path) { return scrapes.answer(path); }, notices));
    TALLY_TRY(drop_privileges(request.user, request.reads_cost ? std::vector<unsigned int>{CAP_SYS_ADMIN}
                                                               : std::vector<unsigned int>()));
    TALLY_TRY(server.watch(stop_descriptor()));
    TALLY_TRY(server.watch(readers.events()));
    TALLY_TRY(readers.follow_all());
    TALLY_TRY(write_to_stdout(fmt::format("serving http://{}/metrics\n", server.address().text())));
    tell_who_reaches(address, server.address(), notices);
    if (request.reads_cost) {
        notices.say("--cost", "CAP_SYS_ADMIN is kept, which the statistics of programs take");
    }
    while (!stop_requested()) {
        TALLY_TRY(server.wait(scrapes.period()));
        TALLY_TRY(scrapes.follow());
    }
    return {};
}

std::size_t exporter_descriptors() {
    constexpr std::size_t kOwn = 8;  // libevent's, the socket that listens, and some to spare
    return kOwn + WebServer::most_clients();
}

}  // namespace tally::stats
