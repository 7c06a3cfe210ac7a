/*
 * Nexthop objects, with what packets are wrapped in, and routes that name them by their numbers. (Routes with their own
 * encapsulation would take quadratic time to insert: the kernel would look for an equal one among all.)
 */
#include <errno.h>
#include <linux/if_tunnel.h>
#include <linux/lwtunnel.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "text.h"

enum {
	OUTER_TTL = 64,
	TOS_OF_INNER = 1, /* so says `ip link`: inherit */
};

static struct nhmsg nexthop_header(const struct mip_kernel *kernel, uint8_t family)
{
	return (struct nhmsg){.nh_family = family, .nh_protocol = kernel->protocol};
}

/* What the tunnel puts around a packet. "Don't Fragment" is taken off again where the inner header has none
 * (kernel_filter.c); there is no key. */
static void write_encapsulation(struct mip_kernel_socket *route, const struct mip_kernel_nexthop_key *key)
{
	size_t encapsulation;

	mip_kernel_put_u16(route, NHA_ENCAP_TYPE, LWTUNNEL_ENCAP_IP);
	encapsulation = mip_kernel_nest(route, NHA_ENCAP);
	mip_kernel_put_address(route, LWTUNNEL_IP_DST, key->remote);
	mip_kernel_put_address(route, LWTUNNEL_IP_SRC, key->local);
	mip_kernel_put_u8(route, LWTUNNEL_IP_TTL, OUTER_TTL);
	mip_kernel_put_u8(route, LWTUNNEL_IP_TOS, TOS_OF_INNER);
	mip_kernel_put_u16(route, LWTUNNEL_IP_FLAGS, TUNNEL_DONT_FRAGMENT);
	mip_kernel_unnest(route, encapsulation);
}

void mip_kernel_nexthop_put(struct mip_kernel *kernel, uint32_t id, const struct mip_kernel_nexthop_key *key)
{
	const struct nhmsg header = nexthop_header(kernel, AF_INET);

	mip_kernel_begin(
		kernel->route, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	mip_kernel_put_u32(kernel->route, NHA_ID, id);
	mip_kernel_put_u32(kernel->route, NHA_OIF, (uint32_t)key->link);
	if (key->link != kernel->user->tun.link)
		write_encapsulation(kernel->route, key);
	mip_kernel_send_some(kernel->route);
}

static void write_nexthop_request(struct mip_kernel_socket *route, int type, uint32_t id)
{
	const struct nhmsg header = {.nh_family = AF_UNSPEC};

	mip_kernel_begin(route, type, 0, &header, sizeof(header));
	mip_kernel_put_u32(route, NHA_ID, id);
}

void mip_kernel_nexthop_remove(struct mip_kernel *kernel, uint32_t id)
{
	write_nexthop_request(kernel->route, RTM_DELNEXTHOP, id);
	mip_kernel_send_some(kernel->route);
}

int mip_kernel_nexthop_look(struct mip_kernel *kernel, uint32_t id)
{
	write_nexthop_request(kernel->route, RTM_GETNEXTHOP, id);
	return mip_kernel_ask(kernel->route, NULL, NULL);
}

static void write_table_route(struct mip_kernel *kernel, uint32_t id, int type, int flags)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_COMPAT,
		.rtm_protocol = kernel->protocol,
		.rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
		.rtm_type = RTN_UNICAST,
	};

	mip_kernel_begin(kernel->route, type, flags, &header, sizeof(header));
	mip_kernel_put_u32(kernel->route, RTA_TABLE, id);
	if (type == RTM_NEWROUTE)
		mip_kernel_put_u32(kernel->route, RTA_NH_ID, id);
	mip_kernel_send_some(kernel->route);
}

