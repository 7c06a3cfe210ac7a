/*
 * Links, addresses and default routes, followed.
 *
 *   notices ──> link ──────> table of links ──────> told, if it is not what was told last
 *          ├──> address ───> table of addresses ──> …
 *          └──> route ─────> table of routes ─────> …
 *   lost notices, or a change that the kernel makes in silence ──> dump: mark all, take what comes, sweep
 *
 * What the kernel does in silence: when a link goes down, or loses its last address, the IPv4 routes through
 * it go without a notice each; `ip route replace` puts one route in another's place and tells the new one
 * only.
 *
 * "Up" is IFF_UP with a carrier (IFF_LOWER_UP), unless the link is dormant (802.1X has yet to let us in). The
 * operational state is not asked for more: the kernel sets it up to a second after the carrier, and a link
 * that has its carrier can be used. Carrier lost and found again within a second may come as one notice of a
 * link that is up, as before: the kernel's count of losses tells them apart, for it may be another network
 * now.
 *
 * The kernel holds back the loss of a carrier for up to a second after any other link's event, a second in
 * which a mobile node would talk to nobody. So for that long after each such notice the links are looked at.
 */
#include "monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uthash.h>
#include "address.h"
#include "netlink.h"

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000
#define IFF_DORMANT  0x20000
#endif

struct link {
	struct mip_input_link told;
	uint32_t carrier_losses;
	bool loopback;
	bool seen; /* in the dump that is going on */
	UT_hash_handle hh;
};

struct address_key {
	mip_link link;
	struct mip_address address;
	uint32_t prefix_length;
};

struct address {
	struct address_key key;
	bool seen;
	UT_hash_handle hh;
};

struct route_key {
	mip_link link;
	struct mip_address gateway;
	uint32_t metric;
};

struct route {
	struct route_key key;
	bool seen;
	UT_hash_handle hh;
};

struct mip_monitor {
	struct mip_monitor_functions functions;
	uint8_t ignored_protocol;
	struct mip_netlink *requests;
	struct mip_netlink *notices;
	struct mip_watch *watch;
	struct link *links;
	struct address *addresses;
	struct route *routes;
	mip_link stale;	     /* routes by this link may have gone in silence; -1: any */
	int look_descriptor; /* a timer for looking at the links; -1 before it is made */
	struct mip_watch *look_watch;
	unsigned looks_left;
	bool link_noticed;
};

enum {
	STALE_ALL = -1,
	/* A little more than the second for which the kernel may hold a loss back. */
	LOOKS = 28,
	/* A host of many links is a router: it can wait, and a look there costs more. */
	FEW_LINKS = 64,
};
#define LOOK_INTERVAL	   (40 * MIP_MILLISECOND)
#define LOOK_INTERVAL_MANY (400 * MIP_MILLISECOND)

/* --- default routes --- */

static void tell_route(struct mip_monitor *monitor, const struct route_key *key, bool present)
{
	const struct mip_input_default_route input = {
		.link = key->link, .gateway = key->gateway, .metric = key->metric, .present = present};

	if (monitor->functions.default_route != NULL)
		monitor->functions.default_route(monitor->functions.context, &input);
}

static void drop_route(struct mip_monitor *monitor, struct route *route)
{
	struct route_key key = route->key;

	HASH_DEL(monitor->routes, route);
	free(route);
	tell_route(monitor, &key, false);
}

static void add_route(struct mip_monitor *monitor, const struct route_key *key)
{
	struct route *route;

	HASH_FIND(hh, monitor->routes, key, sizeof(*key), route);
	if (route != NULL) {
		route->seen = true;
		return;
	}
	route = calloc(1, sizeof(*route));
	if (route == NULL)
		return;
	route->key = *key;
	route->seen = true;
	HASH_ADD(hh, monitor->routes, key, sizeof(route->key), route);
	if (route->hh.tbl == NULL) {
		free(route);
		return;
	}
	tell_route(monitor, key, true);
}

/* A next hop that is there or gone. */
static void take_hop(struct mip_monitor *monitor, const struct route_key *key, bool present)
{
	struct route *route;

	if (key->link == MIP_LINK_NONE)
		return;
	if (present) {
		add_route(monitor, key);
		return;
	}
	HASH_FIND(hh, monitor->routes, key, sizeof(*key), route);
	if (route != NULL)
		drop_route(monitor, route);
}

