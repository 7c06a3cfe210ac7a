/*
 * How a mobile node's packets go to a foreign agent, and its broadcasts and multicasts (RFC 3024 3.3, 4.1, 5; RFC 5944 4.3,
 * 4.4): the extension and the bits that it sends, what it does when they are refused, the ways and tunnels that come of it.
 */
#include "mn_bench.h"

#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;
static struct mn_foreign_agent_settings shared;

static void encapsulating(struct mn_settings *settings)
{
	settings->delivery = MN_DELIVERY_ENCAPSULATING;
	settings->broadcast = true;
}

static void encapsulating_with_a_shared_key(struct mn_settings *settings)
{
	encapsulating(settings);
	settings->foreign_agents = &shared;
	settings->foreign_agent_count = 1;
}

static void encapsulating_without_reverse_tunnel(struct mn_settings *settings)
{
	encapsulating(settings);
	settings->reverse_tunnel = false;
	settings->nat_traversal = false;
}

static bool asks_for_encapsulating(void)
{
	struct bench_request request = bench_last_request(bench);
	struct mip_extensions extensions;

	bench_extensions_of(&request, &extensions);
	return mip_extension_of(&extensions, MIP_SLOT_ENCAPSULATING_DELIVERY) != NULL;
}

static void arrive(void)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
}

static const struct mip_want *route_to(uint32_t destination, uint8_t length)
{
	struct mip_want key = {.kind = MIP_WANT_ROUTE,
		.route = {.table = 434, .destination = {mip_address_of(destination), length}}};

	return bench_kernel(bench, &key);
}

static const struct mip_want *groups_from(uint16_t remote_port)
{
	struct mip_want key = {.kind = MIP_WANT_GROUPS,
		.groups = {.home_address = mip_address_of(BENCH_HOME),
			.end = MIP_TUNNEL_VISITED,
			.remote = mip_address_of(BENCH_HOME_AGENT),
			.remote_port = remote_port}};

	return bench_kernel(bench, &key);
}

static const struct mip_want *group_tunnel(void)
{
	struct mip_want key = {.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = mip_address_of(BENCH_HOME), .end = MIP_TUNNEL_VISITED_GROUPS}};

	return bench_kernel(bench, &key);
}

/* --- what is asked for ------------------------------------------------------------------------ */

static void test_the_style_is_asked_for_with_t_only_and_of_agents_only(void **state)
{
	(void)state;
	arrive();
	assert_false(asks_for_encapsulating()); /* unless configured */
	bench_again_with(encapsulating);
	arrive();
	assert_true(asks_for_encapsulating());
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
	bench_again_with(encapsulating_without_reverse_tunnel);
	arrive();
	assert_false(asks_for_encapsulating()); /* rfc3024-3.3-3: MUST NOT be included if 'T' is not set */
	bench_again_with(encapsulating);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_false(asks_for_encapsulating());
}

/* rfc3024-3.3-2: after the Mobile-Home, and before the Mobile-Foreign Authentication Extension. */
static void test_the_extension_stands_between_the_two_authentications(void **state)
{
	struct mip_extensions extensions;
	struct bench_request request;
	size_t style;

	(void)state;
	shared = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), bench_other_association()};
	bench_again_with(encapsulating_with_a_shared_key);
	arrive();
	request = bench_last_request(bench);
	bench_extensions_of(&request, &extensions);
	style = mip_extension_of(&extensions, MIP_SLOT_ENCAPSULATING_DELIVERY)->offset;
	assert_true(mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION)->offset < style);
	assert_true(style < mip_extension_of(&extensions, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION)->offset);
	mip_association_unref(shared.association);
}

/* RFC 5944 4.3: a mobile node MAY request forwarding of broadcast datagrams by setting the 'B' bit. */
/* rfc5944-3.6.1.2-6 */
static void test_b_is_set_if_configured_and_not_to_deregister(void **state)
{
	const char *reason;

	(void)state;
	arrive();
	assert_false(bench_last_request(bench).fixed.flags & MIP_REQUEST_B);
	bench_again_with(encapsulating);
	arrive();
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_B);
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &reason), 0);
	bench_collect(bench);
	assert_false(bench_last_request(bench).fixed.flags & MIP_REQUEST_B);
}

