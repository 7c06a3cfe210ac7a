/*
 * Netlink messages in batches.
 *
 * The kernel works through the messages of one sendmsg() in their order, within the call; it answers a failure
 * always and a success only when it is asked to. So the last one asks: when its answer is there, all are. A
 * batch of nf_tables is the same between two messages that frame it, and takes effect as a whole or not at
 * all; the framing ones are never answered.
 */
#include "kernel_socket.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	FIRST_SIZE = 65536,
	MUCH = 48 * 1024, /* octets that are sent without waiting for more; some hundred messages */
	RECEIVE = 65536,
	SEND_BUFFER = 8 << 20,
	ANSWER_SECONDS = 10,
	WORDS = 128,
};

struct mip_kernel_socket {
	struct nl_sock *socket;
	int descriptor;
	uint32_t sequence;
	uint8_t *octets;
	size_t used, size;
	size_t last;	/* where the last message begins */
	uint32_t asked; /* the number of the message whose answer is the last; 0: that of the last message */
	bool out_of_memory;
	int error; /* the first since the last send */
	char words[WORDS];
	_Alignas(struct nlmsghdr) uint8_t received[RECEIVE];
};

static void set_option(int descriptor, int level, int option, int value)
{
	(void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

int mip_kernel_socket_new(int protocol, struct mip_kernel_socket **ret_socket)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct mip_kernel_socket *socket = calloc(1, sizeof(*socket));
	int error = -ENOMEM;

	if (!socket)
		return -ENOMEM;
	socket->socket = nl_socket_alloc();
	if (!socket->socket)
		goto failed;
	errno = 0;
	if (nl_connect(socket->socket, protocol) < 0) {
		error = errno ? -errno : -EIO;
		goto failed;
	}
	socket->descriptor = nl_socket_get_fd(socket->socket);
	set_option(socket->descriptor, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
	set_option(socket->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, SEND_BUFFER);
	set_option(socket->descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	set_option(socket->descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	if (protocol == NETLINK_ROUTE)
		set_option(socket->descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	(void)setsockopt(socket->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	*ret_socket = socket;
	return 0;

failed:
	mip_kernel_socket_free(socket);
	return error;
}

void mip_kernel_socket_free(struct mip_kernel_socket *socket)
{
	if (!socket)
		return;
	nl_socket_free(socket->socket);
	free(socket->octets);
	free(socket);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Room for `length` octets, zeroed; NULL without memory. */
static uint8_t *extend(struct mip_kernel_socket *socket, size_t length)
{
	size_t size = socket->size ? socket->size : FIRST_SIZE;
	uint8_t *place;

	length = NLMSG_ALIGN(length);
	while (size < socket->used + length)
		size *= 2;
	if (size != socket->size) {
		uint8_t *grown = realloc(socket->octets, size);

		if (!grown) {
			socket->out_of_memory = true;
			return NULL;
		}
		socket->octets = grown;
		socket->size = size;
	}
	place = socket->octets + socket->used;
	memset(place, 0, length);
	socket->used += length;
	return place;
}

static struct nlmsghdr *message_at(struct mip_kernel_socket *socket, size_t place)
{
	return (struct nlmsghdr *)(void *)(socket->octets + place);
}

size_t mip_kernel_begin(
	struct mip_kernel_socket *socket, int type, int flags, const void *header, size_t header_size)
{
	size_t place = socket->used;
	uint8_t *octets = extend(socket, NLMSG_HDRLEN + header_size);

	if (!octets)
		return 0;
	socket->last = place;
	*message_at(socket, place) = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(header_size)),
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST),
		.nlmsg_seq = ++socket->sequence,
	};
	memcpy(octets + NLMSG_HDRLEN, header, header_size);
	return place;
}

static void finish(struct mip_kernel_socket *socket)
{
	message_at(socket, socket->last)->nlmsg_len = (uint32_t)(socket->used - socket->last);
}

void mip_kernel_put(struct mip_kernel_socket *socket, int attribute, const void *value, size_t length)
{
	uint8_t *octets = extend(socket, NLA_HDRLEN + length);
	struct nlattr header = {.nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = (uint16_t)attribute};

	if (!octets)
		return;
	memcpy(octets, &header, sizeof(header));
	if (length > 0)
		memcpy(octets + NLA_HDRLEN, value, length);
	finish(socket);
}

void mip_kernel_put_u8(struct mip_kernel_socket *socket, int attribute, uint8_t value)
{
	mip_kernel_put(socket, attribute, &value, sizeof(value));
}

void mip_kernel_put_u16(struct mip_kernel_socket *socket, int attribute, uint16_t value)
{
	mip_kernel_put(socket, attribute, &value, sizeof(value));
}

void mip_kernel_put_u32(struct mip_kernel_socket *socket, int attribute, uint32_t value)
{
	mip_kernel_put(socket, attribute, &value, sizeof(value));
}

void mip_kernel_put_address(struct mip_kernel_socket *socket, int attribute, struct mip_address address)
{
	mip_kernel_put(socket, attribute, &address.value, sizeof(address.value));
}

void mip_kernel_put_text(struct mip_kernel_socket *socket, int attribute, const char *text)
{
	mip_kernel_put(socket, attribute, text, strlen(text) + 1);
}

size_t mip_kernel_nest(struct mip_kernel_socket *socket, int attribute)
{
	size_t place = socket->used;

	mip_kernel_put(socket, attribute | NLA_F_NESTED, NULL, 0);
	return place;
}

void mip_kernel_unnest(struct mip_kernel_socket *socket, size_t place)
{
	struct nlattr *nest = (struct nlattr *)(void *)(socket->octets + place);

	if (!socket->out_of_memory)
		nest->nla_len = (uint16_t)(socket->used - place);
}

void mip_kernel_acknowledge(struct mip_kernel_socket *socket)
{
	if (socket->out_of_memory)
		return;
	message_at(socket, socket->last)->nlmsg_flags |= NLM_F_ACK;
	socket->asked = message_at(socket, socket->last)->nlmsg_seq;
}

size_t mip_kernel_waiting(const struct mip_kernel_socket *socket)
{
	return socket->used;
}

const uint8_t *mip_kernel_octets(const struct mip_kernel_socket *socket)
{
	return socket->octets;
}

uint64_t mip_kernel_count64(const struct nlattr *attribute)
{
	uint64_t value = 0;

	if (!attribute || nla_len(attribute) < (int)sizeof(value))
		return 0;
	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | ((const uint8_t *)nla_data(attribute))[i];
	return value;
}

/* --- answers ---------------------------------------------------------------------------------- */

static ssize_t receive(struct mip_kernel_socket *socket)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t length;

	do
		length = recvfrom(socket->descriptor, socket->received, sizeof(socket->received), 0,
			(struct sockaddr *)&from, &size);
	while ((length < 0 && errno == EINTR) || (length >= 0 && from.nl_pid != 0)); /* only the kernel */
	return length < 0 ? -errno : length;
}

static int error_in(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = nlmsg_data(message);

	return nlmsg_datalen(message) >= (int)sizeof(int) ? error->error : 0;
}

static void keep_words(struct mip_kernel_socket *socket, const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	int left = nlmsg_datalen(message) - (int)sizeof(struct nlmsgerr);

	socket->words[0] = 0;
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || left <= 0)
		return;
	attribute = (const struct nlattr *)(const void *)((const uint8_t *)nlmsg_data(message) +
							  sizeof(struct nlmsgerr));
	attribute = nla_find(attribute, left, NLMSGERR_ATTR_MSG);
	if (attribute)
		(void)nla_strlcpy(socket->words, attribute, sizeof(socket->words));
}

static void note_error(struct mip_kernel_socket *socket, const struct nlmsghdr *message, int error)
{
	if (socket->error)
		return;
	socket->error = error;
	keep_words(socket, message);
}

/* Answers until that of the message with this number. 0, or negative errno of the socket. */
static int take_answers(
	struct mip_kernel_socket *socket, uint32_t last, mip_kernel_answer *answer, void *context)
{
	for (;;) {
		ssize_t length = receive(socket);
		struct nlmsghdr *message = (struct nlmsghdr *)(void *)socket->received;
		bool done = false;

		if (length < 0)
			return (int)length;
		for (int left = (int)length; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
			if (message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE) {
				if (answer && message->nlmsg_seq == last)
					answer(context, message);
				continue;
			}
			if (error_in(message) < 0)
				note_error(socket, message, error_in(message));
			done = done || message->nlmsg_seq == last;
		}
		if (done)
			return 0;
	}
}

/* --- sending ---------------------------------------------------------------------------------- */

static void clear(struct mip_kernel_socket *socket)
{
	socket->used = 0;
	socket->last = 0;
	socket->asked = 0;
	socket->out_of_memory = false;
}

/* Sends all; `flags` go to the last message, unless another one is asked for its answer. */
static int exchange(struct mip_kernel_socket *socket, int flags, mip_kernel_answer *answer, void *context)
{
	struct nlmsghdr *asking = message_at(socket, socket->last);
	uint32_t last;
	int error;

	if (socket->out_of_memory) {
		clear(socket);
		return -ENOMEM;
	}
	if (socket->used == 0)
		return 0;
	last = asking->nlmsg_seq;
	if (socket->asked)
		last = socket->asked;
	else
		asking->nlmsg_flags |= (uint16_t)flags;
	do
		error = send(socket->descriptor, socket->octets, socket->used, 0) < 0 ? -errno : 0;
	while (error == -EINTR);
	if (!error)
		error = take_answers(socket, last, answer, context);
	clear(socket);
	return error;
}

void mip_kernel_send_some(struct mip_kernel_socket *socket)
{
	int error;

	if (socket->used < MUCH)
		return;
	error = exchange(socket, NLM_F_ACK, NULL, NULL);
	if (error && !socket->error)
		socket->error = error;
}

int mip_kernel_send(struct mip_kernel_socket *socket, const char **ret_words)
{
	int error = exchange(socket, NLM_F_ACK, NULL, NULL);
	int first = socket->error;

	if (ret_words)
		*ret_words = first ? socket->words : "";
	socket->error = 0;
	return first ? first : error;
}

static int ask(struct mip_kernel_socket *socket, int flags, mip_kernel_answer *answer, void *context)
{
	int error = exchange(socket, flags, answer, context);
	int first = socket->error;

	socket->error = 0;
	return first ? first : error;
}

int mip_kernel_ask(struct mip_kernel_socket *socket, mip_kernel_answer *answer, void *context)
{
	return ask(socket, NLM_F_ACK, answer, context);
}

int mip_kernel_list(struct mip_kernel_socket *socket, mip_kernel_answer *answer, void *context)
{
	return ask(socket, NLM_F_DUMP, answer, context);
}
