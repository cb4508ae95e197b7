// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/program_search.h"

#include <linux/bpf.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/device_name.h"
#include "common/bpf/dispatcher.h"
#include "common/network/netns.h"
#include "common/network/netns_list.h"
#include "common/pins/bpffs.h"
#include "common/pins/netns_pin_name.h"

namespace tally {
namespace {

// What is looked for.
struct Wanted {
    std::uint32_t program_id = 0;
    std::uint32_t ifindex = 0;     // rather than another
    bool only_this_index = false;  // a link tells its interface for certain
    bool in_dispatcher = false;
};

Wanted make_wanted(const Meta& meta, const std::optional<LinkInfo>& link) {
    const bool in_dispatcher = meta.attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    const bool link_tells = link && link->type == BPF_LINK_TYPE_XDP && link->ifindex != 0;
    return link_tells ? Wanted{link->program_id, link->ifindex, true, in_dispatcher}
                      : Wanted{meta.program_id, meta.ifindex, false, in_dispatcher};
}

// Goes through the interfaces of one namespace after another.
class Search {
  public:
    explicit Search(const Wanted& wanted) : wanted_(wanted) {}

    // Whether it runs on this interface, which is looked into.
    bool runs_on(Link& link, LinkSocket& socket) {
        if (link.hook.find(wanted_.program_id)) {
            return true;
        }
        if (!wanted_.in_dispatcher || !link.hook.program) {
            return false;
        }
        if (const auto looked = look_into_dispatcher(link, socket); !looked) {
            note_gap(looked.error());
        }
        return link.hook.find(wanted_.program_id).has_value();
    }

    bool has_wanted_index(const Link& link) const { return link.interface.ifindex == wanted_.ifindex; }

    std::optional<Link> look_through(LinkSocket& socket) {
        auto links = socket.list();
        if (!links) {
            note_gap(links.error());
            return std::nullopt;
        }
        // The one with the wanted index first, if it is there.
        std::stable_partition(links->begin(), links->end(),
                              [this](const Link& link) { return has_wanted_index(link); });
        for (auto& link : *links) {
            if ((has_wanted_index(link) || !wanted_.only_this_index) && runs_on(link, socket)) {
                return std::move(link);
            }
        }
        return std::nullopt;
    }

    bool complete() const { return complete_; }
    void note_gap() { complete_ = false; }
    void note_gap(const Error& why) {
        complete_ = false;
        if (!trouble_ && is_failed_question(why)) {
            trouble_ = why;
        }
    }
    // What was found; where nothing was, and the kernel could not answer something, nobody knows.
    Result<std::optional<ProgramPlace>> judge(std::optional<ProgramPlace> place) const {
        return !place && trouble_ ? *trouble_ : Result<std::optional<ProgramPlace>>(std::move(place));
    }

