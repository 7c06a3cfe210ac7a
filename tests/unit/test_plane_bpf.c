/*
 * The bpf accelerator behind the planes' front: where its programs hang, what others do to them, and what goes on when it
 * comes and goes.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "bpf_links.h"
#include "bpf_programs.h"
#include "counter_value.h"
#include "namespace.h"
#include "plane.h"

struct bench {
	struct mip_plane *plane;
	unsigned translated, renewed;
	mip_time now;
};

static void on_translation(void *context)
{
	((struct bench *)context)->translated++;
}

static void on_device(void *context)
{
	((struct bench *)context)->renewed++;
}

static void follow(struct bench *bench, const char *name, bool present)
{
	struct mip_input_link link = {
		.link = (int)if_nametoindex(name), .present = present, .up = present, .mtu = 1500};

	strncpy(link.name, name, sizeof(link.name) - 1);
	mip_plane_follow(bench->plane, &link);
}

/*
 *   va ── vb   a veth with both ends here      br0 <- port   a bridge with a port
 */
static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct mip_plane_options options = {
		.kind = MIP_PLANE_AUTO,
		.device = "mip0",
		.udp_descriptor = -1,
		.translation_changed = on_translation,
		.device_changed = on_device,
		.context = bench,
	};
	char reason[MIP_PLANE_REASON] = "";

	*state = bench;
	if (!namespace_allowed())
		return 0;
	assert_int_equal(namespace_enter(), 0);
	namespace_must("ip link add va type veth peer name vb; ip link set va up; ip link set vb up;"
		       "ip link add br0 type bridge; ip link add port type veth peer name far; ip link set "
		       "port master br0");
	assert_int_equal(mip_plane_new(&options, &bench->plane, reason), 0);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	mip_plane_free(bench->plane);
	free(bench);
	return 0;
}

static void look_after(struct bench *bench)
{
	bench->now = mip_plane_deadline(bench->plane);
	mip_plane_advance(bench->plane, bench->now);
}

static bool hangs(const char *link, const char *side, const char *program)
{
	return namespace_run("tc filter show dev %s %s | grep -q ' %s'", link, side, program) == 0;
}

static uint64_t counter(const struct bench *bench, const char *name)
{
	return counter_value(mip_plane_accelerator_counters(bench->plane), name);
}

static struct mip_want tunnel(void)
{
	return (struct mip_want){.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = {htonl(0x0a010032)},
			.local = {htonl(0x0a010001)},
			.remote = {htonl(0x0a020001)}}};
}

static void auto_takes_it_where_it_works_and_says_why(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
	assert_string_equal(mip_plane_reason(bench->plane), "bpf: the fastest, and works here");
	assert_true(hangs("mip0", "egress", "egress_tunnel"));
}

/* The packets of the trial are then no more than packets to be forwarded; nobody else's neighbour is asked. */
static void it_is_found_to_work_on_a_router_too(void **state)
{
	struct bench *bench = *state;
	char reason[MIP_PLANE_REASON] = "";

	NEEDS_ROOT();
	namespace_must("sysctl -qw net.ipv4.ip_forward=1; ip address add 10.9.0.1/24 dev va;"
		       "ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev va; ip route add default via "
		       "10.9.0.2");
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_USER, reason), 0);
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, reason), 0);
}

static void links_get_their_programs_as_they_come(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	follow(bench, "lo", true);
	follow(bench, "port", true);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	assert_false(hangs("lo", "ingress", ""));
	assert_false(hangs("port", "ingress", ""));
	assert_false(hangs("vb", "ingress", ""));
	follow(bench, "vb", true);
	assert_true(hangs("vb", "ingress", "link_ethernet"));
	assert_int_equal(counter(bench, "bpf_links"), 2);
	namespace_must("ip link set vb master br0");
	follow(bench, "vb", true);
	assert_false(hangs("vb", "ingress", ""));
	assert_int_equal(counter(bench, "bpf_links"), 1);
}

