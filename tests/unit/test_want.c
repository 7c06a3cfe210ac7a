/* Wants: what is the same thing, what is equal, how it reads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "address.h"
#include "want.h"

static struct mip_address address(uint32_t number)
{
	return mip_address_of(number);
}

static struct mip_want route(void)
{
	return (struct mip_want){.kind = MIP_WANT_ROUTE,
		.route = {.destination = {address(0x0a010032), 32}, .link = MIP_LINK_TUNNEL, .mtu = 1480}};
}

static struct mip_want rule(void)
{
	return (struct mip_want){.kind = MIP_WANT_RULE,
		.rule = {.priority = 1000,
			.from = {address(0x0a010032), 32},
			.table = 77,
			.suppress_prefix_length = -1}};
}

static struct mip_want tunnel(void)
{
	return (struct mip_want){.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = address(0x0a010032),
			.end = MIP_TUNNEL_HOME,
			.local = address(0x0a010001),
			.remote = address(0x0a020001)}};
}

static struct mip_want copy(void)
{
	struct mip_want want = tunnel();

	want.kind = MIP_WANT_COPY;
	return want;
}

static struct mip_want peer(void)
{
	return (struct mip_want){.kind = MIP_WANT_PEER,
		.peer = {.home_address = address(0x0a010032), .remote = address(0x0a020001)}};
}

enum relation {
	EQUAL,
	SAME_THING, /* another value under the same key */
	OTHER_THING,
};

static void assert_relation(const struct mip_want *a, const struct mip_want *b, enum relation relation)
{
	assert_int_equal(mip_want_same_key(a, b), relation != OTHER_THING);
	assert_int_equal(mip_want_same_key(b, a), relation != OTHER_THING);
	assert_int_equal(mip_want_equal(a, b), relation == EQUAL);
}

/* One member of `make()` changed to `value`. */
#define CHANGED(make, member, value, relation)                                                               \
	do {                                                                                                 \
		struct mip_want original_ = make;                                                            \
		struct mip_want changed_ = make;                                                             \
		changed_.member = value;                                                                     \
		assert_relation(&original_, &changed_, relation);                                            \
	} while (0)

static void a_route_is_its_destination_table_and_metric(void **state)
{
	(void)state;
	CHANGED(route(), route.table, MIP_TABLE_MAIN, EQUAL); /* 0 is the main table */
	CHANGED(route(), route.table, 77, OTHER_THING);
	CHANGED(route(), route.metric, 5, OTHER_THING);
	CHANGED(route(), route.destination.length, 31, OTHER_THING);
	CHANGED(route(), route.destination.address, address(0x0a010033), OTHER_THING);
	CHANGED(route(), route.link, 4, SAME_THING);
	CHANGED(route(), route.gateway, address(1), SAME_THING);
	CHANGED(route(), route.source, address(1), SAME_THING);
	CHANGED(route(), route.mtu, 1468, SAME_THING);
	CHANGED(route(), route.onlink, true, SAME_THING);
	CHANGED(route(), route.type, MIP_ROUTE_BLACKHOLE, SAME_THING);
}

static void a_rule_is_all_that_it_says(void **state)
{
	(void)state;
	CHANGED(rule(), rule.table, 77, EQUAL);
	CHANGED(rule(), rule.priority, 1001, OTHER_THING);
	CHANGED(rule(), rule.from.length, 24, OTHER_THING);
	CHANGED(rule(), rule.to.length, 8, OTHER_THING);
	CHANGED(rule(), rule.incoming, 3, OTHER_THING);
	CHANGED(rule(), rule.local_only, true, OTHER_THING);
	CHANGED(rule(), rule.table, 78, OTHER_THING);
	CHANGED(rule(), rule.suppress_prefix_length, 0, OTHER_THING);
}

