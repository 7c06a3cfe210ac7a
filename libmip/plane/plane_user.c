/*
 * The user plane: the daemon itself carries the packets.
 *
 * One TUN device on one side; on the other raw sockets of protocols 4, 47 and 55 and the daemon's own UDP
 * socket. It runs wherever there are TUN and raw sockets, and is the slow path of faster planes. What makes it bearable
 * is that large packets stay whole as long as they can (TSO and USO from the device, GRO to it, UDP_SEGMENT
 * and UDP_GRO at the socket) and that everything else goes in batches.
 *
 * Nothing here waits for long: each call does a bounded amount of work, and what the network or the device does
 * not take within a few milliseconds is dropped and counted, as in any router.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "registration.h"
#include "user.h"

enum {
	SOCKET_BUFFER = 8 * 1024 * 1024, /* octets each way */
};

static const struct mip_counter_name counter_names[] = {
	[MIP_USER_PACKETS_OUT] = {"tunnel_packets_out", "inner packets sent into tunnels"},
	[MIP_USER_PACKETS_IN] = {"tunnel_packets_in", "inner packets taken out of tunnels"},
	[MIP_USER_COPIES_OUT] = {"tunnel_copies_out",
		"copies of packets to groups or to everyone, sent into tunnels to mobile nodes"},
	[MIP_USER_GROUPS_IN] = {"tunnel_groups_in", "packets to groups or to everyone, taken out of tunnels"},
	[MIP_USER_RELAYED] = {"tunnel_relayed",
		"packets of visitors in the encapsulating delivery style, passed on into their tunnels"},
	[MIP_USER_VISITORS_OUT] = {"tunnel_visitors_out",
		"packets to visitors that are told apart by their link addresses, large ones counted once"},
	[MIP_USER_VISITORS_IN] = {"tunnel_visitors_in", "packets from them, likewise"},
	[MIP_USER_FRAGMENTED] = {"tunnel_fragmented", "inner packets fragmented for a narrow outer path"},
	[MIP_USER_ICMP_SENT] = {"tunnel_icmp_sent", "ICMP errors sent to the senders of inner packets"},
	[MIP_USER_ICMP_WITHHELD] = {"tunnel_icmp_withheld",
		"ICMP errors from within tunnels that are none of the senders' business"},
	[MIP_USER_DROP_NO_TUNNEL] = {"drop_no_tunnel",
		"packets led to the tunnel device without a tunnel for them"},
	[MIP_USER_DROP_NO_PEER] = {"drop_no_peer", "tunnelled packets of a home address that is not known"},
	[MIP_USER_DROP_SPOOFED] = {"drop_spoofed",
		"tunnelled packets by another way than the home address's own"},
	[MIP_USER_DROP_MALFORMED] = {"drop_inner_malformed", "inner packets with a broken header"},
	[MIP_USER_DROP_NEXT_HEADER] = {"drop_next_header",
		"tunnel data messages of another kind than the tunnel's"},
	[MIP_USER_DROP_BROADCAST] = {"drop_broadcast",
		"inner packets to a group or to everyone, where none is wanted"},
	[MIP_USER_DROP_LOOP] = {"drop_loop", "packets that would go round in a tunnel"},
	[MIP_USER_DROP_TTL] = {"drop_ttl", "inner packets with a TTL of zero"},
	[MIP_USER_DROP_CONGESTION_MARK] = {"drop_congestion_mark",
		"packets marked in the tunnel whose ends know no marks"},
	[MIP_USER_DROP_TOO_BIG] = {"drop_too_big", "packets too large for the outer path"},
	[MIP_USER_DROP_SEND] = {"drop_send", "packets that the network refused"},
	[MIP_USER_DROP_BUSY] = {"drop_busy", "packets that found the outgoing queue full"},
	[MIP_USER_DROP_DEVICE] = {"drop_device", "packets that the tunnel device did not take"},
	[MIP_USER_DROP_ICMP_LIMIT] = {"drop_icmp_limit", "ICMP errors not sent, for there were too many"},
};
_Static_assert(MIP_ARRAY_SIZE(counter_names) == MIP_USER_COUNTERS, "each counter has a name");

void mip_user_clock(struct mip_user *user)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	user->now = now.tv_sec * MIP_SECOND + now.tv_nsec;
}

static void close_all(const int *descriptors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	}
}

