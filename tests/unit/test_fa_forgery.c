/*
 * Messages that nobody with the key has sent: the foreign agent believes none of them. Every bit of the requests, replies
 * and revocations that it authenticates, flipped, with every algorithm; replies of the past, in every order.
 */
#include "fa_world.h"

#include <string.h>

#include "authenticator.h"
#include "forgery.h"
#include "revocation.h"

enum {
	CAPTURED = 5,
	ORDERS = 120,
	FOREIGN_HOME_SPI = 900,
	MOBILE_FOREIGN_SPI = 901,
};

/* A world whose home agent, or whose node, shares an association. */
struct shared {
	struct fa_world world;
	struct mip_association *association;
	struct fa_home_agent_settings home_agent;
	struct fa_mobile_node_settings node;
};

static void begin(struct shared *shared, enum mip_algorithm algorithm, bool with_node)
{
	memset(shared, 0, sizeof(*shared));
	shared->association =
		forgery_association(with_node ? MOBILE_FOREIGN_SPI : FOREIGN_HOME_SPI, algorithm);
	fa_world_init(&shared->world);
	shared->home_agent = (struct fa_home_agent_settings){
		.address = address("10.1.0.1"), .association = shared->association};
	shared->node = (struct fa_mobile_node_settings){
		.home_address = address("10.1.0.50"), .association = shared->association};
	shared->world.settings.revocation = (struct mip_revocation_settings){
		.enabled = true, .inform_bit = true, .attempts = 3, .most = 10};
	if (with_node) {
		shared->world.settings.mobile_nodes = &shared->node;
		shared->world.settings.mobile_node_count = 1;
	} else {
		shared->world.settings.home_agents = &shared->home_agent;
		shared->world.settings.home_agent_count = 1;
	}
	fa_world_start(&shared->world);
}

static void end(struct shared *shared)
{
	fa_world_end(&shared->world);
	mip_association_unref(shared->association);
}

/* --- replies -------------------------------------------------------------------------------------- */

static size_t write_reply(
	const struct shared *shared, const struct fa_world_request *request, uint8_t *message)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);
	struct mip_revocation_support support = {.inform = true, .timestamp = 12345};

	writer.length = fa_world_write_reply(&reply, NULL, NULL, message);
	mip_revocation_support_write(&writer, &support);
	assert_int_equal(mip_authenticator_append(
				 &writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, shared->association),
		0);
	return writer.length;
}

static bool is_wanted_anything(const struct fa_world *world)
{
	return fa_world_count(world, MIP_OUTPUT_WANT) > 0;
}

/* rfc5944-3.7.3.1-9: each ends the request with code 68, at most: then the node asks again. */
static void flip_reply_bit(struct shared *shared, const struct fa_world_request *request, size_t bit)
{
	struct fa_world *world = &shared->world;
	uint8_t message[WORLD_MESSAGE], reply[WORLD_MESSAGE];
	size_t length;

	fa_world_send(world, request, message);
	length = write_reply(shared, request, reply);
	fa_world_clear(world);
	reply[bit / 8] ^= (uint8_t)(1U << bit % 8);
	fa_world_deliver(world, address("10.1.0.1"), reply, length);
	fa_world_wait(world, 0);
	if (is_wanted_anything(world) || fa_core_visitor_count(world->core) > 0)
		fail_msg("bit %zu of a reply was believed", bit);
	fa_world_clear(world);
}

static void no_reply_with_a_bit_flipped_makes_a_visitor(void **state)
{
	static struct shared shared;

	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		struct fa_world_request request = fa_world_request();
		uint8_t message[WORLD_MESSAGE];
		size_t length;

		begin(&shared, forgery_algorithms[i], false);
		length = write_reply(&shared, &request, message);
		for (size_t bit = 0; bit < 8 * length; bit++) {
			flip_reply_bit(&shared, &request, bit);
			request.fields.identification++;
			fa_world_wait(&shared.world, 8 * MIP_SECOND);
		}
		/* As it is, it is believed. */
		fa_world_send(&shared.world, &request, message);
		length = write_reply(&shared, &request, message);
		fa_world_deliver(&shared.world, address("10.1.0.1"), message, length);
		assert_int_equal(fa_core_visitor_count(shared.world.core), 1);
		end(&shared);
	}
}

/* --- requests ------------------------------------------------------------------------------------- */

static size_t write_request(
	const struct shared *shared, const struct fa_world_request *request, uint8_t *message)
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);

	writer.length = fa_world_write_request(request, message);
	assert_int_equal(mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0,
				 shared->association),
		0);
	return writer.length;
}

/* A bit of its home address makes it another node's, with which nothing is shared: that is its home agent's to judge. */
static bool is_in_name(size_t bit)
{
	return bit / 8 >= 4 && bit / 8 < 8;
}

static void no_request_of_a_node_with_a_key_is_relayed_with_a_bit_flipped(void **state)
{
	static struct shared shared;

	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		struct fa_world_request request = fa_world_request();
		uint8_t message[WORLD_MESSAGE];
		size_t length;

		begin(&shared, forgery_algorithms[i], true);
		length = write_request(&shared, &request, message);
		for (size_t bit = 0; bit < 8 * length; bit++) {
			if (is_in_name(bit))
				continue;
			message[bit / 8] ^= (uint8_t)(1U << bit % 8);
			fa_world_send_message(&shared.world, &request, message, length);
			message[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (fa_core_pending_count(shared.world.core) > 0)
				fail_msg("bit %zu of a request was believed", bit);
			fa_world_clear(&shared.world);
		}
		fa_world_send_message(&shared.world, &request, message, length);
		assert_int_equal(fa_core_pending_count(shared.world.core), 1);
		end(&shared);
	}
}