  private:
    Wanted wanted_;
    bool complete_ = true;
    std::optional<Error> trouble_;
};

std::string option_of(const KnownNetns& netns, const NetnsContext& own) {
    if (netns.inode == own.inode) {
        return own.netns_option;
    }
    return netns.inode == own.home_inode ? std::string() : netns.name;
}

// None where it is not known what the namespace is called.
Result<std::optional<ProgramPlace>> make_place(Link link, const KnownNetns& netns, UniqueFd fd,
                                               const NetnsContext& own) {
    auto name = std::optional(own.netns);
    if (netns.inode != own.inode) {
        TALLY_ASSIGN_OR_RETURN(name, find_netns_pin_name(netns.inode, own.bpffs.path));
    }
    if (!name) {
        return std::optional<ProgramPlace>();
    }
    return std::optional(
        ProgramPlace{std::move(link), netns.inode, std::move(*name), option_of(netns, own), std::move(fd)});
}

// Whether this thread is where it was: what inside_netns could not do is then of no consequence.
bool is_still_in(std::uint64_t inode) {
    const auto now = current_netns_inode();
    return now && *now == inode;
}

Result<std::optional<ProgramPlace>> search_namespaces(std::uint64_t first, Search& search,
                                                      const NetnsContext& own) {
    TALLY_ASSIGN_OR_RETURN(const std::uint64_t here, current_netns_inode());
    auto known = list_namespaces();
    if (!known.complete) {
        search.note_gap();
    }
    if (known.trouble) {
        search.note_gap(*known.trouble);
    }
    const auto is_known = [&](std::uint64_t inode) {
        return std::any_of(known.list.begin(), known.list.end(),
                           [inode](const KnownNetns& netns) { return netns.inode == inode; });
    };
    if (!is_known(here)) {
        known.list.push_back({here, own.netns_option.empty() ? kOwnNetns : own.netns_option});
    }
    std::stable_partition(known.list.begin(), known.list.end(), [&](const KnownNetns& netns) {
        return netns.inode == first || netns.inode == here;
    });
    std::optional<ProgramPlace> place;
    for (const auto& netns : known.list) {
        auto fd = open_netns(netns.name);
        const auto inode = fd ? netns_inode(*fd) : Result<std::uint64_t>(0);
        if (!fd || !inode || *inode != netns.inode) {
            if (const auto& error = fd ? inode : Result<std::uint64_t>(fd.error());
                !error && is_failed_question(error.error())) {
                search.note_gap(error.error());
            }
            continue;  // it went, or its process did
        }
        auto found = inside_netns(*fd, netns.name, [&]() -> Result<std::optional<Link>> {
            TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
            return search.look_through(socket);
        });
        if (!found && !is_still_in(here)) {
            return found.error();
        }
        if (!found) {
            search.note_gap(found.error());
        }
        const bool is_wanted = found && *found && search.has_wanted_index(**found);
        if (found && *found && (!place || is_wanted)) {
            TALLY_ASSIGN_OR_RETURN(place, make_place(std::move(**found), netns, std::move(*fd), own));
            if (!place) {
                search.note_gap();
            }
            if (is_wanted) {
                break;
            }
        }
    }
    return search.judge(std::move(place));
}

// On the interface that the meta names, in the namespace that `own` is, without entering any.
Result<std::optional<ProgramPlace>> look_where_it_was(const Meta& meta, const Wanted& wanted, Search& search,
                                                      const NetnsContext& own) {
    std::optional<ProgramPlace> none;
    if (own.inode != meta.netns_inode || own.inode == 0 || !own.links) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(auto link, answer_of(own.links->find(wanted.ifindex)));
    if (!link || !search.runs_on(*link, *own.links)) {
        return none;
    }
    const bool is_here = own.visibility == NetnsContext::Visibility::kHere;
    auto fd = open_netns(is_here ? kOwnNetns : netns_path(own.netns));
    return std::optional(ProgramPlace{std::move(*link), own.inode, own.netns, own.netns_option,
                                      fd ? std::move(*fd) : UniqueFd()});
}

}  // namespace

std::string ProgramPlace::name() const {
    return with_netns(netns, link.interface.name);
}

std::string ProgramPlace::option(const NetnsContext& own) const {
    return own.option_in(netns_option, link.interface.name);
}

Result<std::optional<LinkInfo>> pinned_link_info(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto fd, answer_of(open_pin(directory + '/' + XDP_TALLY_LINK_NAME, false)));
    return fd ? info_if_link(fd->get()) : std::optional<LinkInfo>();
}

Result<ProgramLife> program_life(std::uint32_t id) {
    if (id == 0) {
        return ProgramLife::kNotKnown;
    }
    const auto fd = open_program_by_id(id);
    if (fd) {
        return ProgramLife::kAlive;
    }
    if (is_failed_question(fd.error())) {
        return fd.error();
    }
    return fd.error().code == ENOENT ? ProgramLife::kGone : ProgramLife::kNotKnown;
}

Result<ProgramSearch> find_program(const Meta& meta, const std::optional<LinkInfo>& link,
                                   const NetnsContext& own) {
    const Wanted wanted = make_wanted(meta, link);
    Search search(wanted);
    ProgramSearch result;
    TALLY_ASSIGN_OR_RETURN(result.place, look_where_it_was(meta, wanted, search, own));
    TALLY_ASSIGN_OR_RETURN(result.life, result.place ? Result<ProgramLife>(ProgramLife::kAlive)
                                                     : program_life(wanted.program_id));
    if (wanted.only_this_index && result.life == ProgramLife::kNotKnown) {
        result.life = ProgramLife::kAlive;  // its link is
    }
    if (result.place || result.life == ProgramLife::kGone) {
        result.complete = true;
        return result;
    }
    TALLY_ASSIGN_OR_RETURN(result.place, search_namespaces(meta.netns_inode, search, own));
    result.life = result.place ? ProgramLife::kAlive : result.life;
    result.complete = search.complete();
    return result;
}

Result<bool> hook_uses_map(const XdpHook& hook, std::uint32_t map_id) {
    std::vector<std::uint32_t> programs;
    for (const auto& program : {hook.program, hook.offloaded}) {
        if (program) {
            programs.push_back(program->id);
        }
    }
    for (const auto& component : hook.dispatcher ? hook.dispatcher->components : std::vector<Component>()) {
        programs.push_back(component.program_id);
    }
    for (const auto id : programs) {
        TALLY_ASSIGN_OR_RETURN(const bool uses, program_uses_map(id, map_id));
        if (uses) {
            return true;
        }
    }
    return false;
}

}  // namespace tally
