/*
 * Addresses and prefixes: from text, to text, compared.
 */
#ifndef MIP_BASE_ADDRESS_H
#define MIP_BASE_ADDRESS_H

#include "types.h"

enum {
	MIP_ADDRESS_TEXT = sizeof("255.255.255.255"),
	MIP_PREFIX_TEXT = sizeof("255.255.255.255/32"),
	MIP_ENDPOINT_TEXT = sizeof("255.255.255.255:65535"),
	MIP_LINK_ADDRESS_TEXT = 3 * MIP_LINK_ADDRESS_MAX,
};

/* 16 and 32 bit numbers between host and network byte order, without the C library's socket headers. */
uint16_t mip_swap16(uint16_t host_or_network);
uint32_t mip_swap32(uint32_t host_or_network);

/* An address from a number in host byte order (0x0a010001 is 10.1.0.1), and back. */
struct mip_address mip_address_of(uint32_t host_order);
uint32_t mip_address_number(struct mip_address address);

static inline bool mip_address_equal(struct mip_address a, struct mip_address b)
{
	return a.value == b.value;
}
static inline bool mip_address_is_none(struct mip_address a)
{
	return a.value == 0;
}
bool mip_address_is_broadcast(struct mip_address address); /* 255.255.255.255 */
bool mip_address_is_multicast(struct mip_address address); /* 224.0.0.0/4 */
bool mip_address_is_loopback(struct mip_address address);  /* 127.0.0.0/8 */
/* An address that one host may have: not 0/8, not loopback, not multicast, not 240/4 and up. */
bool mip_address_is_unicast(struct mip_address address);

/* The prefix that an address and a length name, its lower bits cleared. length is 0 to 32. */
struct mip_prefix mip_prefix_of(struct mip_address address, uint8_t length);
bool mip_prefix_equal(struct mip_prefix a, struct mip_prefix b);
bool mip_prefix_contains(struct mip_prefix prefix, struct mip_address address);
struct mip_address mip_prefix_broadcast(struct mip_prefix prefix); /* all host bits one (RFC 919) */

bool mip_link_address_equal(struct mip_link_address a, struct mip_link_address b);

/*
 * Reading text: dotted quad in full ("10.1.0.1"), "ADDRESS/LENGTH" with host bits clear. Returns 0, or
 * -EINVAL and leaves the output untouched.
 */
int mip_address_read(const char *text, struct mip_address *ret_address);
int mip_prefix_read(const char *text, struct mip_prefix *ret_prefix);

/* Writing text into a buffer of the size named above. Each returns its buffer, for use as an argument. */
const char *mip_address_text(struct mip_address address, char text[static MIP_ADDRESS_TEXT]);
const char *mip_prefix_text(struct mip_prefix prefix, char text[static MIP_PREFIX_TEXT]);
const char *mip_endpoint_text(struct mip_address address, uint16_t port, char text[static MIP_ENDPOINT_TEXT]);
/* "02:00:00:00:00:01", or "" when there is none. */
const char *mip_link_address_text(struct mip_link_address address, char text[static MIP_LINK_ADDRESS_TEXT]);

/* The same as a value on the stack of the caller's block: mip_log(log, level, "for %s", MIP_TEXT(address)).
 */
#define MIP_TEXT(address)      mip_address_text((address), (char[MIP_ADDRESS_TEXT]){0})
#define MIP_LINK_TEXT(address) mip_link_address_text((address), (char[MIP_LINK_ADDRESS_TEXT]){0})

/* Wipes and frees the octets, and leaves the key empty. NULL and empty keys are fine. */
void mip_key_clear(struct mip_key *key);
/* A copy of its own. Returns 0 or -ENOMEM. */
int mip_key_copy(const struct mip_key *key, struct mip_key *ret_key);

#endif
