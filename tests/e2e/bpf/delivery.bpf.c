/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every way to redirect a frame, to a target that stands in a map; programs that such maps run. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} hashed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} copies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} direct SEC(".maps");

SEC("xdp")
int to_devmap(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&targets, 0, XDP_ABORTED));
}

SEC("xdp")
int to_devmap_hash(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&hashed, 0, XDP_ABORTED));
}

SEC("xdp")
int to_ifindex(struct xdp_md *ctx)
{
	const __u32 zero = 0;
	__u32 *ifindex = bpf_map_lookup_elem(&direct, &zero);

	return xdp_tally(ctx, bpf_redirect(ifindex ? *ifindex : 0, 0));
}

SEC("xdp")
int to_cpumap(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&cpus, 0, XDP_ABORTED));
}

/* To every device in the map. */
SEC("xdp")
int to_all(struct xdp_md *ctx)
{
	return xdp_tally(ctx, bpf_redirect_map(&copies, 0, BPF_F_BROADCAST));
}

char _license[] SEC("license") = "GPL";