static void take_hops(
	struct mip_monitor *monitor, const struct nlattr *hops, struct route_key *key, bool present)
{
	struct rtnexthop *hop = nla_data(hops);
	int left = nla_len(hops);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		const struct nlattr *attributes = (const struct nlattr *)(void *)RTNH_DATA(hop);
		int size = hop->rtnh_len - (int)sizeof(*hop);

		key->link = hop->rtnh_ifindex;
		key->gateway = mip_netlink_address(nla_find(attributes, size, RTA_GATEWAY));
		take_hop(monitor, key, present);
	}
}

static bool is_default_route(
	const struct mip_monitor *monitor, const struct rtmsg *header, const struct nlattr **attributes)
{
	uint32_t table =
		attributes[RTA_TABLE] != NULL ? mip_netlink_u32(attributes[RTA_TABLE]) : header->rtm_table;

	return header->rtm_family == AF_INET && header->rtm_dst_len == 0 && header->rtm_tos == 0 &&
	       table == RT_TABLE_MAIN && header->rtm_type == RTN_UNICAST &&
	       !(header->rtm_flags & RTM_F_CLONED) && header->rtm_protocol != monitor->ignored_protocol;
}

static void take_route(struct mip_monitor *monitor, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *header = nlmsg_data(message);
	bool present = message->nlmsg_type == RTM_NEWROUTE;
	struct route_key key = {0};

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, RTA_MAX) ||
		!is_default_route(monitor, header, attributes))
		return;
	/* The one that was replaced is not named. */
	if (present && (message->nlmsg_flags & NLM_F_REPLACE) && !(message->nlmsg_flags & NLM_F_MULTI))
		monitor->stale = STALE_ALL;
	key.metric = mip_netlink_u32(attributes[RTA_PRIORITY]);
	if (attributes[RTA_MULTIPATH] != NULL) {
		take_hops(monitor, attributes[RTA_MULTIPATH], &key, present);
		return;
	}
	key.link = (mip_link)mip_netlink_u32(attributes[RTA_OIF]);
	key.gateway = mip_netlink_address(attributes[RTA_GATEWAY]);
	take_hop(monitor, &key, present);
}

/* --- addresses --- */

static void tell_address(struct mip_monitor *monitor, const struct address_key *key, bool present)
{
	const struct mip_input_address input = {
		.link = key->link,
		.address = key->address,
		.prefix_length = (uint8_t)key->prefix_length,
		.present = present,
	};

	if (monitor->functions.address != NULL)
		monitor->functions.address(monitor->functions.context, &input);
}

static void drop_address(struct mip_monitor *monitor, struct address *address)
{
	struct address_key key = address->key;

	HASH_DEL(monitor->addresses, address);
	free(address);
	tell_address(monitor, &key, false);
}

static void add_address(struct mip_monitor *monitor, const struct address_key *key)
{
	struct address *address = calloc(1, sizeof(*address));

	if (address == NULL)
		return;
	address->key = *key;
	address->seen = true;
	HASH_ADD(hh, monitor->addresses, key, sizeof(address->key), address);
	if (address->hh.tbl == NULL) {
		free(address);
		return;
	}
	tell_address(monitor, key, true);
}

/* An address of a link that has not been told yet will be told after it: its notice is still waiting. */
static bool is_told_link(const struct mip_monitor *monitor, mip_link index)
{
	struct link *link;

	HASH_FIND_INT(monitor->links, &index, link);
	return link != NULL && !link->loopback;
}

static void take_address(struct mip_monitor *monitor, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[IFA_MAX + 1];
	const struct ifaddrmsg *header = nlmsg_data(message);
	struct address_key key = {0};
	struct address *address;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, IFA_MAX) ||
		header->ifa_family != AF_INET || (header->ifa_flags & IFA_F_TENTATIVE))
		return;
	key.link = (mip_link)header->ifa_index;
	key.address = mip_netlink_address(attributes[IFA_LOCAL]);
	key.prefix_length = header->ifa_prefixlen;
	if (mip_address_is_none(key.address) || !is_told_link(monitor, key.link))
		return;
	HASH_FIND(hh, monitor->addresses, &key, sizeof(key), address);
	if (message->nlmsg_type == RTM_DELADDR) {
		monitor->stale =
			monitor->stale == MIP_LINK_NONE || monitor->stale == key.link ? key.link : STALE_ALL;
		if (address != NULL)
			drop_address(monitor, address);
	} else if (address == NULL) {
		add_address(monitor, &key);
	} else {
		address->seen = true;
	}
}

