/*
 * The inside of an association, for the files of this room only.
 */
#ifndef MIP_AUTH_ASSOCIATION_KEYED_H
#define MIP_AUTH_ASSOCIATION_KEYED_H

#include <openssl/evp.h>

#include "association.h"

struct mip_association {
	unsigned references;
	uint32_t spi;
	enum mip_algorithm algorithm;
	enum mip_replay_style replay;
	mip_time replay_tolerance;
	/* Keyed once and duplicated for each message: one of the two, by the algorithm. */
	EVP_MAC_CTX *hmac;
	EVP_MD_CTX *prefixed;  /* keyed-md5: the key has been digested already … */
	struct mip_key suffix; /* … and comes once more at the end. chap-md5: the key, in the middle */
	EVP_MD *md5;	       /* chap-md5 */
};

#endif
