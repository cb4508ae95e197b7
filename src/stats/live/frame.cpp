// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/printable.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr double kNewsLasts = 10;  // seconds for which a replacement is highlighted

std::string compact(double value, std::string_view unit) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, unit);
    auto text = fmt::to_string(buffer);
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    if (const auto gap = text.find("  "); gap != std::string::npos) {
        text.erase(gap, 1);  // no prefix
    }
    return text;
}

bool is_news(const ScreenSource& source, double now) {
    return source.replaced && now - *source.replaced < kNewsLasts;
}

// In the order of Units.
constexpr std::array<std::string_view, 3> kUnitNames = {"bits", "bytes", "raw"};

}  // namespace

std::string state_text(const ScreenSource& source) {
    const SampleReport& report = source.report;
    if (!report.readable) {
        return "waiting";
    }
    auto text = std::string(state_name(report.state));
    return report.program ? text + fmt::format(" g{}", report.program->generation) : text;
}

Style state_style(const ScreenSource& source, double now) {
    if (!source.report.readable) {
        return {.ink = Ink::kWarning};
    }
    switch (source.report.state) {
        case AttachState::kAttached:
            return {.ink = Ink::kGood, .bold = is_news(source, now)};
        case AttachState::kDetached:
        case AttachState::kStale:
            return {.ink = Ink::kWarning};
        default:
            return kFaint;
    }
}

void write_keys(Canvas& canvas, const LiveChoice& choice, std::vector<KeyHint> hints) {
    hints.insert(hints.end(),
                 {{"u", fmt::format("units: {}", kUnitNames.at(static_cast<std::size_t>(choice.units)))},
                  {"p", choice.paused ? "resume" : "pause"},
                  {"?", "help"},
                  {"t", "totals"},
                  {"r", "reset"},
                  {"a", choice.all_actions ? "used actions" : "all actions"},
                  {"+/-", "interval"}});
    const int y = canvas.height() - 1;
    int x = 1;
    for (const KeyHint& hint : hints) {
        const int width =
            text_width(canvas.unicode(), hint.key) + 1 + text_width(canvas.unicode(), hint.text);
        if (x + width > canvas.width()) {
            break;
        }
        x = canvas.write(x, y, hint.key, kBold);
        x = canvas.write(x + 1, y, hint.text, kFaint) + 2;
    }
}

void write_notice(Canvas& canvas, const std::string& notice, const std::string& position) {
    const int y = canvas.height() - 2;
    const int end = canvas.width() - 1;
    canvas.write_right(end, y, position, kFaint);
    canvas.write_cut(1, y, printable(notice), {},
                     end - (position.empty() ? 0 : text_width(canvas.unicode(), position) + 2));
}

int write_status(Canvas& canvas, const LiveChoice& choice, const Rate& rate, const ViewContext& context) {
    int end = canvas.width() - 1;
    const auto put = [&](const std::string& text, Style style, int gap) {
        const int width = text_width(canvas.unicode(), text);
        if (end - width > canvas.width() / 3) {
            canvas.write_right(end, 0, text, style);
            end -= width + gap;
        }
    };
    put(context.clock, {}, 2);
    if (choice.paused) {
        put(" PAUSED ", {.ink = Ink::kWarning, .bold = true, .reverse = true}, 2);
    }
    put(compact(rate.pps, "pkt/s"), kBold, 2);
    if (canvas.width() >= 100) {
        put(choice.units == Units::kBytes ? compact(rate.bps / 8, "byte/s") : compact(rate.bps, "bit/s"),
            kBold, 2);
    }
    return end;
}

std::string_view dot(const Canvas& canvas) {
    return canvas.unicode() ? " · " : ", ";
}

std::string totals_text(const ScreenState& model) {
    return model.totals_are_reset() ? "since reset" : fmt::format("{} totals", totals_name(model.totals()));
}

}  // namespace tally::stats
