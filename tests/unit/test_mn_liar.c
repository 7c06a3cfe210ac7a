/*
 * Agents that lie: they advertise what they do not do. Nothing vouches for an advertisement (RFC 5944 5), so the node
 * believes who lets it register: it stays with that one, tries others less and less often, and does not flap between them.
 */
#include "mn_bench.h"

enum {
	HOUR = 3600,
	LIAR = 0x0a020066, /* 10.2.0.102, on the link of the agent in use */
};

/* How an hour went. */
struct hour {
	unsigned requests_to_liar, seconds_elsewhere, handovers;
};

static bool is_at(const struct bench *bench, uint32_t agent)
{
	struct mn_status status = bench_status(bench);

	return status.state == MN_STATE_REGISTERED && mip_address_number(status.agent) == agent;
}

/* What the node sends goes to that agent. */
static bool leads_to(const struct bench *bench, const struct bench_agent *agent)
{
	const struct mip_want_route *route = bench_way_out(bench);

	return route && route->link == agent->link &&
	       mip_address_equal(route->gateway, mip_address_of(agent->address));
}

/* The home agent answers what goes by the honest agent, and nobody what goes to the liar. */
static void answer(struct bench *bench, uint32_t honest, struct hour *hour)
{
	struct bench_request request;

	if (bench_requests(bench) == 0)
		return;
	request = bench_last_request(bench);
	if (mip_address_number(request.destination) == honest)
		bench_reply(bench, &request, &(struct bench_reply){.lifetime = request.fixed.lifetime});
	else
		hour->requests_to_liar += (unsigned)bench_requests(bench);
}

static struct hour an_hour(
	struct bench *bench, struct bench_agent *honest, struct bench_agent *liar, bool restarts)
{
	struct hour hour = {0};

	hour.handovers = (unsigned)bench_counter(bench, "handovers");
	for (unsigned second = 0; second < HOUR; second++) {
		bench_forget(bench);
		bench_advertise(bench, honest);
		bench_advertise(bench, liar);
		honest->sequence++;
		liar->sequence = restarts ? (uint16_t)(second % 2) : (uint16_t)(liar->sequence + 1);
		bench_pass(bench, MIP_SECOND);
		answer(bench, honest->address, &hour);
		hour.seconds_elsewhere += !is_at(bench, honest->address) || !leads_to(bench, honest);
	}
	hour.handovers = (unsigned)bench_counter(bench, "handovers") - hour.handovers;
	assert_true(is_at(bench, honest->address));
	return hour;
}

static struct bench_agent liar_on(mip_link link)
{
	return (struct bench_agent){
		.link = link, .address = LIAR, .flags = MIP_AGENT_F | MIP_AGENT_T, .sequence = 100};
}

static void a_liar_on_its_agents_link_is_not_even_asked(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = liar_on(BENCH_WWAN);
	struct hour hour;

	bench_registered_at_fa1(bench);
	hour = an_hour(bench, &honest, &liar, false);
	assert_int_equal(hour.requests_to_liar, 0);
	assert_int_equal(hour.seconds_elsewhere, 0);
}

static void a_liar_that_is_heard_first_is_left_for_who_lets_the_node_register(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = liar_on(BENCH_WWAN);
	struct hour hour = {0};
	unsigned seconds = 0;

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &liar);
	for (; !is_at(bench, BENCH_FA1) && seconds < 60; seconds++) {
		bench_advertise(bench, &honest);
		bench_advertise(bench, &liar);
		bench_pass(bench, MIP_SECOND);
		answer(bench, BENCH_FA1, &hour);
		honest.sequence++;
		liar.sequence++;
		bench_forget(bench);
	}
	assert_in_range(seconds, 1, 15);
	hour = an_hour(bench, &honest, &liar, false);
	assert_int_equal(hour.requests_to_liar, 0);
	assert_int_equal(hour.handovers, 0);
}

static void a_liar_on_a_preferred_interface_is_tried_less_and_less_often(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = liar_on(BENCH_WLAN);
	struct hour hour;

	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	hour = an_hour(bench, &honest, &liar, false);
	/* Three requests each time, some twenty times. */
	assert_in_range(hour.requests_to_liar, 3, 75);
	assert_in_range(hour.handovers, 1, 25);
	/* It takes none of the node's packets meanwhile. */
	assert_int_equal(hour.seconds_elsewhere, 0);
}

static void it_does_not_help_the_liar_to_restart_each_second(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = liar_on(BENCH_WLAN);
	struct hour hour;

	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	hour = an_hour(bench, &honest, &liar, true);
	assert_in_range(hour.requests_to_liar, 3, 120);
	assert_int_equal(hour.seconds_elsewhere, 0);
}

static void who_claims_to_be_the_home_agent_gets_the_node_for_seconds_only(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = bench_home_agent;
	struct hour hour;

	bench_registered_at_fa1(bench);
	/* A deregistration by that link is not answered, as the liar cannot. */
	liar.link = BENCH_WWAN;
	hour = an_hour(bench, &honest, &liar, true);
	assert_in_range(hour.seconds_elsewhere, 1, 200);
	assert_in_range(hour.handovers, 1, 40);
}