void mip_user_free(struct mip_user *user)
{
	if (!user)
		return;
	mip_user_sender_free(user->udp_sender);
	mip_user_sender_free(user->raw_sender);
	mip_user_receiver_free(user->receiver);
	mip_coalescer_clear(&user->coalescer);
	mip_coalescer_clear(&user->relay_coalescer);
	mip_user_group_clear(user);
	mip_user_visitor_clear(user);
	if (user->visit_descriptor >= 0)
		close(user->visit_descriptor);
	mip_plane_table_clear(&user->table);
	if (user->leaves)
		mip_user_tun_leave(&user->tun);
	else
		mip_user_tun_close(&user->tun);
	if (user->icmp_descriptor >= 0)
		close(user->icmp_descriptor);
	if (user->sending_descriptor >= 0)
		close(user->sending_descriptor);
	close_all(user->raw_descriptors, MIP_USER_RAWS);
	close_all(user->steered_descriptors, MIP_USER_STEERED);
	free(user->scratch);
	free(user->arena);
	free(user);
}

/* Of those that are relayed (user_icmp.c), while a raw socket hears none. */
static int hear_errors(struct mip_user *user)
{
	const uint32_t relayed = 1U << MIP_ICMP_UNREACHABLE | 1U << MIP_ICMP_TIME_EXCEEDED;
	struct icmp_filter deaf_to = {.data = UINT32_MAX};

	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		if (user->is_silent[i])
			deaf_to.data &= ~relayed;
	}
	return setsockopt(user->icmp_descriptor, SOL_RAW, ICMP_FILTER, &deaf_to, sizeof(deaf_to)) < 0 ? -errno
												      : 0;
}

/*
 * One that is bound to a device where no tunnel's packet comes in is passed over; a filter that drops them would have the
 * kernel make a copy of each first. But it is passed over for errors too, which the socket for ICMP hears meanwhile.
 */
static int silence(struct mip_user *user, size_t encapsulation, bool silent)
{
	const char *device = silent ? user->device : "";

	if (user->is_silent[encapsulation] == silent)
		return 0;
	if (setsockopt(user->raw_descriptors[encapsulation], SOL_SOCKET, SO_BINDTODEVICE, device,
		    (socklen_t)strlen(device)) < 0)
		return -errno;
	user->is_silent[encapsulation] = silent;
	return hear_errors(user);
}

int mip_user_want(struct mip_user *user, const struct mip_want *want)
{
	if (want->kind == MIP_WANT_PEER)
		return mip_plane_table_set_peer(&user->table, &want->peer);
	if (want->kind == MIP_WANT_VISITOR)
		return mip_user_visitor_want(user, &want->visitor);
	if (want->kind != MIP_WANT_TUNNEL && want->kind != MIP_WANT_COPY)
		return mip_user_group_want(user, want);
	if (want->tunnel.encapsulation == MIP_ENCAPSULATION_UDP && !user->udp_sender)
		return -EOPNOTSUPP;
	return want->kind == MIP_WANT_COPY ? mip_plane_table_set_copy(&user->table, &want->tunnel)
					   : mip_plane_table_set_tunnel(&user->table, &want->tunnel);
}

int mip_user_unwant(struct mip_user *user, const struct mip_want *want)
{
	if (want->kind == MIP_WANT_TUNNEL)
		mip_plane_table_remove_tunnel(&user->table, &want->tunnel);
	else if (want->kind == MIP_WANT_COPY)
		mip_plane_table_remove_copy(&user->table, &want->tunnel);
	else if (want->kind == MIP_WANT_PEER)
		mip_plane_table_remove_peer(&user->table, &want->peer);
	else if (want->kind == MIP_WANT_VISITOR)
		mip_user_visitor_unwant(user, &want->visitor);
	else
		mip_user_group_unwant(user, want);
	return 0;
}

size_t mip_user_descriptors(const struct mip_user *user, int *descriptors, size_t size)
{
	int all[MIP_USER_RAWS + MIP_USER_STEERED + 3] = {
		user->tun.descriptor, user->icmp_descriptor, user->visit_descriptor};

	memcpy(all + 3, user->raw_descriptors, sizeof(user->raw_descriptors));
	memcpy(all + 3 + MIP_USER_RAWS, user->steered_descriptors, sizeof(user->steered_descriptors));
	for (size_t i = 0; i < MIP_ARRAY_SIZE(all) && i < size; i++)
		descriptors[i] = all[i];
	return MIP_ARRAY_SIZE(all);
}

