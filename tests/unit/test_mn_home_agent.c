/*
 * Which home agent a node registers with: found by the broadcast address of its home network (RFC 5944
 * 3.6.1.2, 3.6.2.3), or assigned by the network (RFC 4433); and the home address that it gets there (RFC
 * 2794).
 */
#include "mn_bench.h"

#include <string.h>

#include "authenticator.h"

static struct bench *const bench = &bench_of_test;

#define HA1	 (BENCH_HOME_AGENT)
#define HA2	 (BENCH_HOME_AGENT + 1)
#define HA3	 (BENCH_HOME_AGENT + 2)
#define GIVEN	 0x0a010064U /* 10.1.0.100 */
#define ALL_ONES 0xffffffffU

static char nai[] = "alice@example.org";

static void by_assignment(struct mn_settings *settings)
{
	settings->home_address = settings->home_agent = (struct mip_address){0};
	settings->home_prefix = (struct mip_prefix){0};
	settings->nai = nai;
	settings->assignment = MN_ASSIGNMENT_ANY;
}

static void by_assignment_with_a_hint(struct mn_settings *settings)
{
	by_assignment(settings);
	settings->home_agent = mip_address_of(HA1);
}

static void by_assignment_at_home(struct mn_settings *settings)
{
	by_assignment(settings);
	settings->assignment = MN_ASSIGNMENT_HOME;
}

static struct mip_association *nonces(void)
{
	static uint8_t key[16] = {0, 0x11, 0x22, 0x33};
	struct mip_association_settings settings = {.spi = 1000,
		.algorithm = MIP_ALGORITHM_HMAC_MD5,
		.replay = MIP_REPLAY_NONCE,
		.key = {.octets = key, .length = sizeof(key)}};
	struct mip_association *association;

	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}

/* The same keys with nonces; the bench has the reference. */
static void use_nonces(struct mn_settings *settings)
{
	mip_association_unref(bench->home);
	bench->home = settings->home = nonces();
}

static void by_resolution_with_nonces(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
	use_nonces(settings);
}

static void by_assignment_with_nonces(struct mn_settings *settings)
{
	by_assignment_with_a_hint(settings);
	use_nonces(settings);
}

/* The Requested HA extension of a request, before its authenticator; 0: none. */
static uint32_t requested_of(const struct bench_request *request)
{
	struct mip_extensions extensions;
	const struct mip_extension *requested;

	bench_extensions_of(request, &extensions);
	requested = mip_extension_of(&extensions, MIP_SLOT_REQUESTED_HOME_AGENT);
	if (!requested)
		return 0;
	assert_true(requested->offset < extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION].offset);
	return mip_address_number(mip_dynamic_home_agent_read(requested));
}

/* The first one since bench_forget(), no later than that. */
static struct bench_request next_request(mip_time within)
{
	mip_time end = bench->now.boot + within;

	bench_collect(bench);
	while (bench_requests(bench) == 0 && bench->now.boot < end)
		bench_pass(bench, 10 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	return bench_last_request(bench);
}

static struct bench_request first_at_fa1(void)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	return next_request(0);
}

static struct bench_request first_at_spot(void)
{
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_forget(bench);
	return next_request(50 * MIP_MILLISECOND);
}

/* It is still there. */
static void hear_fa1(void)
{
	struct bench_agent agent = bench_fa1;

	agent.sequence++;
	bench_advertise(bench, &agent);
}

static void answer(const struct bench_request *request, struct bench_reply reply)
{
	bench_forget(bench);
	bench_reply(bench, request, &reply);
}

/* A home agent accepts, and gives a home address. */
static void accept_by(const struct bench_request *request, uint32_t home_agent)
{
	answer(request, (struct bench_reply){.lifetime = request->fixed.lifetime,
				.home_address = mip_address_of(GIVEN),
				.home_agent = mip_address_of(home_agent)});
}

static void redirect(const struct bench_request *request, uint32_t from, uint32_t to)
{
	answer(request,
		(struct bench_reply){
			.code = 143, .home_agent = mip_address_of(from), .redirected = mip_address_of(to)});
}

/* --- assignment -------------------------------------------------------------------------------- */

