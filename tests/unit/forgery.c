/* What the tests of forged messages share. */
#include "forgery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const enum mip_algorithm forgery_algorithms[FORGERY_ALGORITHMS] = {
	MIP_ALGORITHM_HMAC_MD5, MIP_ALGORITHM_HMAC_SHA1, MIP_ALGORITHM_HMAC_SHA256, MIP_ALGORITHM_KEYED_MD5};

struct mip_association *forgery_association(uint32_t spi, enum mip_algorithm algorithm)
{
	uint8_t key[] = "a key of 16 octs";
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .key = {key, sizeof(key) - 1}};
	struct mip_association *association;

	assert_int_equal(mip_association_new(&settings, &association), 0);
	return association;
}
