/*
 * Nexthops that somebody removes: the kernel tells of each (RTNLGRP_NEXTHOP), so that the one in a million is found with the
 * next check. When there was no room for all that it told, they are counted.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel.h"
#include "text.h"

enum {
	TYPE_OFFSET = 4, /* of the type in a message's header */
	RECEIVE = 8192,
};

/* Of a million that are put in place nothing is to be heard. */
static int hear_removals_only(int descriptor)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELNEXTHOP), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = {.len = MIP_ARRAY_SIZE(program), .filter = program};

	return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ? -errno : 0;
}

int mip_kernel_watch_begin(struct mip_kernel *kernel)
{
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK};
	const int group = RTNLGRP_NEXTHOP;
	int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int error;

	if (descriptor < 0)
		return -errno;
	error = hear_removals_only(descriptor);
	if (!error && (bind(descriptor, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
			      setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				      sizeof(group)) < 0))
		error = -errno;
	if (error) {
		close(descriptor);
		return error;
	}
	kernel->watch_descriptor = descriptor;
	return 0;
}

void mip_kernel_watch_end(struct mip_kernel *kernel)
{
	if (kernel->watch_descriptor >= 0)
		close(kernel->watch_descriptor);
	kernel->watch_descriptor = -1;
}

/* The number may be another nexthop's by now: only what is not there is gone. */
static bool is_ours_and_gone(struct mip_kernel *kernel, const struct nlmsghdr *message, uint32_t *ret_id)
{
	const struct nlattr *attribute =
		nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, sizeof(struct nhmsg), NHA_ID);
	struct mip_kernel_nexthop *nexthop;
	uint32_t id;

	if (message->nlmsg_type != RTM_DELNEXTHOP || !attribute || nla_len(attribute) < (int)sizeof(id))
		return false;
	id = nla_get_u32(attribute);
	HASH_FIND(hh_id, kernel->nexthops_by_id, &id, sizeof(id), nexthop);
	if (!nexthop || mip_kernel_nexthop_look(kernel, id) == 0)
		return false;
	*ret_id = id;
	return true;
}

/* 0, -ENOENT: that one is gone; -ENOBUFS: there was more than could be told. */
static int hear(struct mip_kernel *kernel, uint32_t *ret_id)
{
	_Alignas(struct nlmsghdr) uint8_t octets[RECEIVE];
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(kernel->watch_descriptor, octets, sizeof(octets), 0,
			(struct sockaddr *)&from, &size)) >= 0) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)octets;

		if (from.nl_pid == 0 && nlmsg_ok(message, (int)length) &&
			is_ours_and_gone(kernel, message, ret_id))
			return -ENOENT;
		size = sizeof(from);
	}
	return errno == ENOBUFS ? -ENOBUFS : 0;
}

struct tally {
	uint8_t protocol;
	size_t count;
};

static void count_ours(void *context, const struct nlmsghdr *message)
{
	struct tally *tally = context;
	const struct nhmsg *header = nlmsg_data(message);

	if (message->nlmsg_type == RTM_NEWNEXTHOP && header->nh_protocol == tally->protocol)
		tally->count++;
}

/* Whether there are as many as there should be. */
static bool are_all_there(struct mip_kernel *kernel)
{
	const struct nhmsg header = {.nh_family = AF_UNSPEC};
	struct tally tally = {.protocol = kernel->protocol};

	mip_kernel_begin(kernel->route, RTM_GETNEXTHOP, 0, &header, sizeof(header));
	return mip_kernel_list(kernel->route, count_ours, &tally) != 0 ||
	       tally.count >= HASH_COUNT(kernel->nexthops);
}

int mip_kernel_watch_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	uint32_t id = 0;
	int error = hear(kernel, &id);

	if (error == -ENOENT) {
		mip_text_add(&text, "nexthop ");
		mip_text_add_number(&text, id);
		mip_text_add(&text, " was removed");
		return error;
	}
	if (error != -ENOBUFS || are_all_there(kernel))
		return 0;
	mip_text_add(&text, "nexthops were removed");
	return -ENOENT;
}
