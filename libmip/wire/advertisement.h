/*
 * Agent discovery: ICMP Router Advertisement (RFC 1256) with the Mobility Agent Advertisement, Prefix-Lengths
 * and padding extensions (RFC 5944 2.1), the challenge (RFC 4721 2), and Agent Solicitation (RFC 5944 2.2).
 */
#ifndef MIP_WIRE_ADVERTISEMENT_H
#define MIP_WIRE_ADVERTISEMENT_H

#include "cursor.h"
#include "types.h"

/* The flags of the Mobility Agent Advertisement Extension as a number of 16 bits, RFC 5944 2.1.1. r and the
 * reserved ones are cleared by the reader and by the writer. */
enum mip_agent_flag {
	MIP_AGENT_R = 0x8000, /* registration required */
	MIP_AGENT_B = 0x4000, /* busy */
	MIP_AGENT_H = 0x2000, /* home agent */
	MIP_AGENT_F = 0x1000, /* foreign agent */
	MIP_AGENT_M = 0x0800, /* minimal encapsulation */
	MIP_AGENT_G = 0x0400, /* GRE */
	MIP_AGENT_T = 0x0100, /* reverse tunnelling */
	MIP_AGENT_U = 0x0080, /* UDP tunnelling */
	MIP_AGENT_X = 0x0040, /* registration revocation */
	MIP_AGENT_I = 0x0020, /* regional registration */
};

enum {
	MIP_ADVERTISEMENT_EXTENSION_MOBILITY_AGENT = 16,
	MIP_ADVERTISEMENT_EXTENSION_PREFIX_LENGTHS = 19,
	MIP_ADVERTISEMENT_EXTENSION_CHALLENGE = 24,
	/* Length is one octet, so a Mobility Agent Advertisement has at most (255 - 6) / 4 care-of addresses,
	 * and a router advertisement at most 255 routers. */
	MIP_CARE_OF_ADDRESSES_MAX = 62,
	MIP_ROUTERS_MAX = 255,
	MIP_CHALLENGE_MAX = 255,
	MIP_AGENT_FLAGS_TEXT = 12,
};

struct mip_router {
	struct mip_address address;
	int32_t preference;
};

struct mip_agent_advertisement {
	uint8_t code;	   /* 0, or 16: does not route common traffic */
	uint16_t lifetime; /* of the router advertisement, seconds */
	size_t router_count;
	struct mip_router routers[MIP_ROUTERS_MAX];
	bool is_agent; /* a Mobility Agent Advertisement Extension is there; what follows is from it */
	uint16_t sequence;
	uint16_t registration_lifetime;
	uint16_t flags;
	size_t care_of_address_count;
	struct mip_address care_of_addresses[MIP_CARE_OF_ADDRESSES_MAX];
	size_t prefix_length_count; /* of the routers, in their order: router_count, or 0: not there */
	uint8_t prefix_lengths[MIP_ROUTERS_MAX];
	size_t challenge_length; /* 0: not there */
	uint8_t challenge[MIP_CHALLENGE_MAX];
};

/*
 * The ICMP message, from its type octet to the end of the IP payload, its checksum checked. Returns 0;
 * -EBADMSG when malformed or when RFC 1256 5.2 or RFC 5944 1.8 says that it is to be discarded; -ENOMSG when
 * it is another ICMP message. Whether the flags make sense together is the reader's of the struct to judge.
 */
int mip_advertisement_read(struct mip_reader *reader, struct mip_agent_advertisement *ret_advertisement);
/* Writes it with its checksum. The padding extension makes the length even when need be (RFC 5944 2.1.3). */
void mip_advertisement_write(struct mip_writer *writer, const struct mip_agent_advertisement *advertisement);

/* Agent Solicitation: the ICMP message, 8 octets. Reading returns 0; -EBADMSG when RFC 1256 4.2 says that it
 * is to be discarded; -ENOMSG when it is another ICMP message. */
int mip_solicitation_read(struct mip_reader *reader);
void mip_solicitation_write(struct mip_writer *writer);

/* "HFT" and so on, in the order RBHFMGTUXI. */
const char *mip_agent_flags_text(uint16_t flags, char text[static MIP_AGENT_FLAGS_TEXT]);

#endif
