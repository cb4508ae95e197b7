// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "option_docs/option_docs.h"

#include <gmock/gmock.h>

namespace tally::docs {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr OptionRow kRows[] = {
    {.short_name = "-h", .name = "--help", .help = "List the options"},
    {.short_name = "-d",
     .name = "--dev",
     .argument = "IFACE",
     .repeatable = true,
     .completion = Completion::kInterface,
     .excludes = {{"--all", "it reads all"}},
     .help = "Interface",
     .manual = "\nThe interface.\n\nIts name."},
    {.name = "--all", .help = "All of [them], isn't it"},
    {.name = "--with-dev", .needs = "--dev", .help = "With --dev"},
    {.group = "How", .name = "--mode", .argument = "a|b", .completion = Completion::kWords, .help = "Mode"},
    {.group = "How", .short_name = "-l", .name = "--listen", .argument = "ADDR:PORT", .help = "Address"},
    {.group = "How",
     .name = "--file",
     .argument = "FILE.x|N",
     .completion = Completion::kFile,
     .help = "File"},
    {.group = "How", .name = "--unload", .argument = "[ID]", .help = "Unload"},
    {.group = "How", .name = "--run", .argument = "-- COMMAND [ARGUMENT...]", .help = "Run"},
};

TEST(ManPage, HasADefinitionForEachOption) {
    EXPECT_EQ(describe_for_man_page(std::span(kRows).first(3)),
              "*-h*, *--help*\n\tList the options.\n\n"
              "*-d*, *--dev* _IFACE_\n\tThe interface.\n\n\tIts name.\n\n"
              "*--all*\n\tAll of [them], isn't it.\n");
}

TEST(ManPage, MarksWhatIsTypedAndWhatStandsForSomethingElse) {
    const auto page = describe_for_man_page(kRows);
    for (const char* line :
         {"\n\n## How\n\n*--mode* *a*|*b*\n", "\n*-l*, *--listen* _ADDR:PORT_\n", "\n*--file* _FILE.x_|_N_\n",
          "\n*--unload* [_ID_]\n", "\n*--run* *--* _COMMAND_ [_ARGUMENT_...]\n"}) {
        EXPECT_THAT(page, HasSubstr(line));
    }
}

TEST(BashCompletion, ListsLongNamesAndWhatCompletesTheirArguments) {
    EXPECT_EQ(describe_for_bash("tool", kRows),
              "_tool_options=\"--help --dev --all --with-dev --mode --listen --file --unload --run\"\n\n"
              "_tool_argument() {\n"
              "\tcase $1 in\n"
              "\t-d | --dev) _xdp_tally_interface ;;\n"
              "\t--mode) _xdp_tally_words a b ;;\n"
              "\t-l | --listen) ;;\n"
              "\t--file) _xdp_tally_file ;;\n"
              "\t*) return 1 ;;\n"
              "\tesac\n"
              "}\n");
}

TEST(ZshCompletion, HasASpecificationForEachSpelling) {
    const auto specifications = describe_for_zsh(kRows);
    for (const char* line :
         {"'(- *)-h[List the options]'", "'(- *)--help[List the options]'",
          "'(--all)*-d+[Interface]:IFACE:_xdp_tally_interface'",
          "'(--all)*--dev=[Interface]:IFACE:_xdp_tally_interface'",
          R"('(-d --dev --with-dev)--all[All of [them\], isn'\''t it]')", "'(--all)--with-dev[With --dev]'",
          "'--mode=[Mode]:mode:(a b)'", R"('(-l --listen)-l+[Address]:ADDR\:PORT: ')",
          R"('(-l --listen)--listen=[Address]:ADDR\:PORT: ')", "'--file=[File]:FILE.x|N:_xdp_tally_file'",
          "'--unload[Unload]'", "'--run[Run]'"}) {
        EXPECT_THAT(specifications, HasSubstr(std::string("\t\t") + line + "\n"));
    }
}

}  // namespace
}  // namespace tally::docs
