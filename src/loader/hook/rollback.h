// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Undoing what attached a program just now.
#pragma once

#include <memory>
#include <utility>

namespace tally::loader {

// Holds what putting the old program back takes: descriptors, too, so it can be moved, not copied.
class Rollback {
  public:
    Rollback() = default;  // nothing can be undone
    // `undo()` returns whether everything is as it was.
    template <typename Undo>
    explicit Rollback(Undo undo) : step_(std::make_unique<StepOf<Undo>>(std::move(undo))) {}

    // To be called once at most; false where the kernel refuses, or nothing can be undone.
    bool run() { return step_ && step_->run(); }

  private:
    struct Step {
        Step() = default;
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;
        virtual ~Step() = default;
        virtual bool run() = 0;
    };

    template <typename Undo>
    struct StepOf final : Step {
        explicit StepOf(Undo given) : undo(std::move(given)) {}
        bool run() override { return undo(); }

        Undo undo;
    };

    std::unique_ptr<Step> step_;
};

}  // namespace tally::loader
