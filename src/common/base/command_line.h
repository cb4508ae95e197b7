// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What both command lines share on top of CLI11.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tally {

// CLI11 2.1 takes the next argument for the value of "--dev=". Says so, or nothing.
inline std::string find_empty_value(int argc, const char* const* argv) {
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view word = argv[i];
        if (word.starts_with("--") && word.size() > 2 && word.find('=') == word.size() - 1) {
            return std::string(word.substr(0, word.size() - 1)) + " has no value";
        }
    }
    return {};
}

// Before the command line is understood: whether the user asked for JSON, so that what is wrong with it can
// be said in JSON, too.
inline bool wants_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view word = argv[i];
        const bool json_follows =
            word == "--format" && i + 1 < argc && std::string_view(argv[i + 1]) == "json";
        if (word == "--json" || word == "--format=json" || json_follows) {
            return true;
        }
    }
    return false;
}

// What a word that belongs to no option was meant for, after a parse that failed; empty where there is none.
inline std::string hint_of_extras(const CLI::App& app) {
    const auto extras = app.remaining();
    const bool is_device = !extras.empty() && !extras.front().starts_with('-');
    return is_device ? "a device is named with --dev " + extras.front() : std::string();
}

// How --help shows options: CLI11's layout without its lists of exclusions, which hide the text.
class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() { column_width(kColumn); }

    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_name();
        const std::string value = option->get_default_str();
        return (type.empty() ? "" : " " + type) + (value.empty() ? "" : " (" + value + ")");
    }

    // One blank line between groups, not two.
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
        for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at)) {
            text.erase(at, 1);
        }
        return text;
    }

  private:
    static constexpr std::size_t kColumn = 34;
};

}  // namespace tally