/* --- links --- */

static void drop_routes_of(struct mip_monitor *monitor, mip_link link)
{
	struct route *route, *next;

	HASH_ITER (hh, monitor->routes, route, next)
		if (route->key.link == link)
			drop_route(monitor, route);
}

static void drop_addresses_of(struct mip_monitor *monitor, mip_link link)
{
	struct address *address, *next;

	HASH_ITER (hh, monitor->addresses, address, next)
		if (address->key.link == link)
			drop_address(monitor, address);
}

static void tell_link(struct mip_monitor *monitor, const struct mip_input_link *input)
{
	if (monitor->functions.link != NULL)
		monitor->functions.link(monitor->functions.context, input);
}

static void drop_link(struct mip_monitor *monitor, struct link *link)
{
	struct mip_input_link gone = {.link = link->told.link, .link_address = link->told.link_address};

	memcpy(gone.name, link->told.name, sizeof(gone.name));
	HASH_DEL(monitor->links, link);
	free(link);
	drop_routes_of(monitor, gone.link);
	drop_addresses_of(monitor, gone.link);
	tell_link(monitor, &gone);
}

static bool same_link(const struct mip_input_link *a, const struct mip_input_link *b)
{
	return a->up == b->up && a->mtu == b->mtu && strcmp(a->name, b->name) == 0 &&
	       a->link_address.length == b->link_address.length &&
	       memcmp(a->link_address.octets, b->link_address.octets, sizeof(a->link_address.octets)) == 0;
}

static struct link *new_link(struct mip_monitor *monitor, const struct mip_input_link *input, bool loopback)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->told.link = input->link;
	link->loopback = loopback;
	HASH_ADD_INT(monitor->links, told.link, link);
	if (link->hh.tbl == NULL) {
		free(link);
		return NULL;
	}
	return link;
}

/* The carrier that was lost meanwhile. */
static void tell_loss(struct mip_monitor *monitor, struct link *link)
{
	link->told.up = false;
	tell_link(monitor, &link->told);
}

/* Tells what is new of a link; and before that, the routes that went when it went down. */
static void put_link(struct mip_monitor *monitor, const struct mip_input_link *input, unsigned flags,
	uint32_t carrier_losses)
{
	struct link *link;
	bool is_new;

	HASH_FIND_INT(monitor->links, &input->link, link);
	is_new = link == NULL;
	if (is_new)
		link = new_link(monitor, input, flags & IFF_LOOPBACK);
	if (link == NULL)
		return;
	link->seen = true;
	if (!(flags & IFF_UP))
		drop_routes_of(monitor, input->link);
	if (link->told.up && input->up && link->carrier_losses != carrier_losses)
		tell_loss(monitor, link);
	link->carrier_losses = carrier_losses;
	if (!is_new && same_link(&link->told, input))
		return;
	link->told = *input;
	tell_link(monitor, input);
}

static void read_link(
	const struct ifinfomsg *header, const struct nlattr **attributes, struct mip_input_link *ret_input)
{
	const struct nlattr *name = attributes[IFLA_IFNAME];
	const struct nlattr *address = attributes[IFLA_ADDRESS];

	*ret_input = (struct mip_input_link){
		.link = header->ifi_index,
		.present = true,
		.up = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_LOWER_UP) &&
		      !(header->ifi_flags & IFF_DORMANT),
		.mtu = mip_netlink_u32(attributes[IFLA_MTU]),
	};
	if (name != NULL)
		nla_strlcpy(ret_input->name, name, sizeof(ret_input->name));
	if (address != NULL && nla_len(address) <= MIP_LINK_ADDRESS_MAX) {
		ret_input->link_address.length = (uint8_t)nla_len(address);
		memcpy(ret_input->link_address.octets, nla_data(address), (size_t)nla_len(address));
	}
}