/* rfc4433-1-1, rfc4433-3.3-1, rfc4433-5.1-1: the NAI, and no home address; rfc4433-5.1-2, rfc4433-5.1.1-1:
 * ALL-ZERO-ONE-ADDR; rfc4433-5.1-3, rfc4433-5.1.1-2: authenticated. Without a hint no Requested HA extension.
 */
static void test_through_a_foreign_agent_the_choice_is_left_to_the_network(void **state)
{
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(by_assignment);
	request = first_at_fa1();
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(requested_of(&request), 0);
	bench_extensions_of(&request, &extensions);
	assert_memory_equal(extensions.slot[MIP_SLOT_NODE_NAI].data, nai, strlen(nai));
	assert_int_equal(mip_authenticator_check(bench->home, request.octets,
				 &extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]),
		0);
	accept_by(&request, HA2);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), GIVEN);
	assert_non_null(bench_event(bench, "home_agent_assigned", 0));
}

static void test_with_all_ones_the_home_domain_is_preferred(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_at_home);
	request = first_at_fa1();
	assert_int_equal(mip_address_number(request.fixed.home_agent), ALL_ONES);
}

/* rfc4433-5.1.1-5: the hint SHOULD be put into the Requested HA extension. */
static void test_a_hint_is_requested_of_the_foreign_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_fa1();
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(requested_of(&request), HA1);
}

/* rfc4433-5.1.2-1, -6, -7, -8: ALL-ZERO-ONE-ADDR, and the Requested HA extension, which MUST be there and
 * match the destination. */
static void test_co_located_the_requested_home_agent_is_the_destination(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	assert_int_equal(mip_address_number(request.destination), HA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(requested_of(&request), HA1);
	accept_by(&request, HA1);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA1);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA1);
}

/* rfc4433-6-1: there is no unicast address to send to. */
static void test_co_located_without_a_hint_there_is_nobody_to_ask(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment);
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_pass(bench, 5 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_state(bench), MN_STATE_SEARCHING);
	/* Once a foreign agent has helped, the home agent is known. */
	request = first_at_fa1();
	accept_by(&request, HA2);
	bench_forget(bench);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.source), BENCH_SPOT);
}

/* rfc4433-5.1-4, rfc4433-5.1.2-2, rfc4433-5.1.2-3: the assigned home agent is cached for the session, and
 * used in its renewals, its handovers and its end. */
static void test_the_session_stays_with_the_assigned_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_fa1();
	accept_by(&request, HA2);
	bench_forget(bench);
	assert_int_equal(mn_core_register(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	assert_int_equal(requested_of(&request), 0);
	bench_accept(bench);
	/* All links are lost: the session is not. */
	bench_link(bench, BENCH_WWAN, false);
	bench_pass(bench, 2 * MIP_SECOND);
	request = first_at_spot();
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	/* Nor is it by a home agent that does not answer for a while. */
	bench_pass(bench, 20 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_last_request(bench).fixed.home_agent), HA2);
	bench_accept(bench);
	bench_forget(bench);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
}

/* RFC 4433 5.1.3: when the session terminates, the home agent MAY be forgotten, and a new one requested. */
static void test_a_new_session_leaves_the_choice_open_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment);
	request = first_at_fa1();
	accept_by(&request, HA2);
	assert_int_equal(mn_core_deregister(bench->core, bench->now, &(const char *){NULL}), 0);
	bench_pass(bench, MIP_SECOND);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
	assert_int_equal(mip_address_number(bench_status(bench).home_address), 0);
	assert_false(bench_has_home_on(bench, MIP_LINK_TUNNEL));
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	bench_advertise(bench,
		&(struct bench_agent){
			.link = BENCH_WWAN, .address = BENCH_FA1, .flags = bench_fa1.flags, .sequence = 5});
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(requested_of(&request), 0);
}

/* … as it does with its last lifetime, if nobody answers. */
static void test_a_session_that_ran_out_unanswered_is_over(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	accept_by(&request, HA1);
	bench_pass(bench, 700 * MIP_SECOND);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(requested_of(&request), HA1);
}

/* --- redirection ------------------------------------------------------------------------------- */

/* rfc4433-5.1.1-3, -4: "MUST authenticate the Reply […] and attempt Registration with the HA address
 * specified in the Redirected HA Extension"; "MUST put the Redirected HA address as the Requested HA
 * Extension". */