void mip_user_service(struct mip_user *user, int descriptor)
{
	mip_user_clock(user);
	if (descriptor == user->tun.descriptor)
		mip_user_encapsulate(user);
	if (descriptor == user->visit_descriptor)
		mip_user_visitor_receive(user);
	if (descriptor == user->icmp_descriptor)
		mip_user_receive_icmp(user);
	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		if (descriptor == user->raw_descriptors[i]) {
			mip_user_receive(user, descriptor, 0);
			mip_user_receive_errors(user, descriptor);
		}
	}
	for (size_t i = 0; i < MIP_USER_STEERED; i++) {
		if (descriptor == user->steered_descriptors[i])
			mip_user_receive(user, descriptor, mip_outer_protocol((enum mip_encapsulation)i));
	}
}

void mip_user_udp_input(struct mip_user *user, const struct mip_input_datagram *datagram)
{
	struct mip_reader reader = mip_reader_of(datagram->octets, datagram->length);
	struct mip_plane_arrival arrival = {
		.remote = datagram->source,
		.remote_port = datagram->source_port,
		.local = datagram->destination,
		.encapsulation = MIP_ENCAPSULATION_UDP,
	};
	uint8_t next_header;

	if (mip_tunnel_data_read(&reader, &next_header) != 0) {
		user->counters[MIP_USER_DROP_MALFORMED]++;
		return;
	}
	/* rfc3519-3.3-2, -3: "the receiver of a tunnelled packet MUST check that the Next Header value
	 * matches the tunnelling mode established for the mobility binding … If a discrepancy is detected,
	 * the packet MUST be dropped". IP is the only mode so far. */
	if (next_header != MIP_PROTOCOL_IPIP) {
		/* rfc3519-3.3-4: a log entry MAY be written; a counter cannot be excessive. */
		user->counters[MIP_USER_DROP_NEXT_HEADER]++;
		return;
	}
	mip_user_decapsulate(user, &arrival, datagram->tos, datagram->octets + MIP_TUNNEL_DATA_HEADER,
		mip_reader_left(&reader));
}

void mip_user_udp_error(struct mip_user *user, const struct mip_input_icmp_error *error)
{
	struct mip_reader reader = mip_reader_of(error->octets, error->length);
	uint8_t next_header;

	if (mip_tunnel_data_read(&reader, &next_header) != 0 || next_header != MIP_PROTOCOL_IPIP)
		return;
	mip_user_clock(user);
	mip_user_relay_error(user, &(struct mip_user_error){
					   .remote = error->destination,
					   .type = error->type,
					   .code = error->code,
					   .encapsulation = MIP_ENCAPSULATION_UDP,
					   .octets = error->octets + MIP_TUNNEL_DATA_HEADER,
					   .length = mip_reader_left(&reader),
				   });
}

void mip_user_batch_end(struct mip_user *user)
{
	mip_coalescer_flush(&user->coalescer);
	mip_coalescer_flush(&user->relay_coalescer);
	mip_user_visitor_flush(user);
}

struct mip_counter_table mip_user_counters(const struct mip_user *user)
{
	return (struct mip_counter_table){
		.names = counter_names,
		.values = user->counters,
		.count = MIP_USER_COUNTERS,
	};
}

static void enlarge_buffers(int descriptor)
{
	int size = SOCKET_BUFFER;

	if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Sends errors, and hears nothing yet. */
static int open_icmp(struct mip_user *user)
{
	struct icmp_filter nothing = {.data = UINT32_MAX};

	user->icmp_descriptor = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (user->icmp_descriptor < 0)
		return -errno;
	if (setsockopt(user->icmp_descriptor, SOL_RAW, ICMP_FILTER, &nothing, sizeof(nothing)) < 0)
		return -errno;
	return 0;
}

/* Sends packets with their outer headers; no packet comes with this protocol. */
static int open_sender(struct mip_user *user)
{
	user->sending_descriptor = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	if (user->sending_descriptor < 0)
		return -errno;
	enlarge_buffers(user->sending_descriptor);
	return 0;
}

/* One that hears a protocol. With IP_HDRINCL an error quotes the outer packet with its header. */
static int open_raw(enum mip_encapsulation encapsulation, int *ret_descriptor)
{
	int on = 1;
	int descriptor =
		socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, mip_outer_protocol(encapsulation));

	if (descriptor < 0)
		return -errno;
	*ret_descriptor = descriptor;
	if (setsockopt(descriptor, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0 ||
		setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0)
		return -errno;
	enlarge_buffers(descriptor);
	return 0;
}

/* One that hears what is steered past a device. */
static int open_steered(enum mip_encapsulation encapsulation, int *ret_descriptor)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_MARK),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MIP_USER_STEERED_MARK, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), /* taken */
	};
	const struct sock_fprog program = {.len = MIP_ARRAY_SIZE(filter), .filter = filter};
	int descriptor = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
		MIP_USER_STEERED_PROTOCOL + (int)encapsulation);

	if (descriptor < 0)
		return -errno;
	*ret_descriptor = descriptor;
	if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	enlarge_buffers(descriptor);
	return 0;
}