static void take_link(struct mip_monitor *monitor, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[IFLA_MAX + 1];
	const struct ifinfomsg *header = nlmsg_data(message);
	struct mip_input_link input;
	struct link *link;

	/* AF_BRIDGE messages of the same kind speak of a bridge's ports, not of links. */
	if (!mip_netlink_attributes(message, sizeof(*header), attributes, IFLA_MAX) ||
		header->ifi_family != AF_UNSPEC)
		return;
	if (message->nlmsg_type == RTM_NEWLINK) {
		read_link(header, attributes, &input);
		put_link(monitor, &input, header->ifi_flags,
			mip_netlink_u32(attributes[IFLA_CARRIER_DOWN_COUNT]));
		return;
	}
	HASH_FIND_INT(monitor->links, &header->ifi_index, link);
	if (link != NULL)
		drop_link(monitor, link);
}

/* --- all together --- */

static void take(void *context, const struct nlmsghdr *message)
{
	struct mip_monitor *monitor = context;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		monitor->link_noticed = true;
		take_link(monitor, message);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		take_address(monitor, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take_route(monitor, message);
		break;
	default:
		break;
	}
}

static int dump(struct mip_monitor *monitor, int type, const void *header, size_t size, mip_link link)
{
	struct nl_msg *request = nlmsg_alloc_simple(type, 0);
	void *body;
	int result = -ENOMEM;

	if (request == NULL)
		return -ENOMEM;
	body = nlmsg_reserve(request, size, NLMSG_ALIGNTO);
	if (body == NULL)
		goto out;
	memcpy(body, header, size);
	if (link > 0 && nla_put_u32(request, RTA_OIF, (uint32_t)link) < 0)
		goto out;
	result = mip_netlink_dump(monitor->requests, request, take, monitor);
out:
	nlmsg_free(request);
	return result;
}

static int sync_links(struct mip_monitor *monitor)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct link *link, *next;
	int result;

	HASH_ITER (hh, monitor->links, link, next)
		link->seen = false;
	result = dump(monitor, RTM_GETLINK, &header, sizeof(header), MIP_LINK_NONE);
	if (result < 0)
		return result;
	HASH_ITER (hh, monitor->links, link, next)
		if (!link->seen)
			drop_link(monitor, link);
	return 0;
}

static int sync_addresses(struct mip_monitor *monitor)
{
	const struct ifaddrmsg header = {.ifa_family = AF_INET};
	struct address *address, *next;
	int result;

	HASH_ITER (hh, monitor->addresses, address, next)
		address->seen = false;
	result = dump(monitor, RTM_GETADDR, &header, sizeof(header), MIP_LINK_NONE);
	if (result < 0)
		return result;
	HASH_ITER (hh, monitor->addresses, address, next)
		if (!address->seen)
			drop_address(monitor, address);
	return 0;
}

/* Default routes by one link, or by all (STALE_ALL). A home agent may have a hundred thousand other routes.
 */
static int sync_routes(struct mip_monitor *monitor, mip_link link)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
	struct route *route, *next;
	int result;

	HASH_ITER (hh, monitor->routes, route, next)
		route->seen = link != STALE_ALL && route->key.link != link;
	result = dump(monitor, RTM_GETROUTE, &header, sizeof(header), link);
	/* -ENODEV: the link itself has gone; -ENOENT: there has never been a route in the table */
	if (result < 0 && result != -ENODEV && result != -ENOENT)
		return result;
	HASH_ITER (hh, monitor->routes, route, next)
		if (!route->seen)
			drop_route(monitor, route);
	return 0;
}

static int sync_all(struct mip_monitor *monitor)
{
	int result = sync_links(monitor);

	if (result >= 0)
		result = sync_addresses(monitor);
	if (result >= 0)
		result = sync_routes(monitor, STALE_ALL);
	monitor->stale = MIP_LINK_NONE;
	return result;
}

/* --- looking, for as long as the kernel may hold something back --- */

static void set_look(struct mip_monitor *monitor, mip_time interval)
{
	const struct timespec every = {.tv_sec = interval / MIP_SECOND, .tv_nsec = interval % MIP_SECOND};
	const struct itimerspec timer = {.it_interval = every, .it_value = every};

	(void)timerfd_settime(monitor->look_descriptor, 0, &timer, NULL);
}

