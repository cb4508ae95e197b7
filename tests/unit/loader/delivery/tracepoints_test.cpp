// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/delivery/tracepoints.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/unique_handle.h"

namespace tally::loader {
namespace {

using testing::ElementsAre;

enum class Argument { kPointer, kInt, kLong };

// Types of a kernel with this one tracepoint.
class Kernel {
  public:
    explicit Kernel(const std::vector<Argument>& arguments, const std::string& name = "btf_trace_xdp_bulk_tx")
        : types_(btf__new_empty()) {
        const int integer = btf__add_int(types_.get(), "int", sizeof(int), BTF_INT_SIGNED);
        const int number = btf__add_typedef(types_.get(), "s32", integer);
        const int large = btf__add_int(types_.get(), "long", sizeof(long), BTF_INT_SIGNED);
        const int pointer = btf__add_ptr(types_.get(), 0);
        const int prototype = btf__add_func_proto(types_.get(), 0);
        btf__add_func_param(types_.get(), "", pointer);
        for (const auto argument : arguments) {
            const int type = argument == Argument::kInt ? number : large;
            btf__add_func_param(types_.get(), "", argument == Argument::kPointer ? pointer : type);
        }
        btf__add_typedef(types_.get(), name.c_str(), btf__add_ptr(types_.get(), prototype));
    }

    bool has_bulk_tx() const { return has_tracepoint(types_.get(), bulk_tx()); }

  private:
    static const Tracepoint& bulk_tx() {
        return *std::find_if(kTracepoints.begin(), kTracepoints.end(), [](const Tracepoint& tracepoint) {
            return tracepoint.bit == XDP_TALLY_ON_BULK_TX;
        });
    }

    UniqueHandle<btf, btf__free> types_;
};

TEST(Tracepoints, OneWithTheArgumentsThatAreExpected) {
    using enum Argument;
    EXPECT_TRUE(Kernel({kPointer, kInt, kInt, kInt}).has_bulk_tx());
    EXPECT_TRUE(Kernel({kPointer, kInt, kInt, kInt, kPointer}).has_bulk_tx())
        << "more behind them do no harm";
}

TEST(Tracepoints, OneOfAnotherFormIsNotUsed) {
    using enum Argument;
    EXPECT_FALSE(Kernel({kPointer, kInt, kInt}).has_bulk_tx());
    EXPECT_FALSE(Kernel({kPointer, kPointer, kInt, kInt}).has_bulk_tx());
    EXPECT_FALSE(Kernel({kPointer, kInt, kInt, kLong}).has_bulk_tx());
    EXPECT_FALSE(Kernel({kPointer, kInt, kInt, kInt}, "btf_trace_xdp_other").has_bulk_tx());
}

TEST(Tracepoints, EachHasABitAndASlotOfItsOwn) {
    std::uint32_t bits = 0;
    for (std::size_t slot = 0; slot < kTracepoints.size(); ++slot) {
        EXPECT_EQ(kTracepoints[slot].slot(), slot);
        bits |= kTracepoints[slot].bit;
    }
    EXPECT_EQ(bits, (1U << kTracepoints.size()) - 1);
    EXPECT_THAT(tracepoint_names(XDP_TALLY_ON_BULK_TX | XDP_TALLY_ON_REDIRECT_ERR),
                ElementsAre("xdp_redirect_err", "xdp_bulk_tx"));
}

}  // namespace
}  // namespace tally::loader