static void test_through_a_foreign_agent_a_redirection_is_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment);
	request = first_at_fa1();
	redirect(&request, HA1, HA2);
	assert_non_null(bench_event(bench, "redirected", 0));
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), BENCH_FA1);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	assert_int_equal(requested_of(&request), HA2);
	redirect(&request, HA2, HA3);
	request = next_request(MIP_SECOND);
	assert_int_equal(requested_of(&request), HA3);
	accept_by(&request, HA3);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA3);
	assert_int_equal(bench_counter(bench, "redirections"), 2);
	assert_int_equal(bench_counter(bench, "reply_143"), 2);
}

/* rfc4433-5.1.2-4, -5. */
static void test_co_located_a_redirection_is_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	redirect(&request, HA1, HA2);
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA2);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	assert_int_equal(requested_of(&request), HA2);
	accept_by(&request, HA2);
	assert_int_equal(mip_address_number(bench_tunnel(bench)->remote), HA2);
}

/* rfc4433-5.1.1-3, rfc4433-5.1.2-4; rfc4433-3.4.1-1: only a valid unicast address is requested of anybody. */
static void test_a_redirection_that_is_not_authentic_or_names_nobody_is_not_followed(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	answer(&request, (struct bench_reply){.code = 143,
				 .home_agent = mip_address_of(HA1),
				 .redirected = mip_address_of(HA2),
				 .forged = true});
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 1);
	answer(&request, (struct bench_reply){.code = 143,
				 .home_agent = mip_address_of(HA1),
				 .redirected = mip_address_of(HA2),
				 .unsigned_reply = true});
	assert_int_equal(bench_counter(bench, "drop_unauthenticated"), 1);
	answer(&request, (struct bench_reply){.code = 143,
				 .home_agent = mip_address_of(HA1),
				 .redirected = mip_address_of(HA2),
				 .redirected_uncovered = true});
	request = next_request(2 * MIP_SECOND);
	assert_int_equal(requested_of(&request), HA1);
	redirect(&request, HA1, 0xe0000001);
	request = next_request(3 * MIP_SECOND);
	assert_int_equal(requested_of(&request), HA1);
	assert_int_equal(bench_counter(bench, "redirections"), 0);
}

static struct mn_home_agent_settings own_keys;

static void by_assignment_with_other_keys(struct mn_settings *settings)
{
	by_assignment_with_a_hint(settings);
	settings->home_agents = &own_keys;
	settings->home_agent_count = 1;
}

static bool is_authentic(const struct bench_request *request, const struct mip_association *association)
{
	struct mip_extensions extensions;

	bench_extensions_of(request, &extensions);
	return mip_authenticator_check(association, request->octets,
		       &extensions.slot[MIP_SLOT_MOBILE_HOME_AUTHENTICATION]) == 0;
}

/* rfc4433-5.1.1-3: "MUST authenticate the Reply based on HA address in HA field of Reply". */
static void test_each_home_agent_is_authenticated_by_its_own_association(void **state)
{
	struct bench_request request;
	struct bench_reply accepted = {
		.lifetime = 600, .home_address = mip_address_of(GIVEN), .home_agent = mip_address_of(HA2)};

	(void)state;
	own_keys = (struct mn_home_agent_settings){mip_address_of(HA2), bench_other_association()};
	bench_again_with(by_assignment_with_other_keys);
	request = first_at_spot();
	assert_true(is_authentic(&request, bench->home));
	redirect(&request, HA1, HA2);
	request = next_request(MIP_SECOND);
	assert_true(is_authentic(&request, own_keys.association));
	answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 1);
	accepted.security = own_keys.association;
	/* Nor does an association speak for another home agent. */
	accepted.home_agent = mip_address_of(HA1);
	answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 2);
	accepted.home_agent = mip_address_of(HA2);
	answer(&request, accepted);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = next_request(MIP_SECOND);
	assert_true(is_authentic(&request, own_keys.association));
	/* From now on it is the only one to answer. */
	accepted.security = NULL;
	accepted.home_agent = mip_address_of(HA1);
	answer(&request, accepted);
	assert_int_equal(bench_counter(bench, "drop_authenticator"), 3);
	mip_association_unref(own_keys.association);
}

