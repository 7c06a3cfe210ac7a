/*
 * Settings of interfaces and of the host (sysctls), with what they were before. For the reconciler only.
 *
 * The original of each setting is remembered from before its first change until it is put back; also in a
 * file, written before the change, so that whoever starts after a kill can put it back. When somebody else
 * changes a setting meanwhile, what they set is the original from then on.
 *
 * Links are real indexes; MIP_LINK_NONE means the host.
 */
#ifndef MIP_SYS_RECONCILER_SETTING_H
#define MIP_SYS_RECONCILER_SETTING_H

#include "log.h"
#include "netlink.h"
#include "want.h"

struct mip_settings;

/* Puts back what a killed predecessor left in `restore_file` (NULL: there is none). `netlink` is a socket for
 * requests, shared with the caller. 0 or -ENOMEM. */
int mip_settings_new(const struct mip_log *log, struct mip_netlink *netlink, const char *restore_file,
	bool adopts, struct mip_settings **ret_settings);
/* Puts back what the predecessor changed and nobody wants by now. */
void mip_settings_end_adoption(struct mip_settings *settings);
/* Frees, and leaves everything as it is, with the file. NULL is fine. */
void mip_settings_leave(struct mip_settings *settings);
/* Puts everything back. NULL is fine. */
void mip_settings_free(struct mip_settings *settings);

/* 0; -ENODEV: no such link; or another negative errno. */
int mip_settings_set(
	struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting, int value);
void mip_settings_unset(struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting);
/* Looks whether somebody has changed it. True: it is not as it was set here. */
bool mip_settings_changed(struct mip_settings *settings, mip_link link, enum mip_kernel_setting setting);
/* The link has gone, and its settings with it. */
void mip_settings_forget(struct mip_settings *settings, mip_link link);

/* Whether the removal of a link's primary address leaves the secondary ones in place (promote_secondaries).
 * Returns what it was before, or a negative errno. */
int mip_settings_promote(mip_link link, int value);

#endif