static void a_link_that_goes_and_comes_under_its_name_gets_it_again(void **state)
{
	struct bench *bench = *state;
	int before;

	NEEDS_ROOT();
	follow(bench, "va", true);
	before = (int)if_nametoindex("va");
	namespace_must("ip link delete va");
	mip_plane_follow(bench->plane, &(struct mip_input_link){.link = before, .name = "va"});
	assert_int_equal(counter(bench, "bpf_links"), 0);
	look_after(bench);
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
	namespace_must("ip link add va type veth peer name vb");
	follow(bench, "va", true);
	assert_true(hangs("va", "ingress", "link_ethernet"));
}

/* A hook with a filter of somebody else's. */
static void hang_another(
	const struct mip_bpf_programs *programs, const char *link, uint32_t handle, uint32_t preference)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(link), .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = mip_bpf_program(programs, "exit_bare"), .handle = handle,
		.priority = preference);

	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &options), 0);
}

static void at_the_end_the_links_are_as_they_were(void **state)
{
	static const char look[] =
		"tc qdisc show dev va; tc qdisc show dev vb; tc filter show dev vb ingress";
	struct bench *bench = *state;
	struct mip_bpf_programs others = {0};
	char *before, *after;

	NEEDS_ROOT();
	assert_int_equal(mip_bpf_programs_load(&others), 0);
	hang_another(&others, "vb", 5, 7);
	before = namespace_output("%s", look);
	assert_non_null(strstr(before, "pref 7"));
	follow(bench, "va", true);
	follow(bench, "vb", true);
	assert_true(hangs("vb", "ingress", "link_ethernet"));
	mip_plane_free(bench->plane);
	bench->plane = NULL;
	after = namespace_output("%s", look);
	assert_string_equal(after, before);
	free(before);
	free(after);
	mip_bpf_programs_unload(&others);
}

/* A hook without filters is somebody's all the same. */
static void a_hook_that_was_there_before_stays(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("tc qdisc add dev va clsact");
	follow(bench, "va", true);
	follow(bench, "vb", true);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	mip_plane_free(bench->plane);
	bench->plane = NULL;
	assert_int_equal(namespace_run("tc qdisc show dev va | grep -q clsact"), 0);
	assert_false(hangs("va", "ingress", ""));
	assert_int_not_equal(namespace_run("tc qdisc show dev vb | grep -q clsact"), 0);
}

static void what_a_killed_predecessor_left_is_replaced(void **state)
{
	struct bench *bench = *state;
	struct mip_bpf_programs old = {0};
	char *handle, *filters;

	NEEDS_ROOT();
	follow(bench, "va", true);
	handle = namespace_output(
		"tc filter show dev va ingress | sed -n 's/.*handle 0x\\([0-9a-f]*\\).*/\\1/p'");
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_USER, (char[MIP_PLANE_REASON]){0}), 0);
	assert_int_equal(mip_bpf_programs_load(&old), 0);
	hang_another(&old, "va", (uint32_t)strtoul(handle, NULL, 16), 19785);
	assert_true(hangs("va", "ingress", "exit_bare"));
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, (char[MIP_PLANE_REASON]){0}), 0);
	filters = namespace_output("tc filter show dev va ingress | grep -c jited");
	assert_string_equal(filters, "1\n");
	assert_true(hangs("va", "ingress", "link_ethernet"));
	/* Its hook goes with the filter. */
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_USER, (char[MIP_PLANE_REASON]){0}), 0);
	assert_int_not_equal(namespace_run("tc qdisc show dev va | grep -q clsact"), 0);
	free(filters);
	free(handle);
	mip_bpf_programs_unload(&old);
}

static void a_program_that_is_taken_away_is_put_back_by_the_next_look(void **state)
{
	static const char *const ways[] = {"tc filter del dev va ingress", "tc qdisc del dev va clsact",
		"tc filter del dev mip0 egress"};
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(ways); i++) {
		namespace_must("%s", ways[i]);
		look_after(bench);
		assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
		assert_true(hangs("va", "ingress", "link_ethernet"));
		assert_true(hangs("mip0", "egress", "egress_tunnel"));
		assert_int_equal(counter(bench, "bpf_links"), 1);
	}
}

static void the_next_look_is_within_half_a_second(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	for (int i = 0; i < 3; i++) {
		look_after(bench);
		assert_in_range(
			mip_plane_deadline(bench->plane), bench->now + 1, bench->now + MIP_SECOND / 2);
	}
}

