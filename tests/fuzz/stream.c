#include "stream.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
	HEADER = 3, /* of an event */
	EVENTS_MOST = 256,
	EVENT_OCTETS_MOST = 48, /* of one that is made from nothing */
	STEPS_MOST = 4,		/* changes at a time */
	KEPT_JUNK = 16,		/* one in so many messages is not mended */
	STREAM_MOST = 1 << 16,
};

/* One event, within the octets of the stream or in a buffer. */
struct event {
	uint8_t kind;
	const uint8_t *octets;
	size_t length;
};

static struct {
	uint8_t *octets; /* being mended; NULL: not now */
	size_t length;
	char folder[512]; /* what artifacts are prefixed with */
	uint64_t messages, taken;
} state;

/* --- what the targets call ---------------------------------------------------------------------- */

bool fuzz_event_next(struct mip_reader *stream, uint8_t *ret_kind, struct mip_reader *ret_event)
{
	size_t length;

	if (mip_reader_left(stream) < HEADER)
		return false;
	*ret_kind = mip_read8(stream) % fuzz_stream.kinds;
	length = mip_read16(stream);
	if (length > mip_reader_left(stream))
		length = mip_reader_left(stream);
	*ret_event = mip_read_sub(stream, length);
	return true;
}

struct fuzz_message fuzz_message_of(struct mip_reader *event)
{
	struct fuzz_message message = {.bits = mip_read8(event), .choice = mip_read8(event)};

	message.length = mip_reader_left(event);
	message.octets = mip_read_octets(event, message.length);
	return message;
}

uint8_t *fuzz_to_mend(const struct fuzz_message *message)
{
	if (!state.octets || !(message->bits & FUZZ_MENDED) || message->length == 0)
		return NULL;
	return state.octets + (message->octets - state.octets);
}

static void tell(void)
{
	fprintf(stderr, "messages: %llu, past the authenticator: %llu\n", (unsigned long long)state.messages,
		(unsigned long long)state.taken);
}

void fuzz_count_message(uint64_t refusals_before, uint64_t refusals_now)
{
	static bool begun, wanted;

	if (!begun) {
		begun = true;
		wanted = getenv("FUZZ_COUNT") != NULL;
		if (wanted)
			atexit(tell);
	}
	if (!wanted || state.octets)
		return;
	state.messages++;
	state.taken += refusals_now == refusals_before;
}

uint64_t fuzz_refusals(struct mip_counter_table counters)
{
	static const char *const others[] = {"security_exceptions", "reply_131", "reply_132", "reply_134"};
	size_t other_count = fuzz_stream.denies ? MIP_ARRAY_SIZE(others) : 1;
	uint64_t sum = 0;

	for (size_t i = 0; i < counters.count; i++) {
		const char *name = counters.names[i].name;
		bool is_refusal = strncmp(name, "drop_", 5) == 0;

		for (size_t other = 0; other < other_count; other++)
			is_refusal = is_refusal || strcmp(name, others[other]) == 0;
		sum += is_refusal ? counters.values[i] : 0;
	}
	return sum;
}

/* --- mending ------------------------------------------------------------------------------------ */

/* What breaks while a stream is mended is not what libFuzzer would write down: this does. */
static void save(void)
{
	char path[640];
	FILE *file;

	if (!state.octets)
		return;
	snprintf(path, sizeof(path), "%smended-%ld", state.folder, (long)getpid());
	file = fopen(path, "wb");
	if (!file)
		return;
	(void)fwrite(state.octets, 1, state.length, file);
	fclose(file);
	fprintf(stderr, "while it was mended; the stream is in %s\n", path);
	state.octets = NULL;
}

void __asan_on_error(void)
{
	save();
}

/* libFuzzer's own handler comes after. */
static void (*others_handler)(int signal, siginfo_t *info, void *context);
static void on_abort(int signal, siginfo_t *info, void *context)
{
	save();
	if (others_handler)
		others_handler(signal, info, context);
}

static void catch_abort(void)
{
	struct sigaction action = {.sa_sigaction = on_abort, .sa_flags = SA_SIGINFO}, old;

	if (sigaction(SIGABRT, NULL, &old) < 0 || !(old.sa_flags & SA_SIGINFO) ||
		old.sa_sigaction == on_abort)
		return;
	others_handler = old.sa_sigaction;
	(void)sigaction(SIGABRT, &action, NULL);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	static const char option[] = "-artifact_prefix=";

	for (int i = 1; i < *count; i++) {
		if (strncmp((*arguments)[i], option, sizeof(option) - 1) == 0)
			snprintf(state.folder, sizeof(state.folder), "%s",
				(*arguments)[i] + sizeof(option) - 1);
	}
	return 0;
}

