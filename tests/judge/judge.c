/*
 * The C side of the golden messages: reads the lines of golden.py, and answers each with what the library
 * wrote from the fields and what it read from the octets. It judges nothing but the authenticators, which it
 * alone can; the rest is for golden.py to compare.
 *
 *   in    NAME  MODE  OCTETS  FIELDS  KEYS           separated by tabs
 *   out   NAME  OCTETS-WRITTEN  FIELDS-READ  VERIFIED
 *
 * That an authenticator verifies is half of it: each octet that it covers is changed in turn, and then it
 * must not verify.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "advertisement.h"
#include "authenticator.h"
#include "packet.h"
#include "print.h"
#include "registration.h"
#include "revocation.h"

enum {
	MESSAGE_MAX = 65536,
	PRINT_MAX = 600 + 32 * MESSAGE_MAX,
	COLUMNS = 5,
};

static size_t octets_of(const char *hex, uint8_t *octets, size_t size)
{
	size_t length = 0;
	unsigned octet;

	for (; length < size && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		octets[length++] = (uint8_t)octet;
	return length;
}

static const char *string_at(const json_t *object, const char *name)
{
	const char *string = json_string_value(json_object_get(object, name));

	return string ? string : "";
}

static uint32_t number_at(const json_t *object, const char *name)
{
	return (uint32_t)json_integer_value(json_object_get(object, name));
}

static bool boolean_at(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static struct mip_address address_of(const json_t *string)
{
	struct mip_address address = {0};

	if (mip_address_read(json_string_value(string), &address) < 0)
		abort();
	return address;
}

static struct mip_address address_at(const json_t *object, const char *name)
{
	return address_of(json_object_get(object, name));
}

static uint64_t identification_at(const json_t *object)
{
	return strtoull(string_at(object, "identification"), NULL, 16);
}

static size_t octets_at(const json_t *object, const char *name, uint8_t *octets)
{
	return octets_of(string_at(object, name), octets, MESSAGE_MAX);
}

static unsigned flags_of(const char *letters, const char *order, unsigned highest)
{
	unsigned flags = 0;

	for (; *letters; letters++)
		flags |= highest >> (strchr(order, *letters) - order);
	return flags;
}

/* --- associations ----------------------------------------------------------------------------- */

static struct mip_association *association_of(const json_t *key, uint32_t spi)
{
	struct mip_association_settings settings = {.spi = spi};
	struct mip_association *association = NULL;
	uint8_t octets[MESSAGE_MAX];
	int algorithm = 0;

	if (mip_name_find(mip_algorithm_names, string_at(key, "algorithm"), &algorithm) < 0)
		abort();
	settings.algorithm = (enum mip_algorithm)algorithm;
	settings.key = (struct mip_key){.octets = octets, .length = octets_at(key, "key", octets)};
	if (mip_association_new(&settings, &association) < 0)
		abort();
	return association;
}

static const char *octets_verify(
	const struct mip_association *association, uint8_t *message, const struct mip_extension *extension)
{
	if (mip_authenticator_check(association, message, extension) != 0)
		return "it does not verify";
	for (size_t i = 0; i < extension->offset + extension->length; i++) {
		int r;

		message[i] ^= 1;
		r = mip_authenticator_check(association, message, extension);
		message[i] ^= 1;
		if (r == 0)
			return "it verifies though an octet was changed";
	}
	return "yes";
}

static const char *extension_verify(
	uint8_t *message, const struct mip_extension *extension, const json_t *keys)
{
	const struct mip_extension_row *row = mip_extension_row_of(extension->type, extension->subtype);
	const json_t *key = row ? json_object_get(keys, row->name) : NULL;
	struct mip_authentication authentication;
	struct mip_association *association;
	const char *verified;

	if (!key)
		return "none";
	if (mip_authentication_read(extension, &authentication) < 0)
		return "it cannot be read";
	association = association_of(key, authentication.spi);
	verified = octets_verify(association, message, extension);
	mip_association_unref(association);
	return verified;
}

