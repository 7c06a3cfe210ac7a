/*
 * Messages that nobody with the key has sent, or that somebody has sent before: the home agent accepts none of them.
 *
 * - every bit of every kind of request that it would accept, flipped, with every algorithm
 * - captured requests of three nodes in every order, from where they came and from elsewhere, before and after a restart
 * - a million forgeries: authenticators, lengths, SPIs, extensions and addresses at random, and parts of real messages
 *
 * "None" means that no binding, no kernel state, no record and no replay state is other than it was.
 */
#include "ha_test.h"

#include <stdio.h>
#include <string.h>

#include "association.h"
#include "forgery.h"
#include "replay.h"

/* A sanitizer makes each ten times as long. */
#ifdef __SANITIZE_ADDRESS__
enum { FORGERIES = 100000 };
#else
enum { FORGERIES = 1000000 };
#endif

enum {
	CAPTURED = 6,
	ORDERS = 720, /* of so many */
	RECORDS = 64,
};

/* --- nothing has changed ------------------------------------------------------------------------- */

static void add_binding(void *context, const struct ha_binding_view *binding)
{
	char line[256], home[MIP_ADDRESS_TEXT], care_of[MIP_ADDRESS_TEXT], source[MIP_ENDPOINT_TEXT];

	snprintf(line, sizeof(line), "%s at %s from %s, %u s until %lld; ",
		mip_address_text(binding->home_address, home),
		mip_address_text(binding->care_of_address, care_of),
		mip_endpoint_text(binding->source, binding->source_port, source), binding->lifetime,
		(long long)binding->expires);
	strcat(context, line);
}

/* All bindings as text, which is good until the next but one. */
static const char *bindings(const struct world *world)
{
	static char texts[2][2048];
	static unsigned turn;
	char *text = texts[++turn % 2];

	text[0] = 0;
	ha_core_bindings(world->core, add_binding, text);
	return text;
}

static bool is_accepting(const struct mip_output *output)
{
	struct mip_reader reader = mip_reader_of(output->octets, output->length);
	struct mip_registration_reply reply;

	return output->kind == MIP_OUTPUT_DATAGRAM && mip_reply_read(&reader, &reply) == 0 &&
	       mip_code_is_accepted(reply.code);
}

/* Of what has come out: denials and events, and nothing else. With nonces every reply brings a new one, to be kept. */
static void expect_nothing_accepted(struct world *world, bool nonces, const char *what)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];

		if (output->kind == MIP_OUTPUT_EVENT ||
			(output->kind == MIP_OUTPUT_DATAGRAM && !is_accepting(output)) ||
			(nonces && output->kind == MIP_OUTPUT_KEEP &&
				strncmp(output->key, "replay/", 7) == 0))
			continue;
		fail_msg("%s: output of kind %d", what, output->kind);
	}
	ha_world_clear_outputs(world);
}

/* --- every bit ----------------------------------------------------------------------------------- */

struct golden {
	const char *name;
	void (*describe)(const struct world *world, struct ask *ask);
};

static struct mip_revocation_support support = {.inform = true, .timestamp = 12345};

static void by_agent(const struct world *world, struct ask *ask)
{
	(void)world;
	*ask = ha_ask_by_agent();
}
static void co_located(const struct world *world, struct ask *ask)
{
	(void)world;
	*ask = ha_ask_co_located();
	ask->tunnel_request = true;
}
static void by_authenticated_agent(const struct world *world, struct ask *ask)
{
	*ask = ha_ask_by_agent();
	ask->care_of = AGENT_ADDRESS;
	ask->foreign_home = world->agent;
	ask->support = &support;
	ask->challenge = true;
}
static void by_name(const struct world *world, struct ask *ask)
{
	*ask = ha_ask_co_located();
	ask->nai = "node@example.org";
	ask->security = world->node;
	ask->vendor = false;
}
static void by_aaa(const struct world *world, struct ask *ask)
{
	*ask = ha_ask_co_located();
	ask->no_security = true;
	ask->challenge = true;
	ask->aaa = world->aaa;
}
static void deregistration(const struct world *world, struct ask *ask)
{
	(void)world;
	*ask = ha_ask_co_located();
	ask->lifetime = -1;
}

