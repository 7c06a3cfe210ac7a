/*
 * The hooks of the bpf programs, by libbpf's tc functions; what a link is, and whether anybody else has
 * filters there, by libnl.
 */
#include "bpf_links.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	/* Before the filters that tc numbers itself (49152 and down), after those that an administrator numbers. */
	PREFERENCE = 19785,
	PREFERENCE_SHIFT = 16, /* in a filter's tcm_info */
};

struct mip_bpf_link {
	mip_link link;
	char name[MIP_LINK_NAME];
	bool attached;
	bool made; /* the hook was not there before, or is another such daemon's */
	enum mip_bpf_link_kind kind;
	enum mip_bpf_duty duty;
	uint32_t program; /* the id of what hangs there */
	enum bpf_tc_attach_point point;
	UT_hash_handle hh;
};

/* --- filters ---------------------------------------------------------------------------------- */

/* The id of the program that hangs in our filter's place; 0: there is none. */
static uint32_t hanging(const struct mip_bpf_links *links, const struct mip_bpf_link *link)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = link->link, .attach_point = link->point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = links->handle, .priority = PREFERENCE);

	return bpf_tc_query(&hook, &options) == 0 ? options.prog_id : 0;
}

struct filters {
	size_t ours; /* by their preference: this daemon's, a killed predecessor's, another's beside it */
	size_t others;
};

static int look_at_filter(struct nl_msg *message, void *context)
{
	const struct tcmsg *header = nlmsg_data(nlmsg_hdr(message));
	struct filters *filters = context;

	if (TC_H_MAJ(header->tcm_info) >> PREFERENCE_SHIFT == PREFERENCE)
		filters->ours++;
	else
		filters->others++;
	return NL_OK;
}

/* Adds what there is at one side of a link. Negative errno. */
static int look_at_side(
	const struct mip_bpf_links *links, mip_link link, uint32_t minor, struct filters *filters)
{
	struct tcmsg header = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = link, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor)};
	int error;

	nl_socket_modify_cb(links->socket, NL_CB_VALID, NL_CB_CUSTOM, look_at_filter, filters);
	error = nl_send_simple(links->socket, RTM_GETTFILTER, NLM_F_DUMP, &header, sizeof(header));
	return error < 0 ? -EIO : nl_recvmsgs_default(links->socket) < 0 ? -EIO : 0;
}

static int look_at_filters(const struct mip_bpf_links *links, mip_link link, struct filters *filters)
{
	int error = look_at_side(links, link, TC_H_MIN_INGRESS, filters);

	return error ? error : look_at_side(links, link, TC_H_MIN_EGRESS, filters);
}

static bool is_unused(const struct mip_bpf_links *links, mip_link link)
{
	struct filters filters = {0};

	return look_at_filters(links, link, &filters) == 0 && filters.ours == 0 && filters.others == 0;
}

/* A hook with no filters but those of such daemons was made by one of them, which was killed, or may end
 * before this one: the last to go takes it along. An administrator's is found with others or without any. */
static bool is_daemons(const struct mip_bpf_links *links, mip_link link)
{
	struct filters filters = {0};

	return look_at_filters(links, link, &filters) == 0 && filters.ours > 0 && filters.others == 0;
}

static int attach(const struct mip_bpf_links *links, struct mip_bpf_link *link, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = link->link, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = BPF_TC_F_REPLACE,
		.handle = links->handle, .priority = PREFERENCE);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		return error;
	/* One that was made for a filter which then could not be hung is there still. */
	if (!link->attached)
		link->made |= !error || is_daemons(links, link->link);
	hook.attach_point = link->point;
	error = bpf_tc_attach(&hook, &options);
	if (error)
		return error;
	link->attached = true;
	link->program = options.prog_id;
	return 0;
}

/* Takes the filter away, and the hook if it was made for such filters and has none any more. Negative errno
 * when the filter hangs there still. */
static int detach(const struct mip_bpf_links *links, struct mip_bpf_link *link)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = link->link, .attach_point = link->point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = links->handle, .priority = PREFERENCE);
	int error = link->attached ? bpf_tc_detach(&hook, &options) : 0;

	if (error && hanging(links, link) != 0)
		return error;
	link->attached = false;
	if (!link->made || !is_unused(links, link->link))
		return 0;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	(void)bpf_tc_hook_destroy(&hook);
	link->made = false;
	return 0;
}

