#include "loader/each_device.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <system_error>
#include <thread>

namespace tally::loader {
namespace {

constexpr std::size_t kAtOnce = 16;

}  // namespace

void work_on_each(const std::vector<std::string>& devices, const DeviceWork& work,
                  const std::function<void(Outcome)>& done) {
    if (devices.empty()) {
        return;
    }
    done(work(devices.front()));

    std::vector<std::promise<Outcome>> outcomes(devices.size());
    std::atomic<std::size_t> next = 1;
    const auto take_turns = [&] {
        for (std::size_t i = next++; i < devices.size(); i = next++) {
            outcomes[i].set_value(work(devices[i]));
        }
    };
    std::vector<std::jthread> threads;
    try {
        while (threads.size() < std::min(kAtOnce, devices.size() - 1)) {
            threads.emplace_back(take_turns);
        }
    } catch (const std::system_error&) {
        // No more threads are to be had: those there are do it all.
        if (threads.empty()) {
            take_turns();
        }
    }
    for (std::size_t i = 1; i < devices.size(); ++i) {
        done(outcomes[i].get_future().get());
    }
}

}  // namespace tally::loader
