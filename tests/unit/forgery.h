/* What the tests of forged messages share: the algorithms, and keys for them. */
#ifndef FORGERY_H
#define FORGERY_H

#include "association.h"

enum {
	FORGERY_ALGORITHMS = 4,
};
extern const enum mip_algorithm forgery_algorithms[FORGERY_ALGORITHMS]; /* all that there are */

/* Without replay protection of its own choice; mip_association_unref() when done. */
struct mip_association *forgery_association(uint32_t spi, enum mip_algorithm algorithm);

#endif
