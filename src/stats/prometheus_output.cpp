#include <prometheus/text_serializer.h>

#include <sstream>

#include "stats/metrics.h"
#include "stats/output.h"

namespace tally::stats {
namespace {

// The text exposition format, version 0.0.4: what the exporter serves, too.
class PrometheusOutput final : public Output {
  public:
    void append(fmt::memory_buffer& /*buffer*/, const Block& block) override { metrics_.add(block); }
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

std::unique_ptr<Output> make_prometheus_output() {
    return std::make_unique<PrometheusOutput>();
}

}  // namespace tally::stats