static size_t fixed_length(const uint8_t *message, size_t length)
{
	switch (mip_message_type(message, length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		return MIP_REQUEST_LENGTH;
	case MIP_MESSAGE_REGISTRATION_REPLY:
		return MIP_REPLY_LENGTH;
	case MIP_MESSAGE_REVOCATION:
		return MIP_REVOCATION_LENGTH;
	case MIP_MESSAGE_REVOCATION_ACK:
		return MIP_REVOCATION_ACK_LENGTH;
	default:
		return length;
	}
}

static const char *message_verify(uint8_t *message, size_t length, const json_t *keys)
{
	struct mip_reader reader = mip_reader_of(message, length);
	const char *verified = "none";
	struct mip_extension extension;
	size_t found = 0;

	if (json_object_size(keys) == 0)
		return "none";
	mip_read_skip(&reader, fixed_length(message, length));
	while (mip_extension_next(&reader, &extension) > 0) {
		const char *one = extension_verify(message, &extension, keys);

		if (strcmp(one, "none") == 0)
			continue;
		found++;
		if (strcmp(verified, "none") == 0 || strcmp(one, "yes") != 0)
			verified = one;
	}
	return found == json_object_size(keys) ? verified : "not all are there";
}

/* --- writing from fields ---------------------------------------------------------------------- */

static void authentication_write(struct mip_writer *writer, const json_t *fields, const json_t *keys)
{
	const json_t *key = json_object_get(keys, string_at(fields, "extension"));
	struct mip_association *association = association_of(key, number_at(fields, "spi"));
	uint8_t type = (uint8_t)number_at(fields, "type");

	if (mip_authenticator_append(writer, type, type == 36, association) < 0)
		abort();
	mip_association_unref(association);
}

static void vendor_write(struct mip_writer *writer, const json_t *fields)
{
	uint8_t type = (uint8_t)number_at(fields, "type"), rest[MESSAGE_MAX], octets[MESSAGE_MAX];
	size_t rest_length = octets_at(fields, "data", rest);
	struct mip_writer data = mip_writer_of(octets, sizeof(octets));

	if (type == MIP_EXTENSION_VENDOR)
		mip_write16(&data, 0);
	mip_write32(&data, number_at(fields, "vendor"));
	mip_write16(&data, (uint16_t)number_at(fields, "vendor_type"));
	mip_write_octets(&data, rest, rest_length);
	if (type == MIP_EXTENSION_VENDOR)
		mip_extension_write(writer, type, octets, data.length);
	else
		mip_extension_write_long(writer, type, 0, octets, data.length);
}

static void udp_tunnel_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_udp_tunnel_request request = {
		.force = boolean_at(fields, "force"),
		.through_foreign_agent = boolean_at(fields, "through_foreign_agent"),
		.encapsulation = (uint8_t)number_at(fields, "encapsulation"),
	};
	struct mip_udp_tunnel_reply reply = {
		.code = (uint8_t)number_at(fields, "code"),
		.forced = boolean_at(fields, "forced"),
		.keepalive_interval = (uint16_t)number_at(fields, "keepalive_interval"),
	};

	if (number_at(fields, "type") == MIP_EXTENSION_UDP_TUNNEL_REQUEST)
		mip_udp_tunnel_request_write(writer, &request);
	else
		mip_udp_tunnel_reply_write(writer, &reply);
}

static void revocation_support_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_revocation_support support = {
		.inform = boolean_at(fields, "inform"),
		.timestamp = number_at(fields, "timestamp"),
	};

	mip_revocation_support_write(writer, &support);
}

static void simple_write(struct mip_writer *writer, const json_t *fields)
{
	uint8_t type = (uint8_t)number_at(fields, "type"), octets[MESSAGE_MAX];
	const char *nai = string_at(fields, "nai");
	size_t length = octets_at(fields, "data", octets);

	if (type == MIP_EXTENSION_NODE_NAI)
		mip_extension_write(writer, type, nai, strlen(nai));
	else if (type == MIP_EXTENSION_CHALLENGE)
		mip_extension_write(writer, type, octets, octets_at(fields, "challenge", octets));
	else
		mip_extension_write(writer, type, octets, length);
}

