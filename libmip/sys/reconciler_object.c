/*
 * Items to messages and back.
 *
 * A message is made of a fixed header and attributes; one that finds no room for them (which does not happen
 * with the few that there are) is freed and NULL takes its place.
 */
#include "reconciler_object.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include "address.h"

/* A message under construction; `message` is NULL once something failed. */
struct maker {
	struct nl_msg *message;
};

static void fail(struct maker *maker)
{
	nlmsg_free(maker->message);
	maker->message = NULL;
}

static struct maker begin(int type, int flags, const void *header, size_t size)
{
	struct maker maker = {nlmsg_alloc_size(512)};

	if (maker.message == NULL)
		return maker;
	if (nlmsg_put(maker.message, 0, 0, type, 0, flags) == NULL ||
		nlmsg_append(maker.message, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO) < 0)
		fail(&maker);
	return maker;
}

static void add(struct maker *maker, int type, const void *value, size_t length)
{
	if (maker->message != NULL && nla_put(maker->message, type, (int)length, value) < 0)
		fail(maker);
}

static void add_u8(struct maker *maker, int type, uint8_t value)
{
	add(maker, type, &value, sizeof(value));
}

static void add_u32(struct maker *maker, int type, uint32_t value)
{
	add(maker, type, &value, sizeof(value));
}

static void add_address(struct maker *maker, int type, struct mip_address address)
{
	add(maker, type, &address.value, sizeof(address.value));
}

/* --- routes --- */

static const struct {
	enum mip_route_type ours;
	unsigned char kernels;
} route_types[] = {
	{MIP_ROUTE_UNICAST, RTN_UNICAST},
	{MIP_ROUTE_BLACKHOLE, RTN_BLACKHOLE},
	{MIP_ROUTE_UNREACHABLE, RTN_UNREACHABLE},
	{MIP_ROUTE_LOCAL, RTN_LOCAL},
	{MIP_ROUTE_THROW, RTN_THROW},
	{MIP_ROUTE_BROADCAST, RTN_BROADCAST},
};

static unsigned char route_type(enum mip_route_type type)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(route_types); i++)
		if (route_types[i].ours == type)
			return route_types[i].kernels;
	return RTN_UNSPEC;
}

static unsigned char route_scope(const struct mip_want_route *route)
{
	if (route->type == MIP_ROUTE_LOCAL)
		return RT_SCOPE_HOST;
	if (route->type == MIP_ROUTE_BROADCAST ||
		(route->type == MIP_ROUTE_UNICAST && mip_address_is_none(route->gateway)))
		return RT_SCOPE_LINK;
	return RT_SCOPE_UNIVERSE;
}

/* What stands in both: where it is, and whose. */
static struct maker begin_route(
	const struct mip_want_route *route, int type, int flags, unsigned char scope, uint8_t protocol)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = route->destination.length,
		.rtm_table = route->table < 256 ? (unsigned char)route->table : RT_TABLE_COMPAT,
		.rtm_protocol = protocol,
		.rtm_scope = scope,
		.rtm_type = route_type(route->type),
		.rtm_flags = type == RTM_NEWROUTE && route->onlink ? RTNH_F_ONLINK : 0,
	};
	struct maker maker = begin(type, flags, &header, sizeof(header));

	add_u32(&maker, RTA_TABLE, route->table);
	if (route->destination.length > 0)
		add_address(&maker, RTA_DST, route->destination.address);
	if (route->metric != 0)
		add_u32(&maker, RTA_PRIORITY, route->metric);
	return maker;
}