static const struct golden goldens[] = {
	{"by an agent", by_agent},
	{"co-located, with a UDP tunnel request", co_located},
	{"by an agent that authenticates, with challenge and revocation support", by_authenticated_agent},
	{"by an NAI", by_name},
	{"by Mobile-AAA authentication", by_aaa},
	{"a deregistration", deregistration},
};

static void replace(struct mip_association **place, struct mip_association *association)
{
	mip_association_unref(*place);
	*place = association;
}

static void start_with(struct world *world, enum mip_algorithm algorithm)
{
	ha_world_prepare(world);
	replace(&world->node, forgery_association(1000, algorithm));
	replace(&world->agent, forgery_association(2000, algorithm));
	replace(&world->aaa, forgery_association(3000, algorithm));
	world->nodes[0] =
		(struct ha_node_settings){NODE_ADDRESS, "node@example.org", world->node, world->aaa};
	world->agents[0].association = world->agent;
	world->settings.revocation = (struct mip_revocation_settings){
		.enabled = true, .inform_bit = true, .attempts = 3, .most = 10};
	ha_world_start(world);
}

static void flip_each_bit(struct world *world, const struct golden *golden, const struct ask *ask)
{
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length = ha_ask_build(world, ask, message, sizeof(message));
	const char *before = bindings(world);

	for (size_t bit = 0; bit < 8 * length; bit++) {
		message[bit / 8] ^= (uint8_t)(1U << bit % 8);
		ha_ask_deliver(world, ask, message, length);
		expect_nothing_accepted(world, false, golden->name);
		message[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t octet = 0; octet < length; octet++) {
		message[octet] ^= 0xff;
		ha_ask_deliver(world, ask, message, length);
		expect_nothing_accepted(world, false, golden->name);
		message[octet] ^= 0xff;
	}
	assert_string_equal(bindings(world), before);
	/* Its identification has not been used up by any of them. */
	ha_ask_deliver(world, ask, message, length);
	assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
	ha_world_clear_outputs(world);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
}

static void no_request_is_accepted_with_any_bit_or_octet_flipped(void **state)
{
	static struct world world;

	(void)state;
	for (size_t i = 0; i < FORGERY_ALGORITHMS; i++) {
		start_with(&world, forgery_algorithms[i]);
		for (size_t j = 0; j < MIP_ARRAY_SIZE(goldens); j++) {
			struct ask ask;

			goldens[j].describe(&world, &ask);
			flip_each_bit(&world, &goldens[j], &ask);
		}
		ha_world_end(&world);
	}
}

static void no_request_is_accepted_cut_short_at_any_octet(void **state)
{
	static struct world world;

	(void)state;
	start_with(&world, MIP_ALGORITHM_HMAC_SHA256);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(goldens); i++) {
		uint8_t message[MIP_REGISTRATION_MAX];
		struct ask ask;
		size_t length;

		goldens[i].describe(&world, &ask);
		length = ha_ask_build(&world, &ask, message, sizeof(message));
		for (size_t cut = 0; cut < length; cut++) {
			ha_ask_deliver(&world, &ask, message, cut);
			expect_nothing_accepted(&world, false, goldens[i].name);
		}
		assert_int_equal(ha_core_binding_count(world.core), 0);
	}
	ha_world_end(&world);
}

/* --- every order --------------------------------------------------------------------------------- */

struct message {
	struct ask ask;
	uint8_t octets[MIP_REGISTRATION_MAX];
	size_t length;
};

struct record {
	char key[MIP_RECORD_KEY];
	uint8_t octets[600];
	size_t length;
};

struct session {
	struct message messages[CAPTURED];
	struct record records[RECORDS];
	size_t record_count;
};

