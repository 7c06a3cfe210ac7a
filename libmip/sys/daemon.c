/*
 * What the three daemons have in common: the way from main() to the loop and back.
 *
 *   options ──> configuration ──> control socket ──> user ──> role->start ──> READY ──> loop ──> STOPPING ──>
 * role->stop      │              │                 │                 │                     ▲  │              
 *        │      v              v                 v                 v              SIGHUP, │  │ SIGTERM,      
 *      v   status 2       status 2          status 1          status 1    mipctl reload └──┘ SIGINT          
 * status 0
 *
 * Until the configuration is known to be good nothing on the system is touched, and -t ends right there. The
 * control socket comes first of all that is touched, for it tells whether another daemon runs already, which
 * must find its routes as it left them.
 */
#include "daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "folder.h"
#include "privilege.h"
#include "stderr_log.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

enum {
	EXIT_STOPPED = 0,
	EXIT_RUN_TIME = 1,
	EXIT_USAGE = 2,
};

enum {
	STATE_FOLDER_MODE = 0700,
};

struct options {
	const char *configuration; /* NULL: the role's own place */
	const char *control;
	const char *data_plane;
	unsigned verbose;
	bool test;
};

/* As the data plane's header has them, which this layer does not see; there the name gets its meaning. */
static const char *const data_planes[] = {"auto", "kernel", "bpf", "user"};

static void print_usage(const struct mip_daemon_role *role, FILE *stream)
{
	fprintf(stream,
		"usage: %s [-tvVh] [-c FILE] [-s SOCKET] [-d PLANE]\n"
		"%s\n\n"
		"  -c FILE    configuration (default /etc/mip/%s.conf)\n"
		"  -t         check the configuration and exit\n"
		"  -s SOCKET  control socket (default /run/mip/%s.sock, or the configuration's)\n"
		"  -d PLANE   data plane: auto, kernel, bpf or user; over the configuration's\n"
		"  -v         more log; twice for still more\n"
		"  -V         version\n"
		"  -h         this help\n",
		role->program, role->summary, role->name, role->name);
}

static bool is_data_plane(const char *name)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(data_planes); i++) {
		if (strcmp(name, data_planes[i]) == 0)
			return true;
	}
	return false;
}

/* Says the rest of what is wrong (getopt says the beginning), and the exit status. */
static int refuse_usage(const struct mip_daemon_role *role)
{
	fprintf(stderr, "%s: -h tells how it is used\n", role->program);
	return EXIT_USAGE;
}