static size_t mend(uint8_t *octets, size_t length)
{
	static bool caught;

	if (!caught)
		catch_abort();
	caught = true;
	state.octets = octets;
	state.length = length;
	LLVMFuzzerTestOneInput(octets, length);
	state.octets = NULL;
	return length;
}

/* --- mutating ----------------------------------------------------------------------------------- */

/* The events of a stream; and room for those that are made. */
struct draft {
	struct event events[EVENTS_MOST];
	size_t count;
	uint8_t room[STREAM_MOST];
	size_t used;
	struct fuzz_dice dice;
};

static void read_events(struct draft *draft, const uint8_t *octets, size_t length)
{
	struct mip_reader stream = mip_reader_of(octets, length), event;
	uint8_t kind;

	mip_read_skip(&stream, length < fuzz_stream.prelude ? length : fuzz_stream.prelude);
	while (draft->count < EVENTS_MOST && fuzz_event_next(&stream, &kind, &event))
		draft->events[draft->count++] = (struct event){kind, event.octets, event.length};
}

/* So many octets of the room, NULL when it is full. */
static uint8_t *take_room(struct draft *draft, size_t size)
{
	uint8_t *octets = draft->room + draft->used;

	if (draft->used + size > sizeof(draft->room))
		return NULL;
	draft->used += size;
	return octets;
}

static struct event make_message(struct draft *draft)
{
	uint8_t *octets = take_room(draft, FUZZ_MESSAGE_HEADER + FUZZ_MESSAGE_MOST);
	struct event event = {.kind = fuzz_stream.message, .octets = octets};

	if (!octets)
		return event;
	octets[0] = (uint8_t)(fuzz_dice_below(&draft->dice, 256) | FUZZ_MENDED);
	octets[1] = (uint8_t)fuzz_dice_below(&draft->dice, 256);
	event.length = FUZZ_MESSAGE_HEADER + fuzz_stream.make(&draft->dice, octets + FUZZ_MESSAGE_HEADER);
	return event;
}

static struct event make_event(struct draft *draft)
{
	uint8_t kind = (uint8_t)fuzz_dice_below(&draft->dice, fuzz_stream.kinds);
	struct event event = {.kind = kind};
	uint8_t *octets;

	if (kind == fuzz_stream.message || fuzz_dice_one_in(&draft->dice, 3))
		return make_message(draft);
	octets = take_room(draft, EVENT_OCTETS_MOST);
	if (!octets)
		return event;
	event.octets = octets;
	event.length = fuzz_dice_below(&draft->dice, EVENT_OCTETS_MOST + 1);
	for (size_t i = 0; i < event.length; i++)
		octets[i] =
			(uint8_t)fuzz_dice_below(&draft->dice, fuzz_dice_one_in(&draft->dice, 2) ? 8 : 256);
	return event;
}

static void change_message(struct draft *draft, struct event *event)
{
	uint8_t *octets = take_room(draft, FUZZ_MESSAGE_HEADER + FUZZ_MESSAGE_MOST);

	if (!octets || event->length < FUZZ_MESSAGE_HEADER ||
		event->length > FUZZ_MESSAGE_HEADER + FUZZ_MESSAGE_MOST)
		return;
	memcpy(octets, event->octets, event->length);
	octets[0] |= FUZZ_MENDED;
	if (fuzz_dice_one_in(&draft->dice, KEPT_JUNK))
		octets[0] &= (uint8_t)~FUZZ_MENDED;
	if (fuzz_dice_one_in(&draft->dice, 4))
		octets[fuzz_dice_below(&draft->dice, FUZZ_MESSAGE_HEADER)] ^=
			(uint8_t)(2 << fuzz_dice_below(&draft->dice, 7));
	event->octets = octets;
	event->length = FUZZ_MESSAGE_HEADER + fuzz_message_mutate(&draft->dice, &fuzz_stream.addresses,
						      octets + FUZZ_MESSAGE_HEADER,
						      event->length - FUZZ_MESSAGE_HEADER);
}

