/*
 * What the fuzz targets share: a check that is never compiled out, and copies of the input that end where the
 * heap's guard begins, so that AddressSanitizer sees every octet read beyond.
 */
#ifndef MIP_TESTS_FUZZ_H
#define MIP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

#define FUZZ_CHECK(condition)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

/* To be freed by the caller. */
static inline uint8_t *fuzz_copy(const uint8_t *octets, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);

	FUZZ_CHECK(copy);
	if (length > 0)
		memcpy(copy, octets, length);
	return copy;
}

#endif
