/*
 * Who else wants to see packets. Asked twice a second, so by a dump of the chains alone: few, and without
 * their rules.
 */
#include "bpf_firewall.h"

#include <netinet/in.h> /* before the kernel's, which yield to it */

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- nftables --------------------------------------------------------------------------------- */

static bool forwards(uint32_t hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_FORWARD || hook == NF_INET_POST_ROUTING;
}

/* A name that cannot be noted stands for all. */
static void add_link(struct mip_bpf_rules *rules, const struct nlattr *name, bool at_egress)
{
	size_t size = rules->size ? 2 * rules->size : 8;
	struct mip_bpf_ruled *grown = rules->links;

	if (rules->count == rules->size)
		grown = reallocarray(rules->links, size, sizeof(*grown));
	if (!grown || nla_type(name) != NFTA_DEVICE_NAME) {
		rules->everywhere = true;
		return;
	}
	rules->size = rules->count == rules->size ? size : rules->size;
	rules->links = grown;
	grown[rules->count].at_egress = at_egress;
	nla_strlcpy(grown[rules->count++].link, name, MIP_LINK_NAME);
}

static void note_links(struct mip_bpf_rules *rules, struct nlattr *const hook[], bool at_egress)
{
	struct nlattr *name;
	int left;

	/* Each kernel that has such chains tells their links; one that does not has them who knows where. */
	if (!hook[NFTA_HOOK_DEVS]) {
		rules->everywhere = true;
		return;
	}
	nla_for_each_nested(name, hook[NFTA_HOOK_DEVS], left) add_link(rules, name, at_egress);
}

static int look_at_chain(struct nl_msg *message, void *context)
{
	const struct nfgenmsg *header = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *attributes[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct mip_bpf_rules *rules = context;
	uint32_t number;

	if (nlmsg_parse(nlmsg_hdr(message), sizeof(*header), attributes, NFTA_CHAIN_MAX, NULL) < 0 ||
		!attributes[NFTA_CHAIN_HOOK] ||
		nla_parse_nested(hook, NFTA_HOOK_MAX, attributes[NFTA_CHAIN_HOOK], NULL) < 0 ||
		!hook[NFTA_HOOK_HOOKNUM])
		return NL_OK;
	number = ntohl(nla_get_u32(hook[NFTA_HOOK_HOOKNUM]));
	if (header->nfgen_family == NFPROTO_IPV4 || header->nfgen_family == NFPROTO_INET)
		rules->forwarded |= forwards(number);
	if ((header->nfgen_family == NFPROTO_NETDEV && number == NF_NETDEV_INGRESS) ||
		(header->nfgen_family == NFPROTO_INET && number == NF_INET_INGRESS))
		note_links(rules, hook, false);
	if (header->nfgen_family == NFPROTO_NETDEV && number == NF_NETDEV_EGRESS)
		note_links(rules, hook, true);
	return NL_OK;
}

/* A kernel without nftables knows no such message: then there are no chains. */
static int note_error(struct sockaddr_nl *name, struct nlmsgerr *error, void *context)
{
	int *result = context;

	(void)name;
	*result = error->error;
	return NL_STOP;
}

/* libnl's error of a connect: whether the kernel has no such protocol, or it cannot be asked. */
static int refusal_of(int error)
{
	return error == -NLE_PROTO_MISMATCH ? -EPROTONOSUPPORT : -EIO;
}

static int dump_chains(struct nl_sock *socket, struct mip_bpf_rules *rules)
{
	struct nfgenmsg header = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	int error = nl_connect(socket, NETLINK_NETFILTER);
	int refusal = 0;

	if (error < 0)
		return refusal_of(error);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, look_at_chain, rules);
	nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, note_error, &refusal);
	error = nl_send_simple(
		socket, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &header, sizeof(header));
	if (error >= 0)
		error = nl_recvmsgs_default(socket);
	if (refusal)
		return refusal;
	if (error == -NLE_DUMP_INTR)
		return -EINTR;
	return error < 0 ? -EIO : 0;
}

