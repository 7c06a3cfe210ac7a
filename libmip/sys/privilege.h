/*
 * Least privilege: what a daemon is allowed to do, and what others are allowed to learn from it.
 *
 * A daemon that is started as root becomes a user of its own before it hears its first packet; one that a
 * service manager starts as that user already (with ambient capabilities) stays it. Either way it keeps these
 * capabilities and can never get another, by no means, for its bounding set is empty where it may empty it,
 * and no_new_privs is set:
 *
 *   CAP_NET_ADMIN          routes, rules, addresses, settings below /proc/sys/net, devices, filters
 *   CAP_NET_RAW            raw and packet sockets, binding to a device
 *   CAP_BPF, CAP_PERFMON   the bpf plane, which may be taken up at run time (the verifier lets pointers be
 *                          compared and packets be read at variable places for the second only)
 *   CAP_NET_BIND_SERVICE   UDP port 434; given up when it is bound
 *   CAP_DAC_OVERRIDE       only for one that stays root: without it root cannot pass the folders of others,
 *                          as everyone expects of it
 *
 * CAP_SYS_ADMIN is not among them: the kernels that ask it for BPF (before 5.8) lack what the bpf plane needs.
 */
#ifndef MIP_SYS_PRIVILEGE_H
#define MIP_SYS_PRIVILEGE_H

#include <sys/types.h>
#include "config.h"
#include "log.h"

/* The account that a daemon takes when the configuration names none, if there is one of that name. */
#define MIP_PRIVILEGE_USER "mip"

struct mip_privilege_user {
	uid_t user;
	gid_t group;
};

/* "NAME", "NAME:GROUP" or numbers in their place; a number needs no account, and its group is then the same
 * number. -ENOENT: there is no such user or group. */
int mip_privilege_find(const char *name, struct mip_privilege_user *ret_user);

/* For a role's check of its configuration: a complaint if there is no such user, or if it would take root to
 * become it. NULL is fine. 0 or -EINVAL. */
int mip_privilege_check(struct mip_config *config, const char *name);

/* Who this process shall be from now on, `name` being the setting `user` or NULL: that user; else the account
 * MIP_PRIVILEGE_USER, if there is one; else who it is, with a warning for root. 0, or -ENOENT as above. */
int mip_privilege_choose(const char *name, const struct mip_log *log, struct mip_privilege_user *ret_user);

/* No core dump, no ptrace by others of the same user. Called before there is a key in memory; the kernel
 * takes it back when the user changes, and so mip_privilege_drop() does it again. */
void mip_privilege_hide_memory(void);

/* A folder that the user shall write in. One that root made (and nobody else has written in) is given to it,
 * with what lies in it; a folder of others is left. 0 or negative errno; -ENOENT when there is none. */
int mip_privilege_give_folder(const char *folder, const struct mip_privilege_user *user);

/* Becomes the user, with the capabilities above as far as the process has them. 0 or negative errno; then the
 * process must end. */
int mip_privilege_drop(const struct mip_privilege_user *user);

/* What only the start needed. */
void mip_privilege_finish_start(void);

/* Capabilities are a thread's: one that is there to write files gives up all of its own. */
void mip_privilege_leave_thread(void);

#endif
