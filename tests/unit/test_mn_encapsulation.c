/*
 * GRE and minimal encapsulation at the mobile node (RFC 5944 3.6.1.2, 4.1; RFC 3024 4.1.2; RFC 3519 3.1.4):
 * when the bits may be set, what is done when they are refused, the tunnel that comes of it.
 */
#include "mn_bench.h"

#include <string.h>

#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;

static void with_gre(struct mn_settings *settings)
{
	settings->encapsulation = MIP_ENCAPSULATION_GRE;
}

static void with_minimal(struct mn_settings *settings)
{
	settings->encapsulation = MIP_ENCAPSULATION_MINIMAL;
}

static void with_gre_co_located(struct mn_settings *settings)
{
	settings->encapsulation = MIP_ENCAPSULATION_GRE;
	settings->care_of = MN_CARE_OF_CO_LOCATED;
}

/* FA1, which advertises these besides F and T, and is heard for hours. */
static struct bench_agent agent_with(uint16_t flags)
{
	struct bench_agent agent = bench_fa1;

	agent.flags |= flags;
	agent.lifetime = 9000;
	return agent;
}

static uint8_t flags_at_agent(uint16_t advertised)
{
	struct bench_agent agent = agent_with(advertised);

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 1);
	return bench_last_request(bench).fixed.flags;
}

static void arrive_at_spot(void)
{
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

static uint8_t udp_encapsulation(void)
{
	struct bench_request request = bench_last_request(bench);
	struct mip_extensions extensions;
	struct mip_udp_tunnel_request udp;

	bench_extensions_of(&request, &extensions);
	assert_true(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	assert_int_equal(
		mip_udp_tunnel_request_read(mip_extension_of(&extensions, MIP_SLOT_UDP_TUNNEL_REQUEST), &udp),
		0);
	return udp.encapsulation;
}

/* --- through a foreign agent ------------------------------------------------------------------ */

static void test_ip_in_ip_is_asked_for_unless_the_settings_say_otherwise(void **state)
{
	(void)state;
	assert_int_equal(flags_at_agent(MIP_AGENT_G | MIP_AGENT_M), MIP_REQUEST_T);
}

static void test_an_agent_that_advertises_the_encapsulation_is_asked_for_it(void **state)
{
	(void)state;
	bench_again_with(with_gre);
	assert_int_equal(flags_at_agent(MIP_AGENT_G), MIP_REQUEST_T | MIP_REQUEST_G);
	bench_accept(bench);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_GRE);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
	/* The agent's tunnel, not the node's. */
	assert_null(bench_tunnel(bench));
	bench_again_with(with_minimal);
	assert_int_equal(flags_at_agent(MIP_AGENT_M), MIP_REQUEST_T | MIP_REQUEST_M);
	bench_accept(bench);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_MINIMAL);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
}

static void with_small_tunnels(struct mn_settings *settings)
{
	settings->tunnel_mtu = 1300;
}

static void take_from_link(uint32_t octets)
{
	struct mip_input_link wlan = {.link = BENCH_WLAN, .present = true, .up = true, .mtu = octets};

	strcpy(wlan.name, "wlan0");
	mn_core_link(bench->core, &wlan, bench->now);
	bench_collect(bench);
}

static void test_the_way_out_takes_what_the_tunnel_is_set_to_or_less_where_the_link_takes_less(void **state)
{
	(void)state;
	bench_again_with(with_small_tunnels);
	bench_registered_at_spot(bench);
	assert_int_equal(bench_way_out(bench)->mtu, 1300);
	take_from_link(1320);
	bench_pass(bench, 600 * MIP_SECOND); /* with a renewal on the way */
	bench_accept(bench);
	assert_int_equal(bench_way_out(bench)->mtu, 1320 - 32);
}

/* RFC 5944 3.6.1.2: "Otherwise, the mobile node MUST NOT set these bits." */
static void test_an_agent_that_does_not_advertise_it_is_used_with_ip_in_ip(void **state)
{
	/* rfc5944-3.6.1.2-7 */
	(void)state;
	bench_again_with(with_gre);
	assert_int_equal(flags_at_agent(MIP_AGENT_M), MIP_REQUEST_T);
	bench_accept(bench);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_IPIP);
	bench_again_with(with_minimal);
	assert_int_equal(flags_at_agent(MIP_AGENT_G), MIP_REQUEST_T);
}

