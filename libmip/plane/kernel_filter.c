/*
 * The nftables table that stands around the devices: who may come out of a tunnel, what goes in, and the
 * counts of both. An administrator reads it with `nft list table ip mip-mip0`.
 *
 * Table, chains and rules are made at once, as text, by libnftables. The raw payloads @th are the inner
 * packet's header: at once behind the outer header for protocol 4, four octets further for GRE without options.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"
#include "text.h"

enum {
	FAMILY_NETDEV = 5, /* NFPROTO_NETDEV, whose header does not go with the C library's */
};

/* The packets are counted by the devices; the others by the tables. */
static const struct mip_counter_name counter_names[] = {
	[MIP_KERNEL_PACKETS_OUT] = {"tunnel_packets_out", "inner packets sent into tunnels"},
	[MIP_KERNEL_PACKETS_IN] = {"tunnel_packets_in", "inner packets taken out of tunnels"},
	[MIP_KERNEL_DROP_NO_PEER] = {"drop_no_peer",
		"tunnelled packets that belong to no tunnel of a home address"},
	[MIP_KERNEL_DROP_LOOP] = {"drop_loop", "packets that would go round in a tunnel"},
	[MIP_KERNEL_DROP_TTL] = {"drop_ttl", "inner packets with a TTL of zero"},
};
_Static_assert(MIP_ARRAY_SIZE(counter_names) == MIP_KERNEL_COUNTERS, "each counter has a name");

static const struct {
	const char *name;
	unsigned width;
	const char *declaration;
} sets[MIP_KERNEL_SETS] = {
	[MIP_KERNEL_HOME_PEERS] = {"home-peers", 3,
		"typeof ip saddr . ip daddr . @th,96,32; counter; "
		"comment \"care-of address . ours . home address: what is from the node\";"},
	[MIP_KERNEL_HOME_PEERS_GRE] = {"home-peers-gre", 3,
		"typeof ip saddr . ip daddr . @th,96,32; counter; comment \"the same, by GRE\";"},
	[MIP_KERNEL_VISITED_PEERS] = {"visited-peers", 3,
		"typeof ip saddr . ip daddr . @th,128,32; counter; "
		"comment \"home agent . ours . home address: what is for the node\";"},
	[MIP_KERNEL_HOME_PEERS_ANY] = {"home-peers-any", 2,
		"typeof ip saddr . @th,96,32; counter; comment \"the same, to any address of ours\";"},
	[MIP_KERNEL_HOME_PEERS_GRE_ANY] = {"home-peers-gre-any", 2,
		"typeof ip saddr . @th,96,32; counter; comment \"the same, by GRE\";"},
	[MIP_KERNEL_VISITED_PEERS_ANY] = {"visited-peers-any", 2,
		"typeof ip saddr . @th,128,32; counter; comment \"the same, to any address of ours\";"},
	[MIP_KERNEL_HOMES] = {"homes", 1,
		"typeof @th,128,32; counter; comment \"home addresses of nodes that are away\";"},
	[MIP_KERNEL_VISITORS] = {"visitors", 1,
		"typeof @th,96,32; counter; comment \"home addresses of nodes that are here\";"},
	[MIP_KERNEL_LOOPS] = {"loops", 2,
		"typeof ip daddr . @th,96,32; comment \"tunnel exit . the same: RFC 2003 3.2\";"},
	[MIP_KERNEL_FROM_HOME] = {"from-home", 2,
		"typeof ip saddr . @th,96,32; comment \"home address . the same: nodes' own tunnels\";"},
	[MIP_KERNEL_GROUP_AGENTS] = {"group-agents", 1,
		"typeof ip saddr; comment \"home agents whose packets to groups are heard\";"},
};

const char *mip_kernel_set_name(enum mip_kernel_set set)
{
	return sets[set].name;
}

unsigned mip_kernel_set_width(enum mip_kernel_set set)
{
	return sets[set].width;
}

/* --- the text --------------------------------------------------------------------------------- */

/*
 * Each base chain is a cost for every packet that passes its hook, of a tunnel or not. So there are two: `input`
 * for what comes in to the host, `output` for what it sends; what is routed through the host passes neither before
 * it is tunnelled and after it was taken out. What comes as far as to a device without the mark is dropped by a
 * table of its own, that is at the devices alone.
 */

