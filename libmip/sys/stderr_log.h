/*
 * The log sink of the daemons: lines on standard error; with journald's priority prefixes ("<6>") under
 * systemd (JOURNAL_STREAM is set), with the time in front of them otherwise.
 */
#ifndef MIP_SYS_STDERR_LOG_H
#define MIP_SYS_STDERR_LOG_H

#include "log.h"

/* Lines up to `most` are written (MIP_LOG_NOTICE by default; -v gives INFO, -vv DEBUG). `program` stands
 * before each. */
const struct mip_log *mip_stderr_log(const char *program, enum mip_log_level most);

#endif
