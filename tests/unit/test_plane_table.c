/*
 * The plane's table of tunnels and peers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plane_table.h"

static const struct mip_address home = {0x3200010a}, other_home = {0x3300010a};
static const struct mip_address agent = {0x0100090a}, care_of = {0x0200090a}, correspondent = {0x0200050a};

static struct mip_want_peer peer_of(struct mip_address home_address, enum mip_tunnel_end end, uint16_t port)
{
	return (struct mip_want_peer){
		.home_address = home_address,
		.end = end,
		.remote = end == MIP_TUNNEL_HOME ? care_of : agent,
		.remote_port = port,
	};
}

static struct mip_plane_arrival from_node(uint16_t port)
{
	return (struct mip_plane_arrival){
		.inner_source = home,
		.inner_destination = correspondent,
		.remote = care_of,
		.remote_port = port,
		.local = agent,
		.encapsulation = port ? MIP_ENCAPSULATION_UDP : MIP_ENCAPSULATION_IPIP,
	};
}

static void a_tunnel_is_found_by_destination_at_home_and_by_source_away(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want_tunnel at_home = {.home_address = home, .end = MIP_TUNNEL_HOME, .remote = care_of};
	struct mip_want_tunnel away = {
		.home_address = other_home, .end = MIP_TUNNEL_VISITED, .remote = agent};
	const struct mip_plane_home *found;

	(void)state;
	assert_int_equal(mip_plane_table_set_tunnel(&table, &at_home), 0);
	assert_int_equal(mip_plane_table_set_tunnel(&table, &away), 0);
	found = mip_plane_table_tunnel(&table, correspondent, home);
	assert_non_null(found);
	assert_int_equal(found->tunnel.remote.value, care_of.value);
	found = mip_plane_table_tunnel(&table, other_home, correspondent);
	assert_non_null(found);
	assert_int_equal(found->tunnel.remote.value, agent.value);
	assert_null(mip_plane_table_tunnel(&table, home, correspondent));
	assert_null(mip_plane_table_tunnel(&table, correspondent, other_home));
	mip_plane_table_clear(&table);
}

static void a_tunnel_wanted_again_is_replaced_and_its_soft_state_forgotten(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want_tunnel tunnel = {.home_address = home, .remote = care_of};
	struct mip_plane_home *found;

	(void)state;
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
	found = mip_plane_table_home(&table, home, MIP_TUNNEL_HOME);
	found->traffic.packets_to = 5;
	found->path_mtu = 1400;
	found->no_offload = true;
	tunnel.remote = correspondent;
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
	assert_int_equal(HASH_COUNT(table.homes), 1);
	found = mip_plane_table_home(&table, home, MIP_TUNNEL_HOME);
	assert_int_equal(found->tunnel.remote.value, correspondent.value);
	assert_int_equal(found->traffic.packets_to, 5);
	assert_int_equal(found->path_mtu, 0);
	assert_false(found->no_offload);
	mip_plane_table_clear(&table);
}

static void counts_live_as_long_as_a_tunnel_or_a_peer(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want_tunnel tunnel = {.home_address = home, .remote = care_of};
	struct mip_want_peer first = peer_of(home, MIP_TUNNEL_HOME, 0);
	struct mip_want_peer second = peer_of(home, MIP_TUNNEL_HOME, 434);

	(void)state;
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
	assert_int_equal(mip_plane_table_set_peer(&table, &first), 0);
	assert_int_equal(mip_plane_table_set_peer(&table, &first), 0);
	assert_int_equal(mip_plane_table_set_peer(&table, &second), 0);
	mip_plane_table_home(&table, home, MIP_TUNNEL_HOME)->traffic.bytes_from = 9;
	mip_plane_table_remove_tunnel(&table, &tunnel);
	mip_plane_table_remove_peer(&table, &first);
	mip_plane_table_remove_peer(&table, &first);
	assert_null(mip_plane_table_tunnel(&table, correspondent, home));
	assert_int_equal(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME)->traffic.bytes_from, 9);
	mip_plane_table_remove_peer(&table, &second);
	assert_null(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME));
	assert_null(table.peers);
}

static void only_a_peers_own_addresses_and_port_are_admitted(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want_peer peer = peer_of(home, MIP_TUNNEL_HOME, 4000);
	struct mip_plane_arrival arrival = from_node(4000);
	struct mip_plane_home *found = NULL;

	(void)state;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -ENOENT);
	peer.local = agent;
	assert_int_equal(mip_plane_table_set_peer(&table, &peer), 0);
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), 0);
	assert_int_equal(found->key.home_address.value, home.value);
	arrival.remote_port = 4001;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -EACCES);
	arrival = from_node(0);
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -EACCES);
	arrival = from_node(4000);
	arrival.remote = correspondent;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -EACCES);
	arrival = from_node(4000);
	arrival.local = correspondent;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -EACCES);
	arrival = from_node(4000);
	arrival.inner_source = other_home;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -ENOENT);
	/* At the home end it must be from the home address, not for it. */
	arrival.inner_destination = home;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -ENOENT);
	mip_plane_table_clear(&table);
}

