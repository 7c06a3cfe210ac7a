/*
 * The inside of a host, shared by its files: host.c (life and inputs), host_deliver.c (the outbox),
 * host_links.c (link sockets), host_status.c (what mipctl is told).
 */
#ifndef MIP_HOST_HOST_PRIVATE_H
#define MIP_HOST_HOST_PRIVATE_H

#include <uthash.h>
#include "host.h"
#include "link_socket.h"
#include "log.h"
#include "monitor.h"
#include "packet.h"
#include "reconciler.h"
#include "registration.h"
#include "store.h"
#include "udp.h"

enum mip_host_counter {
	MIP_HOST_DATAGRAMS_IN,
	MIP_HOST_DATAGRAMS_AS_FRAMES,
	MIP_HOST_TUNNEL_DATA_IN,
	MIP_HOST_FRAMES_IN,
	MIP_HOST_ICMP_ERRORS_IN,
	MIP_HOST_DATAGRAMS_OUT,
	MIP_HOST_FRAMES_OUT,
	MIP_HOST_COPIES_OUT,
	MIP_HOST_SEND_FAILURES,
	MIP_HOST_WANT_FAILURES,
	MIP_HOST_STORE_FAILURES,
	MIP_HOST_OUTPUTS_LOST,
	MIP_HOST_COUNTERS,
};

/* A name that was asked for, and its socket while the link is there. */
struct mip_host_link {
	char name[MIP_LINK_NAME];
	mip_link index; /* 0: no socket now */
	bool groups;	/* what comes to groups is wanted too */
	struct mip_link_socket *socket;
	struct mip_host *host;
	UT_hash_handle by_name;
	UT_hash_handle by_index; /* while it has a socket */
};

/* An address of this host, on one of its links. */
struct mip_host_address {
	struct {
		mip_link link;
		struct mip_address address;
	} key;
	UT_hash_handle hh;
};

struct mip_host {
	struct mip_daemon *daemon;
	const struct mip_log *log;
	struct mip_machine machine;
	uint8_t protocol;
	unsigned link_flags;
	char *restore_file;

	struct mip_store *store;
	struct mip_udp_socket *udp;
	struct mip_plane *plane;
	struct mip_watch **plane_watches;
	size_t plane_watch_count;
	char plane_refusal[MIP_PLANE_REASON]; /* why a reload did not get its plane */
	struct mip_reconciler *reconciler;
	struct mip_monitor *monitor;
	struct mip_host_link *links_by_name;
	struct mip_host_link *links_by_index;
	struct mip_host_address *addresses;

	bool begun;
	bool plane_pending;  /* tunnels and peers that the plane has not committed */
	bool kernel_pending; /* the reconciler has something queued */
	uint64_t counters[MIP_HOST_COUNTERS];
	struct mip_log_limit send_limit;
	struct mip_log_limit want_limit;
	struct mip_log_limit event_limit;
	struct mip_log_limit discard_limit;
	uint64_t *discards; /* the machine's counters before it got the message of this moment */
	size_t discard_count;
};

/* host_discard.c */

/* Before and after the machine gets a message. False: nobody wants to know, and there is no end to it. */
bool mip_host_discards_begin(struct mip_host *host);
void mip_host_discards_end(struct mip_host *host, const uint8_t *octets, size_t length);
void mip_host_discards_clear(struct mip_host *host);

/* host_links.c */

/* The names from now on; links that are there get their sockets at once. 0, or -ENOMEM, -EINVAL and none is
 * dropped. */
int mip_host_links_set(struct mip_host *host, const char *const *names, size_t count);
void mip_host_links_clear(struct mip_host *host);
/* The monitor's news: makes the socket of a link that came, drops that of one that went. */
void mip_host_links_follow(struct mip_host *host, const struct mip_input_link *link);
/* NULL: the link has no socket. */
struct mip_link_socket *mip_host_link_socket(const struct mip_host *host, mip_link link);
/* The monitor's news of the host's own addresses, of which there are few. */
void mip_host_addresses_follow(struct mip_host *host, const struct mip_input_address *address);
/* LISTEN: what comes to groups and everyone by this link is wanted, or no longer. 0; -ENODEV: no socket; -errno. */
int mip_host_links_listen(struct mip_host *host, mip_link link, bool wanted);
bool mip_host_address_is_own(const struct mip_host *host, struct mip_address address);
void mip_host_addresses_clear(struct mip_host *host);

#endif
