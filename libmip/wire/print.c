/*
 * Messages for people and for tests.
 *
 * Text and JSON come out of the same walk: a printer puts named fields, and only it knows which of the two
 * forms it writes. What a peer sent goes through mip_text_add_json() wherever it is characters, so that no
 * message can break a line, a terminal or a JSON document.
 */
#include "print.h"

#include "advertisement.h"
#include "extension.h"
#include "packet.h"
#include "registration.h"
#include "revocation.h"

struct printer {
	struct mip_text *text;
	bool json;
	bool first; /* of the fields of an object */
};

static void put_name(struct printer *printer, const char *name)
{
	if (printer->json) {
		mip_text_add(printer->text, printer->first ? "\"" : ",\"");
		mip_text_add(printer->text, name);
		mip_text_add(printer->text, "\":");
	} else {
		mip_text_add_character(printer->text, ' ');
		mip_text_add(printer->text, name);
		mip_text_add_character(printer->text, '=');
	}
	printer->first = false;
}

static void put_number(struct printer *printer, const char *name, int64_t number)
{
	put_name(printer, name);
	mip_text_add_signed(printer->text, number);
}

static void put_boolean(struct printer *printer, const char *name, bool value)
{
	put_name(printer, name);
	mip_text_add(printer->text, value ? "true" : "false");
}

static void put_quote(struct printer *printer)
{
	if (printer->json)
		mip_text_add_character(printer->text, '"');
}

static void put_address(struct printer *printer, const char *name, struct mip_address address)
{
	put_name(printer, name);
	put_quote(printer);
	mip_text_add_address(printer->text, address);
	put_quote(printer);
}

static void put_hex64(struct printer *printer, const char *name, uint64_t number)
{
	put_name(printer, name);
	put_quote(printer);
	mip_text_add_hex(printer->text, number, 16);
	put_quote(printer);
}

static void put_octets(struct printer *printer, const char *name, const uint8_t *octets, size_t length)
{
	put_name(printer, name);
	put_quote(printer);
	mip_text_add_hex_octets(printer->text, octets, length);
	put_quote(printer);
}

/* A string of a peer: quoted and escaped in both forms. */
static void put_string(struct printer *printer, const char *name, const uint8_t *octets, size_t length)
{
	put_name(printer, name);
	mip_text_add_json(printer->text, (const char *)octets, length);
}

/* A word of ours: letters, digits, hyphens. */
static void put_word(struct printer *printer, const char *name, const char *word)
{
	put_name(printer, name);
	put_quote(printer);
	mip_text_add(printer->text, word);
	put_quote(printer);
}

/* The first field: what the message is. In text it stands without a name. */
static void put_message(struct printer *printer, const char *message)
{
	if (printer->json)
		put_word(printer, "message", message);
	else
		mip_text_add(printer->text, message);
}

/* The last field: NULL says that nothing is malformed. */
static void put_malformed(struct printer *printer, const char *what)
{
	if (printer->json && what)
		put_word(printer, "malformed", what);
	else if (printer->json)
		mip_text_add(printer->text, ",\"malformed\":null");
	else if (what) {
		mip_text_add(printer->text, "; malformed: ");
		mip_text_add(printer->text, what);
	}
}

static void open_object(struct printer *printer)
{
	if (printer->json)
		mip_text_add_character(printer->text, '{');
	printer->first = true;
}

static void close_object(struct printer *printer)
{
	if (printer->json)
		mip_text_add_character(printer->text, '}');
	printer->first = false;
}

/* A list of objects or strings. It has a name in JSON alone: the text's elements tell what they are. */
static void open_list(struct printer *printer, const char *name)
{
	if (!printer->json)
		return;
	put_name(printer, name);
	mip_text_add_character(printer->text, '[');
}

/* Before each element; `otherwise` is what stands there in text. */
static void begin_element(struct printer *printer, bool first, const char *otherwise)
{
	if (!printer->json)
		mip_text_add(printer->text, otherwise);
	else if (!first)
		mip_text_add_character(printer->text, ',');
}

static void close_list(struct printer *printer)
{
	if (printer->json)
		mip_text_add_character(printer->text, ']');
}

/* --- extensions ------------------------------------------------------------------------------- */