static void begin_looking(struct mip_monitor *monitor)
{
	bool many = HASH_COUNT(monitor->links) > FEW_LINKS;

	if (monitor->looks_left == 0)
		set_look(monitor, many ? LOOK_INTERVAL_MANY : LOOK_INTERVAL);
	monitor->looks_left = many ? LOOKS / (LOOK_INTERVAL_MANY / LOOK_INTERVAL) + 1 : LOOKS;
}

static void on_look(void *context, int descriptor, unsigned events)
{
	struct mip_monitor *monitor = context;
	uint64_t expirations;

	(void)events;
	if (read(descriptor, &expirations, sizeof(expirations)) < 0)
		return;
	if (monitor->looks_left > 0 && --monitor->looks_left == 0)
		set_look(monitor, 0);
	(void)sync_links(monitor);
	monitor->link_noticed = false;
	if (monitor->stale != MIP_LINK_NONE)
		(void)sync_routes(monitor, monitor->stale);
	monitor->stale = MIP_LINK_NONE;
}

static int start_looking(struct mip_monitor *monitor, struct mip_loop *loop)
{
	monitor->look_descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (monitor->look_descriptor < 0)
		return -errno;
	return mip_loop_watch(
		loop, monitor->look_descriptor, MIP_WATCH_READ, on_look, monitor, &monitor->look_watch);
}

static void on_notices(void *context, int descriptor, unsigned events)
{
	struct mip_monitor *monitor = context;

	(void)descriptor;
	(void)events;
	if (mip_netlink_read(monitor->notices, take, monitor) < 0)
		(void)sync_all(monitor);
	else if (monitor->stale != MIP_LINK_NONE)
		(void)sync_routes(monitor, monitor->stale);
	monitor->stale = MIP_LINK_NONE;
	if (monitor->link_noticed)
		begin_looking(monitor);
	monitor->link_noticed = false;
}

static int start(struct mip_monitor *monitor, struct mip_loop *loop)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE};
	/* Of the routes, only default ones, and not our own. (A filter loads in network byte order.) */
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, monitor->ignored_protocol, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	int result = start_looking(monitor, loop);

	if (result >= 0)
		result = mip_netlink_new(&monitor->requests);
	/* First the notices, then what there is: a change in between is told, perhaps twice. */
	if (result >= 0)
		result = mip_netlink_new_notices(
			groups, MIP_ARRAY_SIZE(groups), filter, MIP_ARRAY_SIZE(filter), &monitor->notices);
	if (result >= 0)
		result = mip_loop_watch(loop, mip_netlink_descriptor(monitor->notices), MIP_WATCH_READ,
			on_notices, monitor, &monitor->watch);
	return result < 0 ? result : sync_all(monitor);
}

int mip_monitor_new(struct mip_loop *loop, uint8_t ignored_protocol,
	const struct mip_monitor_functions *functions, struct mip_monitor **ret_monitor)
{
	struct mip_monitor *monitor = calloc(1, sizeof(*monitor));
	int result;

	if (monitor == NULL)
		return -ENOMEM;
	monitor->functions = *functions;
	monitor->ignored_protocol = ignored_protocol;
	monitor->look_descriptor = -1;
	result = start(monitor, loop);
	if (result < 0) {
		mip_monitor_free(monitor);
		return result;
	}
	*ret_monitor = monitor;
	return 0;
}

void mip_monitor_free(struct mip_monitor *monitor)
{
	struct link *link, *next_link;
	struct address *address, *next_address;
	struct route *route, *next_route;

	if (monitor == NULL)
		return;
	mip_watch_free(monitor->watch);
	mip_watch_free(monitor->look_watch);
	if (monitor->look_descriptor >= 0)
		(void)close(monitor->look_descriptor);
	mip_netlink_free(monitor->notices);
	mip_netlink_free(monitor->requests);
	HASH_ITER (hh, monitor->links, link, next_link) {
		HASH_DEL(monitor->links, link);
		free(link);
	}
	HASH_ITER (hh, monitor->addresses, address, next_address) {
		HASH_DEL(monitor->addresses, address);
		free(address);
	}
	HASH_ITER (hh, monitor->routes, route, next_route) {
		HASH_DEL(monitor->routes, route);
		free(route);
	}
	free(monitor);
}

mip_link mip_link_index(const char *name)
{
	return (mip_link)if_nametoindex(name);
}
