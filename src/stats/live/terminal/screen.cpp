// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/terminal/screen.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Its macros would replace functions of the same names.
#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace tally::stats {
namespace {

// A pair of colours for every ink, and every verdict or nothing behind it.
constexpr std::size_t kBacks = 1 + kActions;
constexpr int kMany = 256;  // colours
constexpr int kControlL = 0x0c;
constexpr int kEscape = 0x1b;
constexpr int kDelete = 0x7f;
// Esc is the key if nothing follows within this time: over a slow line an escape sequence arrives in pieces.
constexpr int kEscapeMilliseconds = 100;
// More rows or columns than screens have are left empty: a kernel takes any 16 bits for a size, of which
// ncurses cannot have all, and memory not the square.
constexpr int kLongestSide = 1000;

constexpr const char* kOperation = "opening the full-screen view";
constexpr const char* kOtherWays =
    "without --live samples are printed as a table, or with --format json or csv for programs";

// Set by the signal handlers.
int g_signals = -1;
volatile std::sig_atomic_t g_stop_wanted = 0;
volatile std::sig_atomic_t g_continued = 0;

void note_signal(int signal) {
    const int saved = errno;
    if (signal == SIGTSTP) {
        g_stop_wanted = 1;
    } else if (signal == SIGCONT) {
        g_continued = 1;
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(g_signals, &one, sizeof(one));
    errno = saved;
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
    struct sigaction action = {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// Whether the terminal takes UTF-8, as far as the locale says so.
bool set_locale() {
    if (std::setlocale(LC_CTYPE, "") == nullptr) {
        // Over ssh, the locale of the other machine is often missing here; only its character set matters.
        std::string wanted = environment("LC_ALL");
        wanted = wanted.empty() ? environment("LC_CTYPE") : wanted;
        wanted = wanted.empty() ? environment("LANG") : wanted;
        if (wanted.find("UTF-8") != std::string::npos || wanted.find("utf8") != std::string::npos) {
            std::setlocale(LC_CTYPE, "C.UTF-8");
        }
    }
    return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

// newterm() does not say why it fails.
Result<void> check_terminal() {
    const std::string term = environment("TERM");
    int found = 0;
    if (term.empty() || ::setupterm(term.c_str(), STDOUT_FILENO, &found) != OK) {
        const std::string reason =
            term.empty() ? "TERM is not set" : "there is no description of the terminal '" + term + "'";
        return make_error(ErrorKind::kSystem, kOperation, reason)
            .with_hint(
                "TERM=xterm or TERM=vt100 may work; the package ncurses-term describes more terminals");
    }
    // Cursor addressing, without which there is no full screen.
    const char* const address = ::tigetstr("cup");
    const bool able = address != nullptr && reinterpret_cast<std::intptr_t>(address) != -1;
    ::del_curterm(::set_curterm(nullptr));
    if (!able) {
        return make_error(ErrorKind::kSystem, kOperation,
                          "the terminal '" + term + "' cannot move its cursor")
            .with_hint(kOtherWays);
    }
    return {};
}

bool is_letter(Style style) {
    return is_verdict(style.ink) && style.bold;
}

// A verdict's ink on the same one is that of its letter.
short pair_of(Style style) {
    const Ink back = is_letter(style) ? style.ink : style.back;
    return static_cast<short>(static_cast<std::size_t>(style.ink) * kBacks + static_cast<std::size_t>(back));
}

KeyPress mouse_event() {
    MEVENT event = {};
    if (::getmouse(&event) != OK) {
        return {};
    }
    if ((event.bstate & BUTTON4_PRESSED) != 0) {
        return {Key::kUp};
    }
    if ((event.bstate & BUTTON5_PRESSED) != 0) {
        return {Key::kDown};
    }
    constexpr mmask_t kClicks = BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED;
    return (event.bstate & kClicks) != 0 ? KeyPress{Key::kClick, 0, event.x, event.y} : KeyPress{};
}

// From before ncurses starts until after it has ended: it ignores SIGTSTP while it draws unless somebody else
// handles it (_nc_signal_handler() in its lib_tstp.c), and its own handlers redraw at any moment.
void take_signals(int notes) {
    g_signals = notes;
    handle(SIGWINCH, note_signal);
    handle(SIGCONT, note_signal);
    if (!is_ignored(SIGTSTP)) {  // as by a shell without job control
        handle(SIGTSTP, note_signal);
    }
}

void give_signals_back() {
    handle(SIGWINCH, SIG_DFL);
    handle(SIGCONT, SIG_DFL);
    if (!is_ignored(SIGTSTP)) {
        handle(SIGTSTP, SIG_DFL);
    }
    g_signals = -1;
}

bool watch(int epoll, int fd) {
    epoll_event event = {};
    event.events = EPOLLIN;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<void> Screen::check() {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
        return make_error(ErrorKind::kUsage, kOperation,
                          ::isatty(STDOUT_FILENO) == 1 ? "stdin is not a terminal, so no keys can be read"
                                                       : "stdout is not a terminal")
            .with_hint(kOtherWays);
    }
    return check_terminal();
}

Result<std::unique_ptr<Screen>> Screen::open() {
    Look look;
    look.glyphs = !set_locale()                    ? Glyphs::kAscii
                  : environment("TERM") == "linux" ? Glyphs::kHalves
                                                   : Glyphs::kEighths;
    UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
    UniqueFd signals(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events || !signals || !watch(events.get(), signals.get()) || !watch(events.get(), STDIN_FILENO)) {
        return last_error(kOperation);
    }
    ::set_escdelay(kEscapeMilliseconds);
    take_signals(signals.get());
    // Not initscr(), which ends the process on failure.
    if (::newterm(nullptr, stdout, stdin) == nullptr) {
        give_signals_back();
        return make_error(ErrorKind::kSystem, kOperation, "the terminal cannot be set up")
            .with_hint(kOtherWays);
    }
    std::unique_ptr<Screen> screen(new Screen(std::move(events), std::move(signals), look));
    screen->begin();
    return screen;
}

Screen::Screen(UniqueFd events, UniqueFd signals, Look look)
    : events_(std::move(events)), signals_(std::move(signals)), look_(look) {}

Screen::~Screen() {
    leave();
    ::delscreen(::set_term(nullptr));
    give_signals_back();
}

void Screen::begin() {
    ::cbreak();
    ::noecho();
    ::nonl();
    ::nodelay(stdscr, TRUE);
    ::keypad(stdscr, TRUE);
    ::leaveok(stdscr, TRUE);
    ::curs_set(0);
    set_colours();
    // Clicks and the wheel; a terminal without a mouse has none.
    ::mousemask(
        BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED,
        nullptr);
    ::mouseinterval(0);
}

void Screen::set_colours() {
    // https://no-color.org: any value counts.
    look_.colour = environment("NO_COLOR").empty() && ::has_colors() && ::start_color() == OK;
    if (!look_.colour) {
        return;
    }
    const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
    const auto& colours = COLORS >= kMany ? kManyColours : kEightColours;
    for (std::size_t ink = 0; ink < kInks; ++ink) {
        for (std::size_t back = 0; back < kBacks; ++back) {
            const short front = back > 0 && ink == back ? colours[ink].over : colours[ink].front;
            const short behind = back > 0 ? colours[back].front : colours[ink].back;
            const auto pair = static_cast<short>(ink * kBacks + back);
            if (pair > 0) {
                ::init_pair(pair, front, behind < 0 ? background : behind);
            }
        }
    }
}

void Screen::apply(Style style) {
    const bool many = look_.colour && COLORS >= kMany;
    const bool label = style.ink == Ink::kAlarm || style.ink == Ink::kWarning;
    // Terminals with few colours make a bold black grey.
    const bool grey = look_.colour && !many && (label || is_letter(style));
    attr_t attributes = A_NORMAL;
    attributes |= (style.bold || label) && !grey ? A_BOLD : A_NORMAL;
    attributes |= style.ink == Ink::kFaint && !many ? A_DIM : A_NORMAL;
    attributes |= style.reverse || (label && !look_.colour) ? A_REVERSE : A_NORMAL;
    ::wattr_set(stdscr, attributes, look_.colour ? pair_of(style) : short{0}, nullptr);
}

int Screen::width() const {
    return getmaxx(stdscr);
}

int Screen::height() const {
    return getmaxy(stdscr);
}

void Screen::show(const Canvas& canvas) {
    std::wstring run;
    for (int y = 0; y < canvas.height(); ++y) {
        for (int x = 0; x < canvas.width();) {
            const Style style = canvas.at(x, y).style;
            const int begin = x;
            run.clear();
            for (; x < canvas.width() && canvas.at(x, y).style == style; ++x) {
                if (const char32_t symbol = canvas.at(x, y).symbol; symbol != 0) {
                    run += static_cast<wchar_t>(symbol);
                }
            }
            apply(style);
            ::mvaddnwstr(y, begin, run.data(), static_cast<int>(run.size()));
        }
    }
    ::refresh();
}

void Screen::forget_contents() {
    ::clearok(curscr, TRUE);
}

bool Screen::process_signals() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(signals_.get(), &count, sizeof(count));
    if (std::exchange(g_stop_wanted, 0) != 0) {
        stop();
    }
    if (std::exchange(g_continued, 0) != 0) {
        // Another program may have changed the terminal meanwhile.
        ::reset_prog_mode();
        forget_contents();
    }
    winsize size = {};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    const int high = std::min<int>(size.ws_row, kLongestSide);
    const int wide = std::min<int>(size.ws_col, kLongestSide);
    if (known && ::is_term_resized(high, wide)) {
        ::resizeterm(high, wide);
        forget_contents();
    }
    pollfd terminal = {STDIN_FILENO, 0, 0};
    return ::poll(&terminal, 1, 0) == 0;
}

void Screen::leave() {
    // A terminal without an alternate screen keeps the picture; the shell continues in its last line.
    if (::tigetstr("rmcup") == nullptr) {
        ::wmove(stdscr, height() - 1, 0);
        ::wclrtoeol(stdscr);
        ::refresh();
    }
    ::endwin();
}

void Screen::stop() {
    leave();
    handle(SIGTSTP, SIG_DFL);
    ::raise(SIGTSTP);
    // Continued.
    handle(SIGTSTP, note_signal);
    ::refresh();
}

std::optional<KeyPress> Screen::next_key() {
    const int code = ::wgetch(stdscr);
    switch (code) {
        case ERR:
            return std::nullopt;
        case KEY_UP:
            return KeyPress{Key::kUp};
        case KEY_DOWN:
            return KeyPress{Key::kDown};
        case KEY_PPAGE:
            return KeyPress{Key::kPageUp};
        case KEY_NPAGE:
            return KeyPress{Key::kPageDown};
        case KEY_HOME:
            return KeyPress{Key::kHome};
        case KEY_END:
            return KeyPress{Key::kEnd};
        case KEY_ENTER:
        case '\r':
        case '\n':
            return KeyPress{Key::kEnter};
        case KEY_LEFT:
            return KeyPress{Key::kLeft};
        case KEY_RIGHT:
            return KeyPress{Key::kRight};
        case KEY_BACKSPACE:
        case '\b':
        case kDelete:
            return KeyPress{Key::kBackspace};
        case kEscape:
            return KeyPress{Key::kEscape};
        case KEY_MOUSE:
            return mouse_event();
        case kControlL:
            return KeyPress{Key::kRedraw};
        default:
            break;
    }
    constexpr int kFirstPrintable = 0x20;
    constexpr int kLastByte = 0xff;  // those of UTF-8 come one by one
    if (code >= kFirstPrintable && code != kDelete && code <= kLastByte) {
        return KeyPress{Key::kCharacter, static_cast<char>(code)};
    }
    return KeyPress{};
}

}  // namespace tally::stats
