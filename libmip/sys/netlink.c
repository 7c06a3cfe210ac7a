/*
 * Routing netlink.
 *
 * A batch is one sendmsg() of many requests. The kernel works through them in order, within the call, and
 * goes on after one that fails; it answers a failure always and a success only if asked to. So only the last
 * request of a batch asks (NLM_F_ACK): when its answer is there, all answers are. That halves the work for a
 * hundred thousand routes.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	BATCH_REQUESTS = 128,
	BATCH_OCTETS = 32768,
	RECEIVE = 65536, /* a dump's packets are 32 KiB when the reader has room for them */
	RECEIVE_BUFFER = 4 << 20,
	DUMP_ATTEMPTS = 8,
	ANSWER_SECONDS = 10,
};

struct request {
	void *tag;
	uint32_t sequence;
	bool told;
};

struct mip_netlink {
	struct nl_sock *socket;
	int descriptor;
	uint32_t sequence;
	mip_netlink_result_function *results;
	void *results_context;
	struct request requests[BATCH_REQUESTS];
	size_t count;
	size_t used;
	size_t last; /* where the last request begins */
	_Alignas(struct nlmsghdr) uint8_t batch[BATCH_OCTETS];
	_Alignas(struct nlmsghdr) uint8_t received[RECEIVE];
};

/* --- sockets --- */