static void a_liar_that_denies_is_left_too(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = liar_on(BENCH_WLAN);
	unsigned denied = 0;

	bench_registered_at_fa1(bench);
	bench_link(bench, BENCH_WLAN, true);
	for (unsigned second = 0; second < HOUR; second++) {
		struct bench_request request;

		bench_forget(bench);
		bench_advertise(bench, &honest);
		bench_advertise(bench, &liar);
		honest.sequence++;
		liar.sequence++;
		bench_pass(bench, MIP_SECOND);
		if (bench_requests(bench) == 0)
			continue;
		request = bench_last_request(bench);
		if (mip_address_number(request.destination) == BENCH_FA1) {
			bench_reply(
				bench, &request, &(struct bench_reply){.lifetime = request.fixed.lifetime});
		} else {
			denied++;
			bench_reply(
				bench, &request, &(struct bench_reply){.code = 66, .unsigned_reply = true});
		}
	}
	assert_true(is_at(bench, BENCH_FA1));
	assert_in_range(denied, 1, 25);
}

static void without_anybody_else_even_a_liar_is_asked_every_half_minute(void **state)
{
	struct bench *bench = *state;
	struct bench_agent liar = liar_on(BENCH_WWAN);
	unsigned requests = 0;

	/* It may have been the home agent that was away. */
	bench_link(bench, BENCH_WWAN, true);
	for (unsigned second = 0; second < HOUR; second++) {
		bench_forget(bench);
		bench_advertise(bench, &liar);
		liar.sequence++;
		bench_pass(bench, MIP_SECOND);
		requests += (unsigned)bench_requests(bench);
	}
	assert_in_range(requests, HOUR / 40, HOUR / 20);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, MIP_SECOND);
	bench_accept(bench);
	assert_true(is_at(bench, BENCH_FA1));
}

static void whose_address_a_liar_took_first_is_heard_when_the_liar_has_disappointed(void **state)
{
	struct bench *bench = *state;
	struct bench_agent honest = bench_fa1, liar = bench_fa1;
	struct hour hour = {0};
	unsigned seconds = 0;

	/* The same address, another card. */
	liar.card = LIAR;
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &liar);
	for (; !is_at(bench, BENCH_FA1) && seconds < 60; seconds++) {
		bench_forget(bench);
		bench_advertise(bench, &liar);
		bench_advertise(bench, &honest);
		bench_pass(bench, MIP_SECOND);
		if (bench_requests(bench) > 0) {
			struct bench_request request = bench_last_request(bench);

			if (mip_link_address_equal(request.link_destination, bench_link_address(BENCH_FA1)))
				answer(bench, BENCH_FA1, &hour);
		}
		honest.sequence++;
		liar.sequence++;
	}
	assert_in_range(seconds, 1, 30);
	/* And from then on it is the liar that is not heard. */
	bench_forget(bench);
	bench_advertise(bench, &liar);
	assert_true(bench_counter(bench, "drop_advertisement") > 0);
}

static void at_most_eight(struct mn_settings *settings)
{
	settings->agents_per_link = 8;
}

/* Neither the one in use nor those that have let the node register go for the sake of strangers. */
static void a_thousand_made_up_agents_push_out_each_other(void **state)
{
	struct bench *bench = *state;
	struct bench_agent fake = liar_on(BENCH_WWAN), second = bench_fa2;

	second.link = BENCH_WWAN;
	second.lifetime = fake.lifetime = 9000;
	bench_again_with(at_most_eight);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &second);
	bench_accept(bench);
	bench_advertise(bench, &bench_fa1);
	bench_pass(bench, 10 * MIP_MILLISECOND);
	for (uint32_t i = 0; i < 1000; i++) {
		fake.address = 0x0a650001U + i;
		bench_advertise(bench, &fake);
		bench_forget(bench);
	}
	assert_int_equal(mn_core_agent_count(bench->core), 8);
	assert_int_equal(bench_counter(bench, "agents_displaced"), 1002 - 8);
	assert_true(is_at(bench, BENCH_FA2));
	bench_advertise(bench, &second);
	assert_int_equal(bench_counter(bench, "agents_found"), 1002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_liar_on_its_agents_link_is_not_even_asked),
		TEST(a_liar_that_is_heard_first_is_left_for_who_lets_the_node_register),
		TEST(a_liar_on_a_preferred_interface_is_tried_less_and_less_often),
		TEST(it_does_not_help_the_liar_to_restart_each_second),
		TEST(who_claims_to_be_the_home_agent_gets_the_node_for_seconds_only),
		TEST(a_liar_that_denies_is_left_too),
		TEST(without_anybody_else_even_a_liar_is_asked_every_half_minute),
		TEST(a_thousand_made_up_agents_push_out_each_other),
		TEST(whose_address_a_liar_took_first_is_heard_when_the_liar_has_disappointed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