/* --- revocations ---------------------------------------------------------------------------------- */

static void register_revocably(struct shared *shared, const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];
	size_t length;

	fa_world_send(&shared->world, request, message);
	length = write_reply(shared, request, message);
	fa_world_deliver(&shared->world, address("10.1.0.1"), message, length);
	assert_int_equal(fa_core_visitor_count(shared->world.core), 1);
	fa_world_wait(&shared->world, MIP_SECOND);
	fa_world_clear(&shared->world);
}

static size_t write_revocation(const struct shared *shared, uint32_t identifier, uint8_t *message)
{
	struct mip_writer writer = mip_writer_of(message, WORLD_MESSAGE);
	struct mip_revocation revocation = {
		.from_home_agent = true,
		.home_address = address("10.1.0.50"),
		.home_domain = address("10.1.0.1"),
		.foreign_domain = address("10.2.0.1"),
		.identifier = identifier,
	};

	mip_revocation_write(&writer, &revocation);
	assert_int_equal(mip_authenticator_append(
				 &writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, shared->association),
		0);
	return writer.length;
}

static void no_revocation_with_a_bit_flipped_ends_a_visit(void **state)
{
	static struct shared shared;

	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		struct fa_world_request request = fa_world_request();
		uint8_t message[WORLD_MESSAGE];
		size_t length;

		begin(&shared, forgery_algorithms[i], false);
		register_revocably(&shared, &request);
		length = write_revocation(&shared, 20000, message);
		for (size_t bit = 0; bit < 8 * length; bit++) {
			message[bit / 8] ^= (uint8_t)(1U << bit % 8);
			fa_world_deliver(&shared.world, address("10.1.0.1"), message, length);
			message[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (fa_core_visitor_count(shared.world.core) != 1 ||
				fa_world_count(&shared.world, MIP_OUTPUT_DATAGRAM) > 0)
				fail_msg("bit %zu of a revocation was believed", bit);
		}
		fa_world_deliver(&shared.world, address("10.1.0.1"), message, length);
		assert_int_equal(fa_core_visitor_count(shared.world.core), 0);
		end(&shared);
	}
}

/* --- the past ------------------------------------------------------------------------------------- */

/* The n-th order of the messages, by the factorial number system. */
static void order_of(unsigned n, size_t ret_order[static CAPTURED])
{
	size_t left[CAPTURED];

	for (size_t i = 0; i < CAPTURED; i++)
		left[i] = i;
	for (unsigned count = CAPTURED; count > 0; count--) {
		unsigned place = n % count;

		n /= count;
		ret_order[CAPTURED - count] = left[place];
		memmove(&left[place], &left[place + 1], (count - place - 1) * sizeof(left[0]));
	}
}

static struct fa_world_request request_of(unsigned n)
{
	struct fa_world_request request = fa_world_request();

	request.fields.identification += n;
	request.fields.lifetime = n == 2 ? 0 : 600; /* one of them is a deregistration */
	return request;
}

/* The replies of five registrations of the past, in every order, while a sixth is on its way: they change nothing. */
static void no_reply_of_the_past_is_believed_in_any_order(void **state)
{
	static struct shared shared;
	uint8_t replies[CAPTURED][WORLD_MESSAGE], message[WORLD_MESSAGE];
	size_t lengths[CAPTURED], length;
	struct fa_world_request request;

	(void)state;
	begin(&shared, MIP_ALGORITHM_HMAC_MD5, false);
	for (unsigned i = 0; i < CAPTURED; i++) {
		request = request_of(i);
		fa_world_send(&shared.world, &request, message);
		lengths[i] = write_reply(&shared, &request, replies[i]);
		fa_world_deliver(&shared.world, address("10.1.0.1"), replies[i], lengths[i]);
		fa_world_wait(&shared.world, MIP_SECOND);
	}
	assert_int_equal(fa_core_visitor_count(shared.world.core), 1);
	request = request_of(100);
	for (unsigned n = 0; n < ORDERS; n++) {
		size_t order[CAPTURED];

		request.fields.identification++;
		fa_world_send(&shared.world, &request, message);
		fa_world_clear(&shared.world);
		order_of(n, order);
		for (size_t i = 0; i < CAPTURED; i++)
			fa_world_deliver(
				&shared.world, address("10.1.0.1"), replies[order[i]], lengths[order[i]]);
		assert_int_equal(shared.world.count, 0);
		assert_int_equal(fa_core_pending_count(shared.world.core), 1);
		assert_int_equal(fa_core_visitor_count(shared.world.core), 1);
		length = write_reply(&shared, &request, message);
		fa_world_deliver(&shared.world, address("10.1.0.1"), message, length);
		assert_int_equal(fa_core_pending_count(shared.world.core), 0);
	}
	assert_int_equal(fa_world_counter(&shared.world, "drop_unexpected_reply"), ORDERS * CAPTURED);
	end(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_reply_with_a_bit_flipped_makes_a_visitor),
		cmocka_unit_test(no_request_of_a_node_with_a_key_is_relayed_with_a_bit_flipped),
		cmocka_unit_test(no_revocation_with_a_bit_flipped_ends_a_visit),
		cmocka_unit_test(no_reply_of_the_past_is_believed_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
