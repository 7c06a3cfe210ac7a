/*
 * The host of a machine: its life, and its ears.
 *
 * Order of the start: first what can only be had once (the state folder, the UDP port, the tunnel device), so
 * that a second daemon is turned away before it touches the kernel; then the reconciler, which cleans up
 * after a killed predecessor; then the machine hears its records, the links, and the word to begin; and all
 * that it says to that is carried out before the start is over. The end goes the same way back.
 *
 * While it runs, inputs go straight into the machine, and its outbox is emptied once a turn of the loop, in
 * on_settle(), so that a batch of requests makes one batch of changes.
 */
#include "host_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADOPTION_MOST (20 * MIP_SECOND)

/* --- inputs ----------------------------------------------------------------------------------- */

/*
 * What a link socket has given (or will give) the machine as a frame. Its filter takes UDP with the
 * registration port at either end, whole and as it was on the link; what comes in to a node's own port from
 * elsewhere, or was joined by the kernel, only we hear.
 */
static bool comes_as_frame(const struct mip_host *host, const struct mip_input_datagram *datagram)
{
	if (datagram->unframed)
		return false;
	if (datagram->source_port != MIP_REGISTRATION_PORT &&
		datagram->destination_port != MIP_REGISTRATION_PORT)
		return false;
	return mip_host_link_socket(host, datagram->link) != NULL;
}

/* RFC 3519 3.3: tunnelled packets and signalling share the port, the type octet tells them apart. */
static bool is_tunnel_data(const uint8_t *octets, size_t length)
{
	return length > 0 && octets[0] == MIP_MESSAGE_TUNNEL_DATA;
}

static void on_datagram(void *context, const struct mip_input_datagram *datagram)
{
	struct mip_host *host = context;
	struct mip_input_datagram message;

	if (is_tunnel_data(datagram->octets, datagram->length)) {
		host->counters[MIP_HOST_TUNNEL_DATA_IN]++;
		if (host->machine.tunnel_data != NULL &&
			host->machine.tunnel_data(host->machine.core, datagram, mip_clock_now()))
			mip_host_deliver(host);
		mip_plane_udp_input(host->plane, datagram);
		return;
	}
	message = *datagram;
	/* What this host sends to itself came over no link, though the kernel names that of the address. */
	if (mip_host_address_is_own(host, message.source))
		message.link = MIP_LINK_NONE;
	if (comes_as_frame(host, &message)) {
		host->counters[MIP_HOST_DATAGRAMS_AS_FRAMES]++;
		return;
	}
	host->counters[MIP_HOST_DATAGRAMS_IN]++;
	if (host->machine.datagram != NULL) {
		bool watched = mip_host_discards_begin(host);

		host->machine.datagram(host->machine.core, &message, mip_clock_now());
		if (watched)
			mip_host_discards_end(host, message.octets, message.length);
	}
}

static void on_batch_end(void *context)
{
	struct mip_host *host = context;

	mip_plane_batch_end(host->plane);
}

static void on_icmp_error(void *context, const struct mip_input_icmp_error *error)
{
	struct mip_host *host = context;

	host->counters[MIP_HOST_ICMP_ERRORS_IN]++;
	if (is_tunnel_data(error->octets, error->length))
		mip_plane_udp_error(host->plane, error);
	else if (host->machine.icmp_error != NULL)
		host->machine.icmp_error(host->machine.core, error, mip_clock_now());
}

static bool on_tunnelled(void *context, const uint8_t *packet, size_t length)
{
	struct mip_host *host = context;

	return host->machine.tunnelled != NULL &&
	       host->machine.tunnelled(host->machine.core, packet, length, mip_clock_now());
}

static bool on_group(void *context, struct mip_address home_address, const uint8_t *packet, size_t length)
{
	struct mip_host *host = context;

	if (host->machine.group == NULL)
		return false;
	host->machine.group(host->machine.core, home_address, packet, length, mip_clock_now());
	return true;
}

static void on_plane(void *context, int descriptor, unsigned events)
{
	struct mip_host *host = context;

	(void)events;
	mip_plane_service(host->plane, descriptor);
}

static void on_link(void *context, const struct mip_input_link *link)
{
	struct mip_host *host = context;

	mip_host_links_follow(host, link); /* first: the machine may want to send on it at once */
	mip_plane_follow(host->plane, link);
	if (host->machine.link != NULL)
		host->machine.link(host->machine.core, link, mip_clock_now());
}

