/*
 * The devices mip0-ipip and mip0-gre.
 *
 * They are "external": what a packet is wrapped in, its nexthop says, and what it was wrapped in is told with
 * it, so that one device does for all tunnels. A network namespace can have one such device of each kind. At
 * the ingress of each is a filter that hands what passed the check on as having come in from mip0.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/netconf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_skbedit.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "kernel.h"
#include "text.h"

static const struct {
	const char *kind;
	const char *suffix;
	enum mip_encapsulation encapsulation;
	int external; /* the attribute that makes it so */
} kinds[MIP_KERNEL_DEVICES] = {
	[MIP_KERNEL_IPIP] = {"ipip", "-ipip", MIP_ENCAPSULATION_IPIP, IFLA_IPTUN_COLLECT_METADATA},
	[MIP_KERNEL_GRE] = {"gre", "-gre", MIP_ENCAPSULATION_GRE, IFLA_GRE_COLLECT_METADATA},
};

enum {
	FILTER_PRIORITY = 77,
	INGRESS = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	ALIAS = 64,
};

static const char alias_begin[] = "Mobile IP tunnels of "; /* and the name of the tunnel device */

const struct mip_kernel_device *mip_kernel_device_of(
	const struct mip_kernel *kernel, enum mip_encapsulation encapsulation)
{
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		if (kinds[i].encapsulation == encapsulation && kernel->devices[i].link != MIP_LINK_NONE)
			return &kernel->devices[i];
	}
	return NULL;
}

static int say(char reason[static MIP_PLANE_REASON], const char *what, int error, const char *words)
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	mip_text_add(&text, what);
	if (error == -EPERM) {
		mip_text_add(&text, ": CAP_NET_ADMIN is missing");
		return error;
	}
	mip_text_add(&text, ": ");
	mip_text_add(&text, words && words[0] ? words : strerror(-error));
	return error;
}

/* --- links ------------------------------------------------------------------------------------ */

struct link {
	mip_link index;
	bool up;
	char kind[16];
	char alias[ALIAS];
	struct rtnl_link_stats64 count;
};

static void read_link(void *context, const struct nlmsghdr *message)
{
	struct link *link = context;
	const struct ifinfomsg *header = nlmsg_data(message);
	const struct nlattr *alias, *info, *kind, *count;

	if (message->nlmsg_type != RTM_NEWLINK)
		return;
	link->index = header->ifi_index;
	link->up = header->ifi_flags & IFF_UP;
	alias = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, sizeof(*header), IFLA_IFALIAS);
	info = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, sizeof(*header), IFLA_LINKINFO);
	count = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, sizeof(*header), IFLA_STATS64);
	kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	if (count)
		memcpy(&link->count, nla_data(count),
			(size_t)nla_len(count) < sizeof(link->count) ? (size_t)nla_len(count)
								     : sizeof(link->count));
	if (alias)
		(void)nla_strlcpy(link->alias, alias, sizeof(link->alias));
	if (kind)
		(void)nla_strlcpy(link->kind, kind, sizeof(link->kind));
}

/* 0 or -ENODEV and others. `name` NULL: by index. */
static int get_link(struct mip_kernel_socket *route, mip_link index, const char *name, struct link *ret_link)
{
	const struct ifinfomsg header = {.ifi_index = index};
	struct link link = {0};
	int error;

	mip_kernel_begin(route, RTM_GETLINK, 0, &header, sizeof(header));
	if (name)
		mip_kernel_put_text(route, IFLA_IFNAME, name);
	error = mip_kernel_ask(route, read_link, &link);
	if (!error && link.index == MIP_LINK_NONE)
		error = -ENODEV;
	if (!error)
		*ret_link = link;
	return error;
}

static int remove_link(struct mip_kernel_socket *route, mip_link index)
{
	const struct ifinfomsg header = {.ifi_index = index};

	mip_kernel_begin(route, RTM_DELLINK, 0, &header, sizeof(header));
	return mip_kernel_send(route, NULL);
}

static void make_alias(const struct mip_kernel *kernel, char alias[static ALIAS])
{
	struct mip_text text = mip_text_of(alias, ALIAS);

	mip_text_add(&text, alias_begin);
	mip_text_add(&text, kernel->user->device);
}

static void name_device(struct mip_kernel *kernel, size_t i)
{
	struct mip_text name = mip_text_of(kernel->devices[i].name, sizeof(kernel->devices[i].name));

	mip_text_add(&name, kernel->user->device);
	mip_text_add(&name, kinds[i].suffix);
}