static void a_peer_may_change_its_end(void **state)
{
	struct mip_plane_table table = {0};
	struct mip_want_peer peer = peer_of(home, MIP_TUNNEL_HOME, 0);
	struct mip_plane_arrival arrival = from_node(0);
	struct mip_plane_home *found;

	(void)state;
	assert_int_equal(mip_plane_table_set_peer(&table, &peer), 0);
	peer.end = MIP_TUNNEL_VISITED;
	assert_int_equal(mip_plane_table_set_peer(&table, &peer), 0);
	assert_null(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME));
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -ENOENT);
	arrival.inner_destination = home;
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), 0);
	mip_plane_table_clear(&table);
}

static void a_hundred_thousand_bindings_are_no_burden(void **state)
{
	enum { MANY = 100000 };
	struct mip_plane_table table = {0};

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		struct mip_want_tunnel tunnel = {.home_address = {i * 2654435761u}, .remote = care_of};
		struct mip_want_peer peer = peer_of(tunnel.home_address, MIP_TUNNEL_HOME, 0);

		assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
		assert_int_equal(mip_plane_table_set_peer(&table, &peer), 0);
	}
	assert_int_equal(HASH_COUNT(table.homes), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		struct mip_address address = {i * 2654435761u};

		assert_non_null(mip_plane_table_tunnel(&table, correspondent, address));
		assert_non_null(mip_plane_table_peer(&table, address, care_of, 0));
	}
	mip_plane_table_clear(&table);
	assert_null(table.homes);
}

static void at_home_only_the_negotiated_encapsulation_comes_in(void **state)
{
	enum mip_encapsulation ipip = MIP_ENCAPSULATION_IPIP, gre = MIP_ENCAPSULATION_GRE,
			       minimal = MIP_ENCAPSULATION_MINIMAL;
	const struct {
		enum mip_encapsulation negotiated, used;
		int result;
	} cases[] = {
		{ipip, ipip, 0},
		{ipip, gre, -EACCES},
		{ipip, minimal, -EACCES},
		{gre, gre, 0},
		{gre, ipip, -EACCES},
		{minimal, minimal, 0},
		{minimal, ipip, 0}, /* fragments */
		{minimal, gre, -EACCES},
	};
	struct mip_want_peer peer = peer_of(home, MIP_TUNNEL_HOME, 0);
	struct mip_plane_table table = {0};
	struct mip_plane_home *found;

	(void)state;
	assert_int_equal(mip_plane_table_set_peer(&table, &peer), 0);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct mip_want_tunnel tunnel = {.home_address = home,
			.end = MIP_TUNNEL_HOME,
			.remote = care_of,
			.encapsulation = cases[i].negotiated};
		struct mip_plane_arrival arrival = from_node(0);

		arrival.encapsulation = cases[i].used;
		assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
		assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), cases[i].result);
	}
	mip_plane_table_clear(&table);
}

/* A binding behind a NAT has its route from the beginning, and its tunnel with the first keep-alive. */
static void that_packets_are_led_to_a_tunnel_may_be_said_before_it_is_there(void **state)
{
	struct mip_want_tunnel tunnel = {.home_address = home, .end = MIP_TUNNEL_HOME, .remote = care_of};
	struct mip_plane_arrival arrival = from_node(0);
	struct mip_plane_table table = {0};
	struct mip_plane_home *found = NULL;

	(void)state;
	assert_int_equal(mip_plane_table_set_led(&table, home, true, &found), 0);
	assert_ptr_equal(found, mip_plane_table_home(&table, home, MIP_TUNNEL_HOME));
	assert_int_equal(mip_plane_table_admit(&table, &arrival, &found), -ENOENT);
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
	assert_true(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME)->led);
	mip_plane_table_remove_tunnel(&table, &tunnel);
	assert_int_equal(mip_plane_table_set_tunnel(&table, &tunnel), 0);
	assert_true(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME)->led);
	assert_int_equal(mip_plane_table_set_led(&table, home, false, &found), 0);
	assert_false(found->led);
	mip_plane_table_remove_tunnel(&table, &tunnel);
	assert_null(mip_plane_table_home(&table, home, MIP_TUNNEL_HOME));
	assert_int_equal(mip_plane_table_set_led(&table, home, false, &found), 0);
	assert_null(found);
	mip_plane_table_clear(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_is_found_by_destination_at_home_and_by_source_away),
		cmocka_unit_test(a_tunnel_wanted_again_is_replaced_and_its_soft_state_forgotten),
		cmocka_unit_test(counts_live_as_long_as_a_tunnel_or_a_peer),
		cmocka_unit_test(only_a_peers_own_addresses_and_port_are_admitted),
		cmocka_unit_test(a_peer_may_change_its_end),
		cmocka_unit_test(a_hundred_thousand_bindings_are_no_burden),
		cmocka_unit_test(that_packets_are_led_to_a_tunnel_may_be_said_before_it_is_there),
		cmocka_unit_test(at_home_only_the_negotiated_encapsulation_comes_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