static void on_address(void *context, const struct mip_input_address *address)
{
	struct mip_host *host = context;

	mip_host_addresses_follow(host, address);
	mip_plane_follow_address(host->plane, address);
	if (host->machine.address != NULL)
		host->machine.address(host->machine.core, address, mip_clock_now());
}

static void on_default_route(void *context, const struct mip_input_default_route *route)
{
	struct mip_host *host = context;

	if (host->machine.default_route != NULL)
		host->machine.default_route(host->machine.core, route, mip_clock_now());
}

static void on_record(void *context, const char *key, const uint8_t *octets, size_t length)
{
	struct mip_host *host = context;

	if (host->machine.record != NULL)
		host->machine.record(host->machine.core, key, octets, length, mip_clock_now());
}

static mip_time machine_deadline(const struct mip_host *host)
{
	return host->machine.deadline != NULL ? host->machine.deadline(host->machine.core) : MIP_NEVER;
}

static mip_time earlier(mip_time a, mip_time b)
{
	return a < b ? a : b;
}

static bool is_restoring(const struct mip_host *host)
{
	return host->held_count > 0 ||
	       (host->machine.restoring != NULL && host->machine.restoring(host->machine.core));
}

/* What a predecessor left in the kernel carries packets until its successor has said all that it wants; but not
 * for ever, if that never comes to an end. */
static void end_adoption(struct mip_host *host, mip_time now)
{
	if (!host->adopting || (is_restoring(host) && now < host->adopts_until))
		return;
	host->adopting = false;
	mip_plane_end_adoption(host->plane);
	mip_reconciler_end_adoption(host->reconciler);
	mip_log(host->log, MIP_LOG_NOTICE, "what a predecessor left in the kernel has been taken over");
}

static mip_time on_settle(void *context)
{
	struct mip_host *host = context;
	struct mip_now now = mip_clock_now();
	mip_time next;

	if (machine_deadline(host) <= now.boot && host->machine.advance != NULL)
		host->machine.advance(host->machine.core, now);
	mip_host_deliver(host);
	end_adoption(host, now.boot);
	if (mip_plane_deadline(host->plane) <= now.boot)
		mip_plane_advance(host->plane, now.boot);
	if (mip_reconciler_deadline(host->reconciler) <= now.boot)
		mip_reconciler_flush(host->reconciler);
	next = machine_deadline(host);
	next = earlier(next, mip_plane_deadline(host->plane));
	return earlier(next, mip_reconciler_deadline(host->reconciler));
}

static void on_store(void *context, int descriptor, unsigned events)
{
	struct mip_host *host = context;

	(void)descriptor;
	(void)events;
	mip_store_service(host->store);
	mip_host_release(host);
}

/* --- start ------------------------------------------------------------------------------------ */

static int start_udp(struct mip_host *host, const struct mip_host_options *options)
{
	const struct mip_udp_functions functions = {
		.datagram = on_datagram,
		.icmp_error = on_icmp_error,
		.batch_end = on_batch_end,
		.context = host,
	};
	int error = mip_udp_socket_new(
		host->daemon->loop, options->udp_address, options->udp_port, &functions, &host->udp);

	if (error < 0)
		mip_log(host->log, MIP_LOG_ERROR, "UDP port %u: %s", options->udp_port, strerror(-error));
	return error;
}

static void unwatch_plane(struct mip_host *host)
{
	for (size_t i = 0; i < host->plane_watch_count; i++)
		mip_watch_free(host->plane_watches[i]);
	free(host->plane_watches);
	host->plane_watches = NULL;
	host->plane_watch_count = 0;
}

static int watch_plane(struct mip_host *host)
{
	size_t count = mip_plane_descriptors(host->plane, NULL, 0);
	int *descriptors = calloc(count + 1, sizeof(*descriptors));
	int error = 0;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	host->plane_watches = calloc(count + 1, sizeof(*host->plane_watches));
	if (descriptors == NULL || host->plane_watches == NULL) {
		error = -ENOMEM;
		goto finish;
	}
	mip_plane_descriptors(host->plane, descriptors, count);
	for (size_t i = 0; i < count && error == 0; i++) {
		if (descriptors[i] < 0) /* the device is gone for the moment */
			continue;
		/* A registration that was sent before a packet of its tunnel is to be heard before it. */
		error = mip_loop_watch(host->daemon->loop, descriptors[i], MIP_WATCH_READ | MIP_WATCH_BULK,
			on_plane, host, &host->plane_watches[host->plane_watch_count]);
		if (error == 0)
			host->plane_watch_count++;
	}

finish:
	free(descriptors);
	return error;
}