static void addresses_neighbours_and_the_like_are_told_by_link_and_address(void **state)
{
	const struct mip_want a = {.kind = MIP_WANT_ADDRESS, .address = {3, {9}, 24, false}};
	const struct mip_want n = {.kind = MIP_WANT_NEIGHBOUR, .neighbour = {.link = 3, .address = {9}}};
	const struct mip_want p = {.kind = MIP_WANT_PROXY, .proxy = {3, {9}}};
	const struct mip_want g = {.kind = MIP_WANT_GROUP, .group = {3, {9}}};
	const struct mip_want s = {.kind = MIP_WANT_SETTING, .setting = {3, MIP_SETTING_RP_FILTER, 2}};

	(void)state;
	CHANGED(a, address.prefix_length, 32, OTHER_THING);
	CHANGED(a, address.link, 4, OTHER_THING);
	CHANGED(a, address.no_prefix_route, true, SAME_THING);
	CHANGED(n, neighbour.address.value, 8, OTHER_THING);
	CHANGED(n, neighbour.seed, true, SAME_THING);
	CHANGED(n, neighbour.link_address.length, 6, SAME_THING);
	CHANGED(p, proxy.link, 4, OTHER_THING);
	CHANGED(p, proxy.link, 3, EQUAL);
	CHANGED(g, group.address.value, 8, OTHER_THING);
	CHANGED(s, setting.setting, MIP_SETTING_FORWARDING, OTHER_THING);
	CHANGED(s, setting.link, 4, OTHER_THING);
	CHANGED(s, setting.value, 1, SAME_THING);
	assert_relation(&n, &p, OTHER_THING);
	assert_relation(&p, &g, OTHER_THING);
}

static void a_tunnel_is_its_home_address_and_end(void **state)
{
	(void)state;
	CHANGED(tunnel(), tunnel.home_address, address(1), OTHER_THING);
	CHANGED(tunnel(), tunnel.end, MIP_TUNNEL_VISITED, OTHER_THING);
	CHANGED(tunnel(), tunnel.remote, address(1), SAME_THING);
	CHANGED(tunnel(), tunnel.local, address(1), SAME_THING);
	CHANGED(tunnel(), tunnel.encapsulation, MIP_ENCAPSULATION_UDP, SAME_THING);
	CHANGED(tunnel(), tunnel.local_port, 434, SAME_THING);
	CHANGED(tunnel(), tunnel.remote_port, 434, SAME_THING);
	CHANGED(tunnel(), tunnel.link, 4, SAME_THING);
}

static void a_peer_is_its_home_address_and_where_it_sends_from(void **state)
{
	(void)state;
	CHANGED(peer(), peer.home_address, address(1), OTHER_THING);
	CHANGED(peer(), peer.remote, address(1), OTHER_THING);
	CHANGED(peer(), peer.remote_port, 40000, OTHER_THING);
	CHANGED(peer(), peer.local, address(1), SAME_THING);
	CHANGED(peer(), peer.end, MIP_TUNNEL_VISITED, SAME_THING);
}

static void a_copy_is_its_home_address_and_where_it_goes(void **state)
{
	const struct mip_want one = tunnel(), other = copy();

	(void)state;
	CHANGED(copy(), tunnel.home_address, address(1), OTHER_THING);
	CHANGED(copy(), tunnel.remote, address(1), OTHER_THING);
	CHANGED(copy(), tunnel.remote_port, 40000, OTHER_THING);
	CHANGED(copy(), tunnel.local, address(1), SAME_THING);
	CHANGED(copy(), tunnel.encapsulation, MIP_ENCAPSULATION_GRE, SAME_THING);
	assert_relation(&one, &other, OTHER_THING);
}

static void every_key_fits(void **state)
{
	uint8_t key[MIP_WANT_KEY];

	(void)state;
	for (int kind = MIP_WANT_NONE; kind <= MIP_WANT_LISTEN; kind++) {
		struct mip_want want;

		memset(&want, 0x01, sizeof(want));
		want.kind = (enum mip_want_kind)kind;
		assert_in_range(mip_want_key(&want, key), 1, MIP_WANT_KEY);
	}
}