static struct record *record_of(struct session *session, const char *key)
{
	for (size_t i = 0; i < session->record_count; i++)
		if (strcmp(session->records[i].key, key) == 0)
			return &session->records[i];
	assert_true(session->record_count < RECORDS);
	strcpy(session->records[session->record_count].key, key);
	return &session->records[session->record_count++];
}

/* As the store of a daemon does. */
static void keep_records(struct session *session, const struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		const struct mip_output *output = &world->outputs[i];
		struct record *record;

		if (output->kind != MIP_OUTPUT_KEEP && output->kind != MIP_OUTPUT_FORGET)
			continue;
		record = record_of(session, output->key);
		record->length = output->kind == MIP_OUTPUT_KEEP ? output->length : 0;
		assert_true(record->length <= sizeof(record->octets));
		if (record->length > 0)
			memcpy(record->octets, output->octets, record->length);
	}
}

static void restart(struct session *session, struct world *world)
{
	ha_world_collect(world);
	keep_records(session, world);
	ha_world_clear_outputs(world);
	ha_core_free(world->core);
	ha_world_make(world);
	for (size_t i = 0; i < session->record_count; i++)
		if (session->records[i].length > 0)
			ha_core_record(world->core, session->records[i].key, session->records[i].octets,
				session->records[i].length, world->now);
	ha_world_begin(world);
	ha_world_clear_outputs(world);
}

static uint64_t next_nonce(struct world *world)
{
	struct ask ask = ha_ask_co_located();

	ask.home_address = NONCE_ADDRESS;
	ask.identification = 1;
	ha_ask_send(world, &ask);
	return ha_answer_take(world)->fields.identification & 0xffffffff00000000;
}

/* Three requests of one node, two of another, which uses nonces, one of a third; all of them accepted, and all that a
 * stranger has heard. */
static void capture(struct session *session, struct world *world)
{
	static const uint32_t care_of[CAPTURED] = {
		0x0a040007, 0x0a050007, 0x0a040007, 0x0a040008, 0x0a050008, 0x0a040009};
	const struct mip_address homes[CAPTURED] = {
		NODE_ADDRESS, NODE_ADDRESS, NODE_ADDRESS, NONCE_ADDRESS, NONCE_ADDRESS, VIRTUAL_NODE};

	*session = (struct session){0};
	for (size_t i = 0; i < CAPTURED; i++) {
		struct message *message = &session->messages[i];

		message->ask = ha_ask_co_located();
		message->ask.home_address = homes[i];
		message->ask.care_of = mip_address_of(care_of[i]);
		ha_world_pass(world, 10 * MIP_MILLISECOND);
		if (mip_address_equal(homes[i], NONCE_ADDRESS))
			message->ask.identification = next_nonce(world) | (0x1000 + i);
		keep_records(session, world);
		ha_world_clear_outputs(world);
		message->length =
			ha_ask_build(world, &message->ask, message->octets, sizeof(message->octets));
		ha_ask_deliver(world, &message->ask, message->octets, message->length);
		assert_true(mip_code_is_accepted(ha_answer_take(world)->fields.code));
		keep_records(session, world);
		ha_world_clear_outputs(world);
	}
}

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

static void replay(struct world *world, const struct message *message, unsigned n)
{
	struct ask ask = message->ask;

	/* From another port, from another address, as a frame of the home link. (From the very same place, the last one with
	 * nonces is a retransmission: see below.) */
	ask.source_port = 4000;
	ask.source = n % 3 == 1 ? mip_address_of(0xcb007107) : message->ask.care_of;
	if (n % 3 == 2) {
		ask.framed = true;
		ask.link_source = ha_node_link_address;
	}
	ha_ask_deliver(world, &ask, message->octets, message->length);
	expect_nothing_accepted(world, true, "a replay");
}

