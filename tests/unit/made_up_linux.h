/*
 * A made-up Linux: sockets, kernel, data plane and store are replaced by functions that write down what they
 * are asked, in its order. They have the names of the real ones, so a test that is linked with them gets
 * nothing else.
 */
#ifndef MADE_UP_LINUX_H
#define MADE_UP_LINUX_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "link_socket.h"
#include "monitor.h"
#include "plane.h"
#include "reconciler.h"
#include "store.h"
#include "udp.h"

/* What happened, a word each. */
extern char happened[1024];
void note(const char *word);
/* Exactly this, since the last time. */
void assert_happened(const char *expected);

struct made_up {
	/* What the host has given to them. */
	struct mip_udp_functions udp;
	struct mip_monitor_functions monitor;
	struct mip_plane_options plane;
	struct {
		mip_frame_function *function;
		void *context;
		mip_link link;
	} link_socket;
	/* What they answer. */
	mip_time reconciler_deadline;
	mip_link index_by_name;
	int failing_step; /* 1 udp, 2 plane, 3 reconciler, 4 monitor */
	int send_result;
	int plane_pipe[2];
	bool store_pending_is_silent; /* a commit is not written down */
	bool plane_adopts;
	uint64_t store_ticket; /* what a flush gives */
	uint64_t store_settled;
	uint64_t store_settles;		  /* once it is served */
	int store_descriptor;		  /* -1: none */
	struct mip_loop *ends_at_service; /* once the store was served */
};
extern struct made_up made_up;

#endif