/* mip0 is another device now. */
static void on_device_changed(void *context)
{
	struct mip_host *host = context;

	unwatch_plane(host);
	if (watch_plane(host) < 0)
		mip_log(host->log, MIP_LOG_ERROR, "the tunnel device cannot be waited on: no memory");
	mip_reconciler_set_tunnel(host->reconciler, mip_plane_link(host->plane));
	mip_reconciler_flush(host->reconciler);
}

static void tell_plane(struct mip_host *host)
{
	if (host->machine.plane != NULL)
		host->machine.plane(host->machine.core, mip_plane_kind(host->plane));
}

/* Routes that led to mip0 lead to a device of the kernel's now, or back. */
static void on_translation_changed(void *context)
{
	struct mip_host *host = context;

	if (host->reconciler == NULL) /* at the start: nothing is wanted yet */
		return;
	tell_plane(host);
	mip_reconciler_translate_again(host->reconciler);
	mip_reconciler_flush(host->reconciler);
}

/* During a commit, behind which the kernel is flushed. */
static void on_route_changed(void *context, struct mip_address home_address)
{
	struct mip_host *host = context;

	if (host->reconciler == NULL)
		return;
	mip_reconciler_translate_route(host->reconciler, (struct mip_prefix){home_address, 32});
	host->kernel_pending = true;
}

static bool on_translate(void *context, struct mip_want *want)
{
	struct mip_host *host = context;

	return mip_plane_translate(host->plane, want);
}

static int start_plane(struct mip_host *host, const struct mip_host_options *options)
{
	struct mip_plane_options plane = {
		.kind = options->plane,
		.device = options->tunnel_device,
		.mtu = options->tunnel_mtu,
		.protocol = host->protocol,
		.log = host->log,
		.udp_descriptor = mip_udp_socket_descriptor(host->udp),
		.clamp_mss = options->clamp_mss,
		.stays = options->stays,
		.inspect = on_tunnelled,
		.group = on_group,
		.device_changed = on_device_changed,
		.translation_changed = on_translation_changed,
		.route_changed = on_route_changed,
		.context = host,
	};
	char reason[MIP_PLANE_REASON] = "";
	int kind = (int)plane.kind;
	int error = 0;

	if (host->daemon->data_plane != NULL)
		error = mip_name_find(mip_plane_names, host->daemon->data_plane, &kind);
	plane.kind = (enum mip_plane_kind)kind;
	if (error == 0)
		error = mip_plane_new(&plane, &host->plane, reason);
	if (error == 0)
		error = watch_plane(host);
	if (error < 0)
		mip_log(host->log, MIP_LOG_ERROR, "data plane %s, device %s: %s%s%s",
			mip_name_of(mip_plane_names, kind, "?"), options->tunnel_device, strerror(-error),
			reason[0] != 0 ? ": " : "", reason);
	else
		mip_log(host->log, MIP_LOG_INFO, "data plane %s", mip_plane_reason(host->plane));
	return error;
}

static int start_reconciler(struct mip_host *host)
{
	int error;

	if (asprintf(&host->restore_file, "%s.restore", host->daemon->control_path) < 0) {
		host->restore_file = NULL;
		return -ENOMEM;
	}
	error = (mip_plane_is_adopting(host->plane) ? mip_reconciler_new_adopting : mip_reconciler_new)(
		host->daemon->loop, host->log, host->protocol, host->restore_file, &host->reconciler);
	if (error < 0) {
		mip_log(host->log, MIP_LOG_ERROR, "netlink: %s", strerror(-error));
		return error;
	}
	host->adopting = mip_plane_is_adopting(host->plane);
	host->adopts_until = mip_clock_now().boot + ADOPTION_MOST;
	mip_reconciler_set_tunnel(host->reconciler, mip_plane_link(host->plane));
	mip_reconciler_set_translation(host->reconciler, on_translate, host);
	return 0;
}

static int start_monitor(struct mip_host *host, struct mip_monitor **ret_monitor)
{
	const struct mip_monitor_functions functions = {
		.link = on_link,
		.address = on_address,
		.default_route = on_default_route,
		.context = host,
	};
	int error = mip_monitor_new(host->daemon->loop, host->protocol, &functions, ret_monitor);

	if (error < 0)
		mip_log(host->log, MIP_LOG_ERROR, "links and addresses cannot be followed: %s",
			strerror(-error));
	return error;
}