static void no_captured_request_is_accepted_in_any_order_nor_after_a_restart(void **state)
{
	static struct session session;
	struct world *world = *state;
	const char *before;

	capture(&session, world);
	before = bindings(world);
	for (unsigned n = 0; n < ORDERS; n++) {
		size_t order[CAPTURED];

		order_of(n, order);
		for (size_t i = 0; i < CAPTURED; i++) {
			replay(world, &session.messages[order[i]], n);
			if (n % 20 == i) {
				restart(&session, world);
				/* The boot clock goes on here, so the ends of the bindings are the same. */
				assert_string_equal(bindings(world), before);
				before = bindings(world);
			}
		}
	}
	assert_string_equal(bindings(world), before);
}

static void the_nodes_go_on_after_all_that(void **state)
{
	static struct session session;
	struct world *world = *state;
	struct ask ask = ha_ask_co_located();

	capture(&session, world);
	for (unsigned n = 0; n < ORDERS; n += 7)
		for (size_t i = 0; i < CAPTURED; i++)
			replay(world, &session.messages[(i * 5 + n) % CAPTURED], n);
	ha_world_pass(world, MIP_SECOND);
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	ask.home_address = VIRTUAL_NODE;
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
	/* With nonces the replies to the replays have brought new ones: code 133 tells the node. */
	ask.home_address = NONCE_ADDRESS;
	ask.identification = next_nonce(world) | 7;
	ha_world_clear_outputs(world);
	ha_ask_expect(world, &ask, MIP_CODE_ACCEPTED_NO_SIMULTANEOUS);
}

static void a_request_repeated_from_its_own_place_changes_nothing(void **state)
{
	static struct session session;
	struct world *world = *state;
	const char *before;

	capture(&session, world);
	before = bindings(world);
	for (unsigned n = 0; n < ORDERS; n++) {
		size_t order[CAPTURED];

		order_of(n, order);
		for (size_t i = 0; i < CAPTURED; i++) {
			const struct message *message = &session.messages[order[i]];

			ha_ask_deliver(world, &message->ask, message->octets, message->length);
			ha_world_clear_outputs(world);
		}
	}
	/* The last one with nonces may be answered again (3.6.3), and that is all. */
	assert_string_equal(bindings(world), before);
	assert_int_equal(
		ha_counter_value(world, "bindings_renewed") + ha_counter_value(world, "bindings_moved"), 3);
}

static void what_one_node_has_sent_does_not_speak_for_another(void **state)
{
	struct world *world = *state;
	const struct mip_address homes[] = {NODE_ADDRESS, VIRTUAL_NODE, NONCE_ADDRESS};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(homes); i++) {
		for (size_t j = 0; j < MIP_ARRAY_SIZE(homes); j++) {
			struct ask ask = ha_ask_co_located();
			uint8_t message[MIP_REGISTRATION_MAX];
			size_t length;

			ask.home_address = homes[i];
			length = ha_ask_build(world, &ask, message, sizeof(message));
			/* RFC 5944 3.3: the home address is at 4. */
			memcpy(message + 4, &homes[j].value, sizeof(homes[j].value));
			if (i == j)
				continue;
			ha_ask_deliver(world, &ask, message, length);
			expect_nothing_accepted(world, false, "in another's name");
		}
	}
	assert_int_equal(ha_core_binding_count(world->core), 0);
}

/* --- a million forgeries ------------------------------------------------------------------------- */

struct forger {
	uint64_t state;
	const struct session *session;
};

static uint32_t random32(struct forger *forger)
{
	forger->state ^= forger->state >> 12;
	forger->state ^= forger->state << 25;
	forger->state ^= forger->state >> 27;
	return (uint32_t)((forger->state * 0x2545f4914f6cdd1dULL) >> 32);
}

static const struct message *any_message(struct forger *forger)
{
	return &forger->session->messages[random32(forger) % CAPTURED];
}