/* Inner headers begin `inner` bits behind the outer one; places in them, in bits. */
enum {
	GRE_HEADER = 32,
	ECN = 14,
	DONT_FRAGMENT = 49,
	TTL = 64,
	SOURCE = 96,
	DESTINATION = 128,
};

static const struct {
	const char *name;
	const char *match;
	unsigned inner;
	enum mip_kernel_set home_peers, home_peers_any;
} protocols[MIP_KERNEL_DEVICES] = {
	[MIP_KERNEL_IPIP] = {"ipip", "ip protocol 4", 0, MIP_KERNEL_HOME_PEERS, MIP_KERNEL_HOME_PEERS_ANY},
	[MIP_KERNEL_GRE] = {"gre", "ip protocol 47", GRE_HEADER, MIP_KERNEL_HOME_PEERS_GRE,
		MIP_KERNEL_HOME_PEERS_GRE_ANY},
};

static bool is_used(const struct mip_kernel *kernel, enum mip_kernel_set set)
{
	return kernel->used_sets & 1U << set;
}

/* What the devices cannot do goes to the user plane's socket (user.h). */
static void write_steering(FILE *text, size_t i)
{
	fprintf(text, "chain steer-%s {\n", protocols[i].name);
	fprintf(text, "meta mark set meta mark or 0x%x ip protocol set %zu accept\n", MIP_KERNEL_MARK,
		MIP_USER_STEERED_PROTOCOL + i);
	fprintf(text, "}\n");
}

/* The inner destination is (`relation` ""), or is not ("!= "), one of the addresses that are everyone's on a link. */
static void write_everyones(FILE *text, const struct mip_kernel *kernel, size_t i, const char *relation)
{
	const char *separator = "";

	fprintf(text, "@th,%u,32 %s{ ", protocols[i].inner + DESTINATION, relation);
	for (const struct mip_user_broadcast *everyone = kernel->user->broadcasts; everyone;
		everyone = everyone->hh.next) {
		fprintf(text, "%s0x%x", separator, ntohl(everyone->address.value));
		separator = ", ";
	}
	fprintf(text, " } ");
}

/* GRE with a checksum, a key or a number, or not of IPv4, is never ours, and the inner addresses are elsewhere in it. */
static void begin_check(FILE *text, const struct mip_kernel *kernel, size_t i)
{
	fprintf(text, "add rule ip %s from-%s %s", kernel->table, protocols[i].name,
		i == MIP_KERNEL_GRE ? "@th,0,32 0x800 " : "");
}

/* A set of peers: `key` is what is looked up in it. One rule lets in nearly all that belongs to it, without a look at any
 * other. What is left then has a TTL of 0, or at the home end is for a group or for everyone. */
static void write_peers(FILE *text, const struct mip_kernel *kernel, size_t i, enum mip_kernel_set set,
	const char *key, unsigned inner)
{
	bool home = inner == protocols[i].inner + SOURCE;
	unsigned ttl = protocols[i].inner + TTL, destination = protocols[i].inner + DESTINATION;

	if (!is_used(kernel, set))
		return;
	begin_check(text, kernel, i);
	fprintf(text, "@th,%u,8 != 0 ", ttl);
	if (home)
		fprintf(text, "@th,%u,3 != 7 ", destination);
	if (home && kernel->user->broadcasts)
		write_everyones(text, kernel, i, "!= ");
	fprintf(text, "%s . @th,%u,32 @%s meta mark set meta mark or 0x%x accept\n", key, inner,
		sets[set].name, MIP_KERNEL_MARK);
	begin_check(text, kernel, i);
	fprintf(text, "@th,%u,8 0 %s . @th,%u,32 @%s counter name drop_ttl drop\n", ttl, key, inner,
		sets[set].name);
	if (!home)
		return;
	begin_check(text, kernel, i);
	fprintf(text, "%s . @th,%u,32 @%s goto steer-%s\n", key, inner, sets[set].name, protocols[i].name);
}

/* RFC 5944 4.3, 4.4: from a home agent to groups and to everyone. RFC 3024 5.2, rfc5944-4.4-7: from a home address, outside
 * too. The user plane looks closer. */
