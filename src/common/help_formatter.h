// How --help shows options: CLI11's layout without its lists of exclusions, which hide the text.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace tally {

class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() { column_width(kColumn); }

    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_name();
        const std::string value = option->get_default_str();
        return (type.empty() ? "" : " " + type) + (value.empty() ? "" : " (" + value + ")");
    }

  private:
    static constexpr std::size_t kColumn = 34;
};

}  // namespace tally
