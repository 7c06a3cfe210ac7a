/*
 * The group `revocation` in the configuration of an agent (RFC 3543). The table of its settings is each
 * agent's own, for its defaults and words.
 */
#ifndef MIP_HOST_REVOCATION_SCHEMA_H
#define MIP_HOST_REVOCATION_SCHEMA_H

#include "types.h"

struct mip_revocation_config {
	bool enabled;
	bool inform_bit;
	bool inform;
	int64_t attempts;
	int64_t most;
	int64_t acknowledgments;
};

#endif
