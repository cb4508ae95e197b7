// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/format.h"

namespace tally::stats {

std::unique_ptr<SampleFormat> make_format(Format format, Detail detail, bool terminal) {
    switch (format) {
        case Format::kBrief:
            return make_brief_format(terminal);
        case Format::kJson:
            return make_json_format(detail);
        case Format::kCsv:
            return make_csv_format(detail);
        case Format::kPrometheus:
            return make_prometheus_format();
        case Format::kTable:
            break;
    }
    return make_table_format(detail, terminal);
}

}  // namespace tally::stats