static void test_an_agent_that_refuses_with_code_72_is_used_with_ip_in_ip_from_then_on(void **state)
{
	(void)state;
	bench_again_with(with_gre);
	flags_at_agent(MIP_AGENT_G);
	bench_deny(bench, 72);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_IPIP);
	bench_forget(bench);
	bench_pass(bench, 541 * MIP_SECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
}

static void test_an_agent_that_has_restarted_is_asked_again(void **state)
{
	struct bench_agent agent = agent_with(MIP_AGENT_G);

	(void)state;
	bench_again_with(with_gre);
	flags_at_agent(MIP_AGENT_G);
	bench_deny(bench, 72);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_pass(bench, 10 * MIP_SECOND);
	bench_forget(bench);
	agent.sequence = 0;
	bench_advertise(bench, &agent);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T | MIP_REQUEST_G);
}

/* An agent without IP in IP is none (rfc5944-4.1-1): the fault is its own, and others come first. */
static void test_code_72_to_ip_in_ip_makes_the_place_be_avoided(void **state)
{
	struct bench_agent other = bench_fa2;

	(void)state;
	flags_at_agent(0);
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &other);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	bench_deny(bench, 72);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA1);
}

/* --- the home agent --------------------------------------------------------------------------- */

/* Otherwise each move would cost a denial and the second that must lie between two requests. */
static void test_after_code_139_ip_in_ip_is_asked_for_everywhere(void **state)
{
	(void)state;
	bench_again_with(with_gre);
	flags_at_agent(MIP_AGENT_G);
	bench_deny(bench, 139);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T);
	bench_accept(bench);
	bench_forget(bench);
	arrive_at_spot();
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
}

static void test_a_reload_asks_again_for_what_was_refused(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_again_with(with_gre);
	flags_at_agent(MIP_AGENT_G);
	bench_deny(bench, 139);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T | MIP_REQUEST_G);
}

static void test_a_reload_while_a_request_is_under_way_asks_anew(void **state)
{
	struct bench_request before;
	const char *reason = NULL;

	(void)state;
	arrive_at_spot();
	before = bench_last_request(bench);
	bench_forget(bench);
	bench->settings.encapsulation = MIP_ENCAPSULATION_GRE;
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(
		bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T | MIP_REQUEST_G);
	bench_reply(bench, &before, &(struct bench_reply){.lifetime = 600});
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	bench_accept(bench);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_GRE);
}

static void test_who_was_refused_gre_may_ask_for_minimal_encapsulation_later(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_again_with(with_gre);
	flags_at_agent(MIP_AGENT_G | MIP_AGENT_M);
	bench_deny(bench, 72);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	bench_accept(bench);
	bench_forget(bench);
	bench->settings.encapsulation = MIP_ENCAPSULATION_MINIMAL;
	assert_int_equal(mn_core_reconfigure(bench->core, &bench->settings, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_T | MIP_REQUEST_M);
}

/* --- co-located ------------------------------------------------------------------------------- */

static void test_co_located_the_bit_goes_with_d_and_the_tunnel_is_the_nodes(void **state)
{
	(void)state;
	bench_again_with(with_gre);
	arrive_at_spot();
	assert_int_equal(
		bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T | MIP_REQUEST_G);
	bench_accept(bench);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_GRE);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->local), BENCH_SPOT);
	assert_int_equal(bench_tunnel(bench)->local_port, 0);
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
	assert_int_equal(bench_status(bench).encapsulation, MIP_ENCAPSULATION_GRE);
	bench_again_with(with_minimal);
	arrive_at_spot();
	assert_int_equal(
		bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T | MIP_REQUEST_M);
	bench_accept(bench);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_MINIMAL);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
}