static void write_rest(FILE *text, const struct mip_kernel *kernel, size_t i)
{
	static const char agents[] = "ip saddr @group-agents";
	const char *name = protocols[i].name;

	if (is_used(kernel, MIP_KERNEL_GROUP_AGENTS)) {
		begin_check(text, kernel, i);
		fprintf(text, "@th,%u,3 7 %s goto steer-%s\n", protocols[i].inner + DESTINATION, agents,
			name);
	}
	if (is_used(kernel, MIP_KERNEL_GROUP_AGENTS) && kernel->user->broadcasts) {
		begin_check(text, kernel, i);
		write_everyones(text, kernel, i, "");
		fprintf(text, "%s goto steer-%s\n", agents, name);
	}
	if (is_used(kernel, MIP_KERNEL_FROM_HOME)) {
		begin_check(text, kernel, i);
		fprintf(text, "ip saddr . @th,%u,32 @from-home goto steer-%s\n", protocols[i].inner + SOURCE,
			name);
	}
}

/* What fits none is not dropped here: another device of the host may have it. */
static void write_check(FILE *text, const struct mip_kernel *kernel, size_t i)
{
	static const char both[] = "ip saddr . ip daddr", any[] = "ip saddr";
	unsigned source = protocols[i].inner + SOURCE, destination = protocols[i].inner + DESTINATION;

	fprintf(text, "flush chain ip %s from-%s\n", kernel->table, protocols[i].name);
	write_peers(text, kernel, i, protocols[i].home_peers, both, source);
	write_peers(text, kernel, i, MIP_KERNEL_VISITED_PEERS, both, destination);
	write_peers(text, kernel, i, protocols[i].home_peers_any, any, source);
	write_peers(text, kernel, i, MIP_KERNEL_VISITED_PEERS_ANY, any, destination);
	write_rest(text, kernel, i);
	fprintf(text, "add rule ip %s from-%s meta mark and 0x%x != 0 meta mark set meta mark and 0x%x\n",
		kernel->table, protocols[i].name, MIP_KERNEL_MARK, ~(unsigned)MIP_KERNEL_MARK);
}

/*
 * Out of the device comes a packet with its outer header, and this is put right where it is not yet. Most packets
 * need nothing: they say "Don't Fragment" and no congestion.
 *
 * rfc2003-3.1: "If the 'Don't Fragment' bit is set in the inner IP header, it MUST be set in the outer IP
 * header". The nexthop sets it for all, so that the device knows the path's MTU and answers what is too
 * large; here it is taken off where the inner header has none.
 *
 * RFC 6040 4.1, normal mode: the outer ECN field is a copy of the inner one. The device makes ECT(0) of CE, as
 * RFC 3168 has it; here it is CE again.
 */
static void write_outer_header(FILE *text, size_t i)
{
	unsigned inner = protocols[i].inner;

	fprintf(text, "@th,%u,1 1 @th,%u,2 != 3 accept\n", inner + DONT_FRAGMENT, inner + ECN);
	fprintf(text, "@th,%u,1 0 ip frag-off set 0 comment \"no DF inside: none outside\"\n",
		inner + DONT_FRAGMENT);
	fprintf(text, "@th,%u,2 3 ip ecn set ce comment \"congestion inside: outside too\"\n", inner + ECN);
}

static void write_departure(FILE *text, size_t i)
{
	const char *name = protocols[i].name;

	fprintf(text, "chain home-%s {\n", name);
	fprintf(text, "ip daddr . @th,%u,32 @loops counter name drop_loop drop\n",
		protocols[i].inner + SOURCE);
	write_outer_header(text, i);
	fprintf(text, "}\n");
	fprintf(text, "chain visited-%s {\n", name);
	write_outer_header(text, i);
	fprintf(text, "}\n");
}

/* What is neither for a node that is away nor from one that is here is another device's, and what has the mark is the user
 * plane's own. */
static void write_recognition(FILE *text, const struct mip_kernel *kernel, size_t i)
{
	const char *name = protocols[i].name, *table = kernel->table;

	fprintf(text, "flush chain ip %s to-%s\n", table, name);
	fprintf(text,
		"add rule ip %s to-%s meta mark and 0x%x != 0 meta mark set meta mark and 0x%x accept\n",
		table, name, MIP_KERNEL_MARK, ~(unsigned)MIP_KERNEL_MARK);
	if (is_used(kernel, MIP_KERNEL_HOMES))
		fprintf(text, "add rule ip %s to-%s @th,%u,32 @homes goto home-%s\n", table, name,
			protocols[i].inner + DESTINATION, name);
	if (is_used(kernel, MIP_KERNEL_VISITORS))
		fprintf(text, "add rule ip %s to-%s @th,%u,32 @visitors goto visited-%s\n", table, name,
			protocols[i].inner + SOURCE, name);
}

