/*
 * The outbox carried out.
 *
 * Order is the machine's promise to its peers: what a reply says must be so when it leaves. Changes of the
 * kernel are queued in the reconciler, which takes them in one batch before the next packet and at the end.
 * Records may be on the disk earlier than their place in the queue says, but never later: all that the outbox
 * holds are written first, in one transaction, so that a hundred registrations that came together cost one
 * commit.
 */
#include "host_private.h"

#include <errno.h>
#include <string.h>
#include "address.h"
#include "text.h"

enum {
	EVENT_LINE = 512,
	EVENT_LINES = 200, /* in a second: a flood from a link must not fill the journal too */
};

static void add_value(struct mip_text *text, const struct mip_field *field)
{
	switch (field->type) {
	case MIP_FIELD_NULL:
		mip_text_add(text, "none");
		break;
	case MIP_FIELD_BOOLEAN:
		mip_text_add(text, field->boolean ? "yes" : "no");
		break;
	case MIP_FIELD_NUMBER:
		mip_text_add_signed(text, field->number);
		break;
	case MIP_FIELD_STRING:
		mip_text_add(text, field->string);
		break;
	case MIP_FIELD_ADDRESS:
		if (mip_address_is_none(field->address))
			mip_text_add(text, "none");
		else
			mip_text_add_address(text, field->address);
		break;
	}
}

/* "binding_added home_address 10.1.0.50, care_of_address 10.2.0.1" */
static void log_event(struct mip_host *host, const struct mip_event *event)
{
	char line[EVENT_LINE];
	struct mip_text text = mip_text_of(line, sizeof(line));
	uint64_t missed;

	host->event_limit.interval = MIP_SECOND;
	host->event_limit.burst = EVENT_LINES;
	if (!mip_log_allowed(&host->event_limit, mip_clock_now().boot, &missed))
		return;
	if (missed > 0)
		mip_log(host->log, MIP_LOG_INFO, "%llu events are not shown", (unsigned long long)missed);

	mip_text_add(&text, event->name);
	for (size_t i = 0; i < event->count; i++) {
		mip_text_add(&text, i == 0 ? " " : ", ");
		mip_text_add(&text, event->fields[i].name);
		mip_text_add(&text, " ");
		add_value(&text, &event->fields[i]);
	}
	mip_log(host->log, MIP_LOG_INFO, "%s", line);
}

static void tell(struct mip_host *host, const struct mip_event *event)
{
	log_event(host, event);
	if (host->daemon->control != NULL)
		mip_control_event(host->daemon->control, event, mip_clock_now().wall);
}

static bool is_planes(enum mip_want_kind kind)
{
	return kind == MIP_WANT_TUNNEL || kind == MIP_WANT_COPY || kind == MIP_WANT_PEER ||
	       kind == MIP_WANT_GROUPS || kind == MIP_WANT_RELAY || kind == MIP_WANT_BROADCAST;
}

static void carry_out_want(struct mip_host *host, const struct mip_output *output)
{
	const struct mip_want *want = &output->want;
	bool wanted = output->kind == MIP_OUTPUT_WANT;
	char text[MIP_WANT_TEXT];
	int error;

	if (want->kind == MIP_WANT_LISTEN) {
		error = mip_host_links_listen(host, want->listen.link, wanted);
	} else if (is_planes(want->kind)) {
		error = wanted ? mip_plane_want(host->plane, want) : mip_plane_unwant(host->plane, want);
		host->plane_pending = true;
	} else {
		error = wanted ? mip_reconciler_want(host->reconciler, want)
			       : mip_reconciler_unwant(host->reconciler, want);
		host->kernel_pending = true;
		if (want->kind == MIP_WANT_ROUTE) {
			(void)(wanted ? mip_plane_want(host->plane, want)
				      : mip_plane_unwant(host->plane, want));
			host->plane_pending = true;
		}
	}
	mip_log(host->log, MIP_LOG_DEBUG, "%s: %s", wanted ? "wanted" : "no longer wanted",
		mip_want_text(want, text));
	if (error == 0 || ((error == -ENOENT || error == -ENODEV) && !wanted))
		return;
	host->counters[MIP_HOST_WANT_FAILURES]++;
	if (mip_log_allowed(&host->want_limit, mip_clock_now().boot, NULL))
		mip_log(host->log, MIP_LOG_ERROR, "%s: %s", mip_want_text(want, text), strerror(-error));
}

