/*
 * What the three daemons have in common around their shells: options, configuration, log, control socket,
 * signals, readiness, the exit status. A role fills in the table and calls mip_daemon_main().
 *
 *   options       -c FILE, -t, -s SOCKET, -d PLANE, -v, -V, -h
 *   exit status   0, 1 at run time, 2 usage or configuration
 *
 * Order of a start: options; configuration read and checked (exit 2 on failure, nothing on the system
 * touched); control socket (a second daemon on it is refused before it does harm); the daemon becomes its
 * user and keeps few capabilities (privilege.h); role->start(); readiness told to systemd; loop. So all that
 * a role does, at its start and later on, it does with the same rights. SIGHUP and `mipctl … reload` call role->reload() with the newly read configuration,
 * or say what is wrong with it and go on with the old one. SIGTERM and SIGINT stop the loop; role->stop()
 * puts the kernel back. SIGUSR2 stops it for a restart: `leaves` is set, and what a successor takes over may
 * stay.
 */
#ifndef MIP_SYS_DAEMON_H
#define MIP_SYS_DAEMON_H

#include "config.h"
#include "control.h"
#include "log.h"
#include "loop.h"

struct mip_daemon {
	const struct mip_daemon_role *role;
	struct mip_loop *loop;
	const struct mip_log *log;
	struct mip_control *control;
	const char *configuration_file;
	const char *control_path;
	const char *data_plane;		      /* from -d, NULL when not given: then the configuration's */
	mip_time started;		      /* CLOCK_BOOTTIME */
	bool leaves;			      /* it ends for a restart: what may stay in the kernel stays */
	bool shows_discarded;		      /* -vv: the contents of what is discarded, too */
	void *configuration;		      /* of role->schema's type */
	void *state;			      /* the role's */
	char complaint[MIP_CONFIG_COMPLAINT]; /* the first about the file that was last refused */
};

struct mip_daemon_role {
	const char *name;    /* "ha" */
	const char *program; /* "mip-ha" */
	const char *summary; /* for -h: "home agent for Mobile IPv4" */
	const struct mip_schema *schema;
	size_t control_path_offset; /* of a `char *` in the configuration: its `control` setting */
	size_t user_offset;	    /* of the `user` setting; 0: there is none */
	size_t state_folder_offset; /* of the setting that names a folder it keeps things in; 0: none */
	/* Checks that need the system (does the interface exist), told through mip_config_error(). 0 or
	 * -EINVAL. May be NULL. */
	int (*check)(struct mip_config *config, void *configuration);
	/* Makes daemon->state from daemon->configuration. Negative errno: said by the role in the log, exit
	 * 1, and the role has cleaned up. */
	int (*start)(struct mip_daemon *daemon);
	/* Takes over the new configuration, or refuses (negative errno, `ret_reason` says why) and keeps the
	 * old. On success the daemon frees the old one after the call. */
	int (*reload)(struct mip_daemon *daemon, void *configuration, const char **ret_reason);
	/* Puts the kernel back and frees the state. */
	void (*stop)(struct mip_daemon *daemon);
	/* Answers a control command; see control.h. Its context is the struct mip_daemon. `reload` and
	 * `watch` never get here. */
	mip_control_function *control;
};

/* Runs the daemon; returns the exit status for main(). */
int mip_daemon_main(const struct mip_daemon_role *role, int argc, char **argv);
/* Re-reads the configuration as SIGHUP does. 0, or negative errno and `ret_reason` (valid until the next
 * call). */
int mip_daemon_reload(struct mip_daemon *daemon, const char **ret_reason);

#endif
