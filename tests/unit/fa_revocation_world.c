#include "fa_revocation_world.h"

#include "address.h"
#include "authenticator.h"
#include "replay.h"
#include "revocation.h"

struct fa_world foreign_world;
struct mip_association *foreign_association, *foreign_other;
struct mip_revocation_support foreign_answer;	  /* what the home agent's reply says … */
bool foreign_answers, foreign_answer_unprotected; /* … if it does */

int foreign_setup(void **state)
{
	static struct fa_home_agent_settings home_agents[1];

	(void)state;
	fa_world_init(&foreign_world);
	foreign_association = fa_world_association(2000);
	foreign_other = fa_world_association(2001);
	foreign_answer = (struct mip_revocation_support){.inform = true, .timestamp = HOME_CLOCK};
	foreign_answers = true;
	foreign_answer_unprotected = false;
	home_agents[0] = (struct fa_home_agent_settings){
		.address = address("10.1.0.1"), .association = foreign_association};
	foreign_world.settings.home_agents = home_agents;
	foreign_world.settings.home_agent_count = 1;
	foreign_world.settings.revocation = (struct mip_revocation_settings){
		.enabled = true, .inform_bit = true, .inform = true, .attempts = 8, .most = 100};
	fa_world_start(&foreign_world);
	fa_world_clear(&foreign_world);
	return 0;
}

int foreign_teardown(void **state)
{
	(void)state;
	fa_world_end(&foreign_world);
	mip_association_unref(foreign_association);
	mip_association_unref(foreign_other);
	return 0;
}

void foreign_use(void (*change)(struct mip_revocation_settings *settings))
{
	change(&foreign_world.settings.revocation);
	assert_int_equal(
		fa_core_configure(foreign_world.core, &foreign_world.settings, foreign_world.now), 0);
}

void foreign_without_i(struct mip_revocation_settings *settings)
{
	settings->inform_bit = false;
}

void foreign_without_informing(struct mip_revocation_settings *settings)
{
	settings->inform = false;
}

void foreign_without_both(struct mip_revocation_settings *settings)
{
	settings->inform_bit = settings->inform = false;
}

void foreign_without_any(struct mip_revocation_settings *settings)
{
	settings->enabled = false;
}

void foreign_few(struct mip_revocation_settings *settings)
{
	settings->most = 1;
}

/* --- messages ---------------------------------------------------------------------------------- */

size_t foreign_count_of(int type)
{
	size_t count = 0;

	for (size_t i = 0; i < foreign_world.count; i++)
		count += foreign_world.outputs[i].kind == MIP_OUTPUT_DATAGRAM &&
			 mip_message_type(foreign_world.outputs[i].octets, foreign_world.outputs[i].length) ==
				 type;
	return count;
}

struct sent foreign_sent_of(int type, size_t n)
{
	struct sent sent = {0};

	for (size_t i = 0; i < foreign_world.count; i++) {
		const struct mip_output *output = &foreign_world.outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length);

		if (output->kind != MIP_OUTPUT_DATAGRAM ||
			mip_message_type(output->octets, output->length) != type || n-- > 0)
			continue;
		sent.datagram = output->datagram;
		sent.octets = output->octets;
		sent.length = output->length;
		if (type == MIP_MESSAGE_REGISTRATION_REQUEST)
			assert_int_equal(mip_request_read(&reader, &sent.request), 0);
		else if (type == MIP_MESSAGE_REVOCATION)
			assert_int_equal(mip_revocation_read(&reader, &sent.revocation), 0);
		else
			assert_int_equal(mip_revocation_ack_read(&reader, &sent.ack), 0);
		assert_int_equal(mip_extensions_read(&reader, &sent.extensions), 0);
		return sent;
	}
	fail_msg("there is no such message");
	return sent;
}

struct sent foreign_only_sent(int type)
{
	assert_int_equal(foreign_count_of(type), 1);
	return foreign_sent_of(type, 0);
}

bool foreign_is_authentic(const struct sent *sent)
{
	const struct mip_extension *extension =
		mip_extension_of(&sent->extensions, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION);

	return extension && extension->offset + extension->length == sent->length &&
	       mip_authenticator_check(foreign_association, sent->octets, extension) == 0;
}

