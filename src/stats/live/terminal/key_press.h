// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A key or a click, whatever the terminal sends for it.
#pragma once

namespace tally::stats {

enum class Key {
    kOther,
    kUp,
    kDown,
    kLeft,
    kRight,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kEnter,
    kEscape,
    kBackspace,
    kRedraw,
    kClick,      // KeyPress::x and y say where
    kCharacter,  // KeyPress::character says which
};

struct KeyPress {
    Key key = Key::kOther;
    char character = 0;
    int x = 0;
    int y = 0;
};

}  // namespace tally::stats
