// What a run has added takes itself back unless it is kept.
#pragma once

#include <functional>
#include <utility>

namespace tally::loader {

// Runs its action when it goes out of scope, unless keep() was called before. The action must not throw.
class Undo {
  public:
    Undo() = default;
    explicit Undo(std::function<void()> action) : action_(std::move(action)) {}
    Undo(Undo&& other) noexcept : action_(std::exchange(other.action_, nullptr)) {}
    Undo& operator=(Undo&& other) noexcept {
        run();
        action_ = std::exchange(other.action_, nullptr);
        return *this;
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo() { run(); }

    void keep() { action_ = nullptr; }

  private:
    void run() {
        if (action_) {
            std::exchange(action_, nullptr)();
        }
    }

    std::function<void()> action_;
};

}  // namespace tally::loader
