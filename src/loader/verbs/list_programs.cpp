// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/list_programs.h"

#include <nlohmann/json.hpp>

#include <vector>

#include "common/base/columns.h"
#include "common/base/error_report.h"
#include "common/base/printable.h"
#include "loader/object/object_file.h"
#include "loader/outcome.h"

namespace tally::loader {
namespace {

std::string note_on(const ProgramList& list, std::size_t index) {
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
    std::vector<std::vector<std::string>> rows = {{"NAME", "SECTION", "KIND", ""}};
    for (std::size_t index = 0; index < list.functions.size(); ++index) {
        const auto& function = list.functions[index];
        rows.push_back(
            {printable(function.name), printable(function.section), function.kind, note_on(list, index)});
    }
    return align_columns(rows);
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