static void authentication_print(struct printer *printer, const struct mip_extension *extension)
{
	struct mip_authentication authentication;

	/* Unreachable branch: mip_extensions_read() has judged its length. */
	if (mip_authentication_read(extension, &authentication) < 0)
		/* Unreachable: see above. */
		return;
	put_number(printer, "spi", authentication.spi);
	put_octets(
		printer, "authenticator", authentication.authenticator, authentication.authenticator_length);
}

static void udp_tunnel_request_print(struct printer *printer, const struct mip_extension *extension)
{
	struct mip_udp_tunnel_request request;

	if (mip_udp_tunnel_request_read(extension, &request) < 0) {
		put_octets(printer, "data", extension->data, extension->data_length);
		return;
	}
	put_boolean(printer, "force", request.force);
	put_boolean(printer, "through_foreign_agent", request.through_foreign_agent);
	put_number(printer, "encapsulation", request.encapsulation);
}

static void udp_tunnel_reply_print(struct printer *printer, const struct mip_extension *extension)
{
	struct mip_udp_tunnel_reply reply;

	/* Unreachable branch: mip_extensions_read() has judged its length. */
	if (mip_udp_tunnel_reply_read(extension, &reply) < 0)
		/* Unreachable: see above. */
		return;
	put_number(printer, "code", reply.code);
	put_boolean(printer, "forced", reply.forced);
	put_number(printer, "keepalive_interval", reply.keepalive_interval);
}

static void revocation_support_print(struct printer *printer, const struct mip_extension *extension)
{
	struct mip_revocation_support support;

	/* Unreachable branch: mip_extensions_read() has judged its length. */
	if (mip_revocation_support_read(extension, &support) < 0)
		/* Unreachable: see above. */
		return;
	put_boolean(printer, "inform", support.inform);
	put_number(printer, "timestamp", support.timestamp);
}

static void vendor_print(struct printer *printer, const struct mip_extension *extension)
{
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);
	size_t left;

	if (extension->type == MIP_EXTENSION_VENDOR)
		mip_read_skip(&data, 2);
	put_number(printer, "vendor", mip_read32(&data));
	put_number(printer, "vendor_type", mip_read16(&data));
	left = mip_reader_left(&data);
	put_octets(printer, "data", mip_read_octets(&data, left), left);
}

static void known_print(struct printer *printer, const struct mip_extension *extension, enum mip_slot slot)
{
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);

	/* Unreachable branch: the table has no other slots. */
	switch (slot) {
	case MIP_SLOT_MOBILE_HOME_AUTHENTICATION:
	case MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION:
	case MIP_SLOT_FOREIGN_HOME_AUTHENTICATION:
	case MIP_SLOT_MOBILE_AAA_AUTHENTICATION:
		authentication_print(printer, extension);
		break;
	case MIP_SLOT_UDP_TUNNEL_REQUEST:
		udp_tunnel_request_print(printer, extension);
		break;
	case MIP_SLOT_UDP_TUNNEL_REPLY:
		udp_tunnel_reply_print(printer, extension);
		break;
	case MIP_SLOT_NODE_NAI:
		put_string(printer, "nai", extension->data, extension->data_length);
		break;
	case MIP_SLOT_CHALLENGE:
		put_octets(printer, "challenge", extension->data, extension->data_length);
		break;
	case MIP_SLOT_REVOCATION_SUPPORT:
		revocation_support_print(printer, extension);
		break;
	case MIP_SLOT_REQUESTED_HOME_AGENT:
	case MIP_SLOT_REDIRECTED_HOME_AGENT:
		put_address(printer, "address", mip_read_address(&data));
		break;
	case MIP_SLOT_FOREIGN_AGENT_ERROR:
		put_number(printer, "status", mip_read8(&data));
		break;
	case MIP_SLOT_CRITICAL_VENDOR:
	case MIP_SLOT_VENDOR:
		vendor_print(printer, extension);
		break;
	case MIP_SLOT_ENCAPSULATING_DELIVERY:
	case MIP_SLOT_COUNT:
		break;
	}
}

/* Returns what is malformed, or NULL. */
static const char *extension_print(struct printer *printer, const struct mip_extension *extension)
{
	const struct mip_extension_row *row = mip_extension_row_of(extension->type, extension->subtype);
	const char *name = row ? row->name : "unknown", *malformed = NULL;

	open_object(printer);
	if (printer->json)
		put_word(printer, "extension", name);
	else
		mip_text_add(printer->text, name);
	put_number(printer, "type", extension->type);
	if (!row) {
		put_octets(printer, "data", extension->data, extension->data_length);
		if (extension->type < 128)
			malformed = "an unknown extension that may not be skipped";
	} else if (extension->data_length < row->least_data || extension->data_length > row->most_data) {
		malformed = "an extension of a wrong length";
	} else {
		known_print(printer, extension, row->slot);
	}
	close_object(printer);
	return malformed;
}

