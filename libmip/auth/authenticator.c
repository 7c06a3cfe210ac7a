/*
 * Authenticators (RFC 5944 3.5.1 and 5.1; RFC 4721 6 for Mobile-AAA, which covers the same octets).
 *
 * What is covered ends with the SPI of the extension itself, so an authenticator is written last: the
 * extension's header and a room of zeros first, then the computation over all before the room, straight into
 * it. A check computes the same again and compares in constant time.
 */
#include <errno.h>
#include <openssl/crypto.h>

#include "association_keyed.h"
#include "authenticator.h"

static int hmac_compute(
	const struct mip_association *association, const void *octets, size_t length, uint8_t *authenticator)
{
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(association->hmac);
	size_t size = mip_association_authenticator_length(association), written = 0;
	int r = -EIO;

	if (context && EVP_MAC_update(context, octets, length) == 1 &&
		EVP_MAC_final(context, authenticator, &written, size) == 1 && written == size)
		r = 0;
	EVP_MAC_CTX_free(context);
	return r;
}

/* "the shared secret …, followed by the protected fields from the registration message, …, followed by the
 * shared secret again" (RFC 2002 3.5.1; RFC 5944 5.1 keeps it for old peers). */
static int keyed_md5_compute(
	const struct mip_association *association, const void *octets, size_t length, uint8_t *authenticator)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const struct mip_key *suffix = &association->suffix;
	int r = -EIO;

	if (context && EVP_MD_CTX_copy_ex(context, association->prefixed) == 1 &&
		EVP_DigestUpdate(context, octets, length) == 1 &&
		EVP_DigestUpdate(context, suffix->octets, suffix->length) == 1 &&
		EVP_DigestFinal_ex(context, authenticator, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(context);
	return r;
}

int mip_authenticator_compute(
	const struct mip_association *association, const void *octets, size_t length, uint8_t *authenticator)
{
	if (association->algorithm == MIP_ALGORITHM_KEYED_MD5)
		return keyed_md5_compute(association, octets, length, authenticator);
	return hmac_compute(association, octets, length, authenticator);
}

/* rfc5944-3.2-1: associations are indexed by their SPI and IP address: the caller has found it by the
 * address. */
/* rfc5944-5.1-1: "Home agents and mobile nodes MUST be able to perform authentication." */
/* rfc5944-5.1-2: "The foreign agent MUST also support authentication using HMAC-MD5 and key sizes of 128 bits or …" */
int mip_authenticator_check(const struct mip_association *association, const uint8_t *message,
	const struct mip_extension *extension)
{
	struct mip_authentication authentication;
	uint8_t expected[MIP_AUTHENTICATOR_MAX];
	int r;

	r = mip_authentication_read(extension, &authentication);
	if (r < 0)
		return r;
	/* rfc5944-3.5.1-2: the SPI "defines the security context … that MUST be used by the receiver". */
	if (authentication.spi != association->spi)
		return -EKEYREJECTED;
	if (authentication.authenticator_length != mip_association_authenticator_length(association))
		return -EACCES;
	r = mip_authenticator_compute(association, message, authentication.covered, expected);
	if (r == 0 && CRYPTO_memcmp(expected, authentication.authenticator,
			      authentication.authenticator_length) != 0)
		r = -EACCES;
	OPENSSL_cleanse(expected, sizeof(expected));
	return r;
}

int mip_authenticator_append(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const struct mip_association *association)
{
	uint8_t *room = mip_authentication_write(
		writer, type, subtype, association->spi, mip_association_authenticator_length(association));
	int r;

	if (!room)
		return -ENOBUFS;
	r = mip_authenticator_compute(association, writer->octets, (size_t)(room - writer->octets), room);
	if (r < 0)
		writer->failed = true; /* no message leaves with an authenticator of zeros */
	return r;
}
