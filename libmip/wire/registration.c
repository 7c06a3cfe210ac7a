/*
 * The fixed parts of the messages of RFC 5944 3.3 and 3.4 and of RFC 3519 3.3, and what the codes of a reply
 * say.
 *
 * The readers take any value that the format can carry: whether a lifetime, an address or a code makes sense
 * is the role's to judge, and each role answers in another way. Only what is "ignored on reception" is taken
 * out here, once for all, so that nobody can come to depend on it.
 */
#include <errno.h>

#include "address.h"
#include "registration.h"

/* rfc5944-3.3-1: 'r' SHOULD NOT be allocated for any other uses. */
static const uint8_t request_flags_ignored = MIP_REQUEST_R | MIP_REQUEST_X;

bool mip_address_is_all_zero_one(struct mip_address address)
{
	return mip_address_is_none(address) || mip_address_is_broadcast(address);
}

int mip_message_type(const uint8_t *octets, size_t length)
{
	return length > 0 ? octets[0] : -EBADMSG;
}

enum mip_encapsulation mip_request_encapsulation(uint8_t flags)
{
	if (flags & MIP_REQUEST_G)
		return MIP_ENCAPSULATION_GRE;
	return flags & MIP_REQUEST_M ? MIP_ENCAPSULATION_MINIMAL : MIP_ENCAPSULATION_IPIP;
}

uint8_t mip_request_encapsulation_flag(enum mip_encapsulation encapsulation)
{
	switch (encapsulation) {
	case MIP_ENCAPSULATION_GRE:
		return MIP_REQUEST_G;
	case MIP_ENCAPSULATION_MINIMAL:
		return MIP_REQUEST_M;
	default:
		return 0;
	}
}

int mip_request_read(struct mip_reader *reader, struct mip_registration_request *ret_request)
{
	struct mip_registration_request request;
	struct mip_reader fields = *reader;
	uint8_t type;

	type = mip_read8(&fields);
	/* rfc5944-3.3: r and x: "Sent as zero; ignored on reception." */
	request.flags = mip_read8(&fields) & (uint8_t)~request_flags_ignored;
	request.lifetime = mip_read16(&fields);
	request.home_address = mip_read_address(&fields);
	request.home_agent = mip_read_address(&fields);
	request.care_of_address = mip_read_address(&fields);
	request.identification = mip_read64(&fields);
	if (mip_reader_failed(&fields) || type != MIP_MESSAGE_REGISTRATION_REQUEST)
		return -EBADMSG;
	*reader = fields;
	*ret_request = request;
	return 0;
}

void mip_request_write(struct mip_writer *writer, const struct mip_registration_request *request)
{
	mip_write8(writer, MIP_MESSAGE_REGISTRATION_REQUEST);
	mip_write8(writer, request->flags & (uint8_t)~request_flags_ignored);
	mip_write16(writer, request->lifetime);
	mip_write_address(writer, request->home_address);
	mip_write_address(writer, request->home_agent);
	mip_write_address(writer, request->care_of_address);
	mip_write64(writer, request->identification);
}

int mip_reply_read(struct mip_reader *reader, struct mip_registration_reply *ret_reply)
{
	struct mip_registration_reply reply;
	struct mip_reader fields = *reader;
	uint8_t type;

	type = mip_read8(&fields);
	reply.code = mip_read8(&fields);
	reply.lifetime = mip_read16(&fields);
	reply.home_address = mip_read_address(&fields);
	reply.home_agent = mip_read_address(&fields);
	reply.identification = mip_read64(&fields);
	if (mip_reader_failed(&fields) || type != MIP_MESSAGE_REGISTRATION_REPLY)
		return -EBADMSG;
	*reader = fields;
	*ret_reply = reply;
	return 0;
}

void mip_reply_write(struct mip_writer *writer, const struct mip_registration_reply *reply)
{
	mip_write8(writer, MIP_MESSAGE_REGISTRATION_REPLY);
	mip_write8(writer, reply->code);
	mip_write16(writer, reply->lifetime);
	mip_write_address(writer, reply->home_address);
	mip_write_address(writer, reply->home_agent);
	mip_write64(writer, reply->identification);
}

