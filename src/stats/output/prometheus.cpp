// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <prometheus/text_serializer.h>

#include <sstream>

#include "stats/output/format.h"
#include "stats/output/metrics.h"

namespace tally::stats {
namespace {

// The text exposition format, version 0.0.4: what the exporter serves, too.
class PrometheusOutput final : public SampleFormat {
  public:
    void append(fmt::memory_buffer& /*buffer*/, const SampleReport& report) override { metrics_.add(report); }
    bool takes_unreadable() const override { return true; }

    void append_round(fmt::memory_buffer& buffer) override {
        std::ostringstream text;
        text.imbue(std::locale::classic());
        prometheus::TextSerializer().Serialize(text, metrics_.take());
        buffer.append(text.view());
    }

  private:
    Metrics metrics_;
};

}  // namespace

std::unique_ptr<SampleFormat> make_prometheus_format() {
    return std::make_unique<PrometheusOutput>();
}

}  // namespace tally::stats
