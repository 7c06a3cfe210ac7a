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

enum {
	MD5_LENGTH = 16,
	CHAP_CHALLENGE_MOST = 237, /* RFC 4721 8: what a RADIUS attribute has room for */
	MOBILE_AAA = 1,		   /* the sub-type, RFC 4721 6 */
};

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

static int md5(const struct mip_association *association, const void *octets, size_t length, uint8_t *digest)
{
	return EVP_Digest(octets, length, digest, NULL, association->md5, NULL) == 1 ? 0 : -EIO;
}

/*
 * rfc4721-6-5: the other algorithms, HMAC-MD5 among them, take the same octets for Mobile-AAA as for all
 * else. This one is RFC 4721 8's: "apply MD5 computed on the following data, in the order shown: High-order
 * octet from Challenge || Key || MD5(Preceding Mobile IP data || Type, Subtype, Length, SPI) || Least-order
 * 237 octets from Challenge". What is shorter than that is taken whole; "additional padding is never used".
 */
static int chap_compute(const struct mip_association *association, const void *octets, size_t length,
	const struct mip_challenge *challenge, uint8_t *authenticator)
{
	static const uint8_t zero[1];
	struct mip_challenge value = challenge ? *challenge : (struct mip_challenge){zero, sizeof(zero)};
	size_t least = value.length < CHAP_CHALLENGE_MOST ? value.length : CHAP_CHALLENGE_MOST;
	const struct mip_key *key = &association->suffix;
	EVP_MD_CTX *context;
	uint8_t inner[MD5_LENGTH];
	int r = -EIO;

	if (value.length == 0 || md5(association, octets, length, inner) < 0)
		return -EIO;
	context = EVP_MD_CTX_new();
	if (context && EVP_DigestInit_ex(context, association->md5, NULL) == 1 &&
		EVP_DigestUpdate(context, value.octets, 1) == 1 &&
		EVP_DigestUpdate(context, key->octets, key->length) == 1 &&
		EVP_DigestUpdate(context, inner, sizeof(inner)) == 1 &&
		EVP_DigestUpdate(context, value.octets + value.length - least, least) == 1 &&
		EVP_DigestFinal_ex(context, authenticator, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(context);
	return r;
}

static int compute(const struct mip_association *association, const void *octets, size_t length,
	const struct mip_challenge *challenge, uint8_t *authenticator)
{
	switch (association->algorithm) {
	case MIP_ALGORITHM_KEYED_MD5:
		return keyed_md5_compute(association, octets, length, authenticator);
	case MIP_ALGORITHM_CHAP_MD5:
		return chap_compute(association, octets, length, challenge, authenticator);
	default:
		return hmac_compute(association, octets, length, authenticator);
	}
}

int mip_authenticator_compute(
	const struct mip_association *association, const void *octets, size_t length, uint8_t *authenticator)
{
	return compute(association, octets, length, NULL, authenticator);
}

/* rfc5944-3.2-1: associations are indexed by their SPI and IP address: the caller has found it by the
 * address. */
/* rfc5944-5.1-1: "Home agents and mobile nodes MUST be able to perform authentication." */
/* rfc5944-5.1-2: "The foreign agent MUST also support authentication using HMAC-MD5 and key sizes of 128 bits or …" */
int mip_authenticator_check_challenge(const struct mip_association *association, const uint8_t *message,
	const struct mip_extension *extension, const struct mip_challenge *challenge)
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
	r = compute(association, message, authentication.covered, challenge, expected);
	if (r == 0 && CRYPTO_memcmp(expected, authentication.authenticator,
			      authentication.authenticator_length) != 0)
		r = -EACCES;
	OPENSSL_cleanse(expected, sizeof(expected));
	return r;
}

int mip_authenticator_check(const struct mip_association *association, const uint8_t *message,
	const struct mip_extension *extension)
{
	return mip_authenticator_check_challenge(association, message, extension, NULL);
}

static int append(struct mip_writer *writer, uint8_t type, uint8_t subtype,
	const struct mip_association *association, const struct mip_challenge *challenge)
{
	uint8_t *room = mip_authentication_write(
		writer, type, subtype, association->spi, mip_association_authenticator_length(association));
	int r;

	if (!room)
		return -ENOBUFS;
	r = compute(association, writer->octets, (size_t)(room - writer->octets), challenge, room);
	if (r < 0)
		writer->failed = true; /* no message leaves with an authenticator of zeros */
	return r;
}

int mip_authenticator_append(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const struct mip_association *association)
{
	return append(writer, type, subtype, association, NULL);
}

int mip_authenticator_append_challenge(struct mip_writer *writer, const struct mip_association *association,
	const struct mip_challenge *challenge)
{
	return append(writer, MIP_EXTENSION_GENERALIZED_AUTHENTICATION, MOBILE_AAA, association, challenge);
}
