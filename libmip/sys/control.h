/*
 * The control socket: mipctl asks, a daemon answers. One JSON object a line each way over a Unix stream
 * socket:
 *
 *   {"command":"bindings"}                         ->  {"result":{…}}  or  {"error":"why"}
 *   {"command":"revoke","argument":"10.1.0.50"}
 *   {"command":"watch"}                            ->  {"result":{}}, then an event a line
 *
 * The socket is made with mode 0600 (the folder is made if need be); a stale one is replaced, a live one is
 * an error (-EADDRINUSE). No group is let in: who may ask may also end every connection.
 */
#ifndef MIP_SYS_CONTROL_H
#define MIP_SYS_CONTROL_H

#include <jansson.h>
#include <sys/types.h>
#include "counter.h"
#include "event.h"
#include "loop.h"

struct mip_control;

/*
 * Answers a command. `argument` is NULL when there is none. Returns 0 and a new reference in `*ret_result`;
 * -ENOENT for an unknown command; or another negative errno with `*ret_error` (a constant, or static until
 * the next call) saying why in words. `watch` never gets here.
 */
typedef int mip_control_function(void *context, const char *command, const char *argument,
	json_t **ret_result, const char **ret_error);

int mip_control_new(struct mip_loop *loop, const char *path, mip_control_function *function, void *context,
	struct mip_control **ret_control);
/* The socket, and the folder if it was made for it, are another user's from now on: before this process
 * becomes that user. 0 or negative errno. */
int mip_control_give(struct mip_control *control, uid_t user, gid_t group);
/* Removes the socket too. NULL is fine. */
void mip_control_free(struct mip_control *control);
/* To all who watch. `wall` is the event's time. A watcher that does not read is dropped, the daemon never
 * waits. */
void mip_control_event(struct mip_control *control, const struct mip_event *event, mip_time wall);

/* Building answers. 0.0.0.0 is null. */
json_t *mip_json_address(struct mip_address address);
json_t *mip_json_link_address(struct mip_link_address address);
json_t *mip_json_endpoint(struct mip_address address, uint16_t port); /* "10.0.0.1:434" */
json_t *mip_json_string(const char *string);			      /* NULL or "" is null */
/* {"requests_received":3,…}: the tables after one another, for `counters`. */
json_t *mip_json_counters(const struct mip_counter_table *tables, size_t count);
/* {"text":"# TYPE …"}: OpenMetrics, names as `mip_ROLE_NAME_total`, with "# EOF". */
json_t *mip_json_metrics(const char *role, const struct mip_counter_table *tables, size_t count);

/* The client's end, for mipctl: connects, sends, gives lines. 0 or negative errno (-ECONNREFUSED, -ENOENT: no
 * daemon). */
int mip_control_connect(const char *path, int *ret_descriptor);
int mip_control_ask(int descriptor, const char *command, const char *argument);
/* The next line as JSON (a new reference); -ENODATA at the end, -EBADMSG. Blocks. */
struct mip_control_lines;
int mip_control_lines_new(int descriptor, struct mip_control_lines **ret_lines);
void mip_control_lines_free(struct mip_control_lines *lines);
int mip_control_lines_next(struct mip_control_lines *lines, json_t **ret_line);

#endif