static struct nl_msg *put_route(const struct mip_want_route *route, uint8_t protocol, int flags)
{
	struct maker maker = begin_route(route, RTM_NEWROUTE, flags, route_scope(route), protocol);
	struct rtattr metric = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTAX_MTU};
	uint8_t metrics[RTA_LENGTH(sizeof(uint32_t))];

	if (route->nexthop != 0)
		add_u32(&maker, RTA_NH_ID, route->nexthop);
	if (route->nexthop == 0 && route->link != MIP_LINK_NONE)
		add_u32(&maker, RTA_OIF, (uint32_t)route->link);
	if (route->nexthop == 0 && !mip_address_is_none(route->gateway))
		add_address(&maker, RTA_GATEWAY, route->gateway);
	if (!mip_address_is_none(route->source))
		add_address(&maker, RTA_PREFSRC, route->source);
	if (route->mtu != 0) {
		memcpy(metrics, &metric, sizeof(metric));
		memcpy(metrics + sizeof(metric), &route->mtu, sizeof(route->mtu));
		add(&maker, RTA_METRICS, metrics, sizeof(metrics));
	}
	return maker.message;
}

static struct nl_msg *remove_route(const struct mip_want_route *route, uint8_t protocol)
{
	return begin_route(route, RTM_DELROUTE, 0, RT_SCOPE_NOWHERE, protocol).message;
}

/* Where it leads. What a nexthop object holds is shown with its number, but it is not the route's. */
static bool read_nexthop(const struct nlattr *const *attributes, unsigned flags, struct mip_want_route *route)
{
	route->nexthop = mip_netlink_u32(attributes[RTA_NH_ID]);
	if (route->nexthop != 0)
		return true;
	route->link = (mip_link)mip_netlink_u32(attributes[RTA_OIF]);
	route->gateway = mip_netlink_address(attributes[RTA_GATEWAY]);
	route->onlink = flags & RTNH_F_ONLINK;
	return attributes[RTA_MULTIPATH] == NULL && attributes[RTA_VIA] == NULL &&
	       attributes[RTA_ENCAP] == NULL;
}

/* The MTU among a route's metrics; false when there are others. */
static bool read_metrics(const struct nlattr *metrics, uint32_t *ret_mtu)
{
	const struct nlattr *metric;
	int left;
	bool exact = true;

	nla_for_each_nested(metric, (struct nlattr *)(uintptr_t)metrics, left)
	{
		if (nla_type(metric) == RTAX_MTU)
			*ret_mtu = mip_netlink_u32(metric);
		else
			exact = false;
	}
	return exact;
}

static bool read_route(const struct nlmsghdr *message, struct mip_object *ret_object)
{
	const struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *header = nlmsg_data(message);
	struct mip_want_route *route = &ret_object->want.route;
	bool known = false;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, RTA_MAX) ||
		header->rtm_family != AF_INET || (header->rtm_flags & RTM_F_CLONED))
		return false;
	ret_object->want.kind = MIP_WANT_ROUTE;
	ret_object->protocol = header->rtm_protocol;
	route->table =
		attributes[RTA_TABLE] != NULL ? mip_netlink_u32(attributes[RTA_TABLE]) : header->rtm_table;
	route->destination.address = mip_netlink_address(attributes[RTA_DST]);
	route->destination.length = header->rtm_dst_len;
	route->metric = mip_netlink_u32(attributes[RTA_PRIORITY]);
	route->source = mip_netlink_address(attributes[RTA_PREFSRC]);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(route_types); i++) {
		if (route_types[i].kernels == header->rtm_type) {
			route->type = route_types[i].ours;
			known = true;
		}
	}
	ret_object->exact = read_nexthop(attributes, header->rtm_flags, route) && known;
	if (attributes[RTA_METRICS] != NULL && !read_metrics(attributes[RTA_METRICS], &route->mtu))
		ret_object->exact = false;
	return header->rtm_tos == 0;
}

/* --- rules --- */

static struct nl_msg *make_rule(
	const struct mip_want_rule *rule, int type, int flags, const char *interface, uint8_t protocol)
{
	const struct fib_rule_hdr header = {
		.family = AF_INET,
		.dst_len = rule->to.length,
		.src_len = rule->from.length,
		.table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_COMPAT,
		.action = FR_ACT_TO_TBL,
	};
	struct maker maker = begin(type, flags, &header, sizeof(header));

	add_u32(&maker, FRA_PRIORITY, rule->priority);
	add_u32(&maker, FRA_TABLE, rule->table);
	add_u8(&maker, FRA_PROTOCOL, protocol);
	if (rule->from.length > 0)
		add_address(&maker, FRA_SRC, rule->from.address);
	if (rule->to.length > 0)
		add_address(&maker, FRA_DST, rule->to.address);
	if (rule->local_only)
		interface = "lo";
	if (interface[0] != 0)
		add(&maker, FRA_IIFNAME, interface, strlen(interface) + 1);
	if (rule->suppress_prefix_length >= 0)
		add_u32(&maker, FRA_SUPPRESS_PREFIXLEN, (uint32_t)rule->suppress_prefix_length);
	return maker.message;
}