static int start_store(struct mip_host *host, const struct mip_host_options *options)
{
	int error = mip_store_new(options->state_folder, host->log, &host->store);
	int descriptor = error == 0 ? mip_store_descriptor(host->store) : -1;

	if (descriptor >= 0)
		error = mip_loop_watch(
			host->daemon->loop, descriptor, MIP_WATCH_READ, on_store, host, &host->store_watch);
	return error;
}

static int start(struct mip_host *host, const struct mip_host_options *options)
{
	int error = start_store(host, options);

	if (error == 0)
		error = start_udp(host, options);
	if (error == 0 && host->machine.udp_port != NULL)
		host->machine.udp_port(host->machine.core, mip_udp_socket_port(host->udp));
	if (error == 0)
		error = start_plane(host, options);
	if (error == 0)
		tell_plane(host);
	if (error == 0)
		error = start_reconciler(host);
	if (error == 0)
		error = mip_store_read(host->store, on_record, host);
	if (error == 0)
		error = mip_host_set_links(host, options->links, options->link_count);
	if (error == 0)
		error = start_monitor(host, &host->monitor);
	return error;
}

int mip_host_new(const struct mip_host_options *options, struct mip_host **ret_host)
{
	struct mip_host *host = calloc(1, sizeof(*host));
	int error;

	if (host == NULL)
		return -ENOMEM;
	host->daemon = options->daemon;
	host->log = options->daemon->log;
	host->machine = options->machine;
	host->protocol = options->protocol;
	host->link_flags = options->link_flags;
	host->stays = options->stays;
	error = start(host, options);
	if (error < 0) {
		mip_host_free(host);
		return error;
	}
	host->begun = true;
	if (host->machine.begin != NULL)
		host->machine.begin(host->machine.core, mip_clock_now());
	mip_host_deliver(host);
	mip_loop_settle(host->daemon->loop, on_settle, host);
	*ret_host = host;
	return 0;
}

void mip_host_free(struct mip_host *host)
{
	bool leaves;

	if (host == NULL)
		return;
	if (host->begun) {
		mip_loop_settle(host->daemon->loop, NULL, NULL);
		mip_host_finish(host);
	}
	mip_monitor_free(host->monitor);
	leaves = host->begun && host->stays && host->daemon->leaves &&
		 mip_plane_kind(host->plane) != MIP_PLANE_KERNEL;
	/* Its routes lead to the device, so it goes before the plane. */
	(leaves ? mip_reconciler_leave : mip_reconciler_free)(host->reconciler);
	unwatch_plane(host);
	(leaves ? mip_plane_leave : mip_plane_free)(host->plane);
	mip_host_links_clear(host);
	mip_host_addresses_clear(host);
	mip_udp_socket_free(host->udp);
	mip_watch_free(host->store_watch);
	mip_store_free(host->store);
	free(host->restore_file);
	mip_host_discards_clear(host);
	free(host);
}

/* --- from outside ----------------------------------------------------------------------------- */

int mip_host_set_links(struct mip_host *host, const char *const *links, size_t link_count)
{
	int error = mip_host_links_set(host, links, link_count);

	if (error < 0)
		mip_log(host->log, MIP_LOG_ERROR, "link sockets: %s", strerror(-error));
	return error;
}

/* A monitor tells everything when it begins: a new one takes the old one's place, without a gap between. */
void mip_host_tell(struct mip_host *host)
{
	struct mip_monitor *monitor = NULL;

	if (start_monitor(host, &monitor) < 0)
		return;
	mip_monitor_free(host->monitor);
	host->monitor = monitor;
}

int mip_host_set_plane(
	struct mip_host *host, enum mip_plane_kind kind, bool clamp_mss, const char **ret_reason)
{
	int error = 0;

	/* The option goes over the file's setting, also over a new one. */
	if (host->daemon->data_plane == NULL)
		error = mip_plane_switch(host->plane, kind, host->plane_refusal);
	if (error < 0) {
		*ret_reason = host->plane_refusal;
		return error;
	}
	mip_plane_set_clamp(host->plane, clamp_mss);
	mip_log(host->log, MIP_LOG_INFO, "data plane %s", mip_plane_reason(host->plane));
	return 0;
}

struct mip_plane *mip_host_plane(struct mip_host *host)
{
	return host->plane;
}

uint16_t mip_host_udp_port(const struct mip_host *host)
{
	return mip_udp_socket_port(host->udp);
}