static const char *extensions_print(struct printer *printer, struct mip_reader *reader)
{
	const char *malformed = NULL;
	struct mip_extension extension;
	bool first = true;
	int r = 0;

	open_list(printer, "extensions");
	while (!malformed && (r = mip_extension_next(reader, &extension)) > 0) {
		begin_element(printer, first, "; ");
		malformed = extension_print(printer, &extension);
		first = false;
	}
	close_list(printer);
	return r < 0 ? "an extension runs past the end" : malformed;
}

/* --- messages --------------------------------------------------------------------------------- */

static void put_request_flags(struct printer *printer, uint8_t flags)
{
	static const char letters[] = "SBDMGrTx"; /* from the highest bit down */
	char word[sizeof(letters)] = {0};
	size_t length = 0;

	for (size_t i = 0; i < 8; i++) {
		if (flags & 0x80 >> i)
			word[length++] = letters[i];
	}
	put_word(printer, "flags", word);
}

static const char *request_print(struct printer *printer, struct mip_reader *reader)
{
	struct mip_registration_request request;

	put_message(printer, "registration-request");
	if (mip_request_read(reader, &request) < 0)
		return "cut short";
	put_request_flags(printer, request.flags);
	put_number(printer, "lifetime", request.lifetime);
	put_address(printer, "home_address", request.home_address);
	put_address(printer, "home_agent", request.home_agent);
	put_address(printer, "care_of_address", request.care_of_address);
	put_hex64(printer, "identification", request.identification);
	return extensions_print(printer, reader);
}

static const char *reply_print(struct printer *printer, struct mip_reader *reader)
{
	struct mip_registration_reply reply;

	put_message(printer, "registration-reply");
	if (mip_reply_read(reader, &reply) < 0)
		return "cut short";
	put_number(printer, "code", reply.code);
	put_number(printer, "lifetime", reply.lifetime);
	put_address(printer, "home_address", reply.home_address);
	put_address(printer, "home_agent", reply.home_agent);
	put_hex64(printer, "identification", reply.identification);
	return extensions_print(printer, reader);
}

static const char *tunnel_data_print(struct printer *printer, struct mip_reader *reader)
{
	uint8_t next_header;

	put_message(printer, "tunnel-data");
	if (mip_tunnel_data_read(reader, &next_header) < 0)
		return "cut short";
	put_number(printer, "next_header", next_header);
	put_number(printer, "length", (int64_t)mip_reader_left(reader));
	return NULL;
}

static const char *revocation_print(struct printer *printer, struct mip_reader *reader)
{
	struct mip_revocation revocation;

	put_message(printer, "revocation");
	if (mip_revocation_read(reader, &revocation) < 0)
		return "cut short";
	put_boolean(printer, "from_home_agent", revocation.from_home_agent);
	put_boolean(printer, "inform", revocation.inform);
	put_address(printer, "home_address", revocation.home_address);
	put_address(printer, "home_domain", revocation.home_domain);
	put_address(printer, "foreign_domain", revocation.foreign_domain);
	put_number(printer, "identifier", revocation.identifier);
	return extensions_print(printer, reader);
}

static const char *revocation_ack_print(struct printer *printer, struct mip_reader *reader)
{
	struct mip_revocation_ack ack;

	put_message(printer, "revocation-acknowledgment");
	if (mip_revocation_ack_read(reader, &ack) < 0)
		return "cut short";
	put_boolean(printer, "inform", ack.inform);
	put_address(printer, "home_address", ack.home_address);
	put_number(printer, "identifier", ack.identifier);
	return extensions_print(printer, reader);
}

static const char *unknown_print(struct printer *printer, const uint8_t *octets, size_t length)
{
	put_message(printer, "unknown");
	if (length > 0)
		put_number(printer, "type", octets[0]);
	put_number(printer, "length", (int64_t)length);
	return length > 0 ? NULL : "empty";
}

