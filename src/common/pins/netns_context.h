// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A network namespace that a command works with: where the pins of its interfaces are, and how these are
// seen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/network/interface.h"
#include "common/network/link_socket.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/device_option.h"

namespace tally {

struct NetnsContext {
    enum class Visibility {
        kHere,    // this process is in the namespace
        kRemote,  // it is not: `links` alone looks there
        kHidden,  // it may not go there, and so not ask about its interfaces
        kGone,    // there is no namespace of this name (any more)
    };

    BpffsRoot bpffs;           // not looked at yet
    std::string bpffs_option;  // the root as the user named it; empty: the default one
    std::string netns;  // what the namespace is called in bpffs (netns_pin_name); empty: the initial one
    std::string netns_option;  // what the user calls it; empty: it is where the command was started
    Visibility visibility = Visibility::kHere;
    std::optional<Error> obstacle;      // why a namespace that the user named is kHidden or kGone
    std::uint64_t inode = 0;            // of the namespace; 0 where it is not known
    std::uint64_t home_inode = 0;       // of the one that the command was started in; 0 as above
    std::shared_ptr<LinkSocket> links;  // asks about its interfaces; none with kHidden and kGone

    // <bpffs>/<interface>, or <bpffs>/netns:<name>/<interface>, encoded as bpffs needs it. The name must have
    // passed check_interface_name.
    std::string directory(const std::string& interface) const;

    // The directory that those are in.
    std::string directory() const;
    // That the pins in `path` are among those, whatever their interface is called.
    bool has_directory(const std::string& path) const;

    // Where the interface's pins are: in the directory whose meta speaks of the program on its hook, whatever
    // the interface was called and wherever it was when they were made; else in its own.
    Result<std::string> pins_of(const Interface& interface) const;

    // How the user's next command names the interface, as a shell takes it: "--dev eth0", "--netns red --dev
    // eth0", "--bpffs /mnt/bpf --dev eth0".
    std::string option(const std::string& interface) const;
    // The same for an interface of another namespace, as --netns calls that one; empty: where the command was
    // started.
    std::string option_in(const std::string& other_netns, const std::string& interface) const;

    // The part of it that names the root, with a blank behind it; empty for the default one.
    std::string root_option() const;

    // Whether there is something at all where its pins would be, as far as this process may look.
    Result<bool> has_pins() const;

    // With the calling thread in the namespace: `links`.
    Result<void> open_links();

    // None where there is no such interface, or no way to look for it. kUsage for what names none.
    Result<std::optional<Interface>> find(const std::string& interface) const;

    struct Located {
        std::optional<Interface> interface;  // as find tells
        std::string name;                    // its own, or as it was given
        std::string directory;               // with its pins, or those it had or would have
    };
    // kUsage for what names no interface.
    Result<Located> locate(const std::string& interface) const;
    static constexpr const char* kUsualHint =
        "`ip -brief link` lists the interfaces; --netns NAME looks in another namespace";
    // kNotFound with what lists the interfaces that there are: `usual`, where the command was started.
    Result<Interface> resolve(const std::string& interface, std::string_view usual = kUsualHint) const;
    // Why find finds none.
    Error explain_missing(const std::string& interface, std::string_view usual = kUsualHint) const;
};

// `netns` is what open_netns takes, or none for the current one; the calling thread goes there where it can.
// `bpffs` is the root the user named, or the default one, which is looked for in the caller's ancestors where
// it is hidden here (locate_bpffs). kUsage for what cannot name a namespace.
Result<NetnsContext> enter_netns_context(const std::optional<std::string>& netns, const std::string& bpffs);

// The same, but the calling thread comes back: kRemote instead of kHere.
Result<NetnsContext> visit_netns_context(const std::string& netns, const std::string& bpffs);

// The namespace that bpffs calls so (NetnsContext::netns), seen from `own`: kRemote, or kHidden where the
// calling thread may not go there for a moment (CAP_SYS_ADMIN) or no namespace has that name. An error only
// where it cannot come back.
Result<NetnsContext> view_netns_context(const std::string& netns, const NetnsContext& own);

// Devices of a namespace that is named in several ways are from now on named in the first of them.
void name_alike(std::vector<NamedDevice>& devices);

// The inode of the namespace that bpffs calls so now; 0 where there is none.
Result<std::uint64_t> inode_of_netns(const std::string& netns);

}  // namespace tally