/* RFC 3024 4.1.2 a: it MAY try modifying the request, by eliminating the request for the delivery style. */
static void test_code_79_makes_it_direct(void **state)
{
	(void)state;
	bench_again_with(encapsulating);
	arrive();
	bench_deny(bench, MIP_CODE_FA_DELIVERY_STYLE_UNSUPPORTED);
	bench_forget(bench);
	bench_pass(bench, 2 * MIP_SECOND);
	assert_true(bench_requests(bench) > 0);
	assert_false(asks_for_encapsulating());
	assert_true(bench_last_request(bench).fixed.flags & MIP_REQUEST_T);
	bench_accept(bench);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
}

/* rfc3024-3.4-2: in response to a request with 'T' it MUST accept codes 70 and 134, as any other denial. */
static void test_codes_70_and_134_to_a_request_with_t_are_believed(void **state)
{
	(void)state;
	arrive();
	bench_deny(bench, MIP_CODE_FA_POORLY_FORMED_REQUEST);
	assert_int_equal(bench_status(bench).last_code, 70);
	assert_int_equal(bench_counter(bench, "reply_70"), 1);
	bench_pass(bench, 2 * MIP_SECOND);
	bench_deny(bench, MIP_CODE_HA_POORLY_FORMED_REQUEST);
	assert_int_equal(bench_status(bench).last_code, 134);
	assert_int_equal(bench_counter(bench, "reply_134"), 1);
}

/* --- direct and encapsulating ----------------------------------------------------------------- */

/* rfc5944-4.2.1-1: "Otherwise, the mobile node MUST choose its default router from among the …" */
/* rfc3024-5.1.1-1: in the direct style the node MUST designate the foreign agent as its default router. */
static void test_in_the_direct_style_the_agent_is_the_default_router(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	assert_int_equal(bench_way_out(bench)->link, BENCH_WWAN);
	assert_int_equal(mip_address_number(bench_way_out(bench)->gateway), BENCH_FA1);
	assert_null(bench_tunnel(bench));
}

/* rfc3024-4.1.2-1, rfc3024-5.2.2-1: from the home address to the agent, in what was negotiated, and by its link. */
static void test_in_the_encapsulating_style_all_goes_in_a_tunnel_to_the_agent(void **state)
{
	const struct mip_want_tunnel *tunnel;

	(void)state;
	bench_again_with(encapsulating);
	bench_registered_at_fa1(bench);
	tunnel = bench_tunnel(bench);
	assert_non_null(tunnel);
	assert_true(tunnel->delivery);
	assert_int_equal(mip_address_number(tunnel->local), BENCH_HOME);
	assert_int_equal(mip_address_number(tunnel->remote), BENCH_FA1);
	assert_int_equal(tunnel->link, BENCH_WWAN);
	assert_int_equal(tunnel->encapsulation, MIP_ENCAPSULATION_IPIP);
	assert_int_equal(bench_way_out(bench)->link, MIP_LINK_TUNNEL);
	/* The outer packets find the agent without ARP, and not by the default route. */
	assert_int_equal(route_to(BENCH_FA1, 32)->route.link, BENCH_WWAN);
}

/* rfc3024-5.2.2-1: "the address of the agent as learned from the IP source address of the agent's most recent successful
 * registration reply". */
static void test_the_agents_address_is_the_source_of_its_reply(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(encapsulating);
	arrive();
	request = bench_last_request(bench);
	bench_reply(bench, &request,
		&(struct bench_reply){
			.code = 0, .lifetime = request.fixed.lifetime, .source = mip_address_of(0x0a0200fe)});
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), 0x0a0200fe);
	assert_int_equal(route_to(0x0a0200fe, 32)->route.link, BENCH_WWAN);
}

/* --- groups and everyone ---------------------------------------------------------------------- */

/* rfc3024-5.3-1: "However, any mobile nodes doing so MUST use the encapsulating delivery style." */
/* rfc5944-4.4-6: multicasts sent directly on the visited network MUST have a co-located care-of address as source: those from
 * the home address go to the tunnel device, whatever the style; rfc3024-5.2-1, 5.3-1: and on in the encapsulating one only. */
static void test_groups_and_everyone_are_led_to_the_tunnel_device(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	assert_int_equal(route_to(0xe0000000, 4)->route.link, MIP_LINK_TUNNEL);
	assert_int_equal(route_to(0xffffffff, 32)->route.link, MIP_LINK_TUNNEL);
	assert_int_equal(route_to(0x0a0100ff, 32)->route.type, MIP_ROUTE_BROADCAST);
	assert_null(bench_tunnel(bench));
}