/* RFC 4433 4.2 step 5: "If a registration loop occurs […] then the MN stops sending any further Registration
 * Request and provides an indication that the loop event was detected." */
static void test_a_circle_of_redirections_ends_it(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	redirect(&request, HA1, HA2);
	request = next_request(MIP_SECOND);
	redirect(&request, HA2, HA1);
	assert_non_null(bench_event(bench, "redirection_loop", 0));
	assert_int_equal(bench_counter(bench, "redirection_loops"), 1);
	bench_pass(bench, 300 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	/* Until a person asks. */
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = next_request(MIP_SECOND);
	assert_int_equal(requested_of(&request), HA1);
	redirect(&request, HA1, HA1);
	assert_int_equal(bench_counter(bench, "redirection_loops"), 2);
	/* Or the settings may be other ones. */
	assert_int_equal(
		mn_core_reconfigure(bench->core, &bench->settings, bench->now, &(const char *){NULL}), 0);
	request = next_request(2 * MIP_SECOND);
	accept_by(&request, HA1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_no_more_redirections_are_followed_than_can_be_remembered(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	for (uint32_t i = 0; i < 8; i++) {
		redirect(&request, HA1 + i, HA1 + i + 1);
		request = next_request(MIP_SECOND);
	}
	redirect(&request, HA1 + 8, HA1 + 9);
	bench_pass(bench, 100 * MIP_SECOND);
	assert_int_equal(bench_requests(bench), 0);
	assert_int_equal(bench_counter(bench, "redirection_loops"), 1);
}

/* The foreign agent says that it is not there (codes 78, 80 to 88), or nobody says anything. */
static void test_a_home_agent_that_is_not_there_is_not_insisted_on(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_fa1();
	redirect(&request, HA1, HA2);
	request = next_request(MIP_SECOND);
	assert_int_equal(requested_of(&request), HA2);
	/* The one that was named: from the start again, and no circle. */
	answer(&request, (struct bench_reply){.code = 81, .unsigned_reply = true});
	request = next_request(2 * MIP_SECOND);
	assert_int_equal(requested_of(&request), HA1);
	/* The hint: the foreign agent may know better. */
	answer(&request, (struct bench_reply){.code = 78, .unsigned_reply = true});
	hear_fa1();
	request = next_request(3 * MIP_SECOND);
	assert_int_equal(requested_of(&request), 0);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	accept_by(&request, HA3);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA3);
}

static void test_co_located_a_redirection_to_nobody_is_given_up(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_spot();
	redirect(&request, HA1, HA2);
	bench_pass(bench, 20 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), HA1);
	assert_int_equal(requested_of(&request), HA1);
}

/* A node that has its home agent in its settings does not ask to be sent elsewhere. */
static void test_code_143_does_not_move_a_configured_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	request = first_at_spot();
	redirect(&request, HA1, HA2);
	request = next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
	assert_int_equal(mip_address_number(request.destination), HA1);
}

/* --- legacy agents, RFC 4433 10 ---------------------------------------------------------------- */

/* "If the MN does not receive a Registration Reply […] after sending a few Registration Requests […] the MN
 * should quickly send a new Registration Request as mentioned in Section 4.1 step 2": the address in the
 * field as well. */
static void test_unanswered_the_home_agent_is_named_in_the_field(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment_with_a_hint);
	request = first_at_fa1();
	bench_forget(bench);
	request = next_request(1001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), 0);
	hear_fa1();
	bench_forget(bench);
	request = next_request(2001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
	assert_int_equal(requested_of(&request), HA1);
	accept_by(&request, HA1);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

/* "if the registration is denied with error code 70 (poorly formed Request), the MN can assume that the
 * legacy FA cannot process this message"; one of RFC 5944 has code 194. */
static void test_a_legacy_foreign_agent_is_asked_in_the_old_way(void **state)
{
	static const uint8_t codes[] = {70, 194};
	struct bench_request request;

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		bench_again_with(by_assignment_with_a_hint);
		request = first_at_fa1();
		answer(&request, (struct bench_reply){.code = codes[i], .unsigned_reply = true});
		request = next_request(MIP_SECOND);
		assert_int_equal(mip_address_number(request.fixed.home_agent), HA1);
		assert_int_equal(requested_of(&request), HA1);
		/* The same again is a denial like others. */
		answer(&request, (struct bench_reply){.code = codes[i], .unsigned_reply = true});
		bench_pass(bench, 900 * MIP_MILLISECOND);
		assert_int_equal(bench_requests(bench), 0);
	}
}