/* The chains that look into sets, for those that have elements: a look-up costs also where there is nothing. */
static void write_looks(FILE *text, const struct mip_kernel *kernel)
{
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		write_check(text, kernel, i);
		write_recognition(text, kernel, i);
	}
}

static void write_base(FILE *text, const struct mip_kernel *kernel, const char *hook, const char *chain)
{
	fprintf(text, "chain %s { type filter hook %s priority 200; policy accept;\n", hook, hook);
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		if (kernel->devices[i].link != MIP_LINK_NONE)
			fprintf(text, "%s goto %s-%s\n", protocols[i].match, chain, protocols[i].name);
	}
	fprintf(text, "}\n");
}

static void write_counter(FILE *text, size_t i)
{
	fprintf(text, "counter %s { comment \"%s\"; }\n", counter_names[i].name, counter_names[i].help);
}

/* Behind the filter at the device's ingress that takes away what has the mark. */
static void write_refusal(FILE *text, const struct mip_kernel *kernel)
{
	const char *separator = "";

	fprintf(text, "table netdev %s\ndelete table netdev %s\ntable netdev %s {\n", kernel->table,
		kernel->table, kernel->table);
	write_counter(text, MIP_KERNEL_DROP_NO_PEER);
	fprintf(text, "chain ingress { type filter hook ingress devices = { ");
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		if (kernel->devices[i].link == MIP_LINK_NONE)
			continue;
		fprintf(text, "%s\"%s\"", separator, kernel->devices[i].name);
		separator = ", ";
	}
	fprintf(text, " } priority 0; policy accept;\ncounter name drop_no_peer drop\n}\n}\n");
}

/* Segments of TCP made to fit, in both directions: chains that are there only when that is asked for. */
static void write_clamping(FILE *text, const struct mip_kernel *kernel)
{
	enum { HEADERS = 40 };

	fprintf(text, "table ip %s {\n", kernel->table);
	fprintf(text, "chain clamp-out { type filter hook postrouting priority -150; policy accept;\n");
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		if (kernel->devices[i].link != MIP_LINK_NONE)
			fprintf(text, "oif %d tcp flags syn tcp option maxseg size set rt mtu\n",
				kernel->devices[i].link);
	}
	fprintf(text, "}\nchain clamp-in { type filter hook prerouting priority -150; policy accept;\n");
	fprintf(text, "iif %d tcp flags syn tcp option maxseg size set %u\n}\n}\n", kernel->user->tun.link,
		mip_user_mtu(kernel->user) - HEADERS);
}

static void write_table(FILE *text, const struct mip_kernel *kernel)
{
	fprintf(text, "table ip %s\ndelete table ip %s\ntable ip %s {\n", kernel->table, kernel->table,
		kernel->table);
	fprintf(text, "comment \"Mobile IP: what goes into and comes out of the tunnels of %s\"\n",
		kernel->user->device);
	for (size_t i = 0; i < MIP_KERNEL_COUNTERS; i++) {
		if (i != MIP_KERNEL_PACKETS_OUT && i != MIP_KERNEL_PACKETS_IN && i != MIP_KERNEL_DROP_NO_PEER)
			write_counter(text, i);
	}
	for (size_t i = 0; i < MIP_KERNEL_SETS; i++)
		fprintf(text, "set %s { %s }\n", sets[i].name, sets[i].declaration);
	for (size_t i = 0; i < MIP_KERNEL_DEVICES; i++) {
		write_steering(text, i);
		write_departure(text, i);
		fprintf(text, "chain from-%s { }\nchain to-%s { }\n", protocols[i].name, protocols[i].name);
	}
	write_base(text, kernel, "input", "from");
	write_base(text, kernel, "output", "to");
	fprintf(text, "}\n");
	write_looks(text, kernel);
	write_refusal(text, kernel);
	if (kernel->user->options.clamp_mss)
		write_clamping(text, kernel);
}

/* --- by libnftables --------------------------------------------------------------------------- */