static void extension_write(struct mip_writer *writer, const json_t *fields, const json_t *keys)
{
	uint8_t type = (uint8_t)number_at(fields, "type"), status = (uint8_t)number_at(fields, "status");
	struct mip_address address;

	switch (type) {
	case MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION:
	case MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION:
	case MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION:
	case MIP_EXTENSION_GENERALIZED_AUTHENTICATION:
		authentication_write(writer, fields, keys);
		break;
	case MIP_EXTENSION_UDP_TUNNEL_REQUEST:
	case MIP_EXTENSION_UDP_TUNNEL_REPLY:
		udp_tunnel_write(writer, fields);
		break;
	case MIP_EXTENSION_CRITICAL_VENDOR:
	case MIP_EXTENSION_VENDOR:
		vendor_write(writer, fields);
		break;
	case MIP_EXTENSION_REVOCATION_SUPPORT:
		revocation_support_write(writer, fields);
		break;
	case MIP_EXTENSION_DYNAMIC_HOME_AGENT:
		address = address_at(fields, "address");
		mip_extension_write_long(writer, type,
			strcmp(string_at(fields, "extension"), "requested-home-agent") == 0 ? 1 : 2, &address,
			4);
		break;
	case MIP_EXTENSION_FOREIGN_AGENT_ERROR:
		mip_extension_write_short(writer, type, 0, &status, 1);
		break;
	default:
		simple_write(writer, fields);
		break;
	}
}

static void request_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_registration_request request = {
		.flags = (uint8_t)flags_of(string_at(fields, "flags"), "SBDMGrTx", 0x80),
		.lifetime = (uint16_t)number_at(fields, "lifetime"),
		.home_address = address_at(fields, "home_address"),
		.home_agent = address_at(fields, "home_agent"),
		.care_of_address = address_at(fields, "care_of_address"),
		.identification = identification_at(fields),
	};

	mip_request_write(writer, &request);
}

static void reply_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_registration_reply reply = {
		.code = (uint8_t)number_at(fields, "code"),
		.lifetime = (uint16_t)number_at(fields, "lifetime"),
		.home_address = address_at(fields, "home_address"),
		.home_agent = address_at(fields, "home_agent"),
		.identification = identification_at(fields),
	};

	mip_reply_write(writer, &reply);
}

static void tunnel_data_write(struct mip_writer *writer, const json_t *fields)
{
	mip_tunnel_data_write(writer, (uint8_t)number_at(fields, "next_header"));
	mip_write_zeros(writer, number_at(fields, "length"));
}

static void revocation_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_revocation revocation = {
		.from_home_agent = boolean_at(fields, "from_home_agent"),
		.inform = boolean_at(fields, "inform"),
		.home_address = address_at(fields, "home_address"),
		.home_domain = address_at(fields, "home_domain"),
		.foreign_domain = address_at(fields, "foreign_domain"),
		.identifier = number_at(fields, "identifier"),
	};

	mip_revocation_write(writer, &revocation);
}

static void revocation_ack_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_revocation_ack ack = {
		.inform = boolean_at(fields, "inform"),
		.home_address = address_at(fields, "home_address"),
		.identifier = number_at(fields, "identifier"),
	};

	mip_revocation_ack_write(writer, &ack);
}

static void routers_set(struct mip_agent_advertisement *advertisement, const json_t *routers)
{
	const json_t *router;
	size_t i;

	json_array_foreach(routers, i, router)
	{
		advertisement->routers[i].address = address_at(router, "address");
		advertisement->routers[i].preference = (int32_t)number_at(router, "preference");
		if (json_object_get(router, "prefix_length")) {
			advertisement->prefix_lengths[i] = (uint8_t)number_at(router, "prefix_length");
			advertisement->prefix_length_count++;
		}
	}
	advertisement->router_count = i;
}

static void advertisement_write(struct mip_writer *writer, const json_t *fields)
{
	const json_t *address, *addresses = json_object_get(fields, "care_of_addresses");
	struct mip_agent_advertisement advertisement = {
		.code = (uint8_t)number_at(fields, "code"),
		.lifetime = (uint16_t)number_at(fields, "lifetime"),
		.is_agent = true,
		.sequence = (uint16_t)number_at(fields, "sequence"),
		.registration_lifetime = (uint16_t)number_at(fields, "registration_lifetime"),
		.flags = (uint16_t)flags_of(string_at(fields, "flags"), "RBHFMGrTUXI", 0x8000),
	};
	size_t i;

	routers_set(&advertisement, json_object_get(fields, "routers"));
	json_array_foreach(addresses, i, address) advertisement.care_of_addresses[i] = address_of(address);
	advertisement.care_of_address_count = i;
	advertisement.challenge_length =
		octets_of(string_at(fields, "challenge"), advertisement.challenge, MIP_CHALLENGE_MAX);
	mip_advertisement_write(writer, &advertisement);
}

