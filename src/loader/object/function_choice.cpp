// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/function_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "common/base/shell_word.h"

namespace tally::loader {
namespace {

std::string kind_of(const bpf_program* program) {
    const auto type = bpf_program__type(program);
    if (type == BPF_PROG_TYPE_UNSPEC) {
        return "unknown";
    }
    if (type != BPF_PROG_TYPE_XDP) {
        const char* name = libbpf_bpf_prog_type_str(type);
        return name == nullptr ? fmt::format("type {}", static_cast<int>(type)) : name;
    }
    switch (bpf_program__expected_attach_type(program)) {
        case BPF_XDP_DEVMAP:
            return "devmap";
        case BPF_XDP_CPUMAP:
            return "cpumap";
        default:
            return "xdp";
    }
}

// "a (xdp), b (xdp_prog)"
template <typename Accept>
std::string names_with_sections(std::span<const Function> functions, Accept accept) {
    std::vector<std::string> names;
    for (const auto& function : functions) {
        if (accept(function)) {
            names.push_back(fmt::format("{} ({})", function.name, function.section));
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string names_of_loadable(std::span<const Function> functions) {
    return names_with_sections(functions, [](const Function& each) { return each.loadable(); });
}

std::string why_not_attachable(const Function& function) {
    if (function.kind == "devmap" || function.kind == "cpumap") {
        return fmt::format(
            "its section '{}' makes it a program for the entries of a {}, which cannot be attached to an "
            "interface",
            function.section, function.kind);
    }
    return fmt::format("its section '{}' makes it a program of type {}, not XDP", function.section,
                       function.kind);
}

// The first rule that finds something decides.
struct DefaultRule {
    bool (*accepts)(const Function&);
    std::string_view where;
    bool only_one;  // of several, none is the default
};

constexpr DefaultRule kDefaultRules[] = {
    {[](const Function& each) { return each.kind == "xdp"; }, "in a section 'xdp' or 'xdp.frags'", false},
    {[](const Function& each) { return each.kind == "unknown" && each.section.starts_with("xdp"); },
     "in a section that begins with 'xdp'", false},
    {[](const Function& each) { return each.kind == "unknown" && each.section != ".text"; },
     "that may be an XDP program", true},
    {[](const Function& each) { return each.kind == "unknown"; }, "that may be an XDP program", true},
};

Result<FunctionChoice> choose_default(std::span<const Function> functions, const std::string& file) {
    const bool only_targets = std::all_of(functions.begin(), functions.end(), [](const Function& each) {
        return each.tail_call_target || !each.loadable();
    });
    const auto eligible = [only_targets](const Function& each) {
        return each.loadable() && (only_targets || !each.tail_call_target);
    };
    const auto candidates = std::count_if(functions.begin(), functions.end(), eligible);
    const std::string what = fmt::format("looking for an XDP program in {}", file);
    for (const auto& rule : kDefaultRules) {
        const auto fits = [&](const Function& each) { return eligible(each) && rule.accepts(each); };
        const auto first = std::find_if(functions.begin(), functions.end(), fits);
        const auto count = std::count_if(functions.begin(), functions.end(), fits);
        if (count == 0) {
            continue;
        }
        if (count > 1 && rule.only_one) {
            return make_error(ErrorKind::kNotFound, what,
                              fmt::format("it has {} functions, and no section tells which is meant", count))
                .with_hint(fmt::format("--progname takes one of: {}", names_of_loadable(functions)));
        }
        return FunctionChoice{static_cast<std::size_t>(first - functions.begin()),
                              count == 1 ? fmt::format("the only one {}", rule.where)
                                         : fmt::format("the first of {} {}", count, rule.where),
                              static_cast<std::size_t>(candidates)};
    }
    return make_error(ErrorKind::kNotFound, what, "there is none")
        .with_hint(functions.empty()
                       ? "an XDP program is a function in a section named \"xdp\" or \"xdp.frags\""
                       : fmt::format("its functions are in sections of other kinds: {}",
                                     names_with_sections(functions, [](const Function&) { return true; })));
}

}  // namespace

std::vector<Function> list_functions(const bpf_object* object, const ObjectSections& sections) {
    std::vector<Function> functions;
    const bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object, const_cast<bpf_program*>(program))) != nullptr) {
        const std::string name = bpf_program__name(program);
        functions.push_back({name, bpf_program__section_name(program), kind_of(program),
                             sections.map_values.count(name) > 0});
    }
    return functions;
}

Result<FunctionChoice> choose_function(std::span<const Function> functions, const std::string& name,
                                       const std::string& section, const std::string& file) {
    if (name.empty() && section.empty()) {
        return choose_default(functions, file);
    }
    const bool by_name = !name.empty();
    const std::string what = by_name ? fmt::format("looking for program '{}' in {}", name, file)
                                     : fmt::format("looking for section '{}' in {}", section, file);
    const auto found = std::find_if(functions.begin(), functions.end(), [&](const Function& each) {
        return by_name ? each.name == name : each.section == section;
    });
    if (found == functions.end()) {
        const std::string names = names_of_loadable(functions);
        return make_error(
                   ErrorKind::kNotFound, what,
                   by_name ? "there is no program of that name" : "there is no program in that section")
            .with_hint(names.empty()
                           ? std::string("it has no XDP program at all")
                           : fmt::format("{} is one of: {}",
                                         by_name ? "the name" : "the section (in brackets)", names));
    }
    if (!found->loadable()) {
        return make_error(ErrorKind::kNotFound, what, why_not_attachable(*found))
            .with_hint(fmt::format("`xdp_loader --list-programs --filename {}` shows what each function is",
                                   shell_word(file)));
    }
    return FunctionChoice{static_cast<std::size_t>(found - functions.begin()), {}, 1};
}

}  // namespace tally::loader
