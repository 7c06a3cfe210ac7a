/*
 * Mobility security associations (RFC 5944 1.6).
 *
 * Setting up a keyed context costs more than running it over a registration message, so it is done once, when
 * the association is made, and every message works on a duplicate. After that the key itself is needed only
 * by keyed-md5, whose second half comes after the message.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "address.h"
#include "association_keyed.h"

const struct mip_name mip_algorithm_names[] = {
	{MIP_ALGORITHM_HMAC_MD5, "hmac-md5"},
	{MIP_ALGORITHM_HMAC_SHA1, "hmac-sha1"},
	{MIP_ALGORITHM_HMAC_SHA256, "hmac-sha256"},
	{MIP_ALGORITHM_KEYED_MD5, "keyed-md5"},
	{0, NULL},
};

const struct mip_name mip_aaa_algorithm_names[] = {
	{MIP_ALGORITHM_HMAC_MD5, "hmac-md5"},
	{MIP_ALGORITHM_HMAC_SHA1, "hmac-sha1"},
	{MIP_ALGORITHM_HMAC_SHA256, "hmac-sha256"},
	{MIP_ALGORITHM_KEYED_MD5, "keyed-md5"},
	{MIP_ALGORITHM_CHAP_MD5, "chap-md5"},
	{0, NULL},
};

const struct mip_name mip_replay_names[] = {
	{MIP_REPLAY_TIMESTAMP, "timestamp"},
	{MIP_REPLAY_NONCE, "nonce"},
	{0, NULL},
};

static const char *digest_name(enum mip_algorithm algorithm)
{
	switch (algorithm) {
	/* rfc5944-3.5.1-4: MUST implement the default authentication algorithm (HMAC-MD5). */
	case MIP_ALGORITHM_HMAC_MD5:
	case MIP_ALGORITHM_KEYED_MD5:
	case MIP_ALGORITHM_CHAP_MD5:
		return "MD5";
	case MIP_ALGORITHM_HMAC_SHA1:
		return "SHA1";
	case MIP_ALGORITHM_HMAC_SHA256:
		return "SHA256";
	}
	return NULL;
}

static int hmac_key(struct mip_association *association, const struct mip_key *key)
{
	char digest[sizeof("SHA256")] = {0};
	OSSL_PARAM parameters[2];
	EVP_MAC *mac;

	/* The parameter wants a writable string, though it only reads it. */
	for (size_t i = 0; digest_name(association->algorithm)[i]; i++)
		digest[i] = digest_name(association->algorithm)[i];
	parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	parameters[1] = OSSL_PARAM_construct_end();
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!mac)
		return -ENOTSUP;
	association->hmac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (!association->hmac)
		return -ENOMEM;
	return EVP_MAC_init(association->hmac, key->octets, key->length, parameters) == 1 ? 0 : -ENOTSUP;
}

static int prefix_key(struct mip_association *association, const struct mip_key *key)
{
	EVP_MD *md5 = EVP_MD_fetch(NULL, digest_name(association->algorithm), NULL);
	int r = -ENOTSUP;

	if (!md5)
		return -ENOTSUP;
	association->prefixed = EVP_MD_CTX_new();
	if (!association->prefixed)
		r = -ENOMEM;
	else if (EVP_DigestInit_ex(association->prefixed, md5, NULL) == 1 &&
		 EVP_DigestUpdate(association->prefixed, key->octets, key->length) == 1)
		r = mip_key_copy(key, &association->suffix);
	EVP_MD_free(md5);
	return r;
}

/* The key stands behind the challenge's first octet, so nothing can be digested beforehand. */
static int chap_key(struct mip_association *association, const struct mip_key *key)
{
	association->md5 = EVP_MD_fetch(NULL, digest_name(association->algorithm), NULL);
	return association->md5 ? mip_key_copy(key, &association->suffix) : -ENOTSUP;
}

static int any_key(struct mip_association *association, const struct mip_key *key)
{
	switch (association->algorithm) {
	case MIP_ALGORITHM_KEYED_MD5:
		return prefix_key(association, key);
	case MIP_ALGORITHM_CHAP_MD5:
		return chap_key(association, key);
	default:
		return hmac_key(association, key);
	}
}

/* rfc5944-1.6-2: "SPI values 0 through 255 are reserved and MUST NOT be used" … but for what they are
 * reserved for: RFC 4721 8 has CHAP_SPI among them ("SPI number 0 should not be assigned"). */
static bool spi_is_sound(const struct mip_association_settings *settings)
{
	if (settings->algorithm == MIP_ALGORITHM_CHAP_MD5)
		return settings->spi > 0;
	return settings->spi >= MIP_SPI_LEAST;
}

/* rfc5944-3.5.1-3: MUST be able to associate any SPI value with any authentication algorithm and mode. */
/* rfc5944-5.1-3: "Keys with arbitrary binary values MUST be supported." */
/* rfc5944-5.1-4: "… this mode is needed, new implementations SHOULD include keyed MD5 as one of the additional …" */
int mip_association_new(
	const struct mip_association_settings *settings, struct mip_association **ret_association)
{
	struct mip_association *association;
	int r;

	if (settings->key.length == 0 || !spi_is_sound(settings) || !digest_name(settings->algorithm))
		return -EINVAL;
	association = calloc(1, sizeof(*association));
	if (!association)
		return -ENOMEM;
	association->references = 1;
	association->spi = settings->spi;
	association->algorithm = settings->algorithm;
	association->replay = settings->replay;
	/* rfc5944-5.7.1-1. */
	association->replay_tolerance = settings->replay_tolerance
						? settings->replay_tolerance
						: MIP_REPLAY_TOLERANCE_SECONDS * MIP_SECOND;
	r = any_key(association, &settings->key);
	if (r < 0) {
		mip_association_unref(association);
		return r;
	}
	*ret_association = association;
	return 0;
}

struct mip_association *mip_association_ref(struct mip_association *association)
{
	if (association)
		association->references++;
	return association;
}

/* libcrypto wipes what it frees of keyed contexts. */
void mip_association_unref(struct mip_association *association)
{
	if (!association || --association->references > 0)
		return;
	EVP_MAC_CTX_free(association->hmac);
	EVP_MD_CTX_free(association->prefixed);
	EVP_MD_free(association->md5);
	mip_key_clear(&association->suffix);
	free(association);
}

uint32_t mip_association_spi(const struct mip_association *association)
{
	return association->spi;
}

enum mip_algorithm mip_association_algorithm(const struct mip_association *association)
{
	return association->algorithm;
}

enum mip_replay_style mip_association_replay(const struct mip_association *association)
{
	return association->replay;
}

mip_time mip_association_replay_tolerance(const struct mip_association *association)
{
	return association->replay_tolerance;
}

size_t mip_association_authenticator_length(const struct mip_association *association)
{
	/* Unreachable branch: the enumeration has no other value. */
	switch (association->algorithm) {
	case MIP_ALGORITHM_HMAC_SHA1:
		return 20;
	case MIP_ALGORITHM_HMAC_SHA256:
		return 32;
	case MIP_ALGORITHM_HMAC_MD5:
	case MIP_ALGORITHM_KEYED_MD5:
	case MIP_ALGORITHM_CHAP_MD5:
		break;
	}
	return 16;
}
