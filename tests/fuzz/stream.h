/*
 * Event streams, which the targets of the cores read, and the mutator that knows their structure.
 *
 *   prelude   some octets, the target's: the settings
 *   event …   kind (1 octet), length (2 octets), that many octets of its own
 *
 * One kind of event holds a whole registration message as it is on the wire. The mutator changes, puts in, takes out,
 * repeats and moves events, changes messages field by field and extension by extension (message.h), and then lets the
 * target run over the stream once to *mend* it: at each message that is marked so, the target writes into the stream
 * the identification that the machine expects at that moment, and signs the message with the right association. What
 * libFuzzer then gets is plain octets, which say the same in each run. With FUZZ_PLAIN=1 in the environment libFuzzer's
 * own mutations are used instead, and FUZZ_COUNT=1 prints at the end how many messages got past the authenticator.
 */
#ifndef MIP_TESTS_FUZZ_STREAM_H
#define MIP_TESTS_FUZZ_STREAM_H

#include "counter.h"
#include "cursor.h"
#include "fuzz.h"
#include "message.h"

/* What a message event begins with; the message itself follows. */
struct fuzz_message {
	uint8_t bits; /* the first FUZZ_MENDED; the others are the target's */
	uint8_t choice;
	const uint8_t *octets;
	size_t length;
};

enum {
	FUZZ_MENDED = 1,
	FUZZ_MESSAGE_HEADER = 2,
};

/* What the target says about its streams. */
struct fuzz_stream {
	size_t prelude;
	uint8_t kinds;	 /* events are of these many kinds, by their number modulo this */
	uint8_t message; /* the kind that holds a message */
	bool denies;	 /* codes 131, 132 and 134 are its own, for what it does not believe */
	struct fuzz_addresses addresses;
	/* A message that the target understands; what is mended need not be right. Returns its length. */
	size_t (*make)(struct fuzz_dice *dice, uint8_t octets[static FUZZ_MESSAGE_MOST]);
};
extern const struct fuzz_stream fuzz_stream;

/* Takes the next event: its kind modulo the stream's, and a reader of its own. False at the end. */
bool fuzz_event_next(struct mip_reader *stream, uint8_t *ret_kind, struct mip_reader *ret_event);
/* The message of such an event. */
struct fuzz_message fuzz_message_of(struct mip_reader *event);
/* While the mutator mends, and if the message is marked: where to write it; NULL else. */
uint8_t *fuzz_to_mend(const struct fuzz_message *message);
/* Counts a message and whether the machine took it: `before` and now are sums of fuzz_refusals(). */
void fuzz_count_message(uint64_t refusals_before, uint64_t refusals_now);
/* What the machine refused for what its octets or its authenticator are, by its own counters. */
uint64_t fuzz_refusals(struct mip_counter_table counters);

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t length, size_t most, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_length, const uint8_t *second,
	size_t second_length, uint8_t *out, size_t most, unsigned int seed);
/* AddressSanitizer calls it before it reports. */
void __asan_on_error(void);

#endif
