/*
 * What the mobile node puts into its Registration Requests (RFC 5944 3.6.1, RFC 3024, RFC 3519 3.1, RFC
 * 4721).
 */
#include "mn_bench.h"

#include <string.h>
#include "authenticator.h"
#include "extension.h"
#include "packet.h"

static struct bench *const bench = &bench_of_test;

/* rfc3024-A.4-1: "… addresses with Mobile IP MUST set the 'T' bit and employ reverse tunneling." */
/* rfc3024-6.1-1: "The mobile node MUST set to 255 the TTL value in the IP headers of Registration …" */
/* rfc3024-4.1.1-1: "The mobile node MUST set the TTL field of the IP header to 255." */
/* rfc3024-3.2-2: "… Live field in the IP header MUST be set to 255." */
/* rfc3519-4.4-1 */
static void test_through_a_foreign_agent_the_request_is_a_frame_to_its_link_address(void **state)
{
	/* rfc5944-1.7-3, rfc5944-3.1-1, rfc5944-3.6.1-1, rfc5944-3.6.1.1-3, rfc5944-3.6.1.1-6,
	 * rfc5944-3.6.1.1-7, rfc5944-3.6.1.2-2, rfc5944-3.6.1.2-9, rfc5944-3.6.1.2-11,
	 * rfc5944-3.6.1.2-14 */
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_requests(bench), 1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	request = bench_last_request(bench);
	assert_true(request.frame);
	assert_int_equal(request.link, BENCH_WWAN);
	assert_true(mip_link_address_equal(request.link_destination, bench_link_address(BENCH_FA1)));
	assert_int_equal(mip_address_number(request.source), BENCH_HOME);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(request.source_port, BENCH_PORT);
	assert_int_equal(request.destination_port, 434);
	assert_int_equal(request.ttl, 255);
	assert_int_equal(request.fixed.flags, MIP_REQUEST_T);
	assert_int_equal(request.fixed.lifetime, 600);
	assert_int_equal(mip_address_number(request.fixed.home_address), BENCH_HOME);
	assert_int_equal(mip_address_number(request.fixed.home_agent), BENCH_HOME_AGENT);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_FA1);
	assert_int_equal(request.fixed.identification >> 32, 1700000000ULL + 2208988800ULL);
	bench_extensions_of(&request, &extensions);
	assert_int_equal(mip_authenticator_check(bench->home, request.octets,
				 mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION)),
		0);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
}

/* rfc3519-3.1.5-1 */
static void test_co_located_the_request_goes_to_the_home_agent_with_d_and_the_udp_offer(void **state)
{
	/* rfc5944-3.1-3, rfc5944-3.6.1-1, rfc5944-3.6.1.1-1, rfc5944-3.6.1.1-8, rfc5944-3.6.1.2-1,
	 * rfc5944-3.6.1.2-14 */
	struct bench_request request;
	struct mip_extensions extensions;
	struct mip_udp_tunnel_request udp;

	(void)state;
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	request = bench_last_request(bench);
	assert_false(request.frame);
	assert_int_equal(request.link, BENCH_WLAN);
	assert_int_equal(mip_address_number(request.source), BENCH_SPOT);
	assert_int_equal(mip_address_number(request.destination), BENCH_HOME_AGENT);
	assert_int_equal(request.ttl, 255);
	assert_int_equal(request.fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT);
	bench_extensions_of(&request, &extensions);
	assert_int_equal(
		mip_udp_tunnel_request_read(mip_extension_of(&extensions, MIP_SLOT_UDP_TUNNEL_REQUEST), &udp),
		0);
	assert_false(udp.force);
	assert_false(udp.through_foreign_agent);
	/* rfc3519-4.4-2: before the Mobile-Home Authentication Extension */
	assert_true(extensions.slot[MIP_SLOT_UDP_TUNNEL_REQUEST].offset <
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
}

static void only_foreign_agents(struct mn_settings *settings)
{
	settings->care_of = MN_CARE_OF_FOREIGN_AGENT;
}

static void without_a_home_agent(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
}

static void with_an_assigned_home_agent(struct mn_settings *settings)
{
	without_a_home_agent(settings);
	settings->assignment = MN_ASSIGNMENT_ANY;
}

/* A point-to-point link: the peer has said what its own address is, and the default route leads there. */
static void dial_in(void (*change)(struct mn_settings *settings), bool with_own_address)
{
	bench_again_with(change);
	bench_link(bench, BENCH_WWAN, true);
	if (with_own_address)
		bench_address(bench, BENCH_WWAN, BENCH_SPOT, 32, true);
	bench_route(bench, BENCH_WWAN, BENCH_SPOT_GW, true);
	bench_pass(bench, 10 * MIP_SECOND);
}

/* rfc5944-AppA-2: "When the peer specifies its own IP address, that address MUST NOT be assumed to be a foreign agent
 * care-of address or the IP address of a home agent." */
static void test_a_peers_own_address_is_neither_a_care_of_address_nor_a_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	/* With nothing but the peer's address there is no care-of address, … */
	dial_in(NULL, false);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	/* … nor where foreign agents are what the node wants. */
	dial_in(only_foreign_agents, true);
	assert_int_equal(bench_requests(bench), 0);
	/* Its own address is one, and nothing goes through or to the peer, */
	dial_in(NULL, true);
	request = bench_last_request(bench);
	assert_false(request.frame);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT);
	assert_int_equal(mip_address_number(request.destination), BENCH_HOME_AGENT);
	/* also where the home agent is not known: it is asked for in the home network, */
	dial_in(without_a_home_agent, true);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_agent), BENCH_HOME | 0xff);
	assert_int_equal(mip_address_number(request.destination), BENCH_HOME | 0xff);
	/* or by nobody, where the network is to assign one and there is no agent to ask. */
	dial_in(with_an_assigned_home_agent, true);
	assert_int_equal(bench_requests(bench), 0);
}