/* Negative errno: it cannot be found out; -EINTR: for now. */
static int look_at_chains(struct mip_bpf_rules *rules)
{
	struct nl_sock *socket = nl_socket_alloc();
	int error = socket ? dump_chains(socket, rules) : -ENOMEM;

	nl_socket_free(socket);
	/* No netfilter, or none with nftables. */
	return error == -EPROTONOSUPPORT || error == -EINVAL || error == -EOPNOTSUPP ? 0 : error;
}

/* --- IPsec ------------------------------------------------------------------------------------ */

static int look_at_policies(struct nl_msg *message, void *context)
{
	const struct xfrmu_spdinfo *information;
	const struct nlattr *attribute =
		nlmsg_find_attr(nlmsg_hdr(message), sizeof(uint32_t), XFRMA_SPD_INFO);
	bool *found = context;

	if (!attribute || nla_len(attribute) < (int)sizeof(*information))
		return NL_OK;
	information = nla_data(attribute);
	*found = information->incnt > 0 || information->outcnt > 0 || information->fwdcnt > 0;
	return NL_OK;
}

static int ask_for_policies(struct nl_sock *socket, bool *found)
{
	uint32_t flags = 0;
	int refusal = 0;
	int error = nl_connect(socket, NETLINK_XFRM);

	if (error < 0)
		return refusal_of(error);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, look_at_policies, found);
	nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, note_error, &refusal);
	error = nl_send_simple(socket, XFRM_MSG_GETSPDINFO, 0, &flags, sizeof(flags));
	if (error >= 0)
		error = nl_recvmsgs_default(socket);
	if (refusal)
		return refusal;
	return error < 0 ? -EIO : 0;
}

bool mip_bpf_ipsec_is_there(void)
{
	struct nl_sock *socket = nl_socket_alloc();
	bool found = false;
	int error = socket ? ask_for_policies(socket, &found) : -ENOMEM;

	nl_socket_free(socket);
	return error == -EPROTONOSUPPORT ? false : error != 0 || found;
}

/* --- /proc ------------------------------------------------------------------------------------ */

/* The beginning of a file: its length, or negative errno. */
static ssize_t read_file(const char *path, char *characters, size_t size)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (descriptor < 0)
		return -errno;
	length = read(descriptor, characters, size - 1);
	if (length < 0)
		length = -errno;
	close(descriptor);
	characters[length > 0 ? length : 0] = 0;
	return length;
}

/* The file has the names of the tables of iptables before it was nftables; a kernel without it has none. */
static bool has_old_tables(void)
{
	char name[2];
	ssize_t length = read_file("/proc/net/ip_tables_names", name, sizeof(name));

	return length != 0 && length != -ENOENT;
}

void mip_bpf_rules_look(struct mip_bpf_rules *rules)
{
	struct mip_bpf_rules found = {.known = true, .forwarded = has_old_tables()};
	int error = look_at_chains(&found);

	/* What was seen of a change is there, and the next look sees the rest. */
	if (error == -EINTR && rules->known) {
		rules->forwarded |= found.forwarded;
		mip_bpf_rules_clear(&found);
		return;
	}
	found.forwarded |= error != 0;
	found.everywhere |= error != 0;
	mip_bpf_rules_clear(rules);
	*rules = found;
}

void mip_bpf_rules_clear(struct mip_bpf_rules *rules)
{
	free(rules->links);
	*rules = (struct mip_bpf_rules){0};
}

static bool has_chain(const struct mip_bpf_rules *rules, const char *link_name, bool at_egress)
{
	bool found = rules->everywhere;

	for (size_t i = 0; i < rules->count && !found; i++)
		found = rules->links[i].at_egress == at_egress &&
			strcmp(rules->links[i].link, link_name) == 0;
	return found;
}

bool mip_bpf_rules_at(const struct mip_bpf_rules *rules, const char *link_name)
{
	return has_chain(rules, link_name, false);
}

bool mip_bpf_rules_behind(const struct mip_bpf_rules *rules, const char *link_name)
{
	return has_chain(rules, link_name, true);
}

static int source_check_of(const char *link_name)
{
	char path[64 + 16], value[16] = "";

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", link_name);
	return read_file(path, value, sizeof(value)) > 0 ? atoi(value) : 0;
}

bool mip_bpf_source_is_checked(const char *link_name)
{
	int all = source_check_of("all"), own = source_check_of(link_name);

	return (all > own ? all : own) == 1;
}