/* Runs commands. 0, or -EIO with the first line of what is wrong. */
static int run(const char *commands, char reason[static MIP_PLANE_REASON])
{
	struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	const char *said;
	int error;

	if (!context)
		return -ENOMEM;
	(void)nft_ctx_buffer_output(context);
	(void)nft_ctx_buffer_error(context);
	error = nft_run_cmd_from_buffer(context, commands) == 0 ? 0 : -EIO;
	if (error) {
		said = nft_ctx_get_error_buffer(context);
		mip_text_add(&text,
			"the nftables table cannot be made (nf_tables, nft_counter; libnftables says: ");
		mip_text_add_octets(&text, said ? said : "", said ? strcspn(said, "\n") : 0);
		mip_text_add(&text, ")");
	}
	nft_ctx_free(context);
	return error;
}

static int run_written(const struct mip_kernel *kernel, void (*write)(FILE *, const struct mip_kernel *),
	char reason[static MIP_PLANE_REASON])
{
	char *commands = NULL;
	size_t length = 0;
	FILE *text = open_memstream(&commands, &length);
	int error = -ENOMEM;

	if (!text)
		return -ENOMEM;
	write(text, kernel);
	if (fclose(text) == 0)
		error = run(commands, reason);
	free(commands);
	return error;
}

static void write_clamp_change(FILE *text, const struct mip_kernel *kernel)
{
	if (kernel->user->options.clamp_mss) {
		write_clamping(text, kernel);
		return;
	}
	fprintf(text, "delete chain ip %s clamp-out\ndelete chain ip %s clamp-in\n", kernel->table,
		kernel->table);
}

/* --- netlink ---------------------------------------------------------------------------------- */

static void begin_message(struct mip_kernel_socket *filter, uint8_t family, int type, int flags)
{
	const struct nfgenmsg header = {.nfgen_family = family, .version = NFNETLINK_V0};

	mip_kernel_begin(filter, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof(header));
}

static const struct nlattr *attribute_of(const struct nlmsghdr *message, int attribute)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)message, sizeof(struct nfgenmsg), attribute);
}

static void read_generation(void *context, const struct nlmsghdr *message)
{
	const struct nlattr *id = attribute_of(message, NFTA_GEN_ID);

	if (id && nla_len(id) >= 4)
		*(uint32_t *)context = ntohl(nla_get_u32(id));
}

/* The number of the rules as they are now: it changes with every change of any table. */
static int get_generation(struct mip_kernel *kernel, uint32_t *ret_generation)
{
	begin_message(kernel->filter, AF_UNSPEC, NFT_MSG_GETGEN, 0);
	return mip_kernel_ask(kernel->filter, read_generation, ret_generation);
}

struct found {
	unsigned rules;
	uint32_t flags;
};

static void read_table(void *context, const struct nlmsghdr *message)
{
	struct found *found = context;
	const struct nlattr *flags = attribute_of(message, NFTA_TABLE_FLAGS);

	found->flags = flags && nla_len(flags) >= 4 ? ntohl(nla_get_u32(flags)) : 0;
}

static void count_rule(void *context, const struct nlmsghdr *message)
{
	struct found *found = context;

	(void)message;
	found->rules++;
}

/* Those of the table of one family. 0, -ENOENT: it is gone or asleep. */
static int count_rules_of(struct mip_kernel *kernel, uint8_t family, struct found *found)
{
	int error;

	begin_message(kernel->filter, family, NFT_MSG_GETTABLE, 0);
	mip_kernel_put_text(kernel->filter, NFTA_TABLE_NAME, kernel->table);
	error = mip_kernel_ask(kernel->filter, read_table, found);
	if (error)
		return error;
	if (found->flags & NFT_TABLE_F_DORMANT)
		return -ENOENT;
	begin_message(kernel->filter, family, NFT_MSG_GETRULE, 0);
	mip_kernel_put_text(kernel->filter, NFTA_RULE_TABLE, kernel->table);
	return mip_kernel_list(kernel->filter, count_rule, found);
}

static int count_rules(struct mip_kernel *kernel, unsigned *ret_rules)
{
	struct found found = {0};
	int error = count_rules_of(kernel, AF_INET, &found);

	if (!error)
		error = count_rules_of(kernel, FAMILY_NETDEV, &found);
	if (!error)
		*ret_rules = found.rules;
	return error;
}