static void netfilters_rules_are_not_passed_by(void **state)
{
	static const struct {
		const char *family, *hook;
	} chains[] = {{"ip", "forward"}, {"inet", "prerouting"}, {"ip", "postrouting"}};
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	namespace_must(
		"nft 'add table ip mine; add chain ip mine in { type filter hook input priority 0; }'");
	look_after(bench);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	for (size_t i = 0; i < MIP_ARRAY_SIZE(chains); i++) {
		const char *family = chains[i].family;

		namespace_must(
			"nft 'add table %s mip; add chain %s mip x { type filter hook %s priority 0; }'",
			family, family, chains[i].hook);
		look_after(bench);
		assert_true(hangs("va", "ingress", "exit_ethernet"));
		assert_false(hangs("va", "ingress", "link_ethernet"));
		assert_int_equal(counter(bench, "bpf_links_encapsulating"), 0);
		namespace_must("nft delete table %s mip", family);
		look_after(bench);
		assert_true(hangs("va", "ingress", "link_ethernet"));
		assert_int_equal(counter(bench, "bpf_links"), 1);
		assert_int_equal(counter(bench, "bpf_links_encapsulating"), 1);
	}
}

/* The programs come before netfilter's rules at a link's ingress: they take nothing where there are some. */
static void where_a_links_ingress_has_rules_the_daemon_carries_its_packets(void **state)
{
	static const char *const chains[] = {"netdev", "inet"};
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	follow(bench, "vb", true);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(chains); i++) {
		const char *family = chains[i];

		namespace_must(
			"nft 'add table %s mip; add chain %s mip x { type filter hook ingress device va "
			"priority 0; }'",
			family, family);
		look_after(bench);
		assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
		assert_false(hangs("va", "ingress", ""));
		assert_true(hangs("vb", "ingress", "link_ethernet"));
		assert_true(hangs("mip0", "egress", "egress_tunnel"));
		assert_int_equal(counter(bench, "bpf_links"), 1);
		look_after(bench);
		assert_int_equal(counter(bench, "bpf_links"), 1);
		namespace_must("nft delete table %s mip", family);
		look_after(bench);
		assert_true(hangs("va", "ingress", "link_ethernet"));
		assert_int_equal(counter(bench, "bpf_links"), 2);
	}
}

/* What a link's program sends straight on, either way, does not come by mip0. */
static void rules_of_the_tunnel_device_are_not_passed_by(void **state)
{
	static const char *const chains[][2] = {
		{"netdev", "ingress"}, {"inet", "ingress"}, {"netdev", "egress"}};
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(chains); i++) {
		const char *family = chains[i][0];

		namespace_must("nft 'add table %s mip; add chain %s mip x { type filter hook %s device mip0 "
			       "priority 0; }'",
			family, family, chains[i][1]);
		look_after(bench);
		assert_true(hangs("va", "ingress", "exit_ethernet"));
		assert_false(hangs("va", "ingress", "link_ethernet"));
		assert_true(hangs("mip0", "egress", "egress_tunnel"));
		namespace_must("nft delete table %s mip", family);
		look_after(bench);
		assert_true(hangs("va", "ingress", "link_ethernet"));
	}
	/* Another link's egress is asked about what is sent there. */
	namespace_must(
		"nft 'add table netdev mip; add chain netdev mip x { type filter hook egress device va "
		"priority 0; }'");
	look_after(bench);
	assert_true(hangs("va", "ingress", "link_ethernet"));
}

static void a_link_that_comes_with_such_rules_gets_its_program_when_they_go(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must(
		"nft 'add table netdev mip; add chain netdev mip x { type filter hook ingress devices = "
		"{ va, vb } priority 0; }'");
	look_after(bench);
	follow(bench, "va", true);
	follow(bench, "vb", true);
	assert_false(hangs("va", "ingress", ""));
	assert_int_equal(counter(bench, "bpf_links"), 0);
	namespace_must("nft delete table netdev mip");
	look_after(bench);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	assert_true(hangs("vb", "ingress", "link_ethernet"));
}

