// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/frame.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/printable.h"
#include "stats/live/page/numbers_text.h"
#include "stats/live/paint/axis.h"
#include "stats/live/paint/box.h"

namespace tally::stats {
namespace {

// In the order they stand, from the right.
std::vector<Piece> status_of(const LiveChoice& choice, const ViewContext& context,
                             const std::optional<Sum>& sum) {
    const double moment = choice.cursor ? *choice.cursor : context.now;
    std::vector<Piece> pieces = {{time_text(moment + context.time_of_day, true), {}}};
    if (choice.paused) {
        pieces.push_back({" PAUSED ", {.bold = true, .reverse = true}});
    }
    if (sum) {
        pieces.push_back({fmt::format("drop {}", percent_text(drop_share(sum->drop_pps, sum->pps))), kBold});
        pieces.push_back({bandwidth_text(sum->bps, choice.units), kBold});
        pieces.push_back({compact(sum->pps, "pkt/s"), kBold});
    }
    return pieces;
}

// How many columns the first pieces take.
int width_of(const Canvas& canvas, const std::vector<Piece>& pieces, std::size_t count) {
    int sum = 0;
    for (const Piece& piece : pieces) {
        if (!piece.text.empty() && count > 0) {
            sum += canvas.width_of(piece.text) + 2;
            --count;
        }
    }
    return sum;
}

// Leaves out what there is no room for: first bits, then the share of drops, as long as packets, the time and
// the first pieces of the title do not fit; then those two, for the first piece alone.
void shorten(const Canvas& canvas, std::vector<Piece>& status, bool paused, const std::vector<Piece>& title,
             int room) {
    constexpr std::size_t kFirst = 6;
    const int needed = 2 + width_of(canvas, title, 1);
    const int wanted =
        std::max(needed, std::min(2 + width_of(canvas, title, kFirst), canvas.width() * 2 / 3));
    const auto width = [&] { return width_of(canvas, status, status.size()); };
    const std::size_t least = paused ? 3 : 2;
    while (status.size() > least && width() > room - wanted) {
        status.erase(status.end() - 2);
    }
    while (status.size() > least - 2 && width() > room - needed) {
        status.erase(status.size() == 3 ? status.end() - 1 : status.begin());
    }
}

}  // namespace

void write_pieces(Canvas& canvas, int x, int y, const std::vector<Piece>& pieces, int end) {
    const int begin = x;
    for (const Piece& piece : pieces) {
        if (piece.text.empty() || (x > begin && x + canvas.width_of(piece.text) + 2 > end)) {
            continue;
        }
        canvas.write(x, y, " ");
        x = canvas.write_cut(x + 1, y, piece.text, piece.style, end - 1);
        x = canvas.write(x, y, " ");
    }
}

int write_pieces_right(Canvas& canvas, int end, int y, const std::vector<Piece>& pieces, int begin) {
    for (const Piece& piece : pieces) {
        const int width = canvas.width_of(piece.text) + 2;
        if (piece.text.empty() || end - width < begin) {
            continue;
        }
        end -= width;
        canvas.write(end, y, " ");
        canvas.write(end + 1, y, piece.text, piece.style);
        canvas.write(end + width - 1, y, " ");
    }
    return end;
}

void draw_frame(Canvas& canvas, const LiveChoice& choice, const ViewContext& context, const FrameText& text) {
    const Rect box = {0, 0, canvas.width(), canvas.height() - 1};
    draw_box(canvas, box);
    const int end = box.right() - 2;
    std::vector<Piece> status = status_of(choice, context, text.sum);
    shorten(canvas, status, choice.paused, text.title, end);
    const int right = write_pieces_right(canvas, end, 0, status, 2);
    write_pieces(canvas, 2, 0, text.title, right);

    const int y = box.bottom() - 1;
    const int begin = write_pieces_right(canvas, end, y, {{text.position, kFaint}}, 2);
    if (!context.notice.empty() && begin > 6) {
        canvas.write(2, y, " ");
        const int last = canvas.write_cut(3, y, printable(context.notice), {}, begin - 1);
        canvas.write(last, y, " ");
    }
}

void write_keys(Canvas& canvas, const std::vector<KeyHint>& hints, DrawnPage& drawn) {
    const int y = canvas.height() - 1;
    int x = 1;
    for (const KeyHint& hint : hints) {
        const int width = canvas.width_of(hint.key) + 1 + canvas.width_of(hint.text);
        if (x + width > canvas.width()) {
            break;
        }
        // Where there are two keys, the text belongs to the second.
        std::string_view left = hint.key;
        while (!left.empty()) {
            const std::string_view key = left.substr(0, left.find(' '));
            left.remove_prefix(std::min(key.size() + 1, left.size()));
            const int begin = x;
            const int end = canvas.write(begin, y, key, kBold);
            drawn.keys.push_back({begin, end, std::string(key)});
            x = end + 1;
        }
        x = canvas.write(x, y, hint.text, kFaint);
        drawn.keys.back().end = x;
        x += 2;
    }
}

std::vector<KeyHint> common_keys(const LiveChoice& choice, const ViewContext& context) {
    std::vector<KeyHint> hints;
    if (choice.paused) {
        hints = {{"Space", "resume"}, {"Left Right", "cursor"}};
    } else {
        hints = {{"Space", "pause"}};
    }
    hints.insert(hints.end(), {{"?", "help"},
                               {"[ ]", span_text(context.window)},
                               {"y", "command"},
                               {"u", "units"},
                               {"t", "totals"},
                               {"r", "reset"},
                               {"+ -", "interval"}});
    return hints;
}

Style trouble_style(Trouble trouble) {
    switch (trouble) {
        case Trouble::kDetached:
        case Trouble::kAborted:
        case Trouble::kLost:
            return kAlarm;
        case Trouble::kStale:
            return kWarning;
        case Trouble::kLostBefore:
            return kBold;
        case Trouble::kNone:
            break;
    }
    return {};
}

std::string totals_text(const ScreenState& model) {
    return model.totals_are_reset() ? "since reset" : fmt::format("{} totals", totals_name(model.totals()));
}

}  // namespace tally::stats
