/*
 * Routing netlink that does not answer as it should, in a network namespace (as root only): each receive in turn, and
 * each after it, gives an error – the answer comes late (it stays in the socket), is lost with ENOBUFS, never comes – and
 * each send is refused. Whatever happens: each request of a batch is told its result once, a dump has an error or
 * is whole, and afterwards both are right on the same socket, for a late answer is not taken for another's.
 */
#include "fault.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "namespace.h"
#include "netlink.h"

enum {
	ROUTES = 40,
	SKIPPED = 77,
	THROW_TABLE = 99,
};

static enum {
	LATE,
	OVERRUN,
	NEVER,
	REFUSED,
} trouble;

static struct {
	unsigned told[ROUTES];
	int results[ROUTES];
	size_t dumped;
} seen;

/* The names that the Makefile gives to what libmip calls. */
ssize_t fault_recvfrom(
	int descriptor, void *octets, size_t size, int flags, struct sockaddr *from, socklen_t *length);
ssize_t fault_send(int descriptor, const void *octets, size_t length, int flags);

ssize_t fault_recvfrom(
	int descriptor, void *octets, size_t size, int flags, struct sockaddr *from, socklen_t *length)
{
	if (trouble == REFUSED || !fault_now())
		return recvfrom(descriptor, octets, size, flags, from, length);
	if (trouble != LATE)
		(void)recvfrom(descriptor, octets, size, flags, from, length);
	errno = trouble == OVERRUN ? ENOBUFS : EAGAIN;
	return -1;
}

ssize_t fault_send(int descriptor, const void *octets, size_t length, int flags)
{
	if (trouble != REFUSED || !fault_now())
		return send(descriptor, octets, length, flags);
	errno = EPERM;
	return -1;
}

static void on_result(void *context, void *tag, int result, const char *words, const struct nlmsghdr *object)
{
	size_t place = (size_t)((unsigned *)tag - seen.told);

	(void)context;
	(void)words;
	(void)object;
	FAULT_CHECK(place < ROUTES);
	seen.told[place]++;
	seen.results[place] = result;
}

static void on_message(void *context, const struct nlmsghdr *message)
{
	const struct rtmsg *route = nlmsg_data(message);

	(void)context;
	if (message->nlmsg_type == RTM_NEWROUTE && route->rtm_table == THROW_TABLE)
		seen.dumped++;
}

/* A throw route of 10.9.0.I; every third has a type that the kernel refuses. */
static struct nl_msg *route_of(unsigned i, int type)
{
	struct rtmsg header = {.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = THROW_TABLE,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = i % 3 == 0 ? 200 : RTN_THROW};
	uint8_t destination[4] = {10, 9, 0, (uint8_t)i};
	struct nl_msg *message =
		nlmsg_alloc_simple(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0);

	FAULT_CHECK(message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) == 0 &&
		    nla_put(message, RTA_DST, sizeof(destination), destination) == 0);
	return message;
}

static void send_batch(struct mip_netlink *netlink, int type)
{
	memset(&seen, 0, sizeof(seen));
	for (unsigned i = 0; i < ROUTES; i++)
		mip_netlink_add(netlink, route_of(i, type), &seen.told[i]);
	mip_netlink_send(netlink);
	for (unsigned i = 0; i < ROUTES; i++)
		FAULT_CHECK(seen.told[i] == 1);
}

static int dump(struct mip_netlink *netlink)
{
	struct rtmsg header = {.rtm_family = AF_INET, .rtm_table = THROW_TABLE};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	int r;

	FAULT_CHECK(message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) == 0);
	seen.dumped = 0;
	r = mip_netlink_dump(netlink, message, on_message, NULL);
	nlmsg_free(message);
	return r;
}

static void check_results(int type)
{
	for (unsigned i = 0; i < ROUTES; i++)
		FAULT_CHECK((seen.results[i] == 0) == (i % 3 != 0));
	(void)type;
}

static void requests(void)
{
	struct mip_netlink *netlink;

	fault_pause();
	FAULT_CHECK(mip_netlink_new(&netlink) == 0);
	mip_netlink_results(netlink, on_result, NULL);
	fault_resume();
	send_batch(netlink, RTM_NEWROUTE);
	(void)dump(netlink);
	send_batch(netlink, RTM_DELROUTE);
	fault_pause();
	/* The kernel answers again. */
	send_batch(netlink, RTM_NEWROUTE);
	check_results(RTM_NEWROUTE);
	FAULT_CHECK(dump(netlink) == 0);
	FAULT_CHECK(seen.dumped == ROUTES - (ROUTES + 2) / 3);
	send_batch(netlink, RTM_DELROUTE);
	FAULT_CHECK(dump(netlink) == 0 && seen.dumped == 0);
	mip_netlink_free(netlink);
}

int main(void)
{
	static const char *const names[] = {
		"netlink, late", "netlink, lost", "netlink, silent", "netlink, refused"};

	if (namespace_enter() < 0) {
		puts("a network namespace cannot be had here");
		return SKIPPED;
	}
	fault_io_alone();
	for (trouble = LATE; trouble <= REFUSED; trouble++)
		fault_run(names[trouble], requests);
	return 0;
}
