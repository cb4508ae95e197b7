// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/features.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/base/columns.h"
#include "common/base/device_name.h"
#include "common/base/error_report.h"
#include "common/base/natural_order.h"
#include "common/base/printable.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/pins/netns_context.h"
#include "loader/device/driver_support.h"
#include "loader/outcome.h"

namespace tally::loader {
namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::string_view kNotTold = "the kernel does not tell what drivers can do: Linux 6.3 and newer do";

DriverReport failed_report(const std::string& device, std::string netns, Error error) {
    DriverReport report;
    report.dev = device;
    report.netns = std::move(netns);
    report.error = std::move(error);
    return report;
}

// In the namespace of the calling thread.
DriverReport report_driver(const Link& link, const NetnsContext& context) {
    const Interface& interface = link.interface;
    auto features = query_device_features(interface.ifindex);
    if (!features) {
        return failed_report(interface.name, context.netns, std::move(features).error());
    }
    DriverReport report;
    report.dev = interface.name;
    report.netns = context.netns;
    report.driver = driver_name(interface.name);
    report.mtu = interface.mtu;
    report.max_mtu = link.max_mtu;
    report.features = *features;
    return report;
}

DriverReport report_named(const std::string& device, const NetnsContext& context) {
    const auto interface = context.find(device);
    if (!interface || !*interface) {
        return failed_report(device, context.netns,
                             interface ? context.explain_missing(device) : interface.error());
    }
    const auto link = context.links->find((*interface)->ifindex);
    return link ? report_driver(*link, context) : failed_report(device, context.netns, link.error());
}

// An interface that is named twice, or by an alternative name as well, once.
void report_group(const DeviceGroup& group, const NetnsContext& context, std::vector<DriverReport>& reports) {
    const std::size_t first = reports.size();
    for (const auto& device : group.names) {
        auto report = report_named(device, context);
        const bool repeated =
            std::any_of(reports.begin() + static_cast<std::ptrdiff_t>(first), reports.end(),
                        [&report](const DriverReport& earlier) { return earlier.dev == report.dev; });
        if (!repeated) {
            reports.push_back(std::move(report));
        }
    }
}

bool naturally_before(const DriverReport& left, const DriverReport& right) {
    return natural_device_less({left.netns, left.dev}, {right.netns, right.dev});
}

Result<std::vector<DriverReport>> report_all(const std::optional<std::string>& netns,
                                             const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto context, enter_netns_context(netns, bpffs));
    if (context.obstacle) {
        return *context.obstacle;
    }
    TALLY_ASSIGN_OR_RETURN(const auto links, context.links->list());
    std::vector<DriverReport> reports;
    for (const auto& link : links) {
        auto report = report_driver(link, context);
        // One that has gone since they were listed is none of all.
        if (!report.error || report.error->kind != ErrorKind::kNotFound) {
            reports.push_back(std::move(report));
        }
    }
    std::sort(reports.begin(), reports.end(), naturally_before);
    return reports;
}

std::string display_name(const DriverReport& report) {
    return printable(with_netns(report.netns, report.dev));
}

std::string_view display_driver(const DriverReport& report) {
    return report.driver.empty() ? "-" : std::string_view(report.driver);
}

std::string_view answer(const DriverReport& report, XdpFeature feature) {
    if (!report.features) {
        return kUnknown;
    }
    return report.features->has(feature) ? "yes" : "no";
}

std::string describe_metadata(const DriverReport& report, std::string_view separator) {
    if (!report.features || !report.features->rx_metadata) {
        return std::string(kUnknown);
    }
    std::vector<std::string_view> has;
    for (const auto& name : kRxMetadataNames) {
        if (report.features->has(name.bit)) {
            has.push_back(separator == "," ? name.key : name.words);
        }
    }
    return has.empty() ? "no" : fmt::format("{}", fmt::join(has, separator));
}

// ---- one interface

struct Explained {
    XdpFeature feature;
    std::string_view label;
    std::string_view meaning;
};

constexpr std::array kExplained = {
    Explained{XdpFeature::kNative, "native mode", "runs programs itself"},
    Explained{XdpFeature::kRedirect, "redirects", "with the verdict XDP_REDIRECT, too"},
    Explained{XdpFeature::kReceivesRedirects, "receives redirects",
              "sends what programs redirect to it (NDO_XMIT)"},
    Explained{XdpFeature::kFragments, "frags", "runs programs for frames of several buffers (xdp.frags)"},
    Explained{XdpFeature::kReceivesFragments, "receives frags", "sends such frames, too"},
    Explained{XdpFeature::kZeroCopy, "zero-copy", "AF_XDP sockets without copying"},
    Explained{XdpFeature::kOffload, "offload", "runs programs in the network card"},
};