/* A request of its own with an authenticator out of thin air. */
static size_t forge_whole(struct forger *forger, const struct world *world, uint8_t *octets, size_t size)
{
	static const size_t lengths[] = {16, 20, 32, 0, 1, 15, 17};
	static const uint32_t spis[] = {1000, 1001, 1002, 2000, 255, 0};
	struct mip_writer writer = mip_writer_of(octets, size);
	struct mip_registration_request request = {
		.flags = (uint16_t)(random32(forger) & 0xfe),
		.lifetime = (uint16_t)random32(forger),
		.home_address = any_message(forger)->ask.home_address,
		.home_agent = HA_ADDRESS,
		.care_of_address = mip_address_of(random32(forger)),
		.identification = mip_ntp_of(world->now.wall) + (random32(forger) & 0xff),
	};
	uint8_t *room;
	size_t length = lengths[random32(forger) % MIP_ARRAY_SIZE(lengths)];

	mip_request_write(&writer, &request);
	room = mip_authentication_write(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0,
		spis[random32(forger) % MIP_ARRAY_SIZE(spis)], length);
	for (size_t i = 0; room && i < length; i++)
		room[i] = (uint8_t)random32(forger);
	return writer.length;
}

/* A captured one with a new identification, and other octets changed. */
static size_t forge_changed(struct forger *forger, const struct world *world, uint8_t *octets)
{
	const struct message *message = any_message(forger);
	uint64_t identification = mip_ntp_of(world->now.wall);
	unsigned changes = random32(forger) % 4;

	memcpy(octets, message->octets, message->length);
	for (int i = 0; i < 8; i++)
		octets[16 + i] = (uint8_t)(identification >> (56 - 8 * i));
	while (changes-- > 0)
		octets[random32(forger) % message->length] ^= (uint8_t)(1 + random32(forger) % 255);
	return message->length;
}

/* The head of one and the authenticator of another. */
static size_t forge_joined(struct forger *forger, uint8_t *octets)
{
	const struct message *head = any_message(forger), *tail = any_message(forger);
	size_t from = MIP_REQUEST_LENGTH;

	while (head == tail)
		tail = any_message(forger);
	memcpy(octets, head->octets, from);
	memcpy(octets + from, tail->octets + from, tail->length - from);
	return tail->length;
}

/* A captured one and something behind it. */
static size_t forge_longer(struct forger *forger, uint8_t *octets)
{
	const struct message *message = any_message(forger);
	size_t more = 1 + random32(forger) % 40;

	memcpy(octets, message->octets, message->length);
	for (size_t i = 0; i < more; i++)
		octets[message->length + i] = (uint8_t)random32(forger);
	return message->length + more;
}

static size_t forge(struct forger *forger, const struct world *world, uint8_t *octets, size_t size)
{
	switch (random32(forger) % 4) {
	case 0:
		return forge_whole(forger, world, octets, size);
	case 1:
		return forge_changed(forger, world, octets);
	case 2:
		return forge_joined(forger, octets);
	default:
		return forge_longer(forger, octets);
	}
}

static void a_million_forgeries_are_not_accepted(void **state)
{
	static struct session session;
	struct world *world = *state;
	struct forger forger = {.state = 20061, .session = &session};
	const char *before;
	uint8_t octets[MIP_REGISTRATION_MAX];

	capture(&session, world);
	before = bindings(world);
	for (unsigned n = 0; n < FORGERIES; n++) {
		struct ask ask = {.source = mip_address_of(0xcb000000 + random32(&forger) % 65536)};
		size_t length = forge(&forger, world, octets, sizeof(octets));

		ha_ask_deliver(world, &ask, octets, length);
		expect_nothing_accepted(world, true, "a forgery");
	}
	assert_string_equal(bindings(world), before);
	assert_true(ha_counter_value(world, "requests_received") > FORGERIES * 9ULL / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_is_accepted_with_any_bit_or_octet_flipped),
		cmocka_unit_test(no_request_is_accepted_cut_short_at_any_octet),
		TEST(no_captured_request_is_accepted_in_any_order_nor_after_a_restart),
		TEST(the_nodes_go_on_after_all_that),
		TEST(a_request_repeated_from_its_own_place_changes_nothing),
		TEST(what_one_node_has_sent_does_not_speak_for_another),
		TEST(a_million_forgeries_are_not_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
