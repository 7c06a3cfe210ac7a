/*
 * Registration Request and Reply (RFC 5944 3.3, 3.4), without their extensions: see extension.h.
 */
#ifndef MIP_WIRE_REGISTRATION_H
#define MIP_WIRE_REGISTRATION_H

#include "cursor.h"
#include "name.h"
#include "types.h"
#include "want.h"

enum mip_message_type {
	MIP_MESSAGE_REGISTRATION_REQUEST = 1,
	MIP_MESSAGE_REGISTRATION_REPLY = 3,
	MIP_MESSAGE_TUNNEL_DATA = 4,	 /* RFC 3519 3.3 */
	MIP_MESSAGE_REVOCATION = 7,	 /* RFC 3543 3.3, see revocation.h */
	MIP_MESSAGE_REVOCATION_ACK = 15, /* RFC 3543 3.4 */
};

/* The flag octet of a request, RFC 5944 3.3. r and x are cleared by the reader and by the writer. */
enum mip_request_flag {
	MIP_REQUEST_S = 0x80, /* simultaneous bindings */
	MIP_REQUEST_B = 0x40, /* broadcast datagrams */
	MIP_REQUEST_D = 0x20, /* decapsulation by mobile node: a co-located care-of address */
	MIP_REQUEST_M = 0x10, /* minimal encapsulation */
	MIP_REQUEST_G = 0x08, /* GRE encapsulation */
	MIP_REQUEST_R = 0x04, /* r: sent as zero, ignored on reception */
	MIP_REQUEST_T = 0x02, /* reverse tunnelling requested, RFC 3024 */
	MIP_REQUEST_X = 0x01, /* x: sent as zero; what the agents deny as a reserved bit */

	/* The bits that ask for another encapsulation than IP in IP. */
	MIP_REQUEST_ENCAPSULATIONS = MIP_REQUEST_M | MIP_REQUEST_G,
};

/*
 * What M and G ask for, whatever the other bits are; without them IP in IP (RFC 5944 4.1). Both of them leave
 * the choice to the agents ("and/or", 3.6.1.2), who must all come to the same: GRE, which takes fragments
 * too.
 */
enum mip_encapsulation mip_request_encapsulation(uint8_t flags);
/* The bit that asks for it; 0 for IP in IP, and for UDP, which an extension asks for. */
uint8_t mip_request_encapsulation_flag(enum mip_encapsulation encapsulation);

enum {
	MIP_REQUEST_LENGTH = 24,
	MIP_REPLY_LENGTH = 20,
	MIP_LIFETIME_INFINITE = 0xffff,
	MIP_REGISTRATION_MAX =
		4096, /* octets that our own messages may grow to; what we take may be larger */
};

struct mip_registration_request {
	uint8_t flags;
	uint16_t lifetime; /* seconds; 0 deregisters, 0xffff is infinite */
	struct mip_address home_address;
	struct mip_address home_agent;
	struct mip_address care_of_address;
	uint64_t identification;
};

struct mip_registration_reply {
	uint8_t code;
	uint16_t lifetime;
	struct mip_address home_address;
	struct mip_address home_agent;
	uint64_t identification;
};

/* RFC 4433 2: ALL-ZERO-ONE-ADDR, 0.0.0.0 or 255.255.255.255, in the Home Agent field leaves the choice of the
 * home agent to the network; the latter prefers one in the node's home domain. */
bool mip_address_is_all_zero_one(struct mip_address address);

/* The type of the message that these octets begin with, known or not; -EBADMSG when there are no octets. */
int mip_message_type(const uint8_t *octets, size_t length);

/* Each reads the fixed part, type octet included, and leaves the reader at the first extension. 0 or
 * -EBADMSG. */
int mip_request_read(struct mip_reader *reader, struct mip_registration_request *ret_request);
int mip_reply_read(struct mip_reader *reader, struct mip_registration_reply *ret_reply);
void mip_request_write(struct mip_writer *writer, const struct mip_registration_request *request);
void mip_reply_write(struct mip_writer *writer, const struct mip_registration_reply *reply);

/* Codes of a Registration Reply: RFC 5944 3.4, RFC 3024 3.4 (74-76, 79, 137-139), RFC 3519 3.5 (142), RFC
 * 2794 and others. */