void mip_kernel_table_put(struct mip_kernel *kernel, uint32_t id)
{
	write_table_route(kernel, id, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
}

void mip_kernel_table_remove(struct mip_kernel *kernel, uint32_t id)
{
	write_table_route(kernel, id, RTM_DELROUTE, 0);
}

/* A tunnel that nothing leads to. */
int mip_kernel_nexthop_try(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	const struct mip_kernel_nexthop_key key = {.local.value = htonl(INADDR_LOOPBACK),
		.remote.value = htonl(INADDR_LOOPBACK),
		.link = kernel->devices[MIP_KERNEL_IPIP].link};
	const char *words;
	uint32_t id = kernel->identifiers.base;
	int error;

	mip_kernel_nexthop_put(kernel, id, &key);
	error = mip_kernel_send(kernel->route, &words);
	if (!error) {
		mip_kernel_nexthop_remove(kernel, id);
		return mip_kernel_send(kernel->route, NULL);
	}
	mip_text_add(&text, error == -EPERM
				    ? "nexthop objects: CAP_NET_ADMIN is missing"
				    : "no nexthop objects with tunnels (Linux 5.3, CONFIG_LWTUNNEL): ");
	if (error != -EPERM)
		mip_text_add(&text, words[0] ? words : strerror(-error));
	return error;
}

/* --- what a predecessor left ------------------------------------------------------------------ */

/* Numbers of nexthops, or whole messages that remove routes. */
struct leftovers {
	uint8_t protocol;
	struct leftover {
		uint32_t id; /* of the nexthop */
		uint32_t table, metric;
		struct mip_prefix destination;
	} * items;
	size_t count, size;
};

static void add_leftover(struct leftovers *leftovers, const struct leftover *item)
{
	struct leftover *grown;

	if (leftovers->count == leftovers->size) {
		leftovers->size = leftovers->size * 2 + 64;
		grown = reallocarray(leftovers->items, leftovers->size, sizeof(*grown));
		if (!grown) {
			leftovers->size = leftovers->count;
			return;
		}
		leftovers->items = grown;
	}
	leftovers->items[leftovers->count++] = *item;
}

static uint32_t number_in(const struct nlmsghdr *message, size_t header, int attribute)
{
	const struct nlattr *found =
		nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, (int)header, attribute);

	return found && nla_len(found) >= 4 ? nla_get_u32(found) : 0;
}

static void take_route(void *context, const struct nlmsghdr *message)
{
	struct leftovers *leftovers = context;
	const struct rtmsg *header = nlmsg_data(message);
	struct leftover item = {.id = number_in(message, sizeof(*header), RTA_NH_ID)};

	if (header->rtm_protocol != leftovers->protocol || item.id == 0)
		return;
	item.table = number_in(message, sizeof(*header), RTA_TABLE);
	item.metric = number_in(message, sizeof(*header), RTA_PRIORITY);
	item.destination.address.value = number_in(message, sizeof(*header), RTA_DST);
	item.destination.length = header->rtm_dst_len;
	add_leftover(leftovers, &item);
}

static void remove_route(struct mip_kernel_socket *route, uint8_t protocol, const struct leftover *item)
{
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = item->destination.length,
		.rtm_table = RT_TABLE_COMPAT,
		.rtm_protocol = protocol,
		.rtm_scope = RT_SCOPE_NOWHERE,
		.rtm_type = RTN_UNICAST,
	};

	mip_kernel_begin(route, RTM_DELROUTE, 0, &header, sizeof(header));
	mip_kernel_put_u32(route, RTA_TABLE, item->table);
	if (item->destination.length > 0)
		mip_kernel_put_address(route, RTA_DST, item->destination.address);
	if (item->metric)
		mip_kernel_put_u32(route, RTA_PRIORITY, item->metric);
	mip_kernel_send_some(route);
}

static void take_nexthop(void *context, const struct nlmsghdr *message)
{
	struct leftovers *leftovers = context;
	const struct nhmsg *header = nlmsg_data(message);
	struct leftover item = {.id = number_in(message, sizeof(*header), NHA_ID)};

	if (header->nh_protocol == leftovers->protocol)
		add_leftover(leftovers, &item);
}

int mip_kernel_nexthop_sweep(struct mip_kernel_socket *route, uint8_t protocol)
{
	const struct rtmsg routes = {.rtm_family = AF_INET, .rtm_protocol = protocol};
	const struct nhmsg nexthops = {.nh_family = AF_UNSPEC};
	struct leftovers leftovers = {.protocol = protocol};
	int error;

	mip_kernel_begin(route, RTM_GETNEXTHOP, 0, &nexthops, sizeof(nexthops));
	error = mip_kernel_list(route, take_nexthop, &leftovers);
	if (error || leftovers.count == 0)
		goto out;
	leftovers.count = 0;
	mip_kernel_begin(route, RTM_GETROUTE, 0, &routes, sizeof(routes));
	(void)mip_kernel_list(route, take_route, &leftovers);
	for (size_t i = 0; i < leftovers.count; i++)
		remove_route(route, protocol, &leftovers.items[i]);
	(void)mip_kernel_send(route, NULL);
	leftovers.count = 0;
	mip_kernel_begin(route, RTM_GETNEXTHOP, 0, &nexthops, sizeof(nexthops));
	error = mip_kernel_list(route, take_nexthop, &leftovers);
	for (size_t i = 0; i < leftovers.count; i++) {
		write_nexthop_request(route, RTM_DELNEXTHOP, leftovers.items[i].id);
		mip_kernel_send_some(route);
	}
	(void)mip_kernel_send(route, NULL);

out:
	free(leftovers.items);
	return error;
}