static int refuse(char reason[static MIP_PLANE_REASON], int error)
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	if (error == -EPERM) {
		mip_text_add(&text, "nf_tables: CAP_NET_ADMIN is missing");
		return error;
	}
	mip_text_add(&text, "the kernel has no nf_tables (module nf_tables, CONFIG_NF_TABLES)");
	return -EOPNOTSUPP;
}

int mip_kernel_filter_make(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	int error = mip_kernel_socket_new(NETLINK_NETFILTER, &kernel->filter);

	if (!error)
		error = get_generation(kernel, &kernel->generation);
	if (error)
		return refuse(reason, error);
	error = run_written(kernel, write_table, reason);
	if (error)
		return error == -EIO ? -EOPNOTSUPP : error;
	kernel->has_table = true;
	return count_rules(kernel, &kernel->rules);
}

static void write_removal(FILE *text, const struct mip_kernel *kernel)
{
	/* Naming it first makes it, if it is gone. */
	fprintf(text, "table ip %s\ndelete table ip %s\n", kernel->table, kernel->table);
	fprintf(text, "table netdev %s\ndelete table netdev %s\n", kernel->table, kernel->table);
}

int mip_kernel_filter_use(struct mip_kernel *kernel, uint32_t used)
{
	char reason[MIP_PLANE_REASON];
	int error;

	if ((used & ~kernel->used_sets) == 0 && !kernel->everyones_changed)
		return 0;
	kernel->used_sets |= used;
	kernel->everyones_changed = false;
	error = run_written(kernel, write_looks, reason);
	return error ? error : count_rules(kernel, &kernel->rules);
}

void mip_kernel_filter_remove(struct mip_kernel *kernel)
{
	char reason[MIP_PLANE_REASON];

	if (kernel->has_table)
		(void)run_written(kernel, write_removal, reason);
	kernel->has_table = false;
}

int mip_kernel_filter_clamp(struct mip_kernel *kernel, bool clamp_mss)
{
	char reason[MIP_PLANE_REASON];

	int error;

	(void)clamp_mss; /* which the options say already */
	error = run_written(kernel, write_clamp_change, reason);
	return error ? error : count_rules(kernel, &kernel->rules);
}

int mip_kernel_filter_check(struct mip_kernel *kernel, char reason[static MIP_PLANE_REASON])
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);
	uint32_t generation = 0;
	unsigned rules = 0;
	int error = get_generation(kernel, &generation);

	if (!error && generation == kernel->generation)
		return 0;
	error = count_rules(kernel, &rules);
	if (!error && rules == kernel->rules) {
		kernel->generation = generation;
		return 0;
	}
	mip_text_add(&text, "the nftables table ");
	mip_text_add(&text, kernel->table);
	mip_text_add(&text, error ? " was removed" : " was changed");
	return error ? error : -ENOENT;
}

/* --- what it counted -------------------------------------------------------------------------- */

static void read_counter(void *context, const struct nlmsghdr *message)
{
	struct mip_kernel *kernel = context;
	const struct nlattr *name = attribute_of(message, NFTA_OBJ_NAME);
	const struct nlattr *data = attribute_of(message, NFTA_OBJ_DATA);
	char text[64];

	if (!name || !data)
		return;
	(void)nla_strlcpy(text, name, sizeof(text));
	for (size_t i = 0; i < MIP_KERNEL_COUNTERS; i++) {
		if (strcmp(text, counter_names[i].name) == 0)
			kernel->counters[i] = mip_kernel_count64(
				nla_find(nla_data(data), nla_len(data), NFTA_COUNTER_PACKETS));
	}
}

static int list_counters(struct mip_kernel *kernel, uint8_t family)
{
	begin_message(kernel->filter, family, NFT_MSG_GETOBJ, 0);
	mip_kernel_put_text(kernel->filter, NFTA_OBJ_TABLE, kernel->table);
	return mip_kernel_list(kernel->filter, read_counter, kernel);
}

int mip_kernel_filter_count(struct mip_kernel *kernel)
{
	int error = list_counters(kernel, AF_INET);

	return error ? error : list_counters(kernel, FAMILY_NETDEV);
}

struct mip_counter_table mip_kernel_filter_counters(const struct mip_kernel *kernel)
{
	return (struct mip_counter_table){
		.names = counter_names,
		.values = kernel->counters,
		.count = MIP_KERNEL_COUNTERS,
	};
}