static void force_udp(struct mn_settings *settings)
{
	settings->force_udp = true;
}

static void test_udp_is_forced_when_the_settings_say_so(void **state)
{
	struct bench_request request;
	struct mip_extensions extensions;
	struct mip_udp_tunnel_request udp;

	(void)state;
	bench_again_with(force_udp);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	request = bench_last_request(bench);
	bench_extensions_of(&request, &extensions);
	assert_int_equal(
		mip_udp_tunnel_request_read(mip_extension_of(&extensions, MIP_SLOT_UDP_TUNNEL_REQUEST), &udp),
		0);
	assert_true(udp.force);
}

static void without_reverse_tunnel(struct mn_settings *settings)
{
	settings->reverse_tunnel = false;
	settings->nat_traversal = false;
}

static void test_without_a_reverse_tunnel_t_is_not_set(void **state)
{
	(void)state;
	bench_again_with(without_reverse_tunnel);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	assert_int_equal(bench_last_request(bench).fixed.flags, 0);
	bench_link(bench, BENCH_WWAN, false);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 50 * MIP_MILLISECOND);
	assert_int_equal(bench_last_request(bench).fixed.flags, MIP_REQUEST_D);
}

static void test_the_lifetime_asked_for_is_no_longer_than_the_agents(void **state)
{
	/* rfc5944-3.6.1.2-8 */
	struct bench_agent agent = bench_fa1;

	(void)state;
	agent.registration_lifetime = 120;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	assert_int_equal(bench_last_request(bench).fixed.lifetime, 120);
}

static struct mn_foreign_agent_settings shared;

static void with_shared(struct mn_settings *settings)
{
	settings->foreign_agents = &shared;
	settings->foreign_agent_count = 1;
}

static void with_aaa_and_nai(struct mn_settings *settings)
{
	static char nai[] = "alice@example.org";

	settings->aaa = shared.association;
	settings->nai = nai;
}

/* rfc5944-5.1-1 */
static void test_the_extensions_stand_in_the_order_that_is_required(void **state)
{
	/* rfc5944-3.2-2, rfc5944-3.2-3, rfc5944-3.3-2, rfc5944-3.3-3, rfc5944-3.5.2-1,
	 * rfc5944-3.6.1.3-1, rfc5944-3.6.1.3-2, rfc5944-3.6.1.3-3 */
	struct bench_agent agent = bench_fa1;
	struct mip_extensions extensions;
	struct bench_request request;
	size_t last = 0;

	(void)state;
	shared = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), bench_other_association()};
	bench_again_with(with_shared);
	agent.challenge = "a challenge";
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	request = bench_last_request(bench);
	bench_extensions_of(&request, &extensions);
	for (size_t i = 0; i < 3; i++) {
		static const enum mip_slot order[] = {MIP_SLOT_MOBILE_HOME_AUTHENTICATION, MIP_SLOT_CHALLENGE,
			MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION};

		assert_true(extensions.present[order[i]]);
		assert_true(extensions.slot[order[i]].offset > last);
		last = extensions.slot[order[i]].offset;
	}
	assert_int_equal(mip_authenticator_check(shared.association, request.octets,
				 &extensions.slot[MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION]),
		0);
	assert_memory_equal(extensions.slot[MIP_SLOT_CHALLENGE].data, "a challenge", 11);
	mip_association_unref(shared.association);
}