static void a_want_reads_as_ip_would_show_it(void **state)
{
	char text[MIP_WANT_TEXT];
	struct mip_want want = route();
	struct mip_want suppressing = {.kind = MIP_WANT_RULE, .rule = {.priority = 9, .local_only = true}};
	struct mip_want default_route = {.kind = MIP_WANT_ROUTE,
		.route = {.gateway = address(0x0a020001),
			.source = address(0x0a010032),
			.link = 4,
			.table = 77,
			.metric = 3,
			.onlink = true}};

	(void)state;
	assert_string_equal(mip_want_text(&want, text), "route 10.1.0.50/32 dev tunnel table 254 mtu 1480");
	assert_string_equal(mip_want_text(&default_route, text),
		"route default via 10.2.0.1 dev #4 table 77 metric 3 src 10.1.0.50 onlink");
	want = rule();
	assert_string_equal(mip_want_text(&want, text), "rule 1000: from 10.1.0.50/32 lookup 77");
	assert_string_equal(mip_want_text(&suppressing, text),
		"rule 9: from all iif lo lookup 254 suppress_prefixlength 0");
	want = tunnel();
	want.tunnel.encapsulation = MIP_ENCAPSULATION_UDP;
	want.tunnel.local_port = 434;
	want.tunnel.remote_port = 40000;
	assert_string_equal(mip_want_text(&want, text),
		"tunnel to 10.1.0.50 udp local 10.1.0.1:434 remote 10.2.0.1:40000");
	want = copy();
	assert_string_equal(mip_want_text(&want, text),
		"copy by tunnel to 10.1.0.50 ipip local 10.1.0.1 remote 10.2.0.1");
	want = peer();
	assert_string_equal(mip_want_text(&want, text), "peer of 10.1.0.50 remote 10.2.0.1");
	for (int kind = MIP_WANT_NONE; kind <= MIP_WANT_LISTEN; kind++) {
		memset(&want, 0xff, sizeof(want));
		want.kind = (enum mip_want_kind)kind;
		want.rule.local_only = false; /* a bool of 0xff is none */
		want.tunnel.delivery = false;
		if (kind == MIP_WANT_TUNNEL)
			want.tunnel.delivery = true;
		if (kind == MIP_WANT_ROUTE)
			want.route.onlink = true;
		if (kind == MIP_WANT_ADDRESS)
			want.address.no_prefix_route = true;
		if (kind == MIP_WANT_NEIGHBOUR)
			want.neighbour.seed = true;
		assert_in_range(strlen(mip_want_text(&want, text)), 1, MIP_WANT_TEXT - 2);
	}
}

static void encapsulations_have_the_names_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(mip_encapsulation_name(MIP_ENCAPSULATION_IPIP), "ipip");
	assert_string_equal(mip_encapsulation_name(MIP_ENCAPSULATION_GRE), "gre");
	assert_string_equal(mip_encapsulation_name(MIP_ENCAPSULATION_MINIMAL), "minimal");
	assert_string_equal(mip_encapsulation_name(MIP_ENCAPSULATION_UDP), "udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_its_destination_table_and_metric),
		cmocka_unit_test(a_rule_is_all_that_it_says),
		cmocka_unit_test(addresses_neighbours_and_the_like_are_told_by_link_and_address),
		cmocka_unit_test(a_tunnel_is_its_home_address_and_end),
		cmocka_unit_test(a_peer_is_its_home_address_and_where_it_sends_from),
		cmocka_unit_test(a_copy_is_its_home_address_and_where_it_goes),
		cmocka_unit_test(every_key_fits),
		cmocka_unit_test(a_want_reads_as_ip_would_show_it),
		cmocka_unit_test(encapsulations_have_the_names_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
