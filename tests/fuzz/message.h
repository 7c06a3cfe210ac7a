/*
 * Registration messages as a fuzzer changes them: field by field and extension by extension, so that what comes out can
 * still be read, and signed again when it is done.
 */
#ifndef MIP_TESTS_FUZZ_MESSAGE_H
#define MIP_TESTS_FUZZ_MESSAGE_H

#include "association.h"
#include "registration.h"

/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *octets, size_t length, size_t most);

/* Numbers from a seed, the same every time. */
struct fuzz_dice {
	uint64_t state;
};
uint32_t fuzz_dice_below(struct fuzz_dice *dice, uint32_t bound); /* 0 when the bound is 0 */
bool fuzz_dice_one_in(struct fuzz_dice *dice, uint32_t count);

/* Addresses that mean something to the target. */
struct fuzz_addresses {
	const uint32_t *numbers;
	size_t count;
};

enum {
	FUZZ_MESSAGE_MOST = 512,
};

/* Octets of the message's fixed part; 0: no message that has one, or cut short in it. */
size_t fuzz_message_fixed(const uint8_t *octets, size_t length);
/* One change: a field, or an extension that is put in, taken out, repeated, moved or changed. Returns the new length. */
size_t fuzz_message_mutate(struct fuzz_dice *dice, const struct fuzz_addresses *addresses,
	uint8_t octets[static FUZZ_MESSAGE_MOST], size_t length);

/* The association to sign an authentication extension of this type with; NULL: it stays as it is. */
typedef const struct mip_association *fuzz_signer(void *context, uint8_t type);
/*
 * Signs each authentication extension, in the order in which they stand, for one covers those before it. Where the
 * authenticator's room is not the association's length, it stays as it is.
 */
void fuzz_message_sign(uint8_t *octets, size_t length, fuzz_signer *signer, void *context);

#endif