/* It decapsulates its own datagrams: what the agent advertises does not matter. */
static void test_through_an_agent_that_insists_the_bit_needs_no_advertisement(void **state)
{
	struct bench_agent agent = bench_fa2;

	(void)state;
	bench_again_with(with_gre_co_located);
	agent.flags |= MIP_AGENT_R;
	bench_link(bench, BENCH_WLAN, true);
	bench_advertise(bench, &agent);
	bench_lease(bench);
	assert_int_equal(mip_address_number(bench_last_request(bench).destination), BENCH_FA2);
	assert_int_equal(
		bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T | MIP_REQUEST_G);
}

static void test_after_code_139_co_located_the_tunnel_is_ip_in_ip(void **state)
{
	(void)state;
	bench_again_with(with_minimal);
	arrive_at_spot();
	bench_deny(bench, 139);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	bench_accept(bench);
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_IPIP);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
}

static void test_a_deregistration_asks_for_no_encapsulation(void **state)
{
	const char *reason = NULL;

	(void)state;
	bench_again_with(with_gre);
	arrive_at_spot();
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 0);
	assert_int_equal(bench_last_request(bench).fixed.flags & MIP_REQUEST_ENCAPSULATIONS, 0);
}

/* --- with UDP tunnelling ---------------------------------------------------------------------- */

/* rfc3519-3.1.4: zero would default to the bits. */
static void test_within_udp_it_is_ip_whatever_the_bits_say(void **state)
{
	(void)state;
	arrive_at_spot();
	assert_int_equal(udp_encapsulation(), 0);
	bench_again_with(with_gre);
	arrive_at_spot();
	assert_int_equal(udp_encapsulation(), MIP_PROTOCOL_IPIP);
}

static void test_behind_a_nat_the_tunnel_is_in_udp_though_gre_was_asked_for(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(with_gre);
	arrive_at_spot();
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_UDP);
	assert_int_equal(bench_way_out(bench)->mtu, 1468);
}

static void test_without_a_nat_a_declined_udp_tunnel_is_gre(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(with_gre);
	arrive_at_spot();
	request = bench_last_request(bench);
	bench_reply(bench, &request, &(struct bench_reply){.lifetime = 600, .udp = true, .udp_code = 64});
	assert_int_equal(bench_tunnel(bench)->encapsulation, MIP_ENCAPSULATION_GRE);
}

/* Of a home agent that lets the bits go before the field. */
static void test_after_code_142_the_bits_are_left_out(void **state)
{
	(void)state;
	bench_again_with(with_gre);
	arrive_at_spot();
	bench_deny(bench, 142);
	bench_forget(bench);
	bench_pass(bench, 1001 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	assert_int_equal(udp_encapsulation(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ip_in_ip_is_asked_for_unless_the_settings_say_otherwise),
		TEST(test_an_agent_that_advertises_the_encapsulation_is_asked_for_it),
		TEST(test_an_agent_that_does_not_advertise_it_is_used_with_ip_in_ip),
		TEST(test_the_way_out_takes_what_the_tunnel_is_set_to_or_less_where_the_link_takes_less),
		TEST(test_an_agent_that_refuses_with_code_72_is_used_with_ip_in_ip_from_then_on),
		TEST(test_an_agent_that_has_restarted_is_asked_again),
		TEST(test_code_72_to_ip_in_ip_makes_the_place_be_avoided),
		TEST(test_after_code_139_ip_in_ip_is_asked_for_everywhere),
		TEST(test_a_reload_asks_again_for_what_was_refused),
		TEST(test_a_reload_while_a_request_is_under_way_asks_anew),
		TEST(test_who_was_refused_gre_may_ask_for_minimal_encapsulation_later),
		TEST(test_co_located_the_bit_goes_with_d_and_the_tunnel_is_the_nodes),
		TEST(test_through_an_agent_that_insists_the_bit_needs_no_advertisement),
		TEST(test_after_code_139_co_located_the_tunnel_is_ip_in_ip),
		TEST(test_a_deregistration_asks_for_no_encapsulation),
		TEST(test_within_udp_it_is_ip_whatever_the_bits_say),
		TEST(test_behind_a_nat_the_tunnel_is_in_udp_though_gre_was_asked_for),
		TEST(test_without_a_nat_a_declined_udp_tunnel_is_gre),
		TEST(test_after_code_142_the_bits_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
