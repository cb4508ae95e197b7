#include "stats/output.h"

namespace tally::stats {

std::unique_ptr<Output> make_output(Format format, bool per_cpu, bool terminal) {
    switch (format) {
        case Format::kJson:
            return make_json_output(per_cpu);
        case Format::kCsv:
            return make_csv_output(per_cpu);
        case Format::kTable:
            break;
    }
    return make_table_output(per_cpu, terminal);
}

}  // namespace tally::stats