/* Returns -1 to go on, or the exit status. */
static int read_options(
	const struct mip_daemon_role *role, int argc, char **argv, struct options *ret_options)
{
	struct options options = {0};
	int option;

	while ((option = getopt(argc, argv, "c:ts:d:vVh")) != -1) {
		switch (option) {
		case 'c':
			options.configuration = optarg;
			break;
		case 't':
			options.test = true;
			break;
		case 's':
			options.control = optarg;
			break;
		case 'd':
			if (!is_data_plane(optarg)) {
				fprintf(stderr, "%s: there is no data plane '%s'\n", role->program, optarg);
				return refuse_usage(role);
			}
			options.data_plane = optarg;
			break;
		case 'v':
			options.verbose++;
			break;
		case 'V':
			printf("%s %s\n", role->program, MIP_VERSION);
			return EXIT_STOPPED;
		case 'h':
			print_usage(role, stdout);
			return EXIT_STOPPED;
		default:
			return refuse_usage(role);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: '%s' is too much\n", role->program, argv[optind]);
		return refuse_usage(role);
	}
	*ret_options = options;
	return -1;
}

static enum mip_log_level level_of(unsigned verbose)
{
	if (verbose == 0)
		return MIP_LOG_NOTICE;
	return verbose == 1 ? MIP_LOG_INFO : MIP_LOG_DEBUG;
}

static const char *string_at(const void *configuration, size_t offset)
{
	return *(char *const *)(const void *)((const char *)configuration + offset);
}

static const char *configured_control(const struct mip_daemon *daemon, const void *configuration)
{
	return string_at(configuration, daemon->role->control_path_offset);
}

static const char *configured_user(const struct mip_daemon *daemon, const void *configuration)
{
	size_t offset = daemon->role->user_offset;

	return offset != 0 ? string_at(configuration, offset) : NULL;
}

/* The folder that the role keeps things in; NULL: none. */
static const char *state_folder(const struct mip_daemon *daemon)
{
	size_t offset = daemon->role->state_folder_offset;
	const char *folder = offset != 0 ? string_at(daemon->configuration, offset) : NULL;

	return folder != NULL && folder[0] != '\0' ? folder : NULL;
}

/* --- systemd ---------------------------------------------------------------------------------- */

static void tell_systemd(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

/* sd_notify(3): a service of Type=notify-reload gives the time at which the reload began. */
static void tell_systemd_reloading(void)
{
#ifdef HAVE_SYSTEMD
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(
		0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
#endif
}

/* --- reload ----------------------------------------------------------------------------------- */

static bool differs(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

static int read_and_take_over(struct mip_daemon *daemon, const char **ret_reason)
{
	const struct mip_daemon_role *role = daemon->role;
	void *configuration;
	void *old = daemon->configuration;
	int error = mip_config_read_saying(
		daemon->configuration_file, role->schema, role->check, daemon->complaint, &configuration);

	if (error < 0) {
		*ret_reason = daemon->complaint[0] != '\0' ? daemon->complaint : strerror(-error);
		return error;
	}
	error = role->reload(daemon, configuration, ret_reason);
	if (error < 0) {
		mip_config_free(role->schema, configuration);
		return error;
	}
	daemon->configuration = configuration;
	if (differs(configured_control(daemon, configuration), configured_control(daemon, old)))
		mip_log(daemon->log, MIP_LOG_WARNING, "another control socket: takes a restart");
	if (differs(configured_user(daemon, configuration), configured_user(daemon, old)))
		mip_log(daemon->log, MIP_LOG_WARNING, "another user: takes a restart");
	mip_config_free(role->schema, old);
	return 0;
}

int mip_daemon_reload(struct mip_daemon *daemon, const char **ret_reason)
{
	const char *reason = "the role refused it";
	int error;

	tell_systemd_reloading();
	error = read_and_take_over(daemon, &reason);
	if (error < 0)
		mip_log(daemon->log, MIP_LOG_ERROR, "the configuration is not taken over: %s", reason);
	else
		mip_log(daemon->log, MIP_LOG_NOTICE, "%s is taken over", daemon->configuration_file);
	tell_systemd("READY=1");
	if (error < 0)
		*ret_reason = reason;
	return error;
}

static void on_hangup(void *context)
{
	const char *reason;

	mip_daemon_reload(context, &reason);
}

static void on_terminate(void *context)
{
	struct mip_daemon *daemon = context;

	mip_loop_stop(daemon->loop);
}

static void on_leave(void *context)
{
	struct mip_daemon *daemon = context;

	daemon->leaves = true;
	mip_loop_stop(daemon->loop);
}

static int on_control(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_daemon *daemon = context;
	int error;

	if (strcmp(command, "reload") != 0)
		return daemon->role->control(context, command, argument, ret_result, ret_error);
	/* -ENOENT would say that there is no such command, and it is the configuration that is not there. */
	error = mip_daemon_reload(daemon, ret_error);
	if (error < 0)
		return error == -ENOENT ? -EINVAL : error;
	*ret_result = json_object();
	return *ret_result == NULL ? -ENOMEM : 0;
}

/* --- start, run, stop ------------------------------------------------------------------------- */

static int watch_signals(struct mip_daemon *daemon)
{
	int error = mip_loop_signal(daemon->loop, SIGHUP, on_hangup, daemon);

	if (error == 0)
		error = mip_loop_signal(daemon->loop, SIGTERM, on_terminate, daemon);
	if (error == 0)
		error = mip_loop_signal(daemon->loop, SIGINT, on_terminate, daemon);
	if (error == 0)
		error = mip_loop_signal(daemon->loop, SIGUSR2, on_leave, daemon);
	signal(SIGPIPE, SIG_IGN);
	return error;
}

/* What cannot be done any more as this user is said while there is somebody who reads it. */
static void advise(const struct mip_daemon *daemon, const struct mip_privilege_user *user)
{
	if (access(daemon->configuration_file, R_OK) < 0 && errno == EACCES)
		mip_log(daemon->log, MIP_LOG_WARNING,
			"%s cannot be read by user %u: a reload will be refused until its group is %u and "
			"its mode 0640",
			daemon->configuration_file, (unsigned)user->user, (unsigned)user->group);
}

/* The folder of the control socket: where the socket is taken away at the end, and where lies what a
 * successor needs to put the kernel's settings back. */
static int check_control_folder(const struct mip_daemon *daemon, const struct mip_privilege_user *user)
{
	char *folder = mip_folder_of(daemon->control_path);
	int error = folder == NULL ? -ENOMEM : 0;

	if (error == 0 && access(folder, W_OK | X_OK) < 0)
		error = -errno;
	if (error < 0)
		mip_log(daemon->log, MIP_LOG_ERROR,
			"user %u cannot write in the folder of %s: %s; give it the folder (chown -R)",
			(unsigned)user->user, daemon->control_path, strerror(-error));
	free(folder);
	return error;
}

/* What is there in the name of root, and will be the user's. */
static int give_away(struct mip_daemon *daemon, const struct mip_privilege_user *user)
{
	const char *folder = state_folder(daemon);
	int error = mip_control_give(daemon->control, user->user, user->group);

	if (error == 0 && folder != NULL)
		error = mip_folder_make(folder, STATE_FOLDER_MODE);
	if (error >= 0 && folder != NULL)
		error = mip_privilege_give_folder(folder, user);
	return error;
}

static int become_user(struct mip_daemon *daemon)
{
	const char *name = configured_user(daemon, daemon->configuration);
	struct mip_privilege_user user;
	int error = mip_privilege_choose(name, daemon->log, &user);

	if (error == 0 && geteuid() == 0 && user.user != 0)
		error = give_away(daemon, &user);
	if (error == 0)
		error = mip_privilege_drop(&user);
	if (error < 0) {
		mip_log(daemon->log, MIP_LOG_ERROR, "user %s: %s", name != NULL ? name : MIP_PRIVILEGE_USER,
			strerror(-error));
		return error;
	}
	advise(daemon, &user);
	return check_control_folder(daemon, &user);
}

static int start(struct mip_daemon *daemon)
{
	int error = mip_loop_new(&daemon->loop);

	if (error == 0)
		error = watch_signals(daemon);
	if (error < 0) {
		mip_log(daemon->log, MIP_LOG_ERROR, "event loop: %s", strerror(-error));
		return error;
	}
	error = mip_control_new(daemon->loop, daemon->control_path, on_control, daemon, &daemon->control);
	if (error < 0) {
		mip_log(daemon->log, MIP_LOG_ERROR, "control socket %s: %s", daemon->control_path,
			error == -EADDRINUSE ? "another daemon answers there" : strerror(-error));
		return error;
	}
	error = become_user(daemon);
	if (error == 0)
		error = daemon->role->start(daemon);
	if (error == 0)
		mip_privilege_finish_start();
	return error;
}

static int run(struct mip_daemon *daemon)
{
	int error = start(daemon);

	if (error == 0) {
		mip_log(daemon->log, MIP_LOG_NOTICE, "version %s, ready; control socket %s", MIP_VERSION,
			daemon->control_path);
		tell_systemd("READY=1");
		mip_loop_run(daemon->loop);
		tell_systemd("STOPPING=1");
		mip_log(daemon->log, MIP_LOG_NOTICE, "stopping");
		daemon->role->stop(daemon);
	}
	mip_control_free(daemon->control);
	mip_loop_free(daemon->loop);
	return error == 0 ? EXIT_STOPPED : EXIT_RUN_TIME;
}

/* -s, or the configuration's, or the default; a copy of its own, because a reload frees the configuration. */
static char *choose_control(const struct mip_daemon *daemon, const struct options *options)
{
	const char *configured = configured_control(daemon, daemon->configuration);
	char *path = NULL;

	if (options->control != NULL)
		return strdup(options->control);
	if (configured != NULL && configured[0] != '\0')
		return strdup(configured);
	return asprintf(&path, "/run/mip/%s.sock", daemon->role->name) < 0 ? NULL : path;
}

int mip_daemon_main(const struct mip_daemon_role *role, int argc, char **argv)
{
	struct mip_daemon daemon = {.role = role};
	struct options options;
	char *default_file = NULL;
	char *control = NULL;
	int status = read_options(role, argc, argv, &options);

	if (status >= 0)
		return status;
	mip_privilege_hide_memory(); /* before a key is in it */
	status = EXIT_RUN_TIME;
	if (asprintf(&default_file, "/etc/mip/%s.conf", role->name) < 0)
		return EXIT_RUN_TIME;
	daemon.configuration_file = options.configuration != NULL ? options.configuration : default_file;
	daemon.data_plane = options.data_plane;
	daemon.started = mip_clock_now().boot;
	daemon.log = mip_stderr_log(role->program, level_of(options.verbose));
	daemon.shows_discarded = level_of(options.verbose) >= MIP_LOG_DEBUG;
	if (mip_config_read(daemon.configuration_file, role->schema, role->check, &daemon.configuration) <
		0) {
		status = EXIT_USAGE;
		goto finish;
	}
	if (options.test) {
		status = EXIT_STOPPED;
		goto finish;
	}
	control = choose_control(&daemon, &options);
	if (control == NULL)
		goto finish;
	daemon.control_path = control;
	status = run(&daemon);

finish:
	if (daemon.configuration != NULL)
		mip_config_free(role->schema, daemon.configuration);
	free(control);
	free(default_file);
	return status;
}