static void message_print(struct printer printer, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	const char *malformed;

	open_object(&printer);
	switch (mip_message_type(octets, length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		malformed = request_print(&printer, &reader);
		break;
	case MIP_MESSAGE_REGISTRATION_REPLY:
		malformed = reply_print(&printer, &reader);
		break;
	case MIP_MESSAGE_TUNNEL_DATA:
		malformed = tunnel_data_print(&printer, &reader);
		break;
	case MIP_MESSAGE_REVOCATION:
		malformed = revocation_print(&printer, &reader);
		break;
	case MIP_MESSAGE_REVOCATION_ACK:
		malformed = revocation_ack_print(&printer, &reader);
		break;
	default:
		malformed = unknown_print(&printer, octets, length);
		break;
	}
	put_malformed(&printer, malformed);
	close_object(&printer);
}

void mip_print_message(struct mip_text *text, const uint8_t *octets, size_t length)
{
	message_print((struct printer){.text = text}, octets, length);
}

void mip_print_message_json(struct mip_text *text, const uint8_t *octets, size_t length)
{
	message_print((struct printer){.text = text, .json = true}, octets, length);
}

/* --- agent discovery -------------------------------------------------------------------------- */

static void router_print(
	struct printer *printer, const struct mip_agent_advertisement *advertisement, size_t i)
{
	open_object(printer);
	put_address(printer, printer->json ? "address" : "router", advertisement->routers[i].address);
	put_number(printer, "preference", advertisement->routers[i].preference);
	if (i < advertisement->prefix_length_count)
		put_number(printer, "prefix_length", advertisement->prefix_lengths[i]);
	close_object(printer);
}

static void routers_print(struct printer *printer, const struct mip_agent_advertisement *advertisement)
{
	open_list(printer, "routers");
	for (size_t i = 0; i < advertisement->router_count; i++) {
		begin_element(printer, i == 0, "");
		router_print(printer, advertisement, i);
	}
	close_list(printer);
}

static void care_of_addresses_print(
	struct printer *printer, const struct mip_agent_advertisement *advertisement)
{
	if (!printer->json)
		put_name(printer, "care_of_addresses");
	open_list(printer, "care_of_addresses");
	for (size_t i = 0; i < advertisement->care_of_address_count; i++) {
		begin_element(printer, i == 0, i == 0 ? "" : ",");
		put_quote(printer);
		mip_text_add_address(printer->text, advertisement->care_of_addresses[i]);
		put_quote(printer);
	}
	close_list(printer);
}

static void agent_print(struct printer *printer, const struct mip_agent_advertisement *advertisement)
{
	char flags[MIP_AGENT_FLAGS_TEXT];

	put_word(printer, "flags", mip_agent_flags_text(advertisement->flags, flags));
	put_number(printer, "sequence", advertisement->sequence);
	put_number(printer, "registration_lifetime", advertisement->registration_lifetime);
	care_of_addresses_print(printer, advertisement);
}

static const char *advertisement_print(struct printer *printer, struct mip_reader *reader)
{
	struct mip_agent_advertisement advertisement;

	if (mip_advertisement_read(reader, &advertisement) < 0) {
		put_message(printer, "advertisement");
		return "to be discarded";
	}
	put_message(printer, advertisement.is_agent ? "agent-advertisement" : "router-advertisement");
	put_number(printer, "code", advertisement.code);
	put_number(printer, "lifetime", advertisement.lifetime);
	routers_print(printer, &advertisement);
	if (advertisement.is_agent)
		agent_print(printer, &advertisement);
	if (advertisement.challenge_length > 0)
		put_octets(printer, "challenge", advertisement.challenge, advertisement.challenge_length);
	return NULL;
}

static void discovery_print(struct printer printer, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	const char *malformed;

	open_object(&printer);
	if (length > 0 && octets[0] == MIP_ICMP_ROUTER_ADVERTISEMENT) {
		malformed = advertisement_print(&printer, &reader);
	} else if (length > 0 && octets[0] == MIP_ICMP_ROUTER_SOLICITATION) {
		put_message(&printer, "solicitation");
		malformed = mip_solicitation_read(&reader) < 0 ? "to be discarded" : NULL;
	} else {
		malformed = unknown_print(&printer, octets, length);
	}
	put_malformed(&printer, malformed);
	close_object(&printer);
}

void mip_print_discovery(struct mip_text *text, const uint8_t *octets, size_t length)
{
	discovery_print((struct printer){.text = text}, octets, length);
}

void mip_print_discovery_json(struct mip_text *text, const uint8_t *octets, size_t length)
{
	discovery_print((struct printer){.text = text, .json = true}, octets, length);
}