/* The interface of a rule's name; one that is not there is none that a rule of ours could mean. */
static void read_incoming(const struct nlattr *name, struct mip_want_rule *rule)
{
	char text[IFNAMSIZ];

	if (name == NULL)
		return;
	nla_strlcpy(text, name, sizeof(text));
	if (strcmp(text, "lo") == 0) {
		rule->local_only = true;
		return;
	}
	rule->incoming = (mip_link)if_nametoindex(text);
	if (rule->incoming == MIP_LINK_NONE)
		rule->incoming = INT32_MIN;
}

static bool read_rule(const struct nlmsghdr *message, struct mip_object *ret_object)
{
	static const int others[] = {FRA_FWMARK, FRA_FLOW, FRA_TUN_ID, FRA_OIFNAME, FRA_UID_RANGE,
		FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE};
	const struct nlattr *attributes[FRA_MAX + 1];
	const struct fib_rule_hdr *header = nlmsg_data(message);
	struct mip_want_rule *rule = &ret_object->want.rule;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, FRA_MAX) ||
		header->family != AF_INET)
		return false;
	ret_object->want.kind = MIP_WANT_RULE;
	ret_object->protocol = mip_netlink_u8(attributes[FRA_PROTOCOL]);
	rule->priority = mip_netlink_u32(attributes[FRA_PRIORITY]);
	rule->table = attributes[FRA_TABLE] != NULL ? mip_netlink_u32(attributes[FRA_TABLE]) : header->table;
	rule->from.address = mip_netlink_address(attributes[FRA_SRC]);
	rule->from.length = header->src_len;
	rule->to.address = mip_netlink_address(attributes[FRA_DST]);
	rule->to.length = header->dst_len;
	rule->suppress_prefix_length = attributes[FRA_SUPPRESS_PREFIXLEN] != NULL
					       ? (int)mip_netlink_u32(attributes[FRA_SUPPRESS_PREFIXLEN])
					       : -1;
	read_incoming(attributes[FRA_IIFNAME], rule);
	ret_object->exact =
		header->action == FR_ACT_TO_TBL && header->tos == 0 && !(header->flags & FIB_RULE_INVERT);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(others); i++)
		if (attributes[others[i]] != NULL)
			ret_object->exact = false;
	return true;
}

/* --- addresses --- */

static struct nl_msg *make_address(
	const struct mip_want_address *address, int type, int flags, uint8_t protocol)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = address->prefix_length,
		.ifa_index = (uint32_t)address->link,
	};
	struct maker maker = begin(type, flags, &header, sizeof(header));
	struct mip_prefix prefix = mip_prefix_of(address->address, address->prefix_length);

	add_address(&maker, IFA_LOCAL, address->address);
	add_address(&maker, IFA_ADDRESS, address->address);
	if (type == RTM_DELADDR)
		return maker.message;
	if (address->prefix_length < 31)
		add_address(&maker, IFA_BROADCAST, mip_prefix_broadcast(prefix));
	add_u32(&maker, IFA_FLAGS, address->no_prefix_route ? IFA_F_NOPREFIXROUTE : 0);
	add_u8(&maker, IFA_PROTO, protocol); /* Linux 5.18; kernels before pass over it */
	return maker.message;
}