/* Between agents that speak IPsec nothing may go in clear, and nothing that comes in clear may be taken. */
static void where_there_are_policies_of_ipsec_the_daemon_carries_the_packets(void **state)
{
	struct bench *bench = *state;
	char reason[MIP_PLANE_REASON] = "";

	NEEDS_ROOT();
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, reason), 0);
	follow(bench, "va", true);
	namespace_must(
		"ip xfrm policy add src 10.1.0.1 dst 10.2.0.1 proto 4 dir out tmpl proto esp mode transport");
	look_after(bench);
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_USER);
	assert_non_null(strstr(mip_plane_reason(bench->plane), "IPsec"));
	assert_false(hangs("va", "ingress", ""));
	assert_false(hangs("mip0", "egress", ""));
	assert_true(mip_plane_switch(bench->plane, MIP_PLANE_AUTO, reason) == 0);
	assert_int_not_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
	namespace_must("ip xfrm policy flush");
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, reason), 0);
	look_after(bench);
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
}

/* vb takes the place of the tunnel device. */
static struct mip_bpf_links open_links(const struct mip_bpf_programs *programs, uint32_t handle)
{
	struct mip_bpf_links links = {
		.handle = handle,
		.tunnel = (int)if_nametoindex("vb"),
		.egress_program = mip_bpf_program(programs, "egress_tunnel"),
		.programs = {[MIP_BPF_ETHERNET] = {mip_bpf_program(programs, "link_ethernet"),
				     mip_bpf_program(programs, "exit_ethernet")}},
	};

	assert_int_equal(mip_bpf_links_open(&links), 0);
	return links;
}

static void follow_va(struct mip_bpf_links *links)
{
	struct mip_input_link va = {
		.link = (int)if_nametoindex("va"), .present = true, .up = true, .mtu = 1500, .name = "va"};

	mip_bpf_links_follow(links, &va);
}

static bool has_hook(const char *link)
{
	return namespace_run("tc qdisc show dev %s | grep -q clsact", link) == 0;
}

/* One that goes past new rules must not stay because there is none to take its place. */
static void a_program_that_cannot_follow_the_rules_is_told(void **state)
{
	struct mip_bpf_programs programs = {0};
	char name[MIP_LINK_NAME] = "";
	struct mip_bpf_links links;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mip_bpf_programs_load(&programs), 0);
	links = open_links(&programs, 9);
	links.programs[MIP_BPF_ETHERNET][MIP_BPF_DECAPSULATE] = -1;
	follow_va(&links);
	assert_int_equal(mip_bpf_links_check(&links, name), 0);
	namespace_must(
		"nft 'add table ip mine; add chain ip mine x { type filter hook forward priority 0; }'");
	assert_true(mip_bpf_links_check(&links, name) < 0);
	assert_string_equal(name, "va");
	assert_int_equal(links.early, 1); /* it hangs there still */
	mip_bpf_links_close(&links);
	assert_false(hangs("va", "ingress", "link_ethernet"));
	mip_bpf_programs_unload(&programs);
}

/* What was wrong for a moment is not so for ever. */
static void a_link_that_took_no_program_is_tried_again(void **state)
{
	struct mip_bpf_programs programs = {0};
	char name[MIP_LINK_NAME] = "";
	struct mip_bpf_links links;
	int program;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mip_bpf_programs_load(&programs), 0);
	for (int recovers = 0; recovers < 2; recovers++) {
		links = open_links(&programs, 9);
		program = links.programs[MIP_BPF_ETHERNET][MIP_BPF_BOTH_WAYS];
		links.programs[MIP_BPF_ETHERNET][MIP_BPF_BOTH_WAYS] = -1;
		follow_va(&links);
		assert_int_equal(links.attached, 0);
		assert_int_equal(mip_bpf_links_check(&links, name), 0);
		assert_int_equal(links.attached, 0);
		if (recovers)
			links.programs[MIP_BPF_ETHERNET][MIP_BPF_BOTH_WAYS] = program;
		assert_int_equal(mip_bpf_links_check(&links, name), 0);
		assert_int_equal(links.attached, recovers);
		assert_int_equal(hangs("va", "ingress", "link_ethernet"), recovers);
		/* The hook was made for it, with or without a filter. */
		mip_bpf_links_close(&links);
		assert_false(has_hook("va"));
		assert_false(has_hook("vb"));
	}
	mip_bpf_programs_unload(&programs);
}