/* rfc5944-4.4-5: MUST be capable of decapsulating packets sent to its home address. */
/* rfc5944-3.6.1.2-6 */
static void test_through_an_agent_groups_come_in_a_tunnel_to_the_home_address(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	assert_non_null(groups_from(0));
	assert_int_equal(mip_address_number(groups_from(0)->groups.local), BENCH_HOME);
}

static void test_co_located_groups_come_as_they_are(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	assert_non_null(groups_from(0));
	assert_true(mip_address_is_none(groups_from(0)->groups.local));
	assert_null(group_tunnel()); /* the reverse tunnel's outer source is the care-of address */
	bench_home(bench);
	for (int i = 0; i < 4; i++) { /* by the old way they are welcome for a while */
		bench_advertise(bench, &bench_home_agent);
		bench_pass(bench, MIP_SECOND);
	}
	assert_null(groups_from(0));
	assert_null(route_to(0xe0000000, 4));
}

static void to_agent(void)
{
	const char *reason;

	bench_pass(bench, 2 * MIP_SECOND);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(mn_core_handover(bench->core, "wwan0", bench->now, &reason), 0);
	bench_collect(bench);
}

/* RFC 5944 4.3, 4.4: what is on its way to the co-located care-of address is not in a second tunnel. */
static void test_groups_by_the_old_co_located_address_are_welcome_beside_those_by_an_agent(void **state)
{
	(void)state;
	bench_registered_at_spot(bench);
	to_agent();
	bench_accept(bench);
	assert_true(mip_address_is_none(groups_from(0)->groups.local));
	for (int i = 0; i < 4; i++) {
		bench_advertise(bench, &bench_fa1);
		bench_pass(bench, MIP_SECOND);
	}
	assert_int_equal(mip_address_number(groups_from(0)->groups.local), BENCH_HOME);
}

/* The home agent sends by a new binding before its reply is here. */
static void test_groups_by_a_co_located_address_are_welcome_from_before_the_request(void **state)
{
	(void)state;
	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(
		bench_last_request(bench).fixed.care_of_address.value, mip_address_of(BENCH_SPOT).value);
	assert_true(mip_address_is_none(groups_from(0)->groups.local));
	assert_non_null(groups_from(MIP_REGISTRATION_PORT)); /* there may be a NAT */
	bench_deny(bench, MIP_CODE_HA_PROHIBITED);
	bench_link(bench, BENCH_WLAN, false);
	assert_int_equal(mip_address_number(groups_from(0)->groups.local), BENCH_HOME);
	assert_null(groups_from(MIP_REGISTRATION_PORT));
}

/* rfc5944-4.4-7: a node that tunnels a multicast datagram MUST use its home address as the source of both the inner and the
 * outer datagram: so where RFC 3024 does not say otherwise. */
static void test_without_a_reverse_tunnel_groups_are_tunnelled_from_the_home_address(void **state)
{
	(void)state;
	bench_again_with(encapsulating_without_reverse_tunnel);
	bench_registered_at_spot(bench);
	assert_non_null(group_tunnel());
	assert_int_equal(mip_address_number(group_tunnel()->tunnel.local), BENCH_HOME);
	assert_int_equal(mip_address_number(group_tunnel()->tunnel.remote), BENCH_HOME_AGENT);
	assert_int_equal(route_to(0xe0000000, 4)->route.link, MIP_LINK_TUNNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_style_is_asked_for_with_t_only_and_of_agents_only),
		TEST(test_the_extension_stands_between_the_two_authentications),
		TEST(test_b_is_set_if_configured_and_not_to_deregister),
		TEST(test_code_79_makes_it_direct),
		TEST(test_codes_70_and_134_to_a_request_with_t_are_believed),
		TEST(test_in_the_direct_style_the_agent_is_the_default_router),
		TEST(test_in_the_encapsulating_style_all_goes_in_a_tunnel_to_the_agent),
		TEST(test_the_agents_address_is_the_source_of_its_reply),
		TEST(test_groups_and_everyone_are_led_to_the_tunnel_device),
		TEST(test_through_an_agent_groups_come_in_a_tunnel_to_the_home_address),
		TEST(test_co_located_groups_come_as_they_are),
		TEST(test_groups_by_the_old_co_located_address_are_welcome_beside_those_by_an_agent),
		TEST(test_groups_by_a_co_located_address_are_welcome_from_before_the_request),
		TEST(test_without_a_reverse_tunnel_groups_are_tunnelled_from_the_home_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
