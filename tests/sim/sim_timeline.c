/*
 * The last things that happened, as lines that a person reads.
 */
#include "sim.h"

#include "sim_memory.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LINES = 400,
	LINE = 240,
};

struct sim_timeline {
	char lines[LINES][LINE];
	size_t count;
	bool all; /* each line as it comes, not only the last ones in the end */
};

static void write_log(void *context, enum mip_log_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void write_log(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct sim_world *world = context;
	char line[LINE];

	if (level > MIP_LOG_INFO)
		return;
	(void)vsnprintf(line, sizeof(line), format, arguments);
	sim_note(world, NULL, "log: %s", line);
}

void sim_timeline_begin(struct sim_world *world)
{
	world->timeline = sim_own_alloc(sizeof(*world->timeline));
	world->timeline->all = world->options.verbose > 1;
	world->log = (struct mip_log){.write = write_log, .context = world};
}

void sim_timeline_end(struct sim_world *world)
{
	struct sim_timeline *timeline = world->timeline;

	for (size_t i = timeline->count > LINES ? timeline->count - LINES : 0;
		!timeline->all && i < timeline->count; i++)
		puts(timeline->lines[i % LINES]);
	sim_own_free(timeline);
	world->timeline = NULL;
}

void sim_note(struct sim_world *world, const struct sim_host *host, const char *format, ...)
{
	struct sim_timeline *timeline = world->timeline;
	va_list arguments;
	char *line;
	int length;

	if (!timeline)
		return;
	line = timeline->lines[timeline->count++ % LINES];
	length = snprintf(
		line, LINE, "%10.3f %-4s ", (double)world->now / (double)MIP_SECOND, host ? host->name : "");
	va_start(arguments, format);
	(void)vsnprintf(line + length, (size_t)(LINE - length), format, arguments);
	va_end(arguments);
	if (timeline->all)
		puts(line);
}

static void add_field(struct mip_text *text, const struct mip_field *field)
{
	mip_text_add(text, " ");
	mip_text_add(text, field->name);
	mip_text_add(text, " ");
	if (field->type == MIP_FIELD_ADDRESS)
		mip_text_add_address(text, field->address);
	else if (field->type == MIP_FIELD_NUMBER)
		mip_text_add_signed(text, field->number);
	else if (field->type == MIP_FIELD_STRING)
		mip_text_add(text, field->string);
	else
		mip_text_add(text, field->type == MIP_FIELD_BOOLEAN && field->boolean ? "yes" : "no");
}

void sim_note_event(struct sim_world *world, const struct sim_host *host, const struct mip_event *event)
{
	char line[LINE];
	struct mip_text text = mip_text_of(line, sizeof(line));

	if (!world->timeline)
		return;
	mip_text_add(&text, event->name);
	for (size_t i = 0; i < event->count; i++)
		add_field(&text, &event->fields[i]);
	sim_note(world, host, "says %s", line);
}

void sim_note_message(struct sim_world *world, const struct sim_host *host, const char *what,
	const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_request request;
	struct mip_registration_reply reply;

	if (!world->timeline)
		return;
	if (mip_message_type(octets, length) == MIP_MESSAGE_REGISTRATION_REQUEST &&
		mip_request_read(&reader, &request) == 0)
		sim_note(world, host, "%s request %s care-of %s agent %s lifetime %u flags %02x id %016llx",
			what, MIP_TEXT(request.home_address), MIP_TEXT(request.care_of_address),
			MIP_TEXT(request.home_agent), request.lifetime, request.flags,
			(unsigned long long)request.identification);
	else if (mip_message_type(octets, length) == MIP_MESSAGE_REGISTRATION_REPLY &&
		 mip_reply_read(&reader, &reply) == 0)
		sim_note(world, host, "%s reply %s agent %s code %u lifetime %u id %016llx", what,
			MIP_TEXT(reply.home_address), MIP_TEXT(reply.home_agent), reply.code, reply.lifetime,
			(unsigned long long)reply.identification);
	else if (length > 0 && octets[0] == MIP_MESSAGE_TUNNEL_DATA)
		sim_note(world, host, "%s tunnel data", what);
	else if (length > 0 &&
		 (octets[0] == MIP_MESSAGE_REVOCATION || octets[0] == MIP_MESSAGE_REVOCATION_ACK))
		sim_note(world, host, "%s revocation, type %u", what, octets[0]);
}