static void the_last_of_two_daemons_takes_the_hooks_along(void **state)
{
	struct mip_bpf_programs programs = {0};
	struct mip_bpf_links links[2];

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mip_bpf_programs_load(&programs), 0);
	for (size_t first = 0; first < MIP_ARRAY_SIZE(links); first++) {
		for (uint32_t i = 0; i < MIP_ARRAY_SIZE(links); i++) {
			links[i] = open_links(&programs, 9 + i);
			follow_va(&links[i]);
		}
		mip_bpf_links_close(&links[first]);
		assert_true(hangs("va", "ingress", "link_ethernet"));
		assert_true(hangs("vb", "egress", "egress_tunnel"));
		mip_bpf_links_close(&links[!first]);
		assert_false(has_hook("va"));
		assert_false(has_hook("vb"));
	}
	mip_bpf_programs_unload(&programs);
}

static void set_net_admin(bool may)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t bit = CAP_TO_MASK(CAP_NET_ADMIN);

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective = may ? data[0].effective | bit : data[0].effective & ~bit;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/* Who may not ask for the rules may not take the filter away either. */
static void a_program_that_cannot_be_taken_away_is_told(void **state)
{
	struct mip_bpf_programs programs = {0};
	char name[MIP_LINK_NAME] = "";
	struct mip_bpf_links links;
	int error;

	(void)state;
	NEEDS_ROOT();
	assert_int_equal(mip_bpf_programs_load(&programs), 0);
	links = open_links(&programs, 9);
	follow_va(&links);
	set_net_admin(false);
	error = mip_bpf_links_check(&links, name);
	set_net_admin(true);
	assert_int_equal(error, -EPERM);
	assert_string_equal(name, "va");
	assert_int_equal(links.attached, 1);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	assert_int_equal(mip_bpf_links_check(&links, name), 0);
	mip_bpf_links_close(&links);
	assert_false(has_hook("va"));
	mip_bpf_programs_unload(&programs);
}

static void what_cannot_be_found_out_counts_as_rules(void **state)
{
	struct mip_bpf_rules rules = {0};
	struct rlimit limit, none;
	bool ipsec;

	(void)state;
	NEEDS_ROOT();
	mip_bpf_rules_look(&rules);
	assert_false(rules.forwarded || mip_bpf_rules_at(&rules, "va") || mip_bpf_ipsec_is_there());
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	mip_bpf_rules_look(&rules);
	ipsec = mip_bpf_ipsec_is_there();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(rules.forwarded);
	assert_true(mip_bpf_rules_at(&rules, "va"));
	assert_true(ipsec);
	mip_bpf_rules_look(&rules);
	assert_false(rules.forwarded || mip_bpf_rules_at(&rules, "va"));
	mip_bpf_rules_clear(&rules);
}

static void where_sources_are_checked_packets_are_not_taken_before_the_check(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	namespace_must("sysctl -qw net.ipv4.conf.va.rp_filter=1");
	follow(bench, "va", true);
	assert_true(hangs("va", "ingress", "exit_ethernet"));
	namespace_must("sysctl -qw net.ipv4.conf.va.rp_filter=2");
	look_after(bench);
	assert_true(hangs("va", "ingress", "link_ethernet"));
	namespace_must("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.va.rp_filter=0");
	look_after(bench);
	assert_true(hangs("va", "ingress", "exit_ethernet"));
}

static void a_switch_of_planes_keeps_tunnels_and_leaves_nothing_behind(void **state)
{
	struct bench *bench = *state;
	struct mip_want want = tunnel();
	struct mip_plane_traffic traffic;
	char reason[MIP_PLANE_REASON] = "";

	NEEDS_ROOT();
	follow(bench, "va", true);
	assert_int_equal(mip_plane_want(bench->plane, &want), 0);
	mip_plane_commit(bench->plane);
	bench->translated = 0;
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_USER, reason), 0);
	assert_int_equal(bench->translated, 1);
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_USER);
	assert_string_equal(mip_plane_reason(bench->plane), "user: as configured");
	assert_false(hangs("va", "ingress", ""));
	assert_false(hangs("mip0", "egress", ""));
	assert_int_equal(
		mip_plane_traffic(bench->plane, want.tunnel.home_address, MIP_TUNNEL_HOME, &traffic), 0);
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, reason), 0);
	assert_string_equal(mip_plane_reason(bench->plane), "bpf: as configured");
	assert_true(hangs("va", "ingress", "link_ethernet"));
	assert_int_equal(
		mip_plane_traffic(bench->plane, want.tunnel.home_address, MIP_TUNNEL_HOME, &traffic), 0);
}