static bool read_address(const struct nlmsghdr *message, struct mip_object *ret_object)
{
	const struct nlattr *attributes[IFA_MAX + 1];
	const struct ifaddrmsg *header = nlmsg_data(message);
	struct mip_want_address *address = &ret_object->want.address;
	struct mip_address peer;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, IFA_MAX) ||
		header->ifa_family != AF_INET)
		return false;
	ret_object->want.kind = MIP_WANT_ADDRESS;
	ret_object->protocol = mip_netlink_u8(attributes[IFA_PROTO]);
	address->link = (mip_link)header->ifa_index;
	address->address = mip_netlink_address(attributes[IFA_LOCAL]);
	address->prefix_length = header->ifa_prefixlen;
	address->no_prefix_route = mip_netlink_u32(attributes[IFA_FLAGS]) & IFA_F_NOPREFIXROUTE;
	peer = mip_netlink_address(attributes[IFA_ADDRESS]);
	ret_object->exact = mip_address_equal(peer, address->address);
	return true;
}

/* --- neighbours --- */

static struct maker begin_neighbour(
	int type, int flags, mip_link link, struct mip_address address, uint16_t state, uint8_t entry_flags)
{
	const struct ndmsg header = {
		.ndm_family = AF_INET, .ndm_ifindex = link, .ndm_state = state, .ndm_flags = entry_flags};
	struct maker maker = begin(type, flags, &header, sizeof(header));

	add_address(&maker, NDA_DST, address);
	return maker;
}

static struct nl_msg *put_neighbour(const struct mip_want_neighbour *neighbour, uint8_t protocol, int flags)
{
	struct maker maker = begin_neighbour(RTM_NEWNEIGH, flags, neighbour->link, neighbour->address,
		neighbour->seed ? NUD_REACHABLE : NUD_PERMANENT, 0);

	add(&maker, NDA_LLADDR, neighbour->link_address.octets, neighbour->link_address.length);
	if (!neighbour->seed) /* a seed is the kernel's own from now on */
		add_u8(&maker, NDA_PROTOCOL, protocol);
	return maker.message;
}

static struct nl_msg *put_proxy(const struct mip_want_proxy *proxy, uint8_t protocol, int flags)
{
	struct maker maker =
		begin_neighbour(RTM_NEWNEIGH, flags, proxy->link, proxy->address, NUD_PERMANENT, NTF_PROXY);

	add_u8(&maker, NDA_PROTOCOL, protocol);
	return maker.message;
}

static bool read_neighbour(const struct nlmsghdr *message, struct mip_object *ret_object)
{
	const struct nlattr *attributes[NDA_MAX + 1];
	const struct ndmsg *header = nlmsg_data(message);
	const struct nlattr *link_address;
	struct mip_want *want = &ret_object->want;

	if (!mip_netlink_attributes(message, sizeof(*header), attributes, NDA_MAX) ||
		header->ndm_family != AF_INET)
		return false;
	ret_object->protocol = mip_netlink_u8(attributes[NDA_PROTOCOL]);
	ret_object->exact = true;
	if (header->ndm_flags & NTF_PROXY) {
		want->kind = MIP_WANT_PROXY;
		want->proxy.link = header->ndm_ifindex;
		want->proxy.address = mip_netlink_address(attributes[NDA_DST]);
		return true;
	}
	want->kind = MIP_WANT_NEIGHBOUR;
	want->neighbour.link = header->ndm_ifindex;
	want->neighbour.address = mip_netlink_address(attributes[NDA_DST]);
	ret_object->permanent = header->ndm_state & NUD_PERMANENT;
	link_address = attributes[NDA_LLADDR];
	if (link_address != NULL && nla_len(link_address) <= MIP_LINK_ADDRESS_MAX) {
		want->neighbour.link_address.length = (uint8_t)nla_len(link_address);
		memcpy(want->neighbour.link_address.octets, nla_data(link_address),
			(size_t)nla_len(link_address));
	}
	return true;
}

/* --- any kind --- */

bool mip_object_read(const struct nlmsghdr *message, struct mip_object *ret_object)
{
	*ret_object = (struct mip_object){0};
	switch (message->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return read_route(message, ret_object);
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return read_rule(message, ret_object);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return read_address(message, ret_object);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return read_neighbour(message, ret_object);
	default:
		return false;
	}
}