enum mip_code {
	MIP_CODE_ACCEPTED = 0,
	MIP_CODE_ACCEPTED_NO_SIMULTANEOUS = 1,
	MIP_CODE_FA_UNSPECIFIED = 64,
	MIP_CODE_FA_PROHIBITED = 65,
	MIP_CODE_FA_INSUFFICIENT_RESOURCES = 66,
	MIP_CODE_FA_NODE_FAILED_AUTHENTICATION = 67,
	MIP_CODE_FA_HOME_AGENT_FAILED_AUTHENTICATION = 68,
	MIP_CODE_FA_LIFETIME_TOO_LONG = 69,
	MIP_CODE_FA_POORLY_FORMED_REQUEST = 70,
	MIP_CODE_FA_POORLY_FORMED_REPLY = 71,
	MIP_CODE_FA_ENCAPSULATION_UNAVAILABLE = 72,
	MIP_CODE_FA_REVERSE_TUNNEL_UNAVAILABLE = 74,
	MIP_CODE_FA_REVERSE_TUNNEL_MANDATORY = 75,
	MIP_CODE_FA_TTL_TOO_LOW = 76,
	MIP_CODE_FA_INVALID_CARE_OF_ADDRESS = 77,
	MIP_CODE_FA_TIMEOUT = 78,
	MIP_CODE_FA_DELIVERY_STYLE_UNSUPPORTED = 79,
	MIP_CODE_FA_HOME_NETWORK_UNREACHABLE = 80,
	MIP_CODE_FA_HOME_AGENT_HOST_UNREACHABLE = 81,
	MIP_CODE_FA_HOME_AGENT_PORT_UNREACHABLE = 82,
	MIP_CODE_FA_HOME_AGENT_UNREACHABLE = 88,
	MIP_CODE_FA_NONZERO_HOME_AGENT_REQUIRED = 90, /* RFC 4433 */
	MIP_CODE_FA_NONZERO_HOMEADDR_REQUIRED = 96,
	MIP_CODE_FA_MISSING_NAI = 97,
	MIP_CODE_FA_MISSING_HOME_AGENT = 98,
	MIP_CODE_FA_MISSING_HOME_ADDRESS = 99,
	MIP_CODE_FA_UNKNOWN_VENDOR_EXTENSION = 100,	       /* RFC 3115 2.4: sent by the mobile node */
	MIP_CODE_FA_UNKNOWN_HOME_AGENT_VENDOR_EXTENSION = 101, /* … by the home agent */
	MIP_CODE_FA_UNKNOWN_CHALLENGE = 104,		       /* RFC 4721 10, to 109, and 144 */
	MIP_CODE_FA_MISSING_CHALLENGE = 105,
	MIP_CODE_FA_STALE_CHALLENGE = 106,
	MIP_CODE_FA_MISSING_KEY = 107, /* RFC 3957 */
	MIP_CODE_FA_BAD_AAA_AUTHENTICATION = 108,
	MIP_CODE_FA_WRONG_HOME_AGENT_CHALLENGE = 109,
	MIP_CODE_FA_REPLAY_PROTECTION_UNAVAILABLE = 110, /* RFC 4857, to 115, and 145, 146, 193 */
	MIP_CODE_FA_ZERO_CARE_OF_UNSUPPORTED = 111,
	MIP_CODE_FA_UNKNOWN_GATEWAY = 112,
	MIP_CODE_FA_GATEWAY_UNREACHABLE = 113,
	MIP_CODE_FA_GATEWAY_HOST_UNREACHABLE = 114,
	MIP_CODE_FA_GATEWAY_PORT_UNREACHABLE = 115,
	MIP_CODE_HA_UNSPECIFIED = 128,
	MIP_CODE_HA_PROHIBITED = 129,
	MIP_CODE_HA_INSUFFICIENT_RESOURCES = 130,
	MIP_CODE_HA_NODE_FAILED_AUTHENTICATION = 131,
	MIP_CODE_HA_FOREIGN_AGENT_FAILED_AUTHENTICATION = 132,
	MIP_CODE_HA_IDENTIFICATION_MISMATCH = 133,
	MIP_CODE_HA_POORLY_FORMED_REQUEST = 134,
	MIP_CODE_HA_TOO_MANY_BINDINGS = 135,
	MIP_CODE_HA_UNKNOWN_HOME_AGENT = 136,
	MIP_CODE_HA_REVERSE_TUNNEL_UNAVAILABLE = 137,
	MIP_CODE_HA_REVERSE_TUNNEL_MANDATORY = 138,
	MIP_CODE_HA_ENCAPSULATION_UNAVAILABLE = 139,
	MIP_CODE_HA_UNKNOWN_VENDOR_EXTENSION = 140,		  /* RFC 3115 2.4: sent by the mobile node */
	MIP_CODE_HA_UNKNOWN_FOREIGN_AGENT_VENDOR_EXTENSION = 141, /* … by the foreign agent */
	MIP_CODE_HA_UDP_ENCAPSULATION_UNAVAILABLE = 142,
	MIP_CODE_HA_REDIRECT = 143, /* RFC 4433 */
	MIP_CODE_HA_BAD_AAA_AUTHENTICATION = 144,
	MIP_CODE_HA_ZERO_CARE_OF = 145,
	MIP_CODE_HA_DYNAMIC_GATEWAY_UNSUPPORTED = 146,
	MIP_CODE_HA_MOBILE_NETWORK_ERROR = 147, /* RFC 5177 */
	MIP_CODE_FA_NO_HOME_REGISTRATION = 193,
	MIP_CODE_FA_INVALID_HOME_AGENT_ADDRESS = 194,
};
extern const struct mip_name mip_code_names[];
static inline bool mip_code_is_accepted(uint8_t code)
{
	return code == MIP_CODE_ACCEPTED || code == MIP_CODE_ACCEPTED_NO_SIMULTANEOUS;
}
/* What the code says in words; one that nobody has defined is an "unknown code". */
const char *mip_code_text(uint8_t code);

/* The MIP Tunnel Data message header, RFC 3519 3.3: four octets before the tunnelled packet in UDP. */
enum {
	MIP_TUNNEL_DATA_HEADER = 4,
};
/* Returns 0 and the next header (4 IP, 47 GRE, 55 minimal), or -EBADMSG. */
int mip_tunnel_data_read(struct mip_reader *reader, uint8_t *ret_next_header);
void mip_tunnel_data_write(struct mip_writer *writer, uint8_t next_header);

#endif