static void change_event(struct draft *draft, struct event *event)
{
	uint8_t *octets;

	if (event->kind == fuzz_stream.message) {
		change_message(draft, event);
		return;
	}
	octets = take_room(draft, event->length + EVENT_OCTETS_MOST);
	if (!octets)
		return;
	if (event->length > 0)
		memcpy(octets, event->octets, event->length);
	event->length = LLVMFuzzerMutate(octets, event->length, event->length + EVENT_OCTETS_MOST);
	event->octets = octets;
}

static void put_in(struct draft *draft, size_t place, struct event event)
{
	if (draft->count == EVENTS_MOST)
		return;
	memmove(&draft->events[place + 1], &draft->events[place], (draft->count - place) * sizeof(event));
	draft->events[place] = event;
	draft->count++;
}

static struct event take_out(struct draft *draft, size_t place)
{
	struct event event = draft->events[place];

	draft->count--;
	memmove(&draft->events[place], &draft->events[place + 1], (draft->count - place) * sizeof(event));
	return event;
}

static void change(struct draft *draft)
{
	size_t place = fuzz_dice_below(&draft->dice, (uint32_t)draft->count);
	size_t other = fuzz_dice_below(&draft->dice, (uint32_t)draft->count + 1);

	switch (draft->count == 0 ? 0 : fuzz_dice_below(&draft->dice, 8)) {
	case 0:
	case 1:
		put_in(draft, other, make_event(draft));
		break;
	case 2:
		(void)take_out(draft, place);
		break;
	case 3: /* a repetition, as an attacker makes it */
		put_in(draft, other, draft->events[place]);
		break;
	case 4:
		put_in(draft, fuzz_dice_below(&draft->dice, (uint32_t)draft->count), take_out(draft, place));
		break;
	default:
		change_event(draft, &draft->events[place]);
		break;
	}
}

/* The stream of the draft's events after the prelude, mended. */
static size_t write_events(const struct draft *draft, size_t prelude, uint8_t *octets, size_t most)
{
	struct mip_writer writer = mip_writer_of(octets + prelude, most - prelude);

	for (size_t i = 0; i < draft->count; i++) {
		const struct event *event = &draft->events[i];

		if (writer.length + HEADER + event->length > writer.size || event->length > UINT16_MAX)
			break;
		mip_write8(&writer, event->kind);
		mip_write16(&writer, (uint16_t)event->length);
		mip_write_octets(&writer, event->octets, event->length);
	}
	return mend(octets, prelude + writer.length);
}

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t length, size_t most, unsigned int seed)
{
	static struct draft draft;
	size_t prelude = length < fuzz_stream.prelude ? length : fuzz_stream.prelude, steps;
	uint8_t *old = fuzz_copy(octets, length);

	if (getenv("FUZZ_PLAIN")) {
		free(old);
		return LLVMFuzzerMutate(octets, length, most);
	}
	draft.count = draft.used = 0;
	draft.dice.state = seed;
	read_events(&draft, old, length);
	if (prelude < fuzz_stream.prelude && most >= fuzz_stream.prelude) {
		memset(octets, 0, fuzz_stream.prelude);
		prelude = fuzz_stream.prelude;
	}
	if (prelude > 0 && fuzz_dice_one_in(&draft.dice, 16))
		octets[fuzz_dice_below(&draft.dice, (uint32_t)prelude)] ^=
			(uint8_t)(1 << fuzz_dice_below(&draft.dice, 8));
	steps = 1 + fuzz_dice_below(&draft.dice, STEPS_MOST);
	for (size_t i = 0; i < steps; i++)
		change(&draft);
	length = write_events(&draft, prelude, octets, most);
	free(old);
	return length;
}

/* The beginning of the one, the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_length, const uint8_t *second,
	size_t second_length, uint8_t *out, size_t most, unsigned int seed)
{
	static struct draft draft, other;
	size_t prelude = fuzz_stream.prelude, begin;

	if (first_length < prelude || most < prelude)
		return 0;
	draft.count = draft.used = other.count = other.used = 0;
	draft.dice.state = seed;
	read_events(&draft, first, first_length);
	read_events(&other, second, second_length);
	draft.count = fuzz_dice_below(&draft.dice, (uint32_t)draft.count + 1);
	begin = fuzz_dice_below(&draft.dice, (uint32_t)other.count + 1);
	while (begin < other.count && draft.count < EVENTS_MOST)
		draft.events[draft.count++] = other.events[begin++];
	memcpy(out, first, prelude);
	return write_events(&draft, prelude, out, most);
}
