/*
 * The `security` group: its table, and the length of its key.
 */
#include "security_schema.h"

#include <errno.h>

static const struct mip_setting security_settings[] = {
	/* rfc5944-1.6-2: "SPI values 0 through 255 are reserved and MUST NOT be used in any Mobility Security
	 * Association." */
	{.name = "spi",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mip_security_config, spi),
		.required = true,
		.least = MIP_SPI_LEAST,
		.most = UINT32_MAX,
		.help = "The security parameter index: a number that both ends know the association by."},
	{.name = "algorithm",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct mip_security_config, algorithm),
		.otherwise = "hmac-md5",
		.choices = mip_algorithm_names,
		.help = "How authenticators are computed; keyed-md5 is for old peers only."},
	{.name = "key",
		.type = MIP_SETTING_TYPE_KEY,
		.offset = offsetof(struct mip_security_config, key),
		.required = true,
		/* rfc5944-5.1-2: key sizes of 128 bits or greater, with manual key distribution. */
		.help = "The shared secret: hex:DIGITS, text:CHARACTERS or file:PATH, 16 to 256 octets."},
	{.name = "replay",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct mip_security_config, replay),
		.otherwise = "timestamp",
		.choices = mip_replay_names,
		.help = "How a message that was recorded and sent again is told from a fresh one."},
	/* rfc5944-5.7.1-1: it SHOULD be greater than 3 seconds; "a default value of 7 seconds MAY be used". */
	{.name = "replay_tolerance",
		.type = MIP_SETTING_TYPE_DURATION,
		.offset = offsetof(struct mip_security_config, replay_tolerance),
		.otherwise = "7",
		.least = MIP_MILLISECOND,
		.most = 86400 * MIP_SECOND,
		.unit = "s",
		.help = "How far a timestamp may be from this host's time of day."},
};

static int security_check(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct mip_security_config *security = object;
	size_t length = security->key.length;

	if (length >= MIP_KEY_LEAST && length <= MIP_KEY_MOST)
		return 0;
	return mip_config_error(config, group, "key", "'key' has %zu octet%s; it must have from %d to %d",
		length, length == 1 ? "" : "s", MIP_KEY_LEAST, MIP_KEY_MOST);
}

const struct mip_schema mip_security_schema = {
	.size = sizeof(struct mip_security_config),
	.settings = security_settings,
	.count = MIP_ARRAY_SIZE(security_settings),
	.check = security_check,
};

/* --- Mobile-AAA ------------------------------------------------------------------------------- */

static const struct mip_setting aaa_settings[] = {
	/* rfc4721-9-1: CHAP_SPI, 2, is a parameter that SHOULD be configurable. */
	{.name = "spi",
		.type = MIP_SETTING_TYPE_INTEGER,
		.offset = offsetof(struct mip_security_config, spi),
		.required = true,
		.least = 1,
		.most = UINT32_MAX,
		.help = "The security parameter index; with chap-md5 that is CHAP_SPI, 2, otherwise 256 or "
			"more."},
	/* rfc4721-12-2: MD5 as of section 8 "MUST be avoided whenever possible": it has to be named. */
	{.name = "algorithm",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct mip_security_config, algorithm),
		.otherwise = "hmac-md5",
		.choices = mip_aaa_algorithm_names,
		.help = "How authenticators are computed; chap-md5 is for RADIUS servers (CHAP_SPI), and "
			"weaker."},
	{.name = "key",
		.type = MIP_SETTING_TYPE_KEY,
		.offset = offsetof(struct mip_security_config, key),
		.required = true,
		.help = "The shared secret: hex:DIGITS, text:CHARACTERS or file:PATH, 16 to 256 octets."},
	/* As in a `security` group; the home agent goes by that one's, whatever is here. */
	{.name = "replay",
		.type = MIP_SETTING_TYPE_CHOICE,
		.offset = offsetof(struct mip_security_config, replay),
		.otherwise = "timestamp",
		.choices = mip_replay_names,
		.help = "Taken for the sake of likeness: the identification is protected as 'security' "
			"says."},
};

static int aaa_check(struct mip_config *config, const struct mip_config_group *group, void *object)
{
	const struct mip_security_config *security = object;

	if (security->algorithm != MIP_ALGORITHM_CHAP_MD5 && security->spi < MIP_SPI_LEAST)
		return mip_config_error(config, group, "spi", "'spi' = %lld is reserved: must be %d or more",
			(long long)security->spi, MIP_SPI_LEAST);
	return security_check(config, group, object);
}

const struct mip_schema mip_aaa_schema = {
	.size = sizeof(struct mip_security_config),
	.settings = aaa_settings,
	.count = MIP_ARRAY_SIZE(aaa_settings),
	.check = aaa_check,
};

struct mip_association_settings mip_security_settings(const struct mip_security_config *config)
{
	return (struct mip_association_settings){
		.spi = (uint32_t)config->spi,
		.algorithm = (enum mip_algorithm)config->algorithm,
		.replay = (enum mip_replay_style)config->replay,
		.replay_tolerance = config->replay_tolerance,
		.key = config->key,
	};
}

int mip_security_association(
	const struct mip_security_config *config, struct mip_association **ret_association)
{
	struct mip_association_settings settings = mip_security_settings(config);

	if (settings.key.length == 0) {
		*ret_association = NULL;
		return 0;
	}
	return mip_association_new(&settings, ret_association);
}