static void solicitation_write(struct mip_writer *writer, const json_t *fields)
{
	(void)fields;
	mip_solicitation_write(writer);
}

static void udp_packet_write(struct mip_writer *writer, const json_t *fields)
{
	uint8_t payload[MESSAGE_MAX];
	struct mip_ip ip = {
		.tos = (uint8_t)number_at(fields, "tos"),
		.identification = (uint16_t)number_at(fields, "identification"),
		.dont_fragment = boolean_at(fields, "dont_fragment"),
		.ttl = (uint8_t)number_at(fields, "ttl"),
		.source = address_at(fields, "source"),
		.destination = address_at(fields, "destination"),
	};
	struct mip_udp udp = {
		.source_port = (uint16_t)number_at(fields, "source_port"),
		.destination_port = (uint16_t)number_at(fields, "destination_port"),
	};

	mip_udp_packet_write(writer, &ip, &udp, payload, octets_at(fields, "payload", payload));
}

static struct mip_link_address link_at(const json_t *fields, const char *name)
{
	struct mip_link_address address = {.length = MIP_ETHERNET_ADDRESS};

	octets_of(string_at(fields, name), address.octets, MIP_ETHERNET_ADDRESS);
	return address;
}

static void arp_write(struct mip_writer *writer, const json_t *fields)
{
	struct mip_arp arp = {
		.operation = (uint16_t)number_at(fields, "operation"),
		.sender_link = link_at(fields, "sender_link"),
		.sender = address_at(fields, "sender"),
		.target_link = link_at(fields, "target_link"),
		.target = address_at(fields, "target"),
	};

	mip_arp_write(writer, &arp);
}

static void echo_write(struct mip_writer *writer, const json_t *fields)
{
	uint8_t payload[MESSAGE_MAX];
	struct mip_icmp_echo echo = {
		.type = (uint8_t)number_at(fields, "type"),
		.identifier = (uint16_t)number_at(fields, "identifier"),
		.sequence = (uint16_t)number_at(fields, "sequence"),
	};

	mip_icmp_echo_write(writer, &echo, payload, octets_at(fields, "payload", payload));
}

/* --- reading into fields ---------------------------------------------------------------------- */

static json_t *printed(void (*print)(struct mip_text *text, const uint8_t *octets, size_t length),
	const uint8_t *octets, size_t length)
{
	char *characters = malloc(PRINT_MAX);
	struct mip_text text = mip_text_of(characters, PRINT_MAX);
	json_t *read;

	print(&text, octets, length);
	read = json_loads(characters, JSON_REJECT_DUPLICATES, NULL);
	free(characters);
	return read;
}

static json_t *message_read(const uint8_t *octets, size_t length)
{
	return printed(mip_print_message_json, octets, length);
}

static json_t *discovery_read(const uint8_t *octets, size_t length)
{
	return printed(mip_print_discovery_json, octets, length);
}

static json_t *hex_json(const uint8_t *octets, size_t length)
{
	char *hex = malloc(2 * length + 1);
	struct mip_text text = mip_text_of(hex, 2 * length + 1);
	json_t *string;

	mip_text_add_hex_octets(&text, octets, length);
	string = json_string(hex);
	free(hex);
	return string;
}

static json_t *refused(const char *message)
{
	return json_pack("{s:s, s:b}", "message", message, "malformed", 1);
}

static json_t *udp_packet_read(const uint8_t *octets, size_t length)
{
	struct mip_reader payload;
	struct mip_udp udp;
	struct mip_ip ip;
	size_t left;

	if (mip_udp_packet_read(octets, length, false, &ip, &udp, &payload) < 0)
		return refused("udp-packet");
	left = mip_reader_left(&payload);
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:o, s:n}", "message", "udp-packet",
		"source", MIP_TEXT(ip.source), "destination", MIP_TEXT(ip.destination), "source_port",
		udp.source_port, "destination_port", udp.destination_port, "ttl", ip.ttl, "tos", ip.tos,
		"identification", ip.identification, "dont_fragment", ip.dont_fragment, "payload",
		hex_json(mip_read_octets(&payload, left), left), "malformed");
}

