/* Which home agent a node registers with: settings, requests and answers for the tests of it. */
#include "mn_home_agents.h"

static struct bench *const bench = &bench_of_test;

char bench_nai[] = "alice@example.org";

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

void bench_by_assignment(struct mn_settings *settings)
{
	settings->home_address = settings->home_agent = (struct mip_address){0};
	settings->home_prefix = (struct mip_prefix){0};
	settings->nai = bench_nai;
	settings->assignment = MN_ASSIGNMENT_ANY;
}

void bench_by_assignment_with_a_hint(struct mn_settings *settings)
{
	bench_by_assignment(settings);
	settings->home_agent = mip_address_of(HA1);
}

/* The same keys with nonces; the bench has the reference. */
void bench_use_nonces(struct mn_settings *settings)
{
	mip_association_unref(bench->home);
	bench->home = settings->home = nonces();
}

void bench_by_assignment_with_nonces(struct mn_settings *settings)
{
	bench_by_assignment_with_a_hint(settings);
	bench_use_nonces(settings);
}

void bench_by_resolution(struct mn_settings *settings)
{
	settings->home_agent = (struct mip_address){0};
}

/* The Requested HA extension of a request, before its authenticator; 0: none. */
uint32_t bench_requested_of(const struct bench_request *request)
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
struct bench_request bench_next_request(mip_time within)
{
	mip_time end = bench->now.boot + within;

	bench_collect(bench);
	while (bench_requests(bench) == 0 && bench->now.boot < end)
		bench_pass(bench, 10 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
	return bench_last_request(bench);
}

struct bench_request bench_first_at_fa1(void)
{
	bench_link(bench, BENCH_WWAN, true);
	bench_forget(bench);
	bench_advertise(bench, &bench_fa1);
	return bench_next_request(0);
}

struct bench_request bench_first_at_spot(void)
{
	bench_link(bench, BENCH_WLAN, true);
	bench_lease(bench);
	bench_forget(bench);
	return bench_next_request(50 * MIP_MILLISECOND);
}

void bench_answer(const struct bench_request *request, struct bench_reply reply)
{
	bench_forget(bench);
	bench_reply(bench, request, &reply);
}

/* A home agent accepts, and gives a home address. */
void bench_accept_by(const struct bench_request *request, uint32_t home_agent)
{
	bench_answer(request, (struct bench_reply){.lifetime = request->fixed.lifetime,
				      .home_address = mip_address_of(GIVEN),
				      .home_agent = mip_address_of(home_agent)});
}

void bench_hear_fa1(void)
{
	struct bench_agent agent = bench_fa1;

	agent.sequence++;
	bench_advertise(bench, &agent);
}
