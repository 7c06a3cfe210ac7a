/*
 * The `security` group of the three configurations: a mobility security association (RFC 5944 1.6) as a
 * person writes it down.
 *
 *   security: { spi = 1000; algorithm = "hmac-md5"; key = "hex:…"; replay = "timestamp"; replay_tolerance
 * = 7.0; };
 *
 * In a role's table it is a setting of type GROUP, or GROUP with `present_offset` where it may be left out:
 *
 *   { .name = "security", .type = MIP_SETTING_TYPE_GROUP, .schema = &mip_security_schema,
 *     .offset = offsetof(struct peer, security),
 *     .present_offset = offsetof(struct peer, security) + offsetof(struct mip_security_config, present) }
 */
#ifndef MIP_HOST_SECURITY_SCHEMA_H
#define MIP_HOST_SECURITY_SCHEMA_H

#include "association.h"
#include "config.h"

struct mip_security_config {
	int64_t spi;
	int algorithm; /* enum mip_algorithm */
	int replay;    /* enum mip_replay_style */
	mip_time replay_tolerance;
	struct mip_key key;
	bool present; /* for present_offset; never the first member */
};

enum {
	/* RFC 5944 5.1 wants keys of 128 bits and more; RFC 2104 3 has keys of any length, and discourages
	 * those that are shorter than the hash. The upper end only tells a key from a slip. */
	MIP_KEY_LEAST = 16,
	MIP_KEY_MOST = 256,
};

extern const struct mip_schema mip_security_schema;
/* The same for a Mobile-AAA association (RFC 4721): its algorithm may be chap-md5 too, and then its SPI is
 * CHAP_SPI, 2 unless it says otherwise. `replay` is taken, but it is the other
 * association's that counts. */
extern const struct mip_schema mip_aaa_schema;

/* For mip_association_new(); the key stays the configuration's. */
struct mip_association_settings mip_security_settings(const struct mip_security_config *config);
/* The association, with one reference; NULL when the configuration has none (then 0 too). */
int mip_security_association(
	const struct mip_security_config *config, struct mip_association **ret_association);

#endif