/* "Legacy home agents may reject the Registration Request with error code 136". */
static void test_a_legacy_home_agent_is_asked_in_the_old_way(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_assignment);
	request = first_at_fa1();
	answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_agent), HA2);
	assert_int_equal(requested_of(&request), HA2);
	accept_by(&request, HA2);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
}

/* --- resolution -------------------------------------------------------------------------------- */

static void by_resolution(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
}

/* Several answer: the first is taken, the others are to no request any more. */
static void test_of_several_home_agents_the_first_to_answer_is_taken(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_resolution);
	request = first_at_spot();
	answer(&request,
		(struct bench_reply){
			.code = 136, .home_agent = mip_address_of(HA2), .source = mip_address_of(HA2)});
	bench_reply(bench, &request,
		&(struct bench_reply){
			.code = 136, .home_agent = mip_address_of(HA1), .source = mip_address_of(HA1)});
	assert_int_equal(bench_counter(bench, "drop_unmatched"), 1);
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA2);
	bench_accept(bench);
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), HA2);
}

static void test_a_broadcast_address_in_the_answer_is_no_home_agent(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_resolution);
	request = first_at_spot();
	answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(0x0a0100ff)});
	assert_int_equal(mip_address_number(bench_status(bench).home_agent), 0);
}

/* One that does not answer any more is looked for anew, unless there is a binding. */
static void test_a_home_agent_that_was_found_and_is_silent_is_looked_for_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_resolution);
	request = first_at_spot();
	answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	bench_pass(bench, 10 * MIP_SECOND);
	request = bench_last_request(bench);
	assert_int_equal(mip_address_number(request.destination), 0x0a0100ff);
	answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA1)});
	bench_forget(bench);
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), HA1);
}

/* One that has no room is not insisted on. */
static void test_a_home_agent_that_was_found_and_is_full_is_looked_for_again(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_resolution);
	request = first_at_spot();
	answer(&request, (struct bench_reply){.code = 136, .home_agent = mip_address_of(HA2)});
	request = next_request(MIP_SECOND);
	answer(&request, (struct bench_reply){.code = 130});
	request = next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.destination), 0x0a0100ff);
}

/* --- the identification, with several home agents ----------------------------------------------- */

/* rfc5944-3.6.2.3-4: after code 136 "the mobile node SHOULD adjust the parameters it uses to compute the
 * Identification field". With nonces each home agent has its own: the one whose nonce is taken is the one
 * that is asked next. */
static void test_with_nonces_the_first_answer_gives_nonce_and_home_agent(void **state)
{
	struct bench_request request, next;

	(void)state;
	bench_again_with(by_resolution_with_nonces);
	request = first_at_spot();
	answer(&request, (struct bench_reply){.code = 133,
				 .home_agent = mip_address_of(HA2),
				 .identification_xor = 0x5555555500000000});
	next = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(next.destination), HA2);
	/* rfc5944-5.7.2-1: its nonce in the high half, and another low half. */
	assert_int_equal(
		next.fixed.identification >> 32, (request.fixed.identification ^ 0x5555555500000000) >> 32);
	assert_int_not_equal((uint32_t)next.fixed.identification, (uint32_t)request.fixed.identification);
}

/* RFC 5944 3.6.3: the unanswered request is repeated unchanged; the other request of RFC 4433 10 is another.
 */
static void test_with_nonces_the_request_for_legacy_agents_is_a_new_one(void **state)
{
	struct bench_request first, again, other;

	(void)state;
	bench_again_with(by_assignment_with_nonces);
	first = first_at_fa1();
	bench_forget(bench);
	again = next_request(1001 * MIP_MILLISECOND);
	assert_int_equal(again.fixed.identification, first.fixed.identification);
	hear_fa1();
	bench_forget(bench);
	other = next_request(2001 * MIP_MILLISECOND);
	assert_int_equal(mip_address_number(other.fixed.home_agent), HA1);
	assert_int_not_equal((uint32_t)other.fixed.identification, (uint32_t)first.fixed.identification);
}

/* --- the home address of a node with a name ------------------------------------------------------ */

