/*
 * What an accelerator is to the front (plane.c): a row of functions. Each has a struct of its own that begins
 * with a struct mip_accelerator, and a function that makes it.
 *
 * The user plane is below it all the time. An accelerator is told of every tunnel and peer, first of all that
 * there are, and takes from the user plane's work what it can; what it leaves comes to the user plane by mip0
 * or by its sockets.
 */
#ifndef MIP_PLANE_ACCELERATOR_H
#define MIP_PLANE_ACCELERATOR_H

#include "plane_table.h"
#include "user.h"

struct mip_accelerator;

struct mip_accelerator_operations {
	/* Leaves the kernel as it was found; what it counted goes to the homes of the user plane's table. */
	void (*free)(struct mip_accelerator *accelerator);

	/* The tunnel or peer has come or changed, or (`present` false) goes; the pointer is good during the
	 * call. A home with `copies` goes by the user plane, which makes them, until it is told without.
	 * Takes effect at the latest with commit(). 0, or negative errno: this one goes by the user plane. */
	int (*tunnel)(struct mip_accelerator *accelerator, const struct mip_plane_home *home, bool present);
	int (*peer)(struct mip_accelerator *accelerator, const struct mip_plane_peer *peer, bool present);
	/* 0, or negative errno: the accelerator has failed. */
	int (*commit)(struct mip_accelerator *accelerator);

	/* options.clamp_mss is another now. 0, or negative errno: the accelerator has failed. */
	int (*clamp)(struct mip_accelerator *accelerator, bool clamp_mss);
	/* A link as it is now. May be NULL. */
	void (*follow)(struct mip_accelerator *accelerator, const struct mip_input_link *link);
	/* An address of the host's own that comes or goes. May be NULL. */
	void (*follow_address)(struct mip_accelerator *accelerator, struct mip_address address, bool present);
	/* An address that is everyone's on a link: packets out of tunnels for it are the user plane's. May be NULL. */
	void (*everyones)(struct mip_accelerator *accelerator, struct mip_address address, bool present);
	/* A GROUPS or RELAY item that has come, changed or gone, after the user plane was told: packets that come by the way that
	 * it says are the user plane's. May be NULL. */
	void (*rest)(struct mip_accelerator *accelerator, const struct mip_want *want);
	/* Whether all that it put into the kernel is still there and at work. 0, or negative errno and what is
	 * wrong: it will be made anew, or replaced. */
	int (*check)(struct mip_accelerator *accelerator, char ret_reason[static MIP_PLANE_REASON]);
	/* As mip_plane_translate(). May be NULL. */
	bool (*translate)(struct mip_accelerator *accelerator, struct mip_want *want);
	/* Adds what it carried to the counts. */
	void (*traffic)(struct mip_accelerator *accelerator, const struct mip_plane_home *home,
		struct mip_plane_traffic *traffic);
	/* May be NULL. */
	struct mip_counter_table (*counters)(struct mip_accelerator *accelerator);
};

struct mip_accelerator {
	const struct mip_accelerator_operations *operations;
};

/*
 * Makes it and tries it: one that comes back has shown that it works here. Its tunnels and peers are told
 * afterwards. -EOPNOTSUPP or other negative errno, and why in words. `user` outlives it.
 */
typedef int mip_accelerator_new(struct mip_user *user, struct mip_accelerator **ret_accelerator,
	char ret_reason[static MIP_PLANE_REASON]);

mip_accelerator_new mip_bpf_new;
mip_accelerator_new mip_kernel_new;

/* Takes away what a killed predecessor's kernel accelerator left, whichever plane runs now. */
void mip_kernel_sweep(struct mip_user *user);
/* Likewise of its bpf accelerator. Where that runs again it has replaced them, without a moment between. */
void mip_bpf_sweep(struct mip_user *user);

#endif