/* --- links ------------------------------------------------------------------------------------ */

static struct mip_bpf_link *find(const struct mip_bpf_links *links, mip_link index)
{
	struct mip_bpf_link *link;

	HASH_FIND(hh, links->links, &index, sizeof(index), link);
	return link;
}

static struct mip_bpf_link *add(struct mip_bpf_links *links, mip_link index, const char *name)
{
	struct mip_bpf_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->link = index;
	link->point = index == links->tunnel ? BPF_TC_EGRESS : BPF_TC_INGRESS;
	strncpy(link->name, name, sizeof(link->name) - 1);
	HASH_ADD(hh, links->links, link, sizeof(link->link), link);
	if (link->hh.tbl)
		return link;
	free(link);
	return NULL;
}

static void count(struct mip_bpf_links *links, struct mip_bpf_link *link, enum mip_bpf_duty duty)
{
	link->duty = duty;
	links->attached++;
	links->early += duty == MIP_BPF_BOTH_WAYS;
}

/* One that has its filter. */
static void uncount(struct mip_bpf_links *links, const struct mip_bpf_link *link)
{
	if (link->link == links->tunnel)
		return;
	links->attached--;
	links->early -= link->duty == MIP_BPF_BOTH_WAYS;
}

static void forget(struct mip_bpf_links *links, struct mip_bpf_link *link)
{
	if (link->attached)
		uncount(links, link);
	HASH_DEL(links->links, link);
	free(link);
}

/* Without its filter the link's packets go by the daemon. Negative errno when it cannot be taken away. */
static int release(struct mip_bpf_links *links, struct mip_bpf_link *link)
{
	bool counted = link->attached;
	int error = detach(links, link);

	if (!error && counted)
		uncount(links, link);
	return error;
}

/* What kind of link it is: -ENODEV when it is gone, -EOPNOTSUPP when it is none that gets a program. */
static int kind_of(const struct mip_bpf_links *links, mip_link index)
{
	struct rtnl_link *link;
	int kind = -EOPNOTSUPP;

	if (rtnl_link_get_kernel(links->socket, index, NULL, &link) < 0)
		return -ENODEV;
	if (rtnl_link_get_master(link) == 0 && !(rtnl_link_get_flags(link) & IFF_LOOPBACK)) {
		if (rtnl_link_get_arptype(link) == ARPHRD_ETHER)
			kind = MIP_BPF_ETHERNET;
		else if (rtnl_link_get_arptype(link) == ARPHRD_NONE ||
			 rtnl_link_get_arptype(link) == ARPHRD_PPP)
			kind = MIP_BPF_BARE;
	}
	rtnl_link_put(link);
	return kind;
}

/* What goes on from a link does not come by the tunnel device, and not by its rules. */
static bool has_tunnel_rules(const struct mip_bpf_links *links)
{
	char name[IF_NAMESIZE];

	return if_indextoname((unsigned)links->tunnel, name) != NULL &&
	       (mip_bpf_rules_at(&links->rules, name) || mip_bpf_rules_behind(&links->rules, name));
}

static enum mip_bpf_duty duty_at(const struct mip_bpf_links *links, const char *name)
{
	return links->rules.forwarded || links->blind || has_tunnel_rules(links) ||
			       mip_bpf_source_is_checked(name)
		       ? MIP_BPF_DECAPSULATE
		       : MIP_BPF_BOTH_WAYS;
}

/* Hangs the program for its kind and duty. */
static int attach_for(struct mip_bpf_links *links, struct mip_bpf_link *link, enum mip_bpf_duty duty)
{
	int error = attach(links, link, links->programs[link->kind][duty]);

	if (!error)
		count(links, link, duty);
	return error;
}

static void say_ruled(const struct mip_bpf_links *links, const struct mip_bpf_link *link)
{
	mip_log(links->log, MIP_LOG_NOTICE,
		"%s: its packets go by the daemon, for netfilter has rules at its ingress", link->name);
}

/* A link that has no filter, yet or any more. Whether it has one now. */
static bool try_link(struct mip_bpf_links *links, struct mip_bpf_link *link, int *ret_error)
{
	if (mip_bpf_rules_at(&links->rules, link->name))
		return false;
	*ret_error = attach_for(links, link, duty_at(links, link->name));
	return *ret_error == 0;
}

