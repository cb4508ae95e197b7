// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What colours say, and which they are. Pure.
//
// The verdicts' colours are told apart with normal sight, without red and without green receptors, and each
// has a letter as a second mark. All of them stand out from white and from black: nobody has to say which the
// terminal's background is. Text is in none of them, since no five such colours are readable on both: what
// names a verdict is black or white on its colour.
#pragma once

#include <array>
#include <cstddef>

#include "common/pins/abi_names.h"

namespace tally::stats {

// The verdicts are in the order of enum xdp_action.
enum class Ink : unsigned char {
    kPlain,
    kAborted,
    kDrop,
    kPass,
    kTx,
    kRedirect,
    kFaint,    // what is of less interest: titles, axes, zeros
    kAlarm,    // what is broken: white on red
    kWarning,  // what needs a look: black on yellow
};
inline constexpr std::size_t kInks = 9;

inline Ink ink_of(std::size_t action) {
    return static_cast<Ink>(static_cast<std::size_t>(Ink::kAborted) + action);
}
inline bool is_verdict(Ink ink) {
    return ink >= Ink::kAborted && ink <= Ink::kRedirect;
}
inline std::size_t action_of(Ink ink) {
    return static_cast<std::size_t>(ink) - static_cast<std::size_t>(Ink::kAborted);
}

// The second mark, indexed by enum xdp_action.
inline constexpr std::array<char, kActions> kVerdictLetters = {'A', 'D', 'P', 'T', 'R'};

// In numbers of the terminal; -1: its own colour.
struct TerminalColour {
    short front = -1;
    short back = -1;
    short over = -1;  // of a verdict: what is written on it
};

// Indexed by Ink. xterm's 256 colours; the 8 that all others have.
inline constexpr std::array<TerminalColour, kInks> kManyColours = {{{},
                                                                    {93, -1, 231},
                                                                    {202, -1, 16},
                                                                    {32, -1, 16},
                                                                    {137, -1, 16},
                                                                    {30, -1, 16},
                                                                    {243, -1},
                                                                    {231, 160},
                                                                    {16, 214}}};
inline constexpr std::array<TerminalColour, kInks> kEightColours = {
    {{}, {1, -1, 7}, {3, -1, 0}, {6, -1, 0}, {4, -1, 7}, {5, -1, 0}, {}, {7, 1}, {0, 3}}};

}  // namespace tally::stats