/* A second one beside it would take the first one's hooks, and lose them when that one goes. */
static void auto_keeps_what_runs_already(void **state)
{
	struct bench *bench = *state;
	char reason[MIP_PLANE_REASON] = "";
	char *before, *after;

	NEEDS_ROOT();
	follow(bench, "va", true);
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_BPF, reason), 0);
	before = namespace_output("tc filter show dev va ingress; tc filter show dev mip0 egress");
	bench->translated = 0;
	assert_int_equal(mip_plane_switch(bench->plane, MIP_PLANE_AUTO, reason), 0);
	assert_string_equal(mip_plane_reason(bench->plane), "bpf: the fastest, and works here");
	after = namespace_output("tc filter show dev va ingress; tc filter show dev mip0 egress");
	assert_non_null(strstr(after, "link_ethernet"));
	assert_string_equal(after, before);
	assert_int_equal(bench->translated, 0);
	free(before);
	free(after);
}

static void a_tunnel_device_that_is_deleted_is_made_again_with_its_programs(void **state)
{
	struct bench *bench = *state;

	NEEDS_ROOT();
	follow(bench, "va", true);
	namespace_must("ip link delete mip0");
	look_after(bench);
	assert_int_equal(bench->renewed, 1);
	assert_int_equal(mip_plane_link(bench->plane), if_nametoindex("mip0"));
	assert_int_equal(mip_plane_kind(bench->plane), MIP_PLANE_BPF);
	assert_true(hangs("mip0", "egress", "egress_tunnel"));
	assert_true(hangs("va", "ingress", "link_ethernet"));
	look_after(bench);
	assert_int_equal(bench->renewed, 1);
}

#define PLANE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANE_TEST(auto_takes_it_where_it_works_and_says_why),
		PLANE_TEST(it_is_found_to_work_on_a_router_too),
		PLANE_TEST(links_get_their_programs_as_they_come),
		PLANE_TEST(a_link_that_goes_and_comes_under_its_name_gets_it_again),
		PLANE_TEST(at_the_end_the_links_are_as_they_were),
		PLANE_TEST(a_hook_that_was_there_before_stays),
		PLANE_TEST(what_a_killed_predecessor_left_is_replaced),
		PLANE_TEST(a_program_that_is_taken_away_is_put_back_by_the_next_look),
		PLANE_TEST(the_next_look_is_within_half_a_second),
		PLANE_TEST(netfilters_rules_are_not_passed_by),
		PLANE_TEST(where_a_links_ingress_has_rules_the_daemon_carries_its_packets),
		PLANE_TEST(rules_of_the_tunnel_device_are_not_passed_by),
		PLANE_TEST(a_link_that_comes_with_such_rules_gets_its_program_when_they_go),
		PLANE_TEST(where_there_are_policies_of_ipsec_the_daemon_carries_the_packets),
		PLANE_TEST(a_program_that_cannot_follow_the_rules_is_told),
		PLANE_TEST(a_link_that_took_no_program_is_tried_again),
		PLANE_TEST(the_last_of_two_daemons_takes_the_hooks_along),
		PLANE_TEST(a_program_that_cannot_be_taken_away_is_told),
		PLANE_TEST(what_cannot_be_found_out_counts_as_rules),
		PLANE_TEST(where_sources_are_checked_packets_are_not_taken_before_the_check),
		PLANE_TEST(a_switch_of_planes_keeps_tunnels_and_leaves_nothing_behind),
		PLANE_TEST(auto_keeps_what_runs_already),
		PLANE_TEST(a_tunnel_device_that_is_deleted_is_made_again_with_its_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
