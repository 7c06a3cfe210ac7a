/*
 * Addresses: RFC 791's four octets and what can be said of them without asking anybody.
 *
 * An address is held in network byte order so that it goes into packets and into the kernel's structures as
 * it is; its classes and prefixes are easier to tell from the number, so that each question turns it round
 * first.
 */
#include "address.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

uint16_t mip_swap16(uint16_t host_or_network)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap16(host_or_network);
#else
	return host_or_network;
#endif
}

uint32_t mip_swap32(uint32_t host_or_network)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(host_or_network);
#else
	return host_or_network;
#endif
}

struct mip_address mip_address_of(uint32_t host_order)
{
	return (struct mip_address){.value = mip_swap32(host_order)};
}

uint32_t mip_address_number(struct mip_address address)
{
	return mip_swap32(address.value);
}

bool mip_address_is_broadcast(struct mip_address address)
{
	return address.value == UINT32_MAX;
}

bool mip_address_is_multicast(struct mip_address address)
{
	return mip_address_number(address) >> 28 == 0xe;
}

bool mip_address_is_loopback(struct mip_address address)
{
	return mip_address_number(address) >> 24 == 127;
}

bool mip_address_is_unicast(struct mip_address address)
{
	uint32_t number = mip_address_number(address);

	return number >> 24 != 0 && number >> 24 != 127 && number >> 28 < 0xe;
}

static uint32_t mask_of(uint8_t length)
{
	return length == 0 ? 0 : UINT32_MAX << (32 - (length > 32 ? 32 : length));
}

struct mip_prefix mip_prefix_of(struct mip_address address, uint8_t length)
{
	uint8_t bounded = length > 32 ? 32 : length;

	return (struct mip_prefix){
		.address = mip_address_of(mip_address_number(address) & mask_of(bounded)),
		.length = bounded,
	};
}

bool mip_prefix_equal(struct mip_prefix a, struct mip_prefix b)
{
	return a.length == b.length && mip_address_equal(a.address, b.address);
}

bool mip_prefix_contains(struct mip_prefix prefix, struct mip_address address)
{
	return ((mip_address_number(prefix.address) ^ mip_address_number(address)) &
		       mask_of(prefix.length)) == 0;
}

/* RFC 919 7: the host part all ones names every host of the network. */
struct mip_address mip_prefix_broadcast(struct mip_prefix prefix)
{
	return mip_address_of(mip_address_number(prefix.address) | ~mask_of(prefix.length));
}

bool mip_link_address_equal(struct mip_link_address a, struct mip_link_address b)
{
	return a.length == b.length && a.length <= MIP_LINK_ADDRESS_MAX &&
	       memcmp(a.octets, b.octets, a.length) == 0;
}

/*
 * A decimal number without sign or leading zero (which inet_aton() would take as octal), up to `most`.
 * Returns what follows it, NULL when there is none.
 */
static const char *read_number(const char *text, uint32_t most, uint32_t *ret_number)
{
	const char *at = text;
	uint32_t number = 0;

	while (*at >= '0' && *at <= '9') {
		if (at != text && *text == '0')
			return NULL;
		number = number * 10 + (uint32_t)(*at++ - '0');
		if (number > most)
			return NULL;
	}
	if (at == text)
		return NULL;
	*ret_number = number;
	return at;
}

static const char *read_address(const char *text, struct mip_address *ret_address)
{
	const char *at = text;
	uint32_t number = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t octet = 0;

		if (i > 0 && *at++ != '.')
			return NULL;
		at = read_number(at, 255, &octet);
		if (at == NULL)
			return NULL;
		number = number << 8 | octet;
	}
	*ret_address = mip_address_of(number);
	return at;
}

int mip_address_read(const char *text, struct mip_address *ret_address)
{
	struct mip_address address;
	const char *end = text == NULL ? NULL : read_address(text, &address);

	if (end == NULL || *end != '\0')
		return -EINVAL;
	*ret_address = address;
	return 0;
}

int mip_prefix_read(const char *text, struct mip_prefix *ret_prefix)
{
	struct mip_address address;
	struct mip_prefix prefix;
	uint32_t length = 0;
	const char *end = text == NULL ? NULL : read_address(text, &address);

	if (end == NULL || *end != '/')
		return -EINVAL;
	end = read_number(end + 1, 32, &length);
	if (end == NULL || *end != '\0')
		return -EINVAL;
	prefix = mip_prefix_of(address, (uint8_t)length);
	if (!mip_address_equal(prefix.address, address))
		return -EINVAL;
	*ret_prefix = prefix;
	return 0;
}

const char *mip_address_text(struct mip_address address, char text[static MIP_ADDRESS_TEXT])
{
	struct mip_text out = mip_text_of(text, MIP_ADDRESS_TEXT);

	mip_text_add_address(&out, address);
	return text;
}

const char *mip_prefix_text(struct mip_prefix prefix, char text[static MIP_PREFIX_TEXT])
{
	struct mip_text out = mip_text_of(text, MIP_PREFIX_TEXT);

	mip_text_add_address(&out, prefix.address);
	mip_text_add_character(&out, '/');
	mip_text_add_number(&out, prefix.length);
	return text;
}

const char *mip_endpoint_text(struct mip_address address, uint16_t port, char text[static MIP_ENDPOINT_TEXT])
{
	struct mip_text out = mip_text_of(text, MIP_ENDPOINT_TEXT);

	mip_text_add_address(&out, address);
	mip_text_add_character(&out, ':');
	mip_text_add_number(&out, port);
	return text;
}

const char *mip_link_address_text(struct mip_link_address address, char text[static MIP_LINK_ADDRESS_TEXT])
{
	struct mip_text out = mip_text_of(text, MIP_LINK_ADDRESS_TEXT);

	for (size_t i = 0; i < address.length && i < MIP_LINK_ADDRESS_MAX; i++) {
		if (i > 0)
			mip_text_add_character(&out, ':');
		mip_text_add_hex(&out, address.octets[i], 2);
	}
	return text;
}

void mip_key_clear(struct mip_key *key)
{
	if (key == NULL)
		return;
	if (key->octets != NULL)
		OPENSSL_cleanse(key->octets, key->length);
	free(key->octets);
	*key = (struct mip_key){0};
}

int mip_key_copy(const struct mip_key *key, struct mip_key *ret_key)
{
	struct mip_key copy = {0};

	if (key->length > 0) {
		copy.octets = malloc(key->length);
		if (copy.octets == NULL)
			return -ENOMEM;
		memcpy(copy.octets, key->octets, key->length);
		copy.length = key->length;
	}
	*ret_key = copy;
	return 0;
}