static json_t *arp_read(const uint8_t *octets, size_t length)
{
	struct mip_arp arp;

	if (mip_arp_read(octets, length, &arp) < 0)
		return refused("arp");
	return json_pack("{s:s, s:i, s:o, s:s, s:o, s:s, s:n}", "message", "arp", "operation", arp.operation,
		"sender_link", hex_json(arp.sender_link.octets, arp.sender_link.length), "sender",
		MIP_TEXT(arp.sender), "target_link", hex_json(arp.target_link.octets, arp.target_link.length),
		"target", MIP_TEXT(arp.target), "malformed");
}

static json_t *echo_read(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_icmp_echo echo;
	size_t left;

	if (mip_icmp_echo_read(&reader, &echo) < 0)
		return refused("echo");
	left = mip_reader_left(&reader);
	return json_pack("{s:s, s:i, s:i, s:i, s:o, s:n}", "message", "echo", "type", echo.type, "identifier",
		echo.identifier, "sequence", echo.sequence, "payload",
		hex_json(mip_read_octets(&reader, left), left), "malformed");
}

/* --- lines ------------------------------------------------------------------------------------ */

static const struct kind {
	const char *message;
	void (*write)(struct mip_writer *writer, const json_t *fields);
	json_t *(*read)(const uint8_t *octets, size_t length);
} kinds[] = {
	{"registration-request", request_write, message_read},
	{"registration-reply", reply_write, message_read},
	{"tunnel-data", tunnel_data_write, message_read},
	{"revocation", revocation_write, message_read},
	{"revocation-acknowledgment", revocation_ack_write, message_read},
	{"agent-advertisement", advertisement_write, discovery_read},
	{"advertisement", NULL, discovery_read},
	{"solicitation", solicitation_write, discovery_read},
	{"udp-packet", udp_packet_write, udp_packet_read},
	{"arp", arp_write, arp_read},
	{"echo", echo_write, echo_read},
};

static const struct kind *kind_of(const char *message)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].message, message) == 0)
			return &kinds[i];
	}
	abort();
}

static void write_from(
	struct mip_writer *writer, const struct kind *kind, const json_t *fields, const json_t *keys)
{
	const json_t *extension, *extensions = json_object_get(fields, "extensions");
	size_t i;

	kind->write(writer, fields);
	json_array_foreach(extensions, i, extension) extension_write(writer, extension, keys);
}

static void line_judge(char *columns[static COLUMNS])
{
	static uint8_t octets[MESSAGE_MAX], written[MESSAGE_MAX];
	size_t length = octets_of(columns[2], octets, sizeof(octets));
	json_t *fields = json_loads(columns[3], 0, NULL), *keys = json_loads(columns[4], 0, NULL), *read;
	const struct kind *kind = kind_of(string_at(fields, "message"));
	struct mip_writer writer = mip_writer_of(written, sizeof(written));
	char *text;

	printf("%s\t", columns[0]);
	if (strcmp(columns[1], "both") == 0)
		write_from(&writer, kind, fields, keys);
	for (size_t i = 0; i < writer.length; i++)
		printf("%02x", written[i]);
	read = kind->read(octets, length);
	text = json_dumps(read, 0);
	printf("%s\t%s\t%s\n", writer.length == 0 || writer.failed ? "-" : "", text ? text : "{}",
		message_verify(octets, length, keys));
	free(text);
	json_decref(read);
	json_decref(keys);
	json_decref(fields);
}

int main(int argc, char **argv)
{
	char *line = NULL, *columns[COLUMNS];
	size_t size = 0, count;
	FILE *file;

	if (argc != 2) {
		fprintf(stderr, "usage: %s GOLDEN   (the output of golden.py write)\n", argv[0]);
		return 2;
	}
	file = fopen(argv[1], "r");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	while (getline(&line, &size, file) > 0) {
		char *next = line;

		line[strcspn(line, "\n")] = '\0';
		for (count = 0; count < COLUMNS && next; count++)
			columns[count] = strsep(&next, "\t");
		if (count == COLUMNS)
			line_judge(columns);
	}
	free(line);
	fclose(file);
	return 0;
}