/* The index of a device that a killed predecessor left: nobody else has this tunnel device now. */
static mip_link find_leftover(struct mip_kernel *kernel, size_t i)
{
	char alias[ALIAS];
	struct link link;

	make_alias(kernel, alias);
	name_device(kernel, i);
	if (get_link(kernel->route, MIP_LINK_NONE, kernel->devices[i].name, &link) != 0 ||
		strcmp(link.kind, kinds[i].kind) != 0 || strcmp(link.alias, alias) != 0)
		return MIP_LINK_NONE;
	return link.index;
}

bool mip_kernel_devices_are_left(struct mip_kernel *kernel)
{
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		if (find_leftover(kernel, i) != MIP_LINK_NONE)
			return true;
	}
	return false;
}

void mip_kernel_devices_sweep(struct mip_kernel *kernel)
{
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		mip_link link = find_leftover(kernel, i);

		if (link != MIP_LINK_NONE)
			(void)remove_link(kernel->route, link);
	}
}

static void write_link(struct mip_kernel *kernel, size_t i)
{
	struct mip_kernel_socket *route = kernel->route;
	const struct ifinfomsg header = {0};
	char alias[ALIAS];
	size_t info, data;

	make_alias(kernel, alias);
	mip_kernel_begin(route, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	mip_kernel_put_text(route, IFLA_IFNAME, kernel->devices[i].name);
	mip_kernel_put_u32(route, IFLA_MTU, mip_user_mtu(kernel->user));
	info = mip_kernel_nest(route, IFLA_LINKINFO);
	mip_kernel_put_text(route, IFLA_INFO_KIND, kinds[i].kind);
	data = mip_kernel_nest(route, IFLA_INFO_DATA);
	mip_kernel_put(route, kinds[i].external, NULL, 0);
	mip_kernel_unnest(route, data);
	mip_kernel_unnest(route, info);
}

/* The name that an administrator sees it by, no addresses of IPv6, and up. The first two may fail. */
static int raise_link(struct mip_kernel *kernel, mip_link index)
{
	struct mip_kernel_socket *route = kernel->route;
	const struct ifinfomsg named = {.ifi_index = index};
	const struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	char alias[ALIAS];
	size_t families, family;

	make_alias(kernel, alias);
	mip_kernel_begin(route, RTM_SETLINK, 0, &named, sizeof(named));
	mip_kernel_put(route, IFLA_IFALIAS, alias, strlen(alias));
	(void)mip_kernel_send(route, NULL);
	mip_kernel_begin(route, RTM_SETLINK, 0, &named, sizeof(named));
	families = mip_kernel_nest(route, IFLA_AF_SPEC);
	family = mip_kernel_nest(route, AF_INET6);
	mip_kernel_put_u8(route, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mip_kernel_unnest(route, family);
	mip_kernel_unnest(route, families);
	(void)mip_kernel_send(route, NULL);
	mip_kernel_begin(route, RTM_SETLINK, 0, &up, sizeof(up));
	return mip_kernel_send(route, NULL);
}

/* --- at the ingress --------------------------------------------------------------------------- */

static void write_clsact(struct mip_kernel_socket *route, mip_link index)
{
	const struct tcmsg header = {
		.tcm_ifindex = index,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};

	mip_kernel_begin(route, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	mip_kernel_put_text(route, TCA_KIND, "clsact");
}

static struct tcmsg filter_header(mip_link index)
{
	return (struct tcmsg){
		.tcm_ifindex = index,
		.tcm_handle = MIP_KERNEL_MARK,
		.tcm_parent = INGRESS,
		.tcm_info = TC_H_MAKE((uint32_t)FILTER_PRIORITY << 16, mip_swap16(ETH_P_IP)),
	};
}

/* Takes the bit off the mark. */
static void write_unmark(struct mip_kernel_socket *route, int place)
{
	const struct tc_skbedit parameters = {.action = TC_ACT_PIPE};
	size_t action = mip_kernel_nest(route, place), options;

	mip_kernel_put_text(route, TCA_ACT_KIND, "skbedit");
	options = mip_kernel_nest(route, TCA_ACT_OPTIONS);
	mip_kernel_put(route, TCA_SKBEDIT_PARMS, &parameters, sizeof(parameters));
	mip_kernel_put_u32(route, TCA_SKBEDIT_MARK, 0);
	mip_kernel_put_u32(route, TCA_SKBEDIT_MASK, MIP_KERNEL_MARK);
	mip_kernel_unnest(route, options);
	mip_kernel_unnest(route, action);
}

/* Hands the packet on as having come in from another device. */
static void write_redirect(struct mip_kernel_socket *route, int place, mip_link to)
{
	const struct tc_mirred parameters = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_INGRESS_REDIR,
		.ifindex = (uint32_t)to,
	};
	size_t action = mip_kernel_nest(route, place), options;

	mip_kernel_put_text(route, TCA_ACT_KIND, "mirred");
	options = mip_kernel_nest(route, TCA_ACT_OPTIONS);
	mip_kernel_put(route, TCA_MIRRED_PARMS, &parameters, sizeof(parameters));
	mip_kernel_unnest(route, options);
	mip_kernel_unnest(route, action);
}

static void write_filter(struct mip_kernel_socket *route, mip_link index, mip_link to)
{
	const struct tcmsg header = filter_header(index);
	size_t options, actions;

	mip_kernel_begin(route, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	mip_kernel_put_text(route, TCA_KIND, "fw");
	options = mip_kernel_nest(route, TCA_OPTIONS);
	mip_kernel_put_u32(route, TCA_FW_MASK, MIP_KERNEL_MARK);
	actions = mip_kernel_nest(route, TCA_FW_ACT);
	write_unmark(route, 1);
	write_redirect(route, 2, to);
	mip_kernel_unnest(route, actions);
	mip_kernel_unnest(route, options);
}

static int set_ingress(struct mip_kernel *kernel, mip_link index, char reason[static MIP_PLANE_REASON])
{
	const char *words;
	int error;

	write_clsact(kernel->route, index);
	error = mip_kernel_send(kernel->route, &words);
	if (error)
		return say(reason,
			"no clsact queueing discipline (module sch_ingress, CONFIG_NET_SCH_INGRESS)", error,
			words);
	write_filter(kernel->route, index, kernel->user->tun.link);
	error = mip_kernel_send(kernel->route, &words);
	if (error)
		return say(reason,
			"no redirection at the ingress (modules cls_fw, act_mirred and act_skbedit, "
			"CONFIG_NET_CLS_FW, CONFIG_NET_ACT_MIRRED, CONFIG_NET_ACT_SKBEDIT)",
			error, words);
	return 0;
}

/* --- from the beginning to the end ------------------------------------------------------------ */

/*
 * mip0 need not have an address, but where the host filters reverse paths on all interfaces (conf.all.rp_filter),
 * the loose kind takes nothing in by a device that has none. 192.0.0.8 is the address that stands for none
 * (RFC 7600); with scope host nobody chooses it as a source.
 */
static int change_dummy_address(struct mip_kernel *kernel, int type)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = 32,
		.ifa_scope = RT_SCOPE_HOST,
		.ifa_index = (uint32_t)kernel->user->tun.link,
	};
	static const uint8_t dummy[] = {192, 0, 0, 8};

	mip_kernel_begin(kernel->route, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0, &header,
		sizeof(header));
	mip_kernel_put(kernel->route, IFA_LOCAL, dummy, sizeof(dummy));
	mip_kernel_put(kernel->route, IFA_ADDRESS, dummy, sizeof(dummy));
	if (type == RTM_NEWADDR)
		mip_kernel_put_u32(kernel->route, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
	return mip_kernel_send(kernel->route, NULL);
}

static void read_filters(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *value = nlmsg_find_attr(
		(struct nlmsghdr *)(uintptr_t)message, sizeof(struct netconfmsg), NETCONFA_RP_FILTER);

	if (message->nlmsg_type == RTM_NEWNETCONF && value && nla_len(value) >= 4)
		*(uint32_t *)context = nla_get_u32(value);
}

uint32_t mip_kernel_host_filters(struct mip_kernel *kernel)
{
	const struct netconfmsg header = {.ncm_family = AF_INET};
	uint32_t value = 0;

	mip_kernel_begin(kernel->route, RTM_GETNETCONF, 0, &header, sizeof(header));
	mip_kernel_put_u32(kernel->route, NETCONFA_IFINDEX, (uint32_t)NETCONFA_IFINDEX_ALL);
	(void)mip_kernel_ask(kernel->route, read_filters, &value);
	return value;
}

static int refuse_kind(size_t i, int error, const char *words, char reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	const char *kind = kinds[i].kind;

	if (error == -EEXIST) {
		mip_text_add(&text, "there is an external ");
		mip_text_add(&text, kind);
		mip_text_add(&text, " device already and the kernel has room for one, or one of our name");
		return error;
	}
	if (error != -EOPNOTSUPP) {
		mip_text_add(&text, "an external ");
		mip_text_add(&text, kind);
		return say(reason, reason, error, words);
	}
	mip_text_add(&text, "the kernel has no ");
	mip_text_add(&text, kind);
	mip_text_add(&text, i == MIP_KERNEL_IPIP ? " devices (module ipip, CONFIG_NET_IPIP)"
						 : " devices (module ip_gre, CONFIG_NET_IPGRE)");
	return error;
}

static int make_device(struct mip_kernel *kernel, size_t i, char reason[static MIP_PLANE_REASON])
{
	struct mip_kernel_device *device = &kernel->devices[i];
	struct link link;
	const char *words;
	int error;

	if (strlen(kernel->user->device) + strlen(kinds[i].suffix) >= sizeof(device->name))
		return say(reason, kernel->user->device, -ENAMETOOLONG,
			"its name is too long for those of the devices beside it");
	name_device(kernel, i);
	write_link(kernel, i);
	error = mip_kernel_send(kernel->route, &words);
	if (error)
		return refuse_kind(i, error, words, reason);
	error = get_link(kernel->route, MIP_LINK_NONE, device->name, &link);
	if (error)
		return say(reason, device->name, error, NULL);
	device->link = link.index;
	error = set_ingress(kernel, link.index, reason);
	if (error)
		return error;
	error = raise_link(kernel, link.index);
	return error ? say(reason, device->name, error, NULL) : 0;
}

static void remove_device(struct mip_kernel *kernel, size_t i)
{
	if (kernel->devices[i].link != MIP_LINK_NONE)
		(void)remove_link(kernel->route, kernel->devices[i].link);
	kernel->devices[i].link = MIP_LINK_NONE;
}

int mip_kernel_devices_make(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	char why[MIP_PLANE_REASON] = "";
	int error = make_device(kernel, MIP_KERNEL_IPIP, reason);

	if (!error && change_dummy_address(kernel, RTM_NEWADDR) != 0)
		error = say(reason, kernel->user->device, -EIO, "it takes no address");
	if (error)
		return error;
	/* Without it tunnels of this kind go by the user plane. */
	if (make_device(kernel, MIP_KERNEL_GRE, why) != 0) {
		remove_device(kernel, MIP_KERNEL_GRE);
		mip_log(kernel->user->options.log, MIP_LOG_INFO, "GRE goes by the user plane: %s", why);
	}
	return 0;
}

void mip_kernel_devices_remove(struct mip_kernel *kernel)
{
	if (kernel->devices[MIP_KERNEL_IPIP].link != MIP_LINK_NONE)
		(void)change_dummy_address(kernel, RTM_DELADDR);
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++)
		remove_device(kernel, i);
}

void mip_kernel_devices_count(struct mip_kernel *kernel)
{
	uint64_t out = 0, in = 0, refused = kernel->counters[MIP_KERNEL_DROP_NO_PEER];

	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		struct link link;

		if (kernel->devices[i].link == MIP_LINK_NONE ||
			get_link(kernel->route, kernel->devices[i].link, NULL, &link) != 0)
			continue;
		out += link.count.tx_packets;
		in += link.count.rx_packets;
	}
	kernel->counters[MIP_KERNEL_PACKETS_OUT] = out;
	kernel->counters[MIP_KERNEL_PACKETS_IN] = in > refused ? in - refused : 0;
}

static int look_for_filter(struct mip_kernel *kernel, mip_link index)
{
	const struct tcmsg header = filter_header(index);

	mip_kernel_begin(kernel->route, RTM_GETTFILTER, 0, &header, sizeof(header));
	mip_kernel_put_text(kernel->route, TCA_KIND, "fw");
	return mip_kernel_ask(kernel->route, NULL, NULL);
}

int mip_kernel_devices_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		const struct mip_kernel_device *device = &kernel->devices[i];
		struct link link;

		if (device->link == MIP_LINK_NONE)
			continue;
		if (get_link(kernel->route, device->link, NULL, &link) != 0)
			return say(reason, device->name, -ENODEV, "the device was deleted");
		if (!link.up)
			return say(reason, device->name, -ENETDOWN, "the device was taken down");
		if (look_for_filter(kernel, device->link) != 0)
			return say(reason, device->name, -ENOENT, "the filter at its ingress was removed");
	}
	return 0;
}
