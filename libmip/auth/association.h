/*
 * Mobility security associations (RFC 5944 1.6): an SPI, an algorithm, a key, a style of replay protection.
 * One belongs to the peer that it was configured for and speaks for no other.
 */
#ifndef MIP_AUTH_ASSOCIATION_H
#define MIP_AUTH_ASSOCIATION_H

#include "name.h"
#include "types.h"

enum mip_algorithm {
	MIP_ALGORITHM_HMAC_MD5, /* RFC 2104; the default of RFC 5944 */
	MIP_ALGORITHM_HMAC_SHA1,
	MIP_ALGORITHM_HMAC_SHA256,
	MIP_ALGORITHM_KEYED_MD5, /* prefix+suffix, RFC 2002 3.5.1: MD5 over key, message, key; for old peers
				  */
	MIP_ALGORITHM_CHAP_MD5, /* RFC 4721 8, as RADIUS servers compute it; of Mobile-AAA associations only */
};
extern const struct mip_name mip_algorithm_names[]; /* "hmac-md5", "hmac-sha1", "hmac-sha256", "keyed-md5" */
extern const struct mip_name mip_aaa_algorithm_names[]; /* these, and "chap-md5" */

enum mip_replay_style {
	MIP_REPLAY_TIMESTAMP,
	MIP_REPLAY_NONCE,
};
extern const struct mip_name mip_replay_names[]; /* "timestamp", "nonce" */

enum {
	MIP_AUTHENTICATOR_MAX = 32,
	MIP_SPI_LEAST = 256, /* RFC 5944 1.6: SPI values 0 through 255 are reserved */
	MIP_CHAP_SPI = 2,    /* RFC 4721 9: of those, what CHAP_SPI is unless configured otherwise */
	MIP_REPLAY_TOLERANCE_SECONDS = 7,
};

struct mip_association; /* keyed contexts inside; the key itself is wiped when the association is freed */

struct mip_association_settings {
	uint32_t spi;
	enum mip_algorithm algorithm;
	enum mip_replay_style replay;
	mip_time replay_tolerance; /* ns; for timestamps; 0: the default of 7 s */
	struct mip_key key;	   /* copied */
};

/* Returns 0; -EINVAL: no key, a reserved SPI (which chap-md5 may have, but for 0) or no such algorithm;
 * -ENOTSUP: libcrypto lacks the algorithm (a FIPS provider has no MD5); -ENOMEM. */
int mip_association_new(
	const struct mip_association_settings *settings, struct mip_association **ret_association);
/* Associations may be shared; each holder takes a reference. */
struct mip_association *mip_association_ref(struct mip_association *association);
void mip_association_unref(struct mip_association *association); /* NULL is fine */

uint32_t mip_association_spi(const struct mip_association *association);
enum mip_algorithm mip_association_algorithm(const struct mip_association *association);
enum mip_replay_style mip_association_replay(const struct mip_association *association);
mip_time mip_association_replay_tolerance(const struct mip_association *association);
/* Octets of its authenticators: 16, 20 or 32. */
size_t mip_association_authenticator_length(const struct mip_association *association);

#endif