struct nl_msg *mip_object_put(const struct mip_want *want, const char *interface, uint8_t protocol, int flags)
{
	switch (want->kind) {
	case MIP_WANT_ROUTE:
		return put_route(&want->route, protocol, flags);
	case MIP_WANT_RULE:
		return make_rule(&want->rule, RTM_NEWRULE, flags, interface, protocol);
	case MIP_WANT_ADDRESS:
		return make_address(&want->address, RTM_NEWADDR, flags, protocol);
	case MIP_WANT_NEIGHBOUR:
		return put_neighbour(&want->neighbour, protocol, flags);
	case MIP_WANT_PROXY:
		return put_proxy(&want->proxy, protocol, flags);
	default:
		return NULL;
	}
}

struct nl_msg *mip_object_remove(const struct mip_want *want, const char *interface, uint8_t protocol)
{
	switch (want->kind) {
	case MIP_WANT_ROUTE:
		return remove_route(&want->route, protocol);
	case MIP_WANT_RULE:
		return make_rule(&want->rule, RTM_DELRULE, 0, interface, protocol);
	case MIP_WANT_ADDRESS:
		return make_address(&want->address, RTM_DELADDR, 0, protocol);
	case MIP_WANT_NEIGHBOUR:
		return begin_neighbour(RTM_DELNEIGH, 0, want->neighbour.link, want->neighbour.address, 0, 0)
			.message;
	case MIP_WANT_PROXY:
		return begin_neighbour(RTM_DELNEIGH, 0, want->proxy.link, want->proxy.address, 0, NTF_PROXY)
			.message;
	default:
		return NULL;
	}
}

struct nl_msg *mip_object_get(const struct mip_want *want)
{
	if (want->kind == MIP_WANT_PROXY)
		return begin_neighbour(RTM_GETNEIGH, 0, want->proxy.link, want->proxy.address, 0, NTF_PROXY)
			.message;
	return begin_neighbour(RTM_GETNEIGH, 0, want->neighbour.link, want->neighbour.address, 0, 0).message;
}

struct nl_msg *mip_object_dump(enum mip_want_kind kind, uint32_t table, uint8_t protocol)
{
	const struct ndmsg neighbour = {
		.ndm_family = AF_INET, .ndm_flags = kind == MIP_WANT_PROXY ? NTF_PROXY : 0};
	const struct ifaddrmsg address = {.ifa_family = AF_INET};
	const struct fib_rule_hdr rule = {.family = AF_INET};
	const struct rtmsg route = {.rtm_family = AF_INET, .rtm_protocol = protocol};
	struct maker maker;

	switch (kind) {
	case MIP_WANT_ROUTE:
		maker = begin(RTM_GETROUTE, 0, &route, sizeof(route));
		if (table != 0)
			add_u32(&maker, RTA_TABLE, table);
		return maker.message;
	case MIP_WANT_RULE:
		return begin(RTM_GETRULE, 0, &rule, sizeof(rule)).message;
	case MIP_WANT_ADDRESS:
		return begin(RTM_GETADDR, 0, &address, sizeof(address)).message;
	case MIP_WANT_NEIGHBOUR:
	case MIP_WANT_PROXY:
		return begin(RTM_GETNEIGH, 0, &neighbour, sizeof(neighbour)).message;
	default:
		return NULL;
	}
}

int mip_object_removal(int type)
{
	return type + (RTM_DELROUTE - RTM_NEWROUTE); /* so for all of them */
}

struct nl_msg *mip_object_echo(const struct nlmsghdr *message, int type, int flags)
{
	struct nl_msg *request = nlmsg_alloc_size(message->nlmsg_len + 64);

	if (request == NULL)
		return NULL;
	if (nlmsg_put(request, 0, 0, type, 0, flags) == NULL ||
		nlmsg_append(request, nlmsg_data(message), (size_t)nlmsg_datalen(message), NLMSG_ALIGNTO) <
			0) {
		nlmsg_free(request);
		return NULL;
	}
	return request;
}
