// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/screen.h"

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

constexpr std::array<short, 8> kColours = {-1,         COLOR_YELLOW,  COLOR_RED,   COLOR_GREEN,
                                           COLOR_CYAN, COLOR_MAGENTA, COLOR_GREEN, COLOR_YELLOW};
constexpr int kControlL = 0x0c;
constexpr int kEscape = 0x1b;
constexpr int kDelete = 0x7f;
// Esc is the key if nothing follows within this time: over a slow line an escape sequence arrives in pieces.
constexpr int kEscapeMilliseconds = 100;

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

// Where this fails, ncurses would end the process.
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

attr_t attributes(Style style) {
    return (style.bold ? A_BOLD : A_NORMAL) | (style.dim ? A_DIM : A_NORMAL) |
           (style.reverse ? A_REVERSE : A_NORMAL);
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
    const bool unicode = set_locale();
    UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
    UniqueFd signals(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events || !signals || !watch(events.get(), signals.get()) || !watch(events.get(), STDIN_FILENO)) {
        return last_error(kOperation);
    }
    ::set_escdelay(kEscapeMilliseconds);
    // Not initscr(), which ends the process on failure.
    if (::newterm(nullptr, stdout, stdin) == nullptr) {
        return make_error(ErrorKind::kSystem, kOperation, "the terminal cannot be set up")
            .with_hint(kOtherWays);
    }
    std::unique_ptr<Screen> screen(new Screen(std::move(events), std::move(signals), unicode));
    screen->begin();
    return screen;
}

Screen::Screen(UniqueFd events, UniqueFd signals, bool unicode)
    : events_(std::move(events)), signals_(std::move(signals)), unicode_(unicode) {}

Screen::~Screen() {
    handle(SIGWINCH, SIG_DFL);
    handle(SIGCONT, SIG_DFL);
    if (!is_ignored(SIGTSTP)) {
        handle(SIGTSTP, SIG_DFL);
    }
    leave();
    ::delscreen(::set_term(nullptr));
    g_signals = -1;
}

void Screen::begin() {
    ::cbreak();
    ::noecho();
    ::nonl();
    ::nodelay(stdscr, TRUE);
    ::keypad(stdscr, TRUE);
    ::leaveok(stdscr, TRUE);
    ::curs_set(0);
    // https://no-color.org: any value counts.
    if (environment("NO_COLOR").empty() && ::has_colors() && ::start_color() == OK) {
        const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
        for (std::size_t ink = 1; ink < kColours.size(); ++ink) {
            ::init_pair(static_cast<short>(ink), kColours[ink], background);
        }
        colour_ = true;
    }
    // ncurses's own handlers redraw at any moment. A shell without job control has SIGTSTP ignored.
    g_signals = signals_.get();
    handle(SIGWINCH, note_signal);
    handle(SIGCONT, note_signal);
    if (!is_ignored(SIGTSTP)) {
        handle(SIGTSTP, note_signal);
    }
}

int Screen::width() const {
    return getmaxx(stdscr);
}

int Screen::height() const {
    return getmaxy(stdscr);
}

bool Screen::has_fine_characters() const {
    return unicode_ && environment("TERM") != "linux";
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
            ::wattr_set(stdscr, attributes(style), colour_ ? static_cast<short>(style.ink) : short{0},
                        nullptr);
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
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        ::is_term_resized(size.ws_row, size.ws_col)) {
        ::resizeterm(size.ws_row, size.ws_col);
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
        case KEY_BACKSPACE:
        case '\b':
        case kDelete:
        case kEscape:
            return KeyPress{Key::kBack};
        case kControlL:
            return KeyPress{Key::kRedraw};
        default:
            break;
    }
    constexpr int kFirstPrintable = 0x20;
    if (code >= kFirstPrintable && code < kDelete) {
        return KeyPress{Key::kCharacter, static_cast<char>(code)};
    }
    return KeyPress{};
}

}  // namespace tally::stats
