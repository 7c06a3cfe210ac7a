/*
 * The sending side: pieces of inner packets are gathered, and leave in few system calls.
 */
#ifndef MIP_PLANE_USER_SEND_H
#define MIP_PLANE_USER_SEND_H

#include "outer.h"
#include "user_segment.h"

struct mip_user;
struct mip_user_sender;
struct mip_plane_home;

/* For the raw socket, which sends whole outer packets of IP-in-IP, GRE and minimal encapsulation, or for the one
 * of UDP. 0 or -ENOMEM. */
int mip_user_sender_new(struct mip_user *user, int descriptor, bool udp, struct mip_user_sender **ret_sender);
void mip_user_sender_free(struct mip_user_sender *sender);

/* Where the next piece's header may be written; it stays there until the piece has left. May flush. */
uint8_t *mip_user_sender_header(struct mip_user_sender *sender);
/*
 * Gathers one inner packet, or a segment or fragment of one: `piece` with its header where
 * mip_user_sender_header() said, or without one (length 0) and the whole packet as payload, which must stay
 * until the next flush. `ip` is its IP header: TOS and "don't fragment" become the outer header's. `home` is not
 * to be removed before the flush. `encapsulation` is the tunnel's, or what its packet needs (outer.h).
 */
void mip_user_sender_add(struct mip_user_sender *sender, struct mip_plane_home *home,
	enum mip_encapsulation encapsulation, const struct mip_ip *ip, const struct mip_piece *piece);
/* Sends what is gathered, or drops and counts what the network does not take. */
void mip_user_sender_flush(struct mip_user_sender *sender);

#endif