static void begin_link(struct mip_bpf_links *links, const struct mip_input_link *news)
{
	int kind = kind_of(links, news->link), error = 0;
	struct mip_bpf_link *link;

	if (kind < 0)
		return;
	link = add(links, news->link, news->name);
	if (!link) {
		error = -ENOMEM;
	} else {
		link->kind = (enum mip_bpf_link_kind)kind;
		if (!try_link(links, link, &error) && !error)
			say_ruled(links, link);
	}
	if (!error)
		return;
	mip_log(links->log, MIP_LOG_WARNING, "%s takes no bpf program yet, its packets go by the daemon: %s",
		news->name, strerror(-error));
	if (link && error == -ENODEV)
		forget(links, link);
}

void mip_bpf_links_follow(struct mip_bpf_links *links, const struct mip_input_link *news)
{
	struct mip_bpf_link *link = find(links, news->link);

	if (news->link == links->tunnel)
		return;
	if (link && news->present)
		memcpy(link->name, news->name, sizeof(link->name));
	if (link && !news->present) {
		forget(links, link);
	} else if (link && kind_of(links, news->link) == -EOPNOTSUPP) {
		/* It has got a master. A filter that cannot be taken away is tried again at the end. */
		if (release(links, link) == 0)
			forget(links, link);
	} else if (!link && news->present) {
		begin_link(links, news);
	}
}

/* A link that went, and whose news is on its way, has taken its filter along. */
static bool is_missing(const struct mip_bpf_links *links, const struct mip_bpf_link *link)
{
	char name[IF_NAMESIZE];

	return link->attached && hanging(links, link) != link->program &&
	       if_indextoname((unsigned)link->link, name) != NULL;
}

/* One that took no filter may take one now: there was no memory, or there were rules. */
static void try_again(struct mip_bpf_links *links, struct mip_bpf_link *link)
{
	int error;

	if (try_link(links, link, &error))
		mip_log(links->log, MIP_LOG_NOTICE, "%s: has its bpf program now", link->name);
}

/* What cannot be replaced hangs there still, and must not stay. */
static int follow_rules(struct mip_bpf_links *links, struct mip_bpf_link *link)
{
	enum mip_bpf_duty duty = duty_at(links, link->name);
	int error;

	if (link->link == links->tunnel)
		return 0;
	if (!link->attached) {
		try_again(links, link);
		return 0;
	}
	if (mip_bpf_rules_at(&links->rules, link->name)) {
		error = release(links, link);
		if (!error)
			say_ruled(links, link);
		return error;
	}
	if (link->duty == duty)
		return 0;
	error = attach(links, link, links->programs[link->kind][duty]);
	if (error)
		return error;
	uncount(links, link);
	count(links, link, duty);
	mip_log(links->log, MIP_LOG_NOTICE, "%s: packets for nodes that are away %s", link->name,
		duty == MIP_BPF_BOTH_WAYS ? "go straight into their tunnels"
					  : "are forwarded by the host's rules before they are tunnelled");
	return 0;
}

int mip_bpf_links_check(struct mip_bpf_links *links, char name[static MIP_LINK_NAME])
{
	struct mip_bpf_link *link, *next;

	mip_bpf_rules_look(&links->rules);
	HASH_ITER (hh, links->links, link, next) {
		int error = is_missing(links, link) ? -ENOENT : follow_rules(links, link);

		if (error) {
			memcpy(name, link->name, MIP_LINK_NAME);
			return error;
		}
	}
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

int mip_bpf_links_open(struct mip_bpf_links *links)
{
	struct mip_bpf_link *tunnel;

	mip_bpf_rules_look(&links->rules);
	links->socket = nl_socket_alloc();
	if (!links->socket)
		return -ENOMEM;
	if (nl_connect(links->socket, NETLINK_ROUTE) < 0)
		return -EIO;
	tunnel = add(links, links->tunnel, "the tunnel device");
	return tunnel ? attach(links, tunnel, links->egress_program) : -ENOMEM;
}

void mip_bpf_links_close(struct mip_bpf_links *links)
{
	struct mip_bpf_link *link, *next;

	HASH_ITER (hh, links->links, link, next) {
		(void)detach(links, link);
		HASH_DEL(links->links, link);
		free(link);
	}
	mip_bpf_rules_clear(&links->rules);
	nl_socket_free(links->socket);
	links->socket = NULL;
}