size_t foreign_informed(void)
{
	struct mip_agent_advertisement advertisement;
	size_t count = 0;

	for (size_t i = 0; i < foreign_world.count; i++) {
		const struct mip_output *output = &foreign_world.outputs[i];
		struct mip_reader reader = mip_reader_of(output->octets, output->length), payload;
		struct mip_ip ip;

		if (output->kind != MIP_OUTPUT_FRAME || mip_ip_read(&reader, &ip, &payload) < 0 ||
			ip.protocol != MIP_PROTOCOL_ICMP ||
			!mip_address_equal(ip.destination, address("10.1.0.50")))
			continue;
		/* rfc3543-4.1-2: as RFC 5944 2.1 says. */
		assert_int_equal(mip_advertisement_read(&payload, &advertisement), 0);
		assert_int_equal(ip.ttl, 1);
		assert_true(mip_address_equal(ip.source, address("10.2.0.1")));
		assert_true(mip_link_address_equal(output->frame.destination, link_address(0x50)));
		assert_int_equal(output->frame.link, WORLD_VISITED);
		assert_int_equal(advertisement.sequence, 0);
		assert_true(advertisement.flags & MIP_AGENT_X);
		count++;
	}
	return count;
}

void foreign_write_answer(struct mip_writer *writer)
{
	/* A reply's message begins with its first octet, as the authenticator wants it. */
	if (foreign_answers && !foreign_answer_unprotected)
		mip_revocation_support_write(writer, &foreign_answer);
	assert_int_equal(mip_authenticator_append(
				 writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, foreign_association),
		0);
	if (foreign_answers && foreign_answer_unprotected)
		mip_revocation_support_write(writer, &foreign_answer);
}

void foreign_answer_request(const struct fa_world_request *request)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);
	uint8_t message[WORLD_MESSAGE];
	size_t length = fa_world_write_reply(&reply, NULL, foreign_write_answer, message);

	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, length);
}

struct fa_world_request foreign_next_request(void)
{
	struct fa_world_request request = fa_world_request();
	static uint64_t identification = 0x1122334455667788;

	request.fields.identification = identification++;
	return request;
}

void foreign_register_node(void)
{
	struct fa_world_request request = foreign_next_request();
	uint8_t message[WORLD_MESSAGE];

	fa_world_send(&foreign_world, &request, message);
	foreign_answer_request(&request);
}

void foreign_visited(void)
{
	foreign_register_node();
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
	fa_world_wait(&foreign_world, 10 * MIP_SECOND);
	fa_world_clear(&foreign_world);
}

struct mip_revocation foreign_home_agents_revocation(void)
{
	return (struct mip_revocation){
		.from_home_agent = true,
		.inform = true,
		.home_address = address("10.1.0.50"),
		.home_domain = address("10.1.0.1"),
		.foreign_domain = address("10.2.0.1"),
		.identifier = HOME_CLOCK + 10,
	};
}

void foreign_deliver_revocation(const struct mip_revocation *revocation, const struct mip_association *by)
{
	uint8_t message[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_revocation_write(&writer, revocation);
	if (by)
		assert_int_equal(
			mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, by),
			0);
	fa_world_deliver(&foreign_world, address("10.1.0.1"), message, writer.length);
}

void foreign_deliver_ack(
	const struct mip_revocation_ack *ack, const char *source, const struct mip_association *by)
{
	uint8_t message[WORLD_MESSAGE];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	mip_revocation_ack_write(&writer, ack);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, 0, by), 0);
	fa_world_deliver(&foreign_world, address(source), message, writer.length);
}

struct mip_revocation_ack foreign_ack_of(const struct sent *sent, bool inform)
{
	return (struct mip_revocation_ack){.inform = inform,
		.home_address = sent->revocation.home_address,
		.identifier = sent->revocation.identifier};
}

void foreign_revoke(void)
{
	assert_int_equal(fa_core_revoke(foreign_world.core, address("10.1.0.50"), foreign_world.now), 0);
	fa_world_wait(&foreign_world, 0);
}

uint32_t foreign_our_clock(void)
{
	return (uint32_t)(mip_ntp_of(foreign_world.now.wall) >> 32);
}

void foreign_check_dropped(
	const struct mip_revocation *revocation, const struct mip_association *by, const char *counter)
{
	uint64_t before = fa_world_counter(&foreign_world, counter);

	fa_world_clear(&foreign_world);
	foreign_deliver_revocation(revocation, by);
	assert_int_equal(foreign_world.count, 0);
	assert_int_equal(fa_core_visitor_count(foreign_world.core), 1);
	assert_int_equal(fa_world_counter(&foreign_world, counter), before + 1);
}