static int open_sockets(struct mip_user *user, const char **ret_reason)
{
	int error = 0;

	*ret_reason = "raw sockets cannot be had (CAP_NET_RAW)";
	for (size_t i = 0; i < MIP_USER_RAWS && !error; i++)
		error = open_raw((enum mip_encapsulation)i, &user->raw_descriptors[i]);
	for (size_t i = 0; i < MIP_USER_STEERED && !error; i++)
		error = open_steered((enum mip_encapsulation)i, &user->steered_descriptors[i]);
	if (!error)
		error = open_sender(user);
	if (!error)
		error = open_icmp(user);
	if (error)
		return error;
	*ret_reason = "no epoll descriptor can be had";
	user->visit_descriptor = epoll_create1(EPOLL_CLOEXEC);
	return user->visit_descriptor < 0 ? -errno : 0;
}

static int allocate(struct mip_user *user)
{
	int error;

	user->arena = malloc(MIP_USER_ARENA);
	user->scratch = malloc(MIP_INNER_MAX);
	if (!user->arena || !user->scratch)
		return -ENOMEM;
	error = mip_user_receiver_new(&user->receiver);
	if (!error)
		error = mip_coalescer_init(&user->coalescer, mip_user_deliver, user, user->tun.udp_offload);
	if (!error)
		error = mip_coalescer_init(&user->relay_coalescer, mip_user_relay, user, true);
	if (!error)
		error = mip_user_sender_new(user, user->sending_descriptor, false, &user->raw_sender);
	if (!error && user->options.udp_descriptor >= 0)
		error = mip_user_sender_new(user, user->options.udp_descriptor, true, &user->udp_sender);
	return error;
}

uint32_t mip_user_mtu(const struct mip_user *user)
{
	return user->options.mtu ? user->options.mtu : MIP_TUNNEL_MTU;
}

static int open_device(struct mip_user *user, const char **ret_reason)
{
	return mip_user_tun_open(user->device, mip_user_mtu(user), user->options.stays,
		user->options.protocol, &user->tun, ret_reason);
}

int mip_user_renew_device(struct mip_user *user, const char **ret_reason)
{
	int error;

	mip_user_tun_close(&user->tun);
	error = open_device(user, ret_reason);
	user->lost = error != 0;
	return error;
}

/* The accelerator, which sees what is sent beside its devices, knows ours by it. */
static int mark_sent(const struct mip_user *user)
{
	uint32_t mark = 0;

	for (size_t i = 0; i < MIP_USER_RAWS; i++) {
		if (user->is_silent[i])
			mark = MIP_USER_STEERED_MARK;
	}
	return setsockopt(user->sending_descriptor, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ? -errno
												  : 0;
}

int mip_user_set_receiving(struct mip_user *user, enum mip_encapsulation encapsulation, bool receiving)
{
	int error = silence(user, encapsulation, !receiving);

	return error ? error : mark_sent(user);
}

int mip_user_new(const struct mip_plane_options *options, struct mip_user **ret_user, const char **ret_reason)
{
	struct mip_user *user = calloc(1, sizeof(*user));
	size_t length = strlen(options->device);
	int error;

	*ret_reason = "there is no memory";
	if (!user)
		return -ENOMEM;
	user->options = *options;
	user->options.device = user->device;
	user->tun.descriptor = -1;
	for (size_t i = 0; i < MIP_USER_RAWS; i++)
		user->raw_descriptors[i] = -1;
	for (size_t i = 0; i < MIP_USER_STEERED; i++)
		user->steered_descriptors[i] = -1;
	user->icmp_descriptor = -1;
	user->visit_descriptor = -1;
	user->sending_descriptor = -1;
	if (length >= sizeof(user->device)) {
		*ret_reason = "the name of the tunnel device is too long";
		error = -EINVAL;
		goto failed;
	}
	memcpy(user->device, options->device, length);
	error = open_sockets(user, ret_reason);
	if (!error)
		error = open_device(user, ret_reason);
	if (!error) {
		*ret_reason = "there is no memory";
		error = allocate(user);
	}
	if (error)
		goto failed;
	mip_user_clock(user);
	*ret_user = user;
	return 0;

failed:
	mip_user_free(user);
	return error;
}