/* rfc3519-3.3-1: Reserved "MUST be set to 0 on sending, MUST be ignored on reception." */
int mip_tunnel_data_read(struct mip_reader *reader, uint8_t *ret_next_header)
{
	struct mip_reader fields = *reader;
	uint8_t type, next_header;

	type = mip_read8(&fields);
	next_header = mip_read8(&fields);
	mip_read_skip(&fields, 2);
	if (mip_reader_failed(&fields) || type != MIP_MESSAGE_TUNNEL_DATA)
		return -EBADMSG;
	*reader = fields;
	*ret_next_header = next_header;
	return 0;
}

void mip_tunnel_data_write(struct mip_writer *writer, uint8_t next_header)
{
	mip_write8(writer, MIP_MESSAGE_TUNNEL_DATA);
	mip_write8(writer, next_header);
	mip_write_zeros(writer, 2);
}

const struct mip_name mip_code_names[] = {
	{MIP_CODE_ACCEPTED, "registration accepted"},
	{MIP_CODE_ACCEPTED_NO_SIMULTANEOUS,
		"registration accepted, but simultaneous mobility bindings unsupported"},
	{MIP_CODE_FA_UNSPECIFIED, "foreign agent: reason unspecified"},
	{MIP_CODE_FA_PROHIBITED, "foreign agent: administratively prohibited"},
	{MIP_CODE_FA_INSUFFICIENT_RESOURCES, "foreign agent: insufficient resources"},
	{MIP_CODE_FA_NODE_FAILED_AUTHENTICATION, "foreign agent: mobile node failed authentication"},
	{MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION, "foreign agent: home agent failed authentication"},
	{MIP_CODE_FA_LIFETIME_TOO_LONG, "foreign agent: requested lifetime too long"},
	{MIP_CODE_FA_POORLY_FORMED_REQUEST, "foreign agent: poorly formed request"},
	{MIP_CODE_FA_POORLY_FORMED_REPLY, "foreign agent: poorly formed reply"},
	{MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE, "foreign agent: requested encapsulation unavailable"},
	{MIP_CODE_FA_REVERSE_TUNNEL_UNAVAILABLE, "foreign agent: requested reverse tunnel unavailable"},
	{MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY,
		"foreign agent: reverse tunnel is mandatory and T bit not set"},
	{MIP_CODE_FA_TTL_TOO_LOW, "foreign agent: mobile node too distant"},
	{MIP_CODE_FA_INVALID_CARE_OF_ADDRESS, "foreign agent: invalid care-of address"},
	{MIP_CODE_FA_TIMEOUT, "foreign agent: registration timeout"},
	{MIP_CODE_FA_DELIVERY_STYLE_UNSUPPORTED, "foreign agent: delivery style not supported"},
	{MIP_CODE_FA_HOME_NETWORK_UNREACHABLE, "foreign agent: home network unreachable"},
	{MIP_CODE_FA_HOME_AGENT_HOST_UNREACHABLE, "foreign agent: home agent host unreachable"},
	{MIP_CODE_FA_HOME_AGENT_PORT_UNREACHABLE, "foreign agent: home agent port unreachable"},
	{MIP_CODE_FA_HOME_AGENT_UNREACHABLE, "foreign agent: home agent unreachable"},
	{MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED, "foreign agent: non-zero home agent address required"},
	{MIP_CODE_FA_NONZERO_HOMEADDR_REQUIRED, "foreign agent: non-zero home address required"},
	{MIP_CODE_FA_MISSING_NAI, "foreign agent: missing NAI"},
	{MIP_CODE_FA_MISSING_HOME_AGENT, "foreign agent: missing home agent"},
	{MIP_CODE_FA_MISSING_HOME_ADDRESS, "foreign agent: missing home address"},
	{MIP_CODE_FA_UNKNOWN_VENDOR_EXTENSION,
		"foreign agent: unknown vendor extension from the mobile node"},
	{MIP_CODE_FA_UNKNOWN_HOME_AGENT_VENDOR_EXTENSION,
		"foreign agent: unknown vendor extension from the home agent"},
	{MIP_CODE_FA_UNKNOWN_CHALLENGE, "foreign agent: unknown challenge"},
	{MIP_CODE_FA_MISSING_CHALLENGE, "foreign agent: missing challenge"},
	{MIP_CODE_FA_STALE_CHALLENGE, "foreign agent: stale challenge"},
	{MIP_CODE_FA_MISSING_KEY, "foreign agent: missing mobile-foreign key"},
	{MIP_CODE_FA_BAD_AAA_AUTHENTICATION, "foreign agent: bad Mobile-AAA authentication"},
	{MIP_CODE_FA_WRONG_HOME_AGENT_CHALLENGE, "foreign agent: wrong challenge in the home agent's reply"},
	{MIP_CODE_FA_REPLAY_PROTECTION_UNAVAILABLE, "foreign agent: replay protection unavailable"},
	{MIP_CODE_FA_ZERO_CARE_OF_UNSUPPORTED, "foreign agent: zero care-of address not supported"},
	{MIP_CODE_FA_UNKNOWN_GATEWAY, "foreign agent: unknown gateway foreign agent"},
	{MIP_CODE_FA_GATEWAY_UNREACHABLE, "foreign agent: gateway foreign agent unreachable"},
	{MIP_CODE_FA_GATEWAY_HOST_UNREACHABLE, "foreign agent: gateway foreign agent host unreachable"},
	{MIP_CODE_FA_GATEWAY_PORT_UNREACHABLE, "foreign agent: gateway foreign agent port unreachable"},
	{MIP_CODE_HA_UNSPECIFIED, "home agent: reason unspecified"},
	{MIP_CODE_HA_PROHIBITED, "home agent: administratively prohibited"},
	{MIP_CODE_HA_INSUFFICIENT_RESOURCES, "home agent: insufficient resources"},
	{MIP_CODE_HA_NODE_FAILED_AUTHENTICATION, "home agent: mobile node failed authentication"},
	{MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION, "home agent: foreign agent failed authentication"},
	{MIP_CODE_HA_IDENTIFICATION_MISMATCH, "home agent: registration identification mismatch"},
	{MIP_CODE_HA_POORLY_FORMED_REQUEST, "home agent: poorly formed request"},
	{MIP_CODE_HA_TOO_MANY_BINDINGS, "home agent: too many simultaneous mobility bindings"},
	{MIP_CODE_HA_UNKNOWN_HOME_AGENT, "home agent: unknown home agent address"},
	{MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE, "home agent: requested reverse tunnel unavailable"},
	{MIP_CODE_HA_REVERSE_TUNNEL_MANDATORY, "home agent: reverse tunnel is mandatory and T bit not set"},
	{MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE, "home agent: requested encapsulation unavailable"},
	{MIP_CODE_HA_UNKNOWN_VENDOR_EXTENSION, "home agent: unknown vendor extension from the mobile node"},
	{MIP_CODE_HA_UNKNOWN_FOREIGN_AGENT_VENDOR_EXTENSION,
		"home agent: unknown vendor extension from the foreign agent"},
	{MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE,
		"home agent: requested UDP tunnel encapsulation unavailable"},
	{MIP_CODE_HA_REDIRECT, "home agent: register with the redirected home agent"},
	{MIP_CODE_HA_BAD_AAA_AUTHENTICATION, "home agent: bad Mobile-AAA authentication"},
	{MIP_CODE_HA_ZERO_CARE_OF, "home agent: zero care-of address"},
	{MIP_CODE_HA_DYNAMIC_GATEWAY_UNSUPPORTED, "home agent: dynamic gateway foreign agent not supported"},
	{MIP_CODE_HA_MOBILE_NETWORK_ERROR, "home agent: mobile network prefix operation error"},
	{MIP_CODE_FA_NO_HOME_REGISTRATION, "foreign agent: no home registration"},
	{MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS, "foreign agent: invalid home agent address"},
	{0, NULL},
};

const char *mip_code_text(uint8_t code)
{
	return mip_name_of(mip_code_names, code, "unknown code");
}