static void test_with_aaa_the_challenge_is_authenticated_by_it(void **state)
{
	struct bench_agent agent = bench_fa1;
	struct mip_extensions extensions;
	struct bench_request request;

	(void)state;
	shared.association = bench_other_association();
	bench_again_with(with_aaa_and_nai);
	agent.challenge = "another";
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &agent);
	request = bench_last_request(bench);
	bench_extensions_of(&request, &extensions);
	assert_true(extensions.slot[MIP_SLOT_NODE_NAI].offset <
		    extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	assert_true(extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset <
		    extensions.slot[MIP_SLOT_CHALLENGE].offset);
	assert_true(extensions.slot[MIP_SLOT_CHALLENGE].offset <
		    extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION].offset);
	assert_int_equal(mip_authenticator_check(shared.association, request.octets,
				 &extensions.slot[MIP_SLOT_MOBILE_AAA_AUTHENTICATION]),
		0);
	mip_association_unref(shared.association);
}

/* rfc3519-3.1.2-1, rfc3519-4.11-1 */
static void test_an_agent_that_insists_relays_a_co_located_registration(void **state)
{
	/* rfc5944-2.4.1-1, rfc5944-3.1-2, rfc5944-3.6.1.1-1 */
	struct bench_agent agent = bench_fa2;
	struct mip_extensions extensions;
	struct bench_request request;
	struct mip_udp_tunnel_request udp;

	(void)state;
	bench->settings.care_of = MN_CARE_OF_CO_LOCATED;
	bench_link(bench, BENCH_WLAN, true);
	assert_int_equal(
		mn_core_reconfigure(bench->core, &bench->settings, bench->now, &(const char *){NULL}), 0);
	agent.flags |= MIP_AGENT_R;
	bench_advertise(bench, &agent);
	bench_lease(bench);
	request = bench_last_request(bench);
	assert_true(request.frame);
	assert_int_equal(mip_address_number(request.source), BENCH_SPOT);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA2);
	assert_int_equal(request.fixed.flags, MIP_REQUEST_D | MIP_REQUEST_T);
	assert_int_equal(mip_address_number(request.fixed.care_of_address), BENCH_SPOT);
	/* rfc3519-4.4-8: without U no UDP Tunnel Request … */
	bench_extensions_of(&request, &extensions);
	assert_false(extensions.present[MIP_SLOT_UDP_TUNNEL_REQUEST]);
	/* rfc3519-4.4-6: … with U one that has R. */
	bench_forget(bench);
	agent.flags |= MIP_AGENT_U;
	agent.sequence = 0;
	bench_pass(bench, MIP_SECOND);
	bench_advertise(bench, &agent);
	bench_pass(bench, 2 * MIP_SECOND);
	request = bench_last_request(bench);
	bench_extensions_of(&request, &extensions);
	assert_int_equal(
		mip_udp_tunnel_request_read(mip_extension_of(&extensions, MIP_SLOT_UDP_TUNNEL_REQUEST), &udp),
		0);
	assert_true(udp.through_foreign_agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_through_a_foreign_agent_the_request_is_a_frame_to_its_link_address),
		TEST(test_co_located_the_request_goes_to_the_home_agent_with_d_and_the_udp_offer),
		TEST(test_a_peers_own_address_is_neither_a_care_of_address_nor_a_home_agent),
		TEST(test_udp_is_forced_when_the_settings_say_so),
		TEST(test_without_a_reverse_tunnel_t_is_not_set),
		TEST(test_the_lifetime_asked_for_is_no_longer_than_the_agents),
		TEST(test_the_extensions_stand_in_the_order_that_is_required),
		TEST(test_with_aaa_the_challenge_is_authenticated_by_it),
		TEST(test_an_agent_that_insists_relays_a_co_located_registration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
