// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What came of one device, for people and for machines. Knows no BPF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace tally::loader {

struct ProgramOutcome {
    std::uint32_t id = 0;
    std::string name;
    std::string tag;
    std::optional<bool> frags;  // none: not known
};

struct MapOutcome {
    std::string name;
    std::uint32_t id = 0;  // 0: would be created
    std::string pin;       // the whole path
    bool reused = false;
    bool adopted = false;  // somebody else's pin, which stays
};

// In a dispatcher.
struct PositionOutcome {
    std::uint32_t priority = 0;
    std::vector<std::string> chain_actions;  // XDP_PASS, ...
};

struct ComponentOutcome {
    ProgramOutcome program;
    PositionOutcome position;
};

struct HookOutcome {
    std::string mode;
    ProgramOutcome program;
    std::vector<ComponentOutcome> components;  // where the program is a dispatcher
};

// Of the built-in program: where it redirects to, in the network namespace of the device.
struct RedirectOutcome {
    std::string dev;            // empty: it is gone, or not known
    std::uint32_t ifindex = 0;  // 0: it is gone
    std::string note;           // why frames are lost there; empty: nothing is known to be in the way
};

enum class OutcomeKind { kFailed, kLoaded, kReplaced, kObserving, kUnloaded, kCleaned, kStatus };

struct Outcome {
    std::string dev;
    std::string netns;  // name of its network namespace; empty: the initial one
    OutcomeKind kind = OutcomeKind::kFailed;
    bool dry_run = false;
    std::string mode;    // empty: nothing attached
    std::string attach;  // "link", "dispatcher", "netlink"; empty as above
    std::optional<PositionOutcome> position;
    std::optional<std::uint32_t> link_id;
    std::optional<ProgramOutcome> program;
    std::optional<RedirectOutcome> redirect;
    std::uint64_t generation = 0;  // 0: none
    std::string pin_dir;
    std::string pinned_as;  // with kStatus: whose name the pins have, if not the device's; else empty
    std::vector<MapOutcome> maps;
    std::vector<std::string> removed;   // pins
    std::vector<std::string> notes;     // what a person should know beside the facts above
    std::vector<std::string> warnings;  // of the notes those that shorter forms show, too
    std::string reason;   // with kCleaned: why pins went, or why none had to; empty: see the notes
    std::string state;    // with kStatus
    std::string runs_on;  // "red/eth0": the device now, where the pins say another; else empty
    std::optional<HookOutcome> hook;  // with kStatus: what runs there, whoever attached it
    std::optional<Error> error;       // with kFailed
};

// kUnknown: this process may not look, or nothing that is there can be read.
enum class DeliveryOutcomeKind { kNotTracked, kStarted, kRenewed, kUnchanged, kStopped, kStatus, kUnknown };

// Of --track-delivery and --untrack-delivery, which are for the whole machine.
struct DeliveryOutcome {
    DeliveryOutcomeKind kind = DeliveryOutcomeKind::kNotTracked;
    bool dry_run = false;
    std::uint64_t since = 0;  // nanoseconds since 1970-01-01 UTC; 0: not yet
    std::uint32_t program_version = 0;
    std::vector<std::string> tracepoints;  // where packets are counted
    std::vector<std::string> missing;      // those that the kernel does not have
    std::string pin_dir;
    std::vector<std::string> removed;  // pins
    std::vector<std::string> notes;
};

// Nothing for an empty note.
void add_note(Outcome& outcome, std::string note);
// A note that --quiet, or the list of several devices, shows, too.
void add_warning(Outcome& outcome, std::string warning);
Outcome failed_outcome(const std::string& device, Error error);
// That a BPF file system was mounted, which stays whatever becomes of what it was for; nothing for an empty
// text. To be told when the error is what it will be (explain_surroundings).
void tell_mounted(Outcome& outcome, std::string mounted);

// "red/eth0", or "eth0" in the initial namespace; safe to print.
std::string display_name(const Outcome& outcome);
// Nothing was to be cleaned up, and all is as it should be.
bool is_clean(const Outcome& outcome);

// A block of lines for a terminal. Without error outcomes: those go to stderr.
std::string format_outcome(const Outcome& outcome);
// The lines that --quiet shows, too; empty: none.
std::string format_warnings(const Outcome& outcome);
std::string format_delivery(const DeliveryOutcome& delivery);
// All devices as one document, with the newline. Where delivery was asked about, it is in it, too, as null
// where it is not tracked.
std::string format_json(const std::vector<Outcome>& outcomes);
std::string format_json(const std::vector<Outcome>& outcomes, const std::optional<DeliveryOutcome>& delivery);
// The status of the first device that failed, 0 where none did.
int exit_status_of(const std::vector<Outcome>& outcomes);

}  // namespace tally::loader