static void set_option(int descriptor, int level, int option, int value)
{
	(void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

static int open_socket(struct mip_netlink **ret_netlink)
{
	struct mip_netlink *netlink = calloc(1, sizeof(*netlink));
	int result = -ENOMEM;

	if (netlink == NULL)
		return -ENOMEM;
	netlink->socket = nl_socket_alloc();
	if (netlink->socket == NULL)
		goto fail;
	if (nl_connect(netlink->socket, NETLINK_ROUTE) < 0) {
		result = errno != 0 ? -errno : -EIO;
		goto fail;
	}
	netlink->descriptor = nl_socket_get_fd(netlink->socket);
	set_option(netlink->descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	set_option(netlink->descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	*ret_netlink = netlink;
	return 0;
fail:
	mip_netlink_free(netlink);
	return result;
}

int mip_netlink_new(struct mip_netlink **ret_netlink)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct mip_netlink *netlink = NULL;
	int result = open_socket(&netlink);

	if (netlink == NULL)
		return result;
	/* Answers without a copy of the request; words for refusals; dumps of one interface or table only. */
	set_option(netlink->descriptor, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	set_option(netlink->descriptor, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(netlink->descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	(void)setsockopt(netlink->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	*ret_netlink = netlink;
	return 0;
}

static int subscribe(int descriptor, const int *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			    sizeof(groups[i])) < 0)
			return -errno;
	return 0;
}

int mip_netlink_new_notices(const int *groups, size_t count, const struct sock_filter *filter,
	size_t filter_length, struct mip_netlink **ret_netlink)
{
	struct sock_fprog program = {
		.len = (unsigned short)filter_length,
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};
	struct mip_netlink *netlink = NULL;
	int result = open_socket(&netlink);

	if (netlink == NULL)
		return result;
	if (setsockopt(netlink->descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		result = -errno;
	else
		result = subscribe(netlink->descriptor, groups, count);
	if (result < 0) {
		mip_netlink_free(netlink);
		return result;
	}
	*ret_netlink = netlink;
	return 0;
}

void mip_netlink_free(struct mip_netlink *netlink)
{
	if (netlink == NULL)
		return;
	nl_socket_free(netlink->socket);
	free(netlink);
}

int mip_netlink_descriptor(const struct mip_netlink *netlink)
{
	return netlink->descriptor;
}

uint32_t mip_netlink_port(const struct mip_netlink *netlink)
{
	return nl_socket_get_local_port(netlink->socket);
}

/* --- reading --- */

/* One packet of messages into `received`. Its length, or negative errno. */
static ssize_t receive(struct mip_netlink *netlink, int flags)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t length;

	do
		length = recvfrom(netlink->descriptor, netlink->received, sizeof(netlink->received), flags,
			(struct sockaddr *)&from, &size);
	while ((length < 0 && errno == EINTR) || (length >= 0 && from.nl_pid != 0)); /* only the kernel */
	return length < 0 ? -errno : length;
}

int mip_netlink_read(struct mip_netlink *netlink, mip_netlink_function *function, void *context)
{
	bool lost = false;

	for (;;) {
		ssize_t length = receive(netlink, MSG_DONTWAIT);
		struct nlmsghdr *message = (struct nlmsghdr *)(void *)netlink->received;
		int left = (int)length;

		if (length == -ENOBUFS)
			lost = true;
		if (length == -ENOBUFS)
			continue;
		if (length < 0)
			break;
		for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
			function(context, message);
	}
	return lost ? -ENOBUFS : 0;
}

/* The error in an NLMSG_ERROR or NLMSG_DONE message; 0 for none. */
static int error_in(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = nlmsg_data(message);

	return nlmsg_datalen(message) >= (int)sizeof(int) ? error->error : 0;
}

/* A packet of a dump. 1: the dump is at its end; 0: more comes; negative errno. */
static int read_dump(struct mip_netlink *netlink, ssize_t length, mip_netlink_function *function,
	void *context, bool *ret_interrupted)
{
	struct nlmsghdr *message = (struct nlmsghdr *)(void *)netlink->received;

	for (int left = (int)length; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != netlink->sequence)
			continue; /* of an earlier dump that was given up */
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_interrupted = true;
		if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
			int error = error_in(message);

			return error < 0 ? error : 1;
		}
		function(context, message);
	}
	return 0;
}

static int dump_once(struct mip_netlink *netlink, struct nl_msg *request, mip_netlink_function *function,
	void *context, bool *ret_interrupted)
{
	struct nlmsghdr *header = nlmsg_hdr(request);
	int result = 0;

	header->nlmsg_seq = ++netlink->sequence;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*ret_interrupted = false;
	if (send(netlink->descriptor, header, header->nlmsg_len, 0) < 0)
		return -errno;
	while (result == 0) {
		ssize_t length = receive(netlink, 0);

		if (length < 0)
			return (int)length;
		result = read_dump(netlink, length, function, context, ret_interrupted);
	}
	return result < 0 ? result : 0;
}

int mip_netlink_dump(
	struct mip_netlink *netlink, struct nl_msg *request, mip_netlink_function *function, void *context)
{
	bool interrupted = false;
	int result = 0;

	mip_netlink_send(netlink);
	/* Where changes never cease, the last attempt must do: notices tell the rest. */
	for (int i = 0; i < DUMP_ATTEMPTS; i++) {
		result = dump_once(netlink, request, function, context, &interrupted);
		if (result < 0 || !interrupted)
			break;
	}
	return result;
}

/* --- batches --- */

void mip_netlink_results(struct mip_netlink *netlink, mip_netlink_result_function *function, void *context)
{
	mip_netlink_send(netlink);
	netlink->results = function;
	netlink->results_context = context;
}

static void tell(struct mip_netlink *netlink, struct request *request, int result, const char *words,
	const struct nlmsghdr *object)
{
	if (request->told)
		return;
	request->told = true;
	netlink->results(netlink->results_context, request->tag, result, words, object);
}

void mip_netlink_add(struct mip_netlink *netlink, struct nl_msg *message, void *tag)
{
	struct nlmsghdr *header = message != NULL ? nlmsg_hdr(message) : NULL;
	size_t length = header != NULL ? NLMSG_ALIGN(header->nlmsg_len) : 0;
	struct request *request;

	if (header == NULL || length > BATCH_OCTETS) {
		netlink->results(
			netlink->results_context, tag, header == NULL ? -ENOMEM : -EMSGSIZE, NULL, NULL);
		nlmsg_free(message);
		return;
	}
	if (netlink->count == BATCH_REQUESTS || netlink->used + length > BATCH_OCTETS)
		mip_netlink_send(netlink);
	request = &netlink->requests[netlink->count++];
	*request = (struct request){.tag = tag, .sequence = ++netlink->sequence};
	header->nlmsg_seq = request->sequence;
	header->nlmsg_flags |= NLM_F_REQUEST;
	memset(netlink->batch + netlink->used, 0, length);
	memcpy(netlink->batch + netlink->used, header, header->nlmsg_len);
	netlink->last = netlink->used;
	netlink->used += length;
	nlmsg_free(message);
}

/* The kernel's words behind an error, if it had any. */
static const char *words_in(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	int left = nlmsg_datalen(message) - (int)sizeof(struct nlmsgerr);

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || left <= 0)
		return NULL;
	attribute = (const struct nlattr *)(const void *)((const uint8_t *)nlmsg_data(message) +
							  sizeof(struct nlmsgerr));
	attribute = nla_find(attribute, left, NLMSGERR_ATTR_MSG);
	if (attribute == NULL || nla_len(attribute) < 1)
		return NULL;
	return memchr(nla_data(attribute), 0, (size_t)nla_len(attribute)) != NULL ? nla_data(attribute)
										  : NULL;
}

/* An answer to a request of the batch. True when it is the last one's acknowledgement. */
static bool read_answer(struct mip_netlink *netlink, const struct nlmsghdr *message)
{
	uint32_t place = message->nlmsg_seq - netlink->requests[0].sequence;

	if (place >= netlink->count)
		return false; /* not of this batch */
	if (message->nlmsg_type != NLMSG_ERROR) {
		tell(netlink, &netlink->requests[place], 0, NULL, message);
		return false;
	}
	if (error_in(message) < 0)
		tell(netlink, &netlink->requests[place], error_in(message), words_in(message), NULL);
	return place == netlink->count - 1;
}

static int read_answers(struct mip_netlink *netlink)
{
	for (;;) {
		ssize_t length = receive(netlink, 0);
		struct nlmsghdr *message = (struct nlmsghdr *)(void *)netlink->received;
		bool last = false;

		if (length < 0)
			return (int)length;
		for (int left = (int)length; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
			last = read_answer(netlink, message) || last;
		if (last)
			return 0;
	}
}

void mip_netlink_send(struct mip_netlink *netlink)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)(netlink->batch + netlink->last);
	int result = 0;

	if (netlink->count == 0)
		return;
	last->nlmsg_flags |= NLM_F_ACK;
	if (send(netlink->descriptor, netlink->batch, netlink->used, 0) < 0)
		result = -errno;
	else
		result = read_answers(netlink);
	for (size_t i = 0; i < netlink->count; i++)
		tell(netlink, &netlink->requests[i], result, NULL, NULL);
	netlink->count = 0;
	netlink->used = 0;
}

/* --- attributes --- */

uint8_t mip_netlink_u8(const struct nlattr *attribute)
{
	return attribute != NULL && nla_len(attribute) >= 1 ? nla_get_u8(attribute) : 0;
}

uint32_t mip_netlink_u32(const struct nlattr *attribute)
{
	return attribute != NULL && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : 0;
}

struct mip_address mip_netlink_address(const struct nlattr *attribute)
{
	return (struct mip_address){mip_netlink_u32(attribute)};
}

bool mip_netlink_attributes(
	const struct nlmsghdr *message, size_t header, const struct nlattr **ret_attributes, int most)
{
	const struct nlattr *attribute;
	int left;

	if (nlmsg_datalen(message) < (int)header)
		return false;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	memset(ret_attributes, 0, ((size_t)most + 1) * sizeof(*ret_attributes));
	left = nlmsg_attrlen(message, (int)header);
	for (attribute = nlmsg_attrdata(message, (int)header); nla_ok(attribute, left);
		attribute = nla_next(attribute, &left))
		if (nla_type(attribute) <= most)
			ret_attributes[nla_type(attribute)] = attribute;
	return true;
}