static void flush_kernel(struct mip_host *host)
{
	if (host->plane_pending)
		mip_plane_commit(host->plane);
	host->plane_pending = false;
	if (!host->kernel_pending)
		return;
	host->kernel_pending = false;
	mip_reconciler_flush(host->reconciler);
}

static void note_send(
	struct mip_host *host, enum mip_host_counter sent, int error, struct mip_address to, const char *what)
{
	if (error == 0) {
		host->counters[sent]++;
		return;
	}
	/* Lost, as it might have been on its way: the protocol repeats what matters. */
	host->counters[MIP_HOST_SEND_FAILURES]++;
	if (mip_log_allowed(&host->send_limit, mip_clock_now().boot, NULL))
		mip_log(host->log, MIP_LOG_INFO, "%s to %s is not sent: %s", what,
			mip_address_is_none(to) ? "a link" : MIP_TEXT(to), strerror(-error));
}

static void send_datagram(struct mip_host *host, const struct mip_output *output)
{
	struct mip_output_datagram datagram = output->datagram;

	if (datagram.link == MIP_LINK_TUNNEL)
		datagram.link = mip_plane_link(host->plane);
	flush_kernel(host);
	note_send(host, MIP_HOST_DATAGRAMS_OUT,
		mip_udp_socket_send(host->udp, &datagram, output->octets, output->length),
		datagram.destination, "datagram");
}

static void send_frame(struct mip_host *host, const struct mip_output *output)
{
	struct mip_link_socket *socket = mip_host_link_socket(host, output->frame.link);
	int error = -ENODEV;

	flush_kernel(host);
	if (socket != NULL)
		error = mip_link_socket_send(socket, &output->frame, output->octets, output->length);
	note_send(host, MIP_HOST_FRAMES_OUT, error, (struct mip_address){0}, "frame");
}

static void send_copy(struct mip_host *host, const struct mip_output *output)
{
	flush_kernel(host);
	note_send(host, MIP_HOST_COPIES_OUT,
		mip_plane_copy(host->plane, &output->copy, output->octets, output->length),
		output->copy.home_address, "copy");
}

static void note_store(struct mip_host *host, int error)
{
	if (error < 0)
		host->counters[MIP_HOST_STORE_FAILURES]++; /* the store has said why */
}

/* Writes down every record that waits in the outbox, wherever it stands. */
static void write_records(struct mip_host *host)
{
	struct mip_outbox *outbox = host->machine.outbox;

	for (size_t i = 0; i < outbox->count; i++) {
		const struct mip_output *output = &outbox->items[(outbox->first + i) % outbox->size];

		if (output->kind == MIP_OUTPUT_KEEP)
			note_store(host,
				mip_store_keep(host->store, output->key, output->octets, output->length));
		else if (output->kind == MIP_OUTPUT_FORGET)
			note_store(host, mip_store_forget(host->store, output->key));
	}
	note_store(host, mip_store_flush(host->store));
}

static void carry_out(struct mip_host *host, const struct mip_output *output)
{
	switch (output->kind) {
	case MIP_OUTPUT_DATAGRAM:
		send_datagram(host, output);
		break;
	case MIP_OUTPUT_FRAME:
		send_frame(host, output);
		break;
	case MIP_OUTPUT_COPY:
		send_copy(host, output);
		break;
	case MIP_OUTPUT_WANT:
	case MIP_OUTPUT_UNWANT:
		carry_out_want(host, output);
		break;
	case MIP_OUTPUT_EVENT:
		tell(host, &output->event);
		break;
	case MIP_OUTPUT_NONE:
	case MIP_OUTPUT_KEEP: /* done already */
	case MIP_OUTPUT_FORGET:
		break;
	}
}

void mip_host_deliver(struct mip_host *host)
{
	struct mip_outbox *outbox = host->machine.outbox;
	struct mip_output output;

	if (outbox->count > 0)
		write_records(host);
	while (mip_outbox_take(outbox, &output)) {
		carry_out(host, &output);
		mip_output_clear(&output);
	}
	flush_kernel(host);
	host->counters[MIP_HOST_OUTPUTS_LOST] = outbox->lost;
}
