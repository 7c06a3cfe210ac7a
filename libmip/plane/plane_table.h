/*
 * The tunnels and peers that a plane was told of, by home address: hash tables, for a million of them.
 *
 * A home address has an entry for each end of a tunnel that this host is for it. The entry lives as long as
 * it has a tunnel or a peer or is led to the tunnel, and with it the traffic counts.
 */
#ifndef MIP_PLANE_PLANE_TABLE_H
#define MIP_PLANE_PLANE_TABLE_H

#include <uthash.h>

#include "address.h"
#include "plane.h"

struct mip_plane_home_key {
	struct mip_address home_address;
	uint32_t end; /* enum mip_tunnel_end */
};

struct mip_plane_home {
	struct mip_plane_home_key key;
	bool has_tunnel;
	struct mip_want_tunnel tunnel;
	bool led; /* at the HOME end: the host's routing leads packets for the home address to the tunnel */
	struct mip_plane_peer *peers; /* that point here, the newest first */
	/* Where copies go, for simultaneous bindings: each an entry of its own with its tunnel and that one's
	 * soft state, which is in no table. Only of a home with a tunnel do they matter. What goes there is
	 * not counted in `traffic` here: a packet is one, however many copies there are. */
	struct mip_plane_home *copies; /* the next one is the copy's own `copies` */
	struct mip_plane_traffic traffic;

	/* Soft state of the tunnel (RFC 2003 5), forgotten when the tunnel changes. */
	uint32_t path_mtu;	 /* of the outer path; 0: there is none */
	mip_time path_mtu_asked; /* 0: to be asked */
	bool no_offload;	 /* the outer link cannot cut a large datagram: each goes by itself */

	UT_hash_handle hh;
};

struct mip_plane_peer_key {
	struct mip_address home_address;
	struct mip_address remote;
	uint32_t remote_port; /* 0: IP-in-IP; wider than a port, so that there is no padding */
};

struct mip_plane_peer {
	struct mip_plane_peer_key key;
	struct mip_address local; /* 0.0.0.0: any */
	struct mip_plane_home *home;
	struct mip_plane_peer *next, *previous; /* of the same home */
	UT_hash_handle hh;
};

/* All zero is an empty one. */
struct mip_plane_table {
	struct mip_plane_home *homes;
	struct mip_plane_peer *peers;
};

void mip_plane_table_clear(struct mip_plane_table *table);

/* Adds or replaces by key (base/want.h). 0 or -ENOMEM, and then nothing is changed. */
int mip_plane_table_set_tunnel(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel);
int mip_plane_table_set_peer(struct mip_plane_table *table, const struct mip_want_peer *peer);
/* Likewise a COPY. */
int mip_plane_table_set_copy(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel);
/* Whether the host's routing leads packets for the home address to the tunnel, which may be said before it has one. 0
 * with its entry, NULL if there is none; -ENOMEM. */
int mip_plane_table_set_led(struct mip_plane_table *table, struct mip_address home_address, bool led,
	struct mip_plane_home **ret_home);
/* By key; what is not there is no error. */
void mip_plane_table_remove_tunnel(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel);
void mip_plane_table_remove_copy(struct mip_plane_table *table, const struct mip_want_tunnel *tunnel);
void mip_plane_table_remove_peer(struct mip_plane_table *table, const struct mip_want_peer *peer);

/* NULL: there is none. What is found lives until the next call that changes the table. */
struct mip_plane_home *mip_plane_table_home(
	const struct mip_plane_table *table, struct mip_address home_address, enum mip_tunnel_end end);
struct mip_plane_peer *mip_plane_table_peer(const struct mip_plane_table *table,
	struct mip_address home_address, struct mip_address remote, uint16_t remote_port);

/* The home itself or the copy whose tunnel leads to that address; NULL: none does. */
struct mip_plane_home *mip_plane_home_toward(struct mip_plane_home *home, struct mip_address remote);

/* The same by address and port, of UDP tunnels: several may lead to one NAT. */
struct mip_plane_home *mip_plane_home_by(
	struct mip_plane_home *home, struct mip_address remote, uint16_t remote_port);

/* The tunnel for a packet that came to mip0: at the HOME end by its destination, at the VISITED end by its
 * source. */
struct mip_plane_home *mip_plane_table_tunnel(
	const struct mip_plane_table *table, struct mip_address source, struct mip_address destination);

/* Where a packet out of a tunnel came from, by its inner addresses and the outer ones. */
struct mip_plane_arrival {
	struct mip_address inner_source;
	struct mip_address inner_destination;
	struct mip_address remote; /* outer source */
	uint16_t remote_port;
	struct mip_address local; /* outer destination */
	enum mip_encapsulation encapsulation;
	mip_link link; /* where it came in; MIP_LINK_NONE: not asked */
};
/* 0, -ENOENT: nobody here knows the home address; -EACCES: it is known, and this is not its tunnel. */
int mip_plane_table_admit(const struct mip_plane_table *table, const struct mip_plane_arrival *arrival,
	struct mip_plane_home **ret_home);

#endif