std::string format_list(const DriverReport& report) {
    std::string text =
        fmt::format("{}: {}\n", display_name(report),
                    report.driver.empty() ? "no driver with a name" : "driver " + printable(report.driver));
    const auto line = [&text](std::string_view label, std::string_view value, std::string_view meaning) {
        text += meaning.empty() ? fmt::format("  {:<19} {}\n", label, value)
                                : fmt::format("  {:<19} {:<8} ({})\n", label, value, meaning);
    };
    for (const auto& row : kExplained) {
        line(row.label, answer(report, row.feature), row.meaning);
    }
    if (report.features && report.features->zero_copy_segments != 0) {
        line("zero-copy buffers", std::to_string(report.features->zero_copy_segments), "of a frame, at most");
    }
    line("receive metadata", describe_metadata(report, ", "), {});
    line("MTU",
         report.max_mtu == 0 ? std::to_string(report.mtu)
                             : fmt::format("{}, at most {}", report.mtu, report.max_mtu),
         {});
    return text;
}

// ---- several

using Row = std::vector<std::string>;

constexpr std::array<std::string_view, 10> kTitles = {"device",   "driver", "native",    "redirects",
                                                      "receives", "frags",  "zero-copy", "offload",
                                                      "metadata", "MTU"};
constexpr std::array kTableFeatures = {
    XdpFeature::kNative,    XdpFeature::kRedirect, XdpFeature::kReceivesRedirects,
    XdpFeature::kFragments, XdpFeature::kZeroCopy, XdpFeature::kOffload};

Row make_row(const DriverReport& report) {
    Row row = {display_name(report), printable(display_driver(report))};
    for (const auto feature : kTableFeatures) {
        row.emplace_back(answer(report, feature));
    }
    row.push_back(describe_metadata(report, ","));
    row.push_back(std::to_string(report.mtu));
    return row;
}

std::string format_table(const std::vector<DriverReport>& reports) {
    std::vector<Row> rows = {Row(kTitles.begin(), kTitles.end())};
    std::transform(reports.begin(), reports.end(), std::back_inserter(rows), make_row);
    return align_columns(rows, {kTitles.size() - 1});
}

// ---- JSON

nlohmann::ordered_json to_json(const DeviceFeatures& features) {
    nlohmann::ordered_json json;
    for (const auto& name : kXdpFeatureNames) {
        json[std::string(name.key)] = features.has(name.bit);
    }
    json["zero_copy_buffers"] = features.zero_copy_segments == 0
                                    ? nlohmann::ordered_json(nullptr)
                                    : nlohmann::ordered_json(features.zero_copy_segments);
    json["rx_metadata"] = nullptr;
    if (features.rx_metadata) {
        for (const auto& name : kRxMetadataNames) {
            json["rx_metadata"][std::string(name.key)] = features.has(name.bit);
        }
    }
    return json;
}

nlohmann::ordered_json to_json(const DriverReport& report) {
    nlohmann::ordered_json json = {{"dev", report.dev},
                                   {"netns", text_or_null(report.netns)},
                                   {"outcome", report.error ? "failed" : "features"},
                                   {"dry_run", false}};
    if (report.error) {
        json["error"] = error_to_json(*report.error);
        return json;
    }
    json["driver"] = text_or_null(report.driver);
    json["mtu"] = report.mtu;
    json["max_mtu"] =
        report.max_mtu == 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(report.max_mtu);
    json["features"] = report.features ? to_json(*report.features) : nlohmann::ordered_json(nullptr);
    return json;
}

}  // namespace

Result<std::vector<DriverReport>> report_drivers(const std::vector<NamedDevice>& devices,
                                                 const std::optional<std::string>& netns,
                                                 const std::string& bpffs) {
    if (devices.empty()) {
        return report_all(netns, bpffs);
    }
    TALLY_ASSIGN_OR_RETURN(const auto own, open_netns(kOwnNetns));
    std::vector<DriverReport> reports;
    for (const auto& group : group_by_netns(devices)) {
        const auto context = enter_netns_context(group.netns, bpffs);
        if (context) {
            report_group(group, *context, reports);
        } else {
            std::transform(group.names.begin(), group.names.end(), std::back_inserter(reports),
                           [&](const std::string& device) {
                               return failed_report(device, group.netns.value_or(""), context.error());
                           });
        }
        TALLY_TRY(enter_netns(own, kOwnNetns));
    }
    return reports;
}

std::string format_drivers(std::vector<DriverReport> reports, bool with_note) {
    const bool several = reports.size() > 1;
    std::erase_if(reports, [](const DriverReport& report) { return report.error.has_value(); });
    if (reports.empty()) {
        return {};
    }
    std::sort(reports.begin(), reports.end(), naturally_before);
    const bool all_told = std::all_of(reports.begin(), reports.end(),
                                      [](const DriverReport& report) { return report.features.has_value(); });
    return (several ? format_table(reports) : format_list(reports.front())) +
           (all_told || !with_note ? "" : fmt::format("note: {}\n", kNotTold));
}

std::string format_drivers_json(const std::vector<DriverReport>& reports) {
    nlohmann::ordered_json document = {{"schema", 1}, {"devices", nlohmann::ordered_json::array()}};
    for (const auto& report : reports) {
        document["devices"].push_back(to_json(report));
    }
    return json_line(document);
}

}  // namespace tally::loader