static void by_name(struct mn_settings *settings)
{
	settings->home_address = (struct mip_address){0};
	settings->nai = nai;
}

/* RFC 5944 3.6.1.2: "The Home Address field MUST be set to the mobile node's home address, if this
 * information is known." The NAI goes along (RFC 2794). */
static void test_renewals_and_the_end_have_the_home_address_that_was_given(void **state)
{
	struct bench_request request;
	struct mip_extensions extensions;

	(void)state;
	bench_again_with(by_name);
	request = first_at_fa1();
	accept_by(&request, HA1);
	bench_forget(bench);
	(void)mn_core_register(bench->core, bench->now, &(const char *){NULL});
	request = next_request(MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	assert_int_equal(mip_address_number(request.source), GIVEN);
	bench_extensions_of(&request, &extensions);
	assert_true(extensions.present[MIP_SLOT_NODE_NAI]);
	bench_accept(bench);
	bench_forget(bench);
	mn_core_farewell(bench->core, bench->now);
	bench_collect(bench);
	request = bench_last_request(bench);
	assert_int_equal(request.fixed.lifetime, 0);
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
}

/* rfc5944-3.8.3.2-6: code 129 for a home address that another node has been given by now. */
static void test_a_home_address_that_was_lost_is_asked_for_anew(void **state)
{
	struct bench_request request;

	(void)state;
	bench_again_with(by_name);
	request = first_at_fa1();
	accept_by(&request, HA1);
	bench_link(bench, BENCH_WWAN, false);
	request = first_at_spot();
	assert_int_equal(mip_address_number(request.fixed.home_address), GIVEN);
	answer(&request, (struct bench_reply){.code = 129});
	request = next_request(2 * MIP_SECOND);
	assert_int_equal(mip_address_number(request.fixed.home_address), 0);
	answer(&request, (struct bench_reply){.lifetime = 600, .home_address = mip_address_of(GIVEN + 1)});
	assert_int_equal(mip_address_number(bench_status(bench).home_address), GIVEN + 1);
	assert_true(bench_has_home_on(bench, MIP_LINK_TUNNEL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_through_a_foreign_agent_the_choice_is_left_to_the_network),
		TEST(test_with_all_ones_the_home_domain_is_preferred),
		TEST(test_a_hint_is_requested_of_the_foreign_agent),
		TEST(test_co_located_the_requested_home_agent_is_the_destination),
		TEST(test_co_located_without_a_hint_there_is_nobody_to_ask),
		TEST(test_the_session_stays_with_the_assigned_home_agent),
		TEST(test_a_new_session_leaves_the_choice_open_again),
		TEST(test_a_session_that_ran_out_unanswered_is_over),
		TEST(test_through_a_foreign_agent_a_redirection_is_followed),
		TEST(test_co_located_a_redirection_is_followed),
		TEST(test_a_redirection_that_is_not_authentic_or_names_nobody_is_not_followed),
		TEST(test_each_home_agent_is_authenticated_by_its_own_association),
		TEST(test_a_circle_of_redirections_ends_it),
		TEST(test_no_more_redirections_are_followed_than_can_be_remembered),
		TEST(test_a_home_agent_that_is_not_there_is_not_insisted_on),
		TEST(test_co_located_a_redirection_to_nobody_is_given_up),
		TEST(test_code_143_does_not_move_a_configured_home_agent),
		TEST(test_unanswered_the_home_agent_is_named_in_the_field),
		TEST(test_a_legacy_foreign_agent_is_asked_in_the_old_way),
		TEST(test_a_legacy_home_agent_is_asked_in_the_old_way),
		TEST(test_of_several_home_agents_the_first_to_answer_is_taken),
		TEST(test_a_broadcast_address_in_the_answer_is_no_home_agent),
		TEST(test_a_home_agent_that_was_found_and_is_silent_is_looked_for_again),
		TEST(test_a_home_agent_that_was_found_and_is_full_is_looked_for_again),
		TEST(test_with_nonces_the_first_answer_gives_nonce_and_home_agent),
		TEST(test_with_nonces_the_request_for_legacy_agents_is_a_new_one),
		TEST(test_renewals_and_the_end_have_the_home_address_that_was_given),
		TEST(test_a_home_address_that_was_lost_is_asked_for_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
