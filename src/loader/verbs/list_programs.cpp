// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/list_programs.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

#include "common/base/printable.h"
#include "loader/object/object_file.h"
#include "loader/outcome.h"

namespace tally::loader {
namespace {

std::string remark_on(const ProgramList& list, std::size_t index) {
    const auto& function = list.functions[index];
    if (list.chosen == index) {
        return "default: " + list.reason;
    }
    if (!function.loadable()) {
        return "cannot be attached to an interface";
    }
    return function.tail_call_target ? "target of tail calls" : "";
}

}  // namespace

Result<ProgramList> list_programs(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(const auto file, ObjectFile::read(path));
    TALLY_ASSIGN_OR_RETURN(const auto object, file.open());
    ProgramList list;
    list.functions = list_functions(object.get(), file.sections());
    const auto choice = choose_function(list.functions, {}, {}, path);
    if (choice) {
        list.chosen = choice->index;
        list.reason = choice->reason;
    } else if (list.functions.empty()) {
        return choice.error();
    }
    return list;
}

std::string format_programs(const ProgramList& list) {
    std::size_t name_width = std::string_view("NAME").size();
    std::size_t section_width = std::string_view("SECTION").size();
    std::size_t kind_width = std::string_view("KIND").size();
    for (const auto& function : list.functions) {
        name_width = std::max(name_width, printable(function.name).size());
        section_width = std::max(section_width, printable(function.section).size());
        kind_width = std::max(kind_width, function.kind.size());
    }
    std::string text;
    const auto line = [&](std::string_view name, std::string_view section, std::string_view kind,
                          std::string_view remark) {
        std::string row = fmt::format("{:<{}}  {:<{}}  {:<{}}  {}", name, name_width, section, section_width,
                                      kind, kind_width, remark);
        row.resize(row.find_last_not_of(' ') + 1);
        text += row + '\n';
    };
    line("NAME", "SECTION", "KIND", {});
    for (std::size_t index = 0; index < list.functions.size(); ++index) {
        const auto& function = list.functions[index];
        line(printable(function.name), printable(function.section), function.kind, remark_on(list, index));
    }
    return text;
}

std::string format_programs_json(const ProgramList& list) {
    using Json = nlohmann::ordered_json;
    Json document = {{"schema", 1}, {"programs", Json::array()}, {"functions", Json::array()}};
    for (std::size_t index = 0; index < list.functions.size(); ++index) {
        const auto& function = list.functions[index];
        if (function.loadable()) {
            document["programs"].push_back(function.name);
        }
        document["functions"].push_back({{"name", function.name},
                                         {"section", function.section},
                                         {"kind", function.kind},
                                         {"default", list.chosen == index}});
    }
    return json_line(document);
}

}  // namespace tally::loader
