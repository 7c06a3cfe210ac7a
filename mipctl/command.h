/*
 * The commands of mipctl: which role has which, what they take, how their answers look as text.
 */
#ifndef MIPCTL_COMMAND_H
#define MIPCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum mipctl_role {
	MIPCTL_ROLE_HA = 1,
	MIPCTL_ROLE_FA = 2,
	MIPCTL_ROLE_MN = 4,
};

enum mipctl_form {
	MIPCTL_FORM_FACTS,    /* "name: value" lines; of an empty object nothing */
	MIPCTL_FORM_TABLE,    /* the result's one list as a table */
	MIPCTL_FORM_COUNTERS, /* sorted and aligned */
	MIPCTL_FORM_TEXT,     /* the result's "text" as it is */
	MIPCTL_FORM_EVENTS,   /* lines until the daemon goes */
};

struct mipctl_command {
	const char *name;
	unsigned roles;	      /* enum mipctl_role, added up */
	const char *argument; /* its name in the help; NULL: takes none */
	const char *optional; /* likewise, of one behind it that may be left out */
	enum mipctl_form form;
	const char *help;
};

extern const struct mipctl_command mipctl_commands[];
extern const size_t mipctl_command_count;

/* "ha", "fa", "mn"; 0 for what is no role. */
enum mipctl_role mipctl_role_of(const char *name);
/* The role's command of this name; NULL when it has none. */
const struct mipctl_command *mipctl_command_of(enum mipctl_role role, const char *name);

#endif
