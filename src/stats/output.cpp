#include "stats/output.h"

namespace tally::stats {

std::unique_ptr<Output> make_output(Format format, Detail detail, bool terminal) {
    switch (format) {
        case Format::kJson:
            return make_json_output(detail);
        case Format::kCsv:
            return make_csv_output(detail);
        case Format::kPrometheus:
            return make_prometheus_output();
        case Format::kTable:
            break;
    }
    return make_table_output(detail, terminal);
}

}  // namespace tally::stats
