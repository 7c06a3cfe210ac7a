/*
 * What outlives the daemon, as a record ("session"): the home agent that the network has assigned (RFC 4433), and the home
 * address that it has given, until their session is over. The time in it is a wall time, since the boot-time clock starts
 * anew with the machine. What no longer fits is forgotten.
 */
#include "mn_machine.h"

#include <errno.h>
#include <string.h>

#include "cursor.h"

enum {
	VERSION = 1,
	SESSION_ENDLESS = 1, /* it lasts as long as its binding */
	RECORD_MAX = 32,
};

static const char session_key[] = "session";

void mn_record_keep_session(struct mn_core *core, struct mip_now now)
{
	mip_time ends = core->assignment.session_ends;
	bool endless = ends == MIP_NEVER;
	uint8_t octets[RECORD_MAX];
	struct mip_writer record = mip_writer_of(octets, sizeof(octets));

	mip_write8(&record, VERSION);
	mip_write8(&record, endless ? SESSION_ENDLESS : 0);
	mip_write64(&record, endless ? 0 : (uint64_t)(now.wall + (ends - now.boot)));
	mip_write_address(&record, core->home_agent);
	mip_write_address(&record, core->home_address);
	if (!mip_writer_failed(&record))
		(void)mip_outbox_keep(&core->outbox, session_key, record.octets, record.length);
}

void mn_record_forget_session(struct mn_core *core)
{
	(void)mip_outbox_forget(&core->outbox, session_key);
}

static int restore_session(struct mn_core *core, const uint8_t *octets, size_t length, struct mip_now now)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	uint8_t version = mip_read8(&reader), flags = mip_read8(&reader);
	mip_time ends_wall = (mip_time)mip_read64(&reader), ends = MIP_NEVER;
	struct mip_address home_agent = mip_read_address(&reader);
	struct mip_address home_address = mip_read_address(&reader);

	if (mip_reader_failed(&reader) || version != VERSION)
		return -EBADMSG;
	if (!(flags & SESSION_ENDLESS)) {
		/* No session is longer than a lifetime, whatever has become of the clock. */
		if (ends_wall <= now.wall || ends_wall > now.wall + MIP_LIFETIME_INFINITE * MIP_SECOND)
			return -ESTALE;
		ends = now.boot + (ends_wall - now.wall);
	}
	return mn_home_agent_resume(core, home_agent, home_address, ends);
}

void mn_core_record(
	struct mn_core *core, const char *key, const uint8_t *octets, size_t length, struct mip_now now)
{
	int status = strcmp(key, session_key) == 0 ? restore_session(core, octets, length, now) : -EBADMSG;

	if (status == 0)
		return;
	mip_log(core->log, status == -ESTALE ? MIP_LOG_INFO : MIP_LOG_WARNING,
		"the record %s is %s: forgotten", key,
		status == -ESTALE ? "no longer wanted" : "not understood");
	(void)mip_outbox_forget(&core->outbox, key);
}
